"""A cycle that is killed, run again, and held against the one nobody disturbed.

Every cycle is `levee cycle run` in a process group of its own and a home of its own, killed as an operating system
kills: nobody is asked, nothing is unwound. What is compared is read off the home afterwards.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import forked
from benchmarks.forked import Forked
from flows.environment import KERNELS, kernel_cache
from tasks.crash import SETTING
from tasks.home import Home
from tasks.lock import read_lease
from tasks.store import Store
from tasks.verify import releases, verify

DAY = "2026-01-30"
PUBLISHED, BUSY = 0, 75
PATIENCE_SECONDS = 900.0
_ROOT = Path(__file__).resolve().parents[1]
_CALLS = "SELECT call_id, call_version, state, call_amount_usd, run_id FROM control.margin_call ORDER BY ALL"
_RELEASES = "SELECT cycle_id, version, state, root_hash, chain_hash FROM control.release ORDER BY ALL"
_FILES = "SELECT path, sha256 FROM control.publication ORDER BY ALL"
_TWICE = """
SELECT stage FROM control.attempt WHERE event = 'DONE' GROUP BY run_id, stage HAVING count(*) > 1
UNION ALL SELECT stage FROM control.stage_run GROUP BY run_id, stage HAVING count(*) > 1
"""
_OPEN = (
    "SELECT stage FROM control.attempt GROUP BY run_id, stage, attempt HAVING count(*) = 1 AND min(event) = 'STARTED'"
)


@dataclass(frozen=True)
class Left:
    """What a cycle left: root of what is out, calls, releases and files as recorded; and what should not be there."""

    root: str
    calls: tuple[tuple[Any, ...], ...]
    releases: tuple[tuple[Any, ...], ...]
    files: tuple[tuple[Any, ...], ...]
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Ended:
    """A process that ended or was killed: exit code (negative for a signal), output, seconds, where it was."""

    code: int
    out: str
    err: str
    seconds: float
    stage: str


class Cycle:
    """The shipped day, or another inbox, in as many homes as are asked for. `seconds` is an undisturbed run."""

    def __init__(self, folder: Path, inbox: Path, orchestrated: bool = False) -> None:
        """Run it once undisturbed, tracing the points it passes; kernels compiled for it serve all other homes."""
        self._folder, self._inbox, self._orchestrated = folder, inbox, orchestrated
        folder.mkdir(parents=True, exist_ok=True)
        warm = self.home("warm")
        self._require(self.run(warm))
        self._numba = folder / "numba"
        shutil.move(warm / "numba", self._numba)
        if not orchestrated:
            forked.begin(kernel_cache(self._numba, KERNELS))
        trace = folder / "trace"
        trace.unlink(missing_ok=True)
        undisturbed = self.home("undisturbed")
        ended = self.run(undisturbed, asked=f"trace:{trace}")
        self._require(ended)
        self.seconds, self.left = ended.seconds, left(undisturbed)
        self.points = trace.read_text(encoding="utf-8").splitlines()

    def home(self, name: str) -> Path:
        """A fresh home with the delivered files."""
        home = self._folder / name
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(self._inbox, home / "inbox")
        if hasattr(self, "_numba"):
            (home / "numba").symlink_to(self._numba)
        return home

    def start(self, home: Path, asked: str = "") -> subprocess.Popen[str] | Forked:
        """Start the cycle in a process group of its own; `asked` names a point it kills itself at."""
        command = ["cycle", "run", "--date", DAY, "--home", str(home), "--json"]
        surroundings = {
            name: value for name, value in os.environ.items() if not name.startswith(("LEVEE_", "PREFECT_"))
        }
        surroundings |= {"LEVEE_ENV": "DEMO"} | ({SETTING: asked} if asked else {})
        if not self._orchestrated:
            command = [*command, "--no-orchestrator"]
            if hasattr(self, "_numba"):
                return Forked(command, surroundings)
        return subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *command],
            cwd=_ROOT,
            env=surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, home: Path, asked: str = "", kill_after: float | None = None) -> Ended:
        """Run the cycle; after some seconds, where given, kill its process group and all it has started."""
        began, process = time.monotonic(), self.start(home, asked)
        try:
            out, err = process.communicate(timeout=PATIENCE_SECONDS if kill_after is None else kill_after)
        except subprocess.TimeoutExpired:
            _kill(process)
            out, err = process.communicate()
            if kill_after is None:
                raise
        finally:
            _kill(process)
        where = str(read_lease(home).get("stage") or "start")
        return Ended(process.returncode, out, err, time.monotonic() - began, where)

    def _require(self, ended: Ended) -> None:
        if ended.code != PUBLISHED:
            raise SystemExit(f"the undisturbed cycle ended with exit code {ended.code}: {ended.err}")


def left(home: Path) -> Left:
    """What stands in a home after its cycle, read off the files and the database."""
    with Store(home / "levee.duckdb") as store:
        calls, recorded, files = (tuple(store.read(query).rows()) for query in (_CALLS, _RELEASES, _FILES))
        twice, unclosed = (store.read(query)["stage"].to_list() for query in (_TWICE, _OPEN))
    published = home / "published"
    out = releases(Home(home))
    faults = [
        *(f"{stage} was done twice" for stage in twice),
        *(f"an attempt at {stage} is open" for stage in unclosed),
        *(f"{path.name} was left behind" for path in home.rglob(".*")),
        *(finding.line() for finding in verify(published)),
        *(f"{len(out)} releases are out" for _ in range(len(out) != 1)),
        *(f"{each['cycle_id']} is not complete" for each in out if not each["complete"]),
    ]
    return Left(" ".join(str(each["root_hash"]) for each in out), calls, recorded, files, tuple(faults))


def differences(found: Left, undisturbed: Left) -> list[str]:
    """What is not as it would be had nobody been killed."""
    names = ("root", "calls", "releases", "files")
    return [*found.faults, *(name for name in names if getattr(found, name) != getattr(undisturbed, name))]


def outcome(ended: Ended) -> Mapping[str, Any]:
    """What the command printed, empty where that is no JSON."""
    try:
        found: dict[str, Any] = json.loads(ended.out)
    except ValueError:
        return {}
    return found


def _kill(process: subprocess.Popen[str] | Forked) -> None:
    """SIGKILL to the process group and to whatever the process has started in other groups."""
    started = list(_started_by(process.pid))
    for kill, number in ((os.killpg, process.pid), *((os.kill, each) for each in (process.pid, *started))):
        try:
            kill(number, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def _started_by(pid: int) -> Iterator[int]:
    """Processes a process has started, and theirs; none where the system does not tell."""
    try:
        threads: Sequence[Path] = list(Path(f"/proc/{pid}/task").iterdir())
        children = {int(each) for thread in threads for each in (thread / "children").read_text().split()}
    except OSError:
        return
    for child in children:
        yield child
        yield from _started_by(child)
