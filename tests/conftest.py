"""Shared by all tests: the command in process, delivered files that can be edited, where outside data lies."""

from __future__ import annotations

import csv
import fcntl
import os
import shutil
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

# Before polars is loaded: tests run side by side on small tables, which several threads only wait for each other over.
os.environ |= {"POLARS_MAX_THREADS": "1", "LEVEE_THREADS": "1", "OMP_NUM_THREADS": "1"}

import pytest

from benchmarks import forked
from flows import cli, environment
from tasks import envelope, ledgers, policy_activations, policy_states, resources, store
from tasks.home import Home
from tasks.model import policy_file
from tasks.store import Store

ROOT = Path(__file__).resolve().parents[1]
Row = dict[str, str | None]
MadeOnce = Callable[[str, Callable[[Path], None]], Path]
# Prefect reads its settings when it is first imported: a test may do so before any command has prepared for it.
os.environ |= {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
# Hundreds of homes are made: their kernels are compiled once, for this process, before a command prepares it, and for
# those it starts, which need not read the sources again either.
os.environ["LEVEE_KERNELS"] = str(ROOT / ".pytest_cache" / "kernels")
forked.begin(environment.kernel_cache(Path(os.environ["LEVEE_KERNELS"]), environment.KERNELS))
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@dataclass(frozen=True)
class Result:
    """What a person sees of a command."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _same_environment() -> Iterator[None]:
    """The command prepares the process's environment; no test leaves it changed."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def levee(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run the command in this process."""

    def run(*arguments: object) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main([str(each) for each in arguments])
        printed = capsys.readouterr()
        return Result(int(ended.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture(scope="session", autouse=True)
def databases_are_copies() -> Iterator[None]:
    """Every empty database of this process after its first is a copy of that: to make one takes a fifth of a second."""
    make, first = store._make, list[bytes]()

    def make_or_copy(database: Path) -> None:
        if first:
            database.write_bytes(first[0])
        else:
            make(database)
            first.append(database.read_bytes())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "_make", make_or_copy)
        yield


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """A copy of a folder of that name, which was made by whichever worker asked first."""
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "made-once"
    shared.mkdir(exist_ok=True)

    def make_or_find(name: str, make: Callable[[Path], None]) -> Path:
        folder, done = shared / name, shared / f"{name}.done"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                make(folder)
                done.touch()
        return Path(shutil.copytree(folder, tmp_path_factory.mktemp(name) / "home"))

    return make_or_find


@pytest.fixture(scope="session")
def shipped_day(made_once: MadeOnce) -> Home:
    """A home in which the shipped day is out, cleared without an orchestrator. Read only."""

    def clear(folder: Path) -> None:
        shutil.copytree(resources.data("sample/inbox"), folder / "inbox")
        before = dict(os.environ)
        os.environ["LEVEE_ENV"] = "DEMO"
        with pytest.raises(SystemExit) as ended:
            cli.main(["cycle", "run", "--date", "2026-01-30", "--no-orchestrator", "--home", str(folder)])
        os.environ.clear()
        os.environ.update(before)
        assert ended.value.code == 0

    return Home(made_once("shipped-day", clear))


@pytest.fixture(scope="session")
def small_market(made_once: MadeOnce) -> Home:
    """Three days of a small synthetic market, 29 to 31 January 2026, of which the first is out. Read only."""
    from tasks import sample
    from tasks.cycle import procedure

    def clear(folder: Path) -> None:
        home = Home(folder).prepare("TEST")
        sample.write(home.inbox, 3, 3, 24, 5, date(2026, 1, 31), "TEST")
        with home.locked("cycle run"):
            procedure(home, date(2026, 1, 29), "EOD", lambda step, *given: step(*given))

    return Home(made_once("small-market", clear))


@pytest.fixture(scope="session")
def put_in_force() -> Callable[[Home, str], str]:
    """Let a policy act in a home from its own first day on, as one that was activated; returns its hash."""

    def put(home: Home, content: str) -> str:
        policy = policy_file.parse(tomllib.loads(content), "a test")
        known = (policy.policy_hash[:12], policy.policy_hash, policy.effective_date, None, content)
        with Store(home.database) as store:
            policy_states.begin(store, policy_activations.handed_over(policy_states.ACTIVE, *known))
            ledgers.show(home, store)
        return policy.policy_hash

    return put


@pytest.fixture
def small_inbox(tmp_path: Path) -> Path:
    """A copy of the shipped day's inbox that a test may spoil."""
    target = tmp_path / "delivered"
    shutil.copytree(resources.data("sample/inbox"), target)
    return target


@pytest.fixture
def edit() -> Callable[..., Path]:
    """Change a delivered file's records and seal it again, in place or as its next version."""

    def change(path: Path, spoil: Callable[[list[Row]], list[Row] | None], seq: int | None = None) -> Path:
        lines = path.read_text(encoding="utf-8").splitlines()
        mark, report, _, day, cycle, version, sender, created, as_of, env, origin = lines[0].split(",")
        assert mark == "#H"
        names = lines[1].split(",")
        rows: list[Row] = [
            {name: value or None for name, value in zip(names, record, strict=True)}
            for record in csv.reader(lines[2:-1])
        ]
        rows = spoil(rows) or rows
        number = seq or int(version)
        content = envelope.write_csv(
            report,
            date.fromisoformat(day),
            cycle,
            number,
            sender,
            datetime.fromisoformat(created),
            datetime.fromisoformat(as_of),
            env,
            origin,
            names,
            [[row[name] for name in names] for row in rows],
        )
        target = path.with_name(envelope.file_name(report, sender, number))
        target.write_bytes(content)
        return target

    return change


@pytest.fixture(scope="session")
def market_data() -> Path:
    """Real history; the test is skipped where it is absent."""
    folder = Path(os.environ.get("LEVEE_MARKET_DATA_DIR", ROOT.parent / "shared" / "market-data"))
    if not folder.is_dir():
        pytest.skip(f"no real market data at {folder} (LEVEE_MARKET_DATA_DIR)")
    return folder


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    """Numeric cases from the field; the test is skipped where they are absent."""
    folder = Path(os.environ.get("LEVEE_GOLDEN_DIR", ROOT.parent / "shared" / "golden"))
    if not folder.is_dir():
        pytest.skip(f"no golden cases at {folder} (LEVEE_GOLDEN_DIR)")
    return folder
