"""Releases are atomic: killed anywhere and run again, there is exactly one, the root the same, calls issued once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tasks import pack, release
from tasks.home import Home
from tasks.key import CycleKey
from tasks.model.errors import LeveeError
from tasks.publish import publish
from tasks.store import Store
from tasks.verify import releases, verify

SCRIPT = """
import sys
from datetime import date
from pathlib import Path
from tasks.home import Home
from tasks.publish import publish
from tasks.key import CycleKey
publish(Home(Path(sys.argv[1])), CycleKey(date(2026, 1, 30), "EOD", 1))
"""


@pytest.fixture(scope="module")
def approved(make_home: Callable[..., Home]) -> Home:
    """A home with an approved run, to be copied and never published itself."""
    return make_home()


@pytest.fixture
def home(approved: Home, tmp_path: Path) -> Home:
    shutil.copytree(approved.root, tmp_path / "home")
    return Home(tmp_path / "home")


def crash(home: Home, point: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(home.root)],
        env=os.environ | {"LEVEE_CRASH_AT": f"publish:{point}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def read(home: Home, query: str) -> list[tuple[object, ...]]:
    with Store(home.database) as store:
        return store.read(query).rows()


def prove_one_release(home: Home, root: str) -> None:
    assert [(each["version"], each["root_hash"], each["complete"]) for each in releases(home)] == [(1, root, True)]
    assert read(home, "SELECT version, state, root_hash FROM control.release") == [(1, "PUBLISHED", root)]
    assert read(home, "SELECT state, count(*) FROM control.margin_call GROUP BY ALL") == [("ISSUED", 1)]
    assert read(home, "SELECT state FROM control.cycle_run") == [("PUBLISHED",)]
    assert read(home, "SELECT count(*) FROM control.stage_run WHERE stage = 'publish'") == [(1,)]
    files = sum(path.suffix != ".json" or "-" in path.name for path in home.published.glob("*/*/v*/**/*.*"))
    assert files > 0
    assert read(home, "SELECT count(DISTINCT path), count(*) FROM control.publication") == [(files, files)]
    assert verify(home.published) == []
    assert json.loads((home.published / "latest.json").read_bytes())["root_hash"] == root
    assert json.loads((home.state / "2026-01-30-EOD.json").read_bytes())["state"] == "PUBLISHED"
    assert list(home.published.rglob(".*")) == []


@pytest.mark.parametrize("point", release.CRASH_POINTS)
def test_killed_anywhere_and_run_again_there_is_one_release(
    home: Home, released: Home, key: CycleKey, point: str
) -> None:
    root = str(releases(released)[0]["root_hash"])
    crash(home, point)
    visible = bool(releases(home))
    assert visible == (release.CRASH_POINTS.index(point) >= release.CRASH_POINTS.index("completed"))
    publish(home, key)
    prove_one_release(home, root)


def test_publishing_again_changes_nothing(home: Home, key: CycleKey) -> None:
    first = publish(home, key)
    before = {path: path.read_bytes() for path in home.published.rglob("*") if path.is_file()}
    again = publish(home, key)
    assert (first.resumed, again.resumed) == (False, True)
    assert again.rows == first.rows
    assert {path: path.read_bytes() for path in home.published.rglob("*") if path.is_file()} == before


def test_the_receipt_counts_the_time_of_rendering(released: Home) -> None:
    assert read(
        released,
        "SELECT s.started_ts < r.prepared_ts FROM control.stage_run AS s JOIN control.release AS r "
        "USING (run_id) WHERE s.stage = 'publish'",
    ) == [(True,)]


def test_a_prepared_release_whose_files_were_spoilt_is_rendered_again(
    home: Home, released: Home, key: CycleKey
) -> None:
    crash(home, "renamed")
    next((home.published / "20260130/EOD/v01/members/007").glob("*MS01*.csv")).write_bytes(b"spoilt\n")
    (home.published / "20260130/EOD/v01/._COMPLETE.json.tmp").write_bytes(b"{")
    publish(home, key)
    prove_one_release(home, str(releases(released)[0]["root_hash"]))


def test_a_prepared_release_that_renders_differently_is_refused(home: Home, key: CycleKey) -> None:
    crash(home, "prepared")
    with Store(home.database) as store:
        store.execute("UPDATE book.member SET legal_name = 'Somebody Else' WHERE clearing_member_id = 'FLT'")
    with pytest.raises(LeveeError) as stopped:
        publish(home, key)
    assert stopped.value.code == "NOT_REPRODUCIBLE"
    assert releases(home) == []
    assert read(home, "SELECT version, state FROM control.release") == [(1, "PREPARED")]
    assert read(home, "SELECT state FROM control.margin_call") == [("APPROVED",)]


def test_a_run_that_is_not_approved_is_not_published(home: Home, key: CycleKey) -> None:
    with Store(home.database) as store:
        store.execute("UPDATE control.cycle_run SET state = 'RECONCILED'")
    with pytest.raises(LeveeError, match="WAITING"):
        publish(home, key)
    assert releases(home) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE result.margin_account SET total_initial_margin_usd = 1 WHERE margin_account_id = '007C'",
        "UPDATE result.margin_account SET collateral_post_haircut_value_usd = 1 WHERE margin_account_id = '007C'",
        "UPDATE control.margin_call SET call_amount_usd = 1",
        "DELETE FROM result.margin_account WHERE margin_account_id = '150'",
    ],
)
def test_reports_that_disagree_are_not_published(home: Home, key: CycleKey, change: str) -> None:
    with Store(home.database) as store:
        store.execute(change)
    with pytest.raises(LeveeError, match="CROSS_REPORT"):
        publish(home, key)
    assert releases(home) == []


def test_a_write_that_fails_leaves_nothing_behind(home: Home, key: CycleKey, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(release, "_make_durable", full)
    with pytest.raises(LeveeError, match="DISK_FULL"):
        publish(home, key)
    assert not any(home.published.rglob("*.csv"))
    monkeypatch.undo()
    publish(home, key)
    assert len(releases(home)) == 1


def test_pointers_never_move_back(home: Home, key: CycleKey) -> None:
    newer = {"business_date": "2026-01-31", "cycle": "SOD", "version": 1}
    pointer = home.published / "latest.json"
    pointer.write_bytes(pack.canonical(newer))
    publish(home, key)
    assert json.loads(pointer.read_bytes()) == newer
    assert json.loads((home.published / "20260130/EOD/latest.json").read_bytes())["version"] == 1


def test_the_chain_starts_from_nothing_and_hashes_the_root(released: Home) -> None:
    import hashlib

    content = json.loads((released.published / "20260130/EOD/v01/_COMPLETE.json").read_bytes())
    folder = released.published / "20260130/EOD/v01"
    lines = sorted(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n".encode()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("_COMPLETE.json", "manifest.json")
    )
    assert content["root_hash"] == hashlib.sha256(b"".join(lines)).hexdigest()
    assert content["chain_hash"] == hashlib.sha256(content["root_hash"].encode()).hexdigest()


def test_a_second_cycle_continues_the_chain_and_the_pointers(home: Home, key: CycleKey) -> None:
    publish(home, key)
    later = CycleKey(date(2026, 1, 30), "ITD2", 1)
    with Store(home.database) as store:
        names = store.read(
            "SELECT table_schema || '.' || table_name AS name FROM information_schema.columns "
            "WHERE column_name = 'run_id' AND table_schema IN ('book', 'result') ORDER BY ALL"
        )["name"].to_list()
        for table in [*names, "control.input_manifest", "control.check_result", "control.finding"]:
            rows = store.read(f"SELECT * REPLACE ('{later.run_id}' AS run_id) FROM {table}")
            store.append(table, rows)
        store.append(
            "control.cycle_run",
            store.read(
                f"SELECT * REPLACE ('{later.run_id}' AS run_id, 'ITD2' AS cycle, 'APPROVED' AS state) "
                "FROM control.cycle_run"
            ),
        )
        store.append(
            "control.margin_call",
            store.read(
                f"SELECT * REPLACE ('{later.run_id}' AS run_id, 'fedcba9876543210' AS call_id, 'DRAFT' AS state) "
                "FROM control.margin_call"
            ),
        )
    publish(home, later)
    first, second = (json.loads((Path(each["folder"]) / "_COMPLETE.json").read_bytes()) for each in releases(home))
    assert (first["cycle"], second["cycle"], second["issue_no"]) == ("EOD", "ITD2", 2)
    assert second["previous_chain_hash"] == first["chain_hash"]
    assert verify(home.published) == []
    assert json.loads((home.published / "latest.json").read_bytes())["cycle"] == "EOD", "ITD2 comes before EOD"
    page = next((home.published / "20260130/ITD2/v01/members/M001").glob("*MS01*.html")).read_text(encoding="utf-8")
    assert "INDICATIVE" in page and "You owe" not in page
    told = [json.loads(path.read_bytes()) for path in (home.published / "20260130/ITD2/v01").rglob("*MC01*.json")]
    notices = [each["notice"] for each in told if each["notice"]["notice"] == "CALL"]
    assert notices and {each["state"] for each in notices} == {"INDICATIVE"}
    assert all(each["instructions"].startswith("Nothing is to be paid") for each in notices)
    called = read(home, f"SELECT state FROM control.margin_call WHERE run_id = '{later.run_id}'")
    assert called == [("INDICATIVE",)], "no final call of an intraday cycle"
