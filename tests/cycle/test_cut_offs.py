"""Files that come late or not at all: waited for, late, stood in for; and when a Saturday's calls are due."""

from __future__ import annotations

import csv
import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import codes, decisions, envelope, fallback, sample
from tasks.call import call
from tasks.gate import gate
from tasks.home import Home
from tasks.inbox import Place
from tasks.key import CycleKey
from tasks.land import intake, land
from tasks.margin import margin
from tasks.mark import mark
from tasks.model.errors import DeliveryError, LeveeError
from tasks.settle import settle
from tasks.store import Store
from tasks.tie_out import tie_out

FRIDAY, SATURDAY = date(2026, 1, 30), date(2026, 1, 31)
EARLY, GRACE, LATE = "2026-01-31T08:01:00Z", "2026-01-31T08:07:59Z", "2026-01-31T08:08:01Z"


def split(folder: Path) -> str:
    """Let one member deliver its positions itself; returns its id."""
    lines = (folder / "positions.csv").read_text(encoding="utf-8").splitlines()
    names, rows = lines[1].split(","), list(csv.reader(lines[2:-1]))
    own = min(row[0] for row in rows)
    for sender, mine in ((own, True), ("HOUSE", False)):
        records = [[value or None for value in row] for row in rows if (row[0] == own) == mine]
        day = date.fromisoformat(folder.parent.name)
        as_of = datetime(day.year, day.month, day.day, 8)
        content = envelope.write_csv(
            "positions", day, "EOD", 1, sender, as_of, as_of, "TEST", "SYNTHETIC", names, records
        )
        (folder / envelope.file_name("positions", sender)).write_bytes(content)
    return own


def publish(home: Home, key: CycleKey) -> None:
    """The run as the published end of day others follow."""
    with Store(home.database) as store, store.transaction():
        row = {
            "cycle_id": key.cycle_id,
            "version": 1,
            "issue_no": 1,
            "run_id": key.run_id,
            "state": "PUBLISHED",
            "root_hash": "r",
            "chain_hash": "c",
            "files": 1,
            "prepared_ts": datetime(2026, 1, 30, 9),
            "published_ts": datetime(2026, 1, 30, 9),
        }
        store.append("control.release", pl.DataFrame([row]))
        store.execute(f"UPDATE control.cycle_run SET state = 'PUBLISHED' WHERE run_id = '{key.run_id}'")


@pytest.fixture(scope="module")
def friday(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home whose Friday is out and whose Saturday is delivered; one member delivers its positions itself."""
    home = Home(tmp_path_factory.mktemp("friday") / "home").prepare("TEST")
    sample.write(home.inbox, 2, 3, 60, 3, SATURDAY, "TEST")
    for day in (FRIDAY, SATURDAY):
        split(home.inbox / day.isoformat() / "EOD")
    with home.locked("test"):
        key = land(home, FRIDAY, "EOD").key
        for stage in (gate, mark, settle, margin, call):
            stage(home, key)
        publish(home, key)
    yield home


@pytest.fixture
def home(friday: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("LEVEE_NOW", LATE)
    shutil.copytree(friday.root, tmp_path / "home")
    return Home(tmp_path / "home").prepare("TEST")


@pytest.fixture
def folder(home: Home) -> Path:
    return home.inbox / SATURDAY.isoformat() / "EOD"


def refused(home: Home) -> list[str]:
    with pytest.raises(DeliveryError) as caught:
        land(home, SATURDAY, "EOD")
    assert {codes.exit_code(finding.code) for finding in caught.value.findings} == {20}
    return [f"{finding.code} {finding.where}" for finding in caught.value.findings]


def state(home: Home) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home.state / f"{SATURDAY.isoformat()}-EOD.json").read_bytes())
    return found


def rows(home: Home, query: str) -> list[tuple[Any, ...]]:
    with Store(home.database) as store:
        return store.read(query).rows()


@pytest.mark.parametrize(("now", "code", "shown"), [(EARLY, "WAITING", "WAITING"), (GRACE, "WAITING", "WAITING")])
def test_a_file_is_waited_for_until_its_grace_ends_and_blocks_the_cycle_after(
    home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch, now: str, code: str, shown: str
) -> None:
    for path in folder.glob("positions*"):
        path.unlink()
    monkeypatch.setenv("LEVEE_NOW", now)
    assert refused(home) == [f"{code} 2026-01-31/EOD/positions.csv"]
    assert state(home)["state"] == shown
    monkeypatch.setenv("LEVEE_NOW", LATE)
    assert refused(home) == ["LATE_POSITIONS 2026-01-31/EOD/positions.csv"]
    assert state(home)["state"] == "BLOCKED"
    assert rows(home, "SELECT count(*) FROM control.cycle_run") == [(1,)], "nothing was frozen"
    assert now not in json.dumps(state(home)) and not list(home.published.rglob("*.csv"))


def test_a_clock_that_is_none_is_usage_and_a_prod_home_has_its_own(
    home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "prices.csv").unlink()
    monkeypatch.setenv("LEVEE_NOW", "tomorrow")
    with pytest.raises(LeveeError, match="USAGE"):
        land(home, SATURDAY, "EOD")
    (home.root / "environment").write_text("PROD\n", encoding="utf-8")
    from tasks import cut_off

    assert abs(cut_off.now(home) - datetime.utcnow()) < timedelta(minutes=1)


def test_a_sender_that_alone_is_late_is_waited_for_and_then_held_at_what_the_others_leave_it(
    home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [own] = list(folder.glob("positions.*.csv"))
    member = own.name.split(".")[1]
    true: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in csv.DictReader(own.read_text(encoding="utf-8").splitlines()[1:-1]):
        true[row["contract_id"]] += Decimal(row["qty_close"])
    own.unlink()
    monkeypatch.setenv("LEVEE_NOW", EARLY)
    assert refused(home) == [f"WAITING 2026-01-31/EOD/{own.name}"]
    monkeypatch.setenv("LEVEE_NOW", LATE)
    key = land(home, SATURDAY, "EOD").key
    gate(home, key)
    held = rows(home, f"SELECT DISTINCT clearing_member_id FROM book.held WHERE run_id = '{key.run_id}'")
    assert held == [(member,)]
    both = (
        f"SELECT clearing_member_id, contract_id, qty_close FROM book.position WHERE run_id = '{key.run_id}' UNION ALL "
        f"SELECT clearing_member_id, contract_id, qty_close FROM book.suspense WHERE run_id = '{key.run_id}'"
    )
    net = rows(home, f"SELECT DISTINCT total FROM (SELECT sum(qty_close) AS total FROM ({both}) GROUP BY contract_id)")
    assert net == [(0,)]
    mine = (
        f"SELECT contract_id, sum(qty_close) FROM ({both}) WHERE clearing_member_id = '{member}' GROUP BY contract_id"
    )
    found = {contract: quantity for contract, quantity in rows(home, mine) if quantity}
    assert found == {contract: quantity for contract, quantity in true.items() if quantity}, "the residual of the book"
    for stage in (mark, settle, margin, call, tie_out):
        stage(home, key)
    covered = "SELECT sum(total_initial_margin_usd) FROM result.margin_account WHERE run_id = '{}' AND {}"
    who = f"clearing_member_id = '{member}'"
    (now,), (then,) = (rows(home, covered.format(run, who))[0] for run in (key.run_id, "20260130-EOD-r01"))
    assert now >= then


@pytest.fixture
def stood_in(home: Home, folder: Path) -> Callable[[], CycleKey]:
    """Ask for prior positions, have them approved, and land."""

    def run() -> CycleKey:
        for path in folder.glob("positions*"):
            path.unlink()
        intake(home, SATURDAY, "EOD")
        with Store(home.database) as store:
            asked = fallback.ask(home, store, Place(SATURDAY, "EOD", "TEST"), "ada", "the venue's feed is down")
            assert asked is not None
        assert refused(home) == ["WAITING 2026-01-31/EOD"]
        assert state(home)["state"] == "WAITING"
        with Store(home.database) as store:
            with pytest.raises(LeveeError, match="SELF_APPROVAL"):
                decisions.decide(store, home, asked.decision_id, "ada", approve=True)
            decisions.decide(store, home, asked.decision_id, "grace", approve=True)
        return land(home, SATURDAY, "EOD").key

    return run


def test_prior_positions_stand_in_once_two_persons_want_it_and_hold_every_account(
    home: Home, stood_in: Callable[[], CycleKey]
) -> None:
    key = stood_in()
    before = "SELECT clearing_member_id, margin_account_id, client_id, contract_id, qty_close FROM book.position WHERE "
    for stage in (gate, mark, settle, margin, call):
        stage(home, key)
    friday = rows(home, f"{before} run_id = '20260130-EOD-r01' AND qty_close <> 0 ORDER BY ALL")
    assert rows(home, f"{before} run_id = '{key.run_id}' AND qty_close <> 0 ORDER BY ALL") == friday
    accounts = rows(
        home,
        f"SELECT DISTINCT margin_account_id FROM book.position WHERE run_id = '{key.run_id}' ORDER BY ALL",
    )
    asked = rows(
        home,
        "SELECT today.margin_account_id, today.status, today.total_initial_margin_usd, "
        "before.total_initial_margin_usd FROM result.margin_account AS today JOIN result.margin_account AS before "
        "USING (margin_account_id) WHERE today.status = 'HELD' "
        f"AND today.run_id = '{key.run_id}' AND before.run_id = '20260130-EOD-r01' ORDER BY ALL",
    )
    assert [(row[0],) for row in asked] == accounts
    assert all(now >= Decimal("1.2499") * then for *_, now, then in asked), "never less than before, and more"
    due = rows(
        home,
        "SELECT due_asset, due_ts FROM control.margin_call "
        f"WHERE run_id = '{key.run_id}' AND due_asset IN ('USD', 'USDC') ORDER BY ALL",
    )
    monday, two_hours = datetime(2026, 2, 2, 14), datetime(2026, 1, 31, 10, 20)
    assert due and all(when == (monday if asset == "USD" else two_hours) for asset, when in due)


def test_the_sender_s_own_file_takes_the_place_of_what_stood_in(
    home: Home, friday: Home, folder: Path, stood_in: Callable[[], CycleKey]
) -> None:
    first = stood_in()
    assert rows(home, f"SELECT DISTINCT seq FROM control.input_manifest WHERE run_id = '{first.run_id}' "
                "AND dataset = 'positions'") == [(0,)]  # fmt: skip
    with Store(home.database) as store, store.transaction():
        store.execute(f"UPDATE control.cycle_run SET state = 'BLOCKED' WHERE run_id = '{first.run_id}'")
    for path in (friday.inbox / SATURDAY.isoformat() / "EOD").glob("positions*"):
        shutil.copyfile(path, folder / path.name)
    second = land(home, SATURDAY, "EOD").key
    assert second.run_no == 2
    assert rows(home, f"SELECT DISTINCT seq FROM control.input_manifest WHERE run_id = '{second.run_id}' "
                "AND dataset = 'positions'") == [(1,)]  # fmt: skip


def test_the_command_asks_and_waits_and_says_for_whom(home: Home, folder: Path, levee: Callable[..., Any]) -> None:
    for path in folder.glob("positions*"):
        path.unlink()
    run = ("cycle", "run", "--date", SATURDAY, "--no-orchestrator", "--home", home.root, "--user", "ada")
    refused_first = levee(*run)
    assert (refused_first.code, "LATE_POSITIONS" in refused_first.err) == (20, True)
    ended = levee(*run, "--use-prior-positions", "the venue's feed is down")
    assert ended.code == 20
    [asked] = [json.loads(path.read_bytes()) for path in (home.root / "approvals").glob("*.json")]
    assert (asked["kind"], asked["state"], asked["requested_by"]) == ("FALLBACK_POSITIONS", "OPEN", "ada")
    assert asked["decision_id"] in ended.err
    status = levee("cycle", "status", "--home", home.root, "--date", SATURDAY)
    assert status.code == 0 and "WAITING" in status.out


def test_nobody_delivers_a_version_0(home: Home, folder: Path) -> None:
    (folder / "positions.csv").rename(folder / "positions.v0.csv")
    with pytest.raises(DeliveryError, match="BAD_HEADER") as caught:
        land(home, SATURDAY, "EOD")
    assert codes.exit_code(caught.value.code) == 10


def test_late_vol_quotes_are_stood_in_for_by_the_surface_of_the_cycle_before(home: Home, folder: Path) -> None:
    (folder / "vol_quotes.csv").unlink()
    key = land(home, SATURDAY, "EOD").key
    for stage in (gate, mark):
        stage(home, key)
    surface = rows(home, f"SELECT DISTINCT method, n_quotes FROM result.surface WHERE run_id = '{key.run_id}'")
    assert surface == [("PRIOR", 0)]
    unsure = "SELECT sum(mark_uncertainty_usd) FROM result.mark WHERE run_id = "
    assert rows(home, f"{unsure} '{key.run_id}'") > rows(home, f"{unsure} '20260130-EOD-r01'")
