"""A correction is the next version: it holds the changed packs alone, says what changed, and leaves what was out as it
was; killed anywhere and run again it comes out the same."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tasks.home import Home
from tasks.key import CycleKey
from tasks.model.errors import LeveeError
from tasks.publish import publish
from tasks.store import Store
from tasks.verify import releases, verify

CYCLE = "20260130/EOD"
SECOND, THIRD = (CycleKey(date(2026, 1, 30), "EOD", number) for number in (2, 3))
RUN_TABLES = """
SELECT table_schema || '.' || table_name AS name FROM information_schema.columns
JOIN information_schema.tables USING (table_schema, table_name)
WHERE column_name = 'run_id' AND table_type = 'BASE TABLE' AND (
    table_schema IN ('book', 'result')
    OR table_name IN ('cycle_run', 'input_manifest', 'check_result', 'finding')
)
ORDER BY ALL
"""
MORE_FEES = "UPDATE result.variation SET fees = fees - 1 WHERE contract_id = 'BTC-PERP.INV'"
SCRIPT = """
import sys
from datetime import date
from pathlib import Path
from tasks.home import Home
from tasks.publish import publish
from tasks.key import CycleKey
publish(Home(Path(sys.argv[1])), CycleKey(date(2026, 1, 30), "EOD", 2))
"""


@pytest.fixture
def home(released: Home, tmp_path: Path) -> Home:
    shutil.copytree(released.root, tmp_path / "home")
    return Home(tmp_path / "home")


def correct(home: Home, key: CycleKey, *changes: str) -> None:
    """An approved run on another positions file: the first one's rows, and what statements make of them."""
    first, own = f"run_id = '{CycleKey(key.business_date, 'EOD', 1).run_id}'", f"run_id = '{key.run_id}'"
    with Store(home.database) as store, store.transaction():
        for table in store.read(RUN_TABLES)["name"]:
            store.append(table, store.read(f"SELECT * REPLACE ('{key.run_id}' AS run_id) FROM {table} WHERE {first}"))
        store.execute(
            f"UPDATE control.cycle_run SET run_no = {key.run_no}, state = 'APPROVED', fingerprint = '{key.run_id}', "
            f"input_root = '{key.run_id}' WHERE {own}"
        )
        for table in ("control.input_manifest", "book.position", "book.rejected", "control.finding"):
            store.execute(
                f"UPDATE {table} SET file_id = replace(file_id, '-v1', '-v{key.run_no}') "
                f"WHERE {own} AND file_id LIKE 'positions-%'"
            )
        store.execute(
            f"UPDATE control.input_manifest SET seq = {key.run_no}, sha256 = repeat('{key.run_no}', 64) "
            f"WHERE {own} AND dataset = 'positions'"
        )
        for change in changes:
            store.execute(f"{change} AND {own}")


def completion(home: Home, version: int) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((home.published / CYCLE / f"v{version:02d}" / "_COMPLETE.json").read_bytes())
    return content


def audiences(home: Home, version: int) -> set[str]:
    folder = home.published / CYCLE / f"v{version:02d}"
    return {path.parent.relative_to(folder).as_posix() for path in folder.rglob("manifest.json")}


def corrected_fields(home: Home, version: int, member: str) -> list[tuple[str, ...]]:
    name = next((home.published / CYCLE / f"v{version:02d}/members/{member}").glob("*-MD01-*.csv"))
    return [tuple(row) for row in csv.reader(name.read_text(encoding="utf-8").splitlines()[2:-1])]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_only_the_pack_that_changes_is_issued_again_and_it_says_what_changed(home: Home) -> None:
    before = contents(home.published / CYCLE / "v01")
    correct(home, SECOND, f"{MORE_FEES} AND margin_account_id = 'M001H'")
    publish(home, SECOND)
    assert audiences(home, 2) == {"members/M001", "ops"}
    paid = [row for row in corrected_fields(home, 2, "M001") if row[1] == "MP01"]
    assert [(row[:4], float(row[4]), float(row[5])) for row in paid] == [
        (("M001H", "MP01", "BTC-PERP.INV", "fees"), -0.0000003, -1.0000003)
    ]
    assert {row[1:4] for row in corrected_fields(home, 2, "M001")} == {
        ("MP01", "BTC-PERP.INV", "fees"),
        ("MS01", "positions BTC-PERP.INV", "fees"),
        ("MX02", "FILE positions ACCEPTED", "file_id"),
        ("MX02", "FILE positions ACCEPTED", "sha256"),
        ("MX02", "REJECTED positions UNKNOWN_CONTRACT M001H XRP-PERP.INV XRP-PERP.INV", "file_id"),
    }
    assert contents(home.published / CYCLE / "v01") == before
    assert verify(home.published) == []


def test_the_marker_says_which_version_of_each_account_and_folder_is_in_force(home: Home) -> None:
    assert completion(home, 1)["version_in_force"] == {"M001H": 1, "007C": 1, "150": 1}
    correct(home, SECOND, f"{MORE_FEES} AND margin_account_id = 'M001H'")
    publish(home, SECOND)
    correct(home, THIRD, f"{MORE_FEES} AND margin_account_id IN ('M001H', '007C')")
    publish(home, THIRD)
    last = completion(home, 3)
    assert last["version_in_force"] == {"M001H": 2, "007C": 3, "150": 1}
    assert last["packs_in_force"] == {
        "members/007": 3,
        "members/FLT": 1,
        "members/M001": 2,
        "ops": 3,
        "public": 1,
        "regulator": 1,
    }
    listed = [(each["version"], each["complete"], each["in_force"]) for each in releases(home)]
    assert listed == [(1, True, 1), (2, True, 1), (3, True, 1)]
    assert json.loads((home.published / CYCLE / "latest.json").read_bytes())["version"] == 3


def test_a_statement_says_what_it_replaces_and_why(home: Home) -> None:
    correct(home, SECOND, f"{MORE_FEES} AND margin_account_id = 'M001H'")
    publish(home, SECOND)
    correct(home, THIRD, f"{MORE_FEES} AND margin_account_id IN ('M001H', '007C')")
    publish(home, THIRD)
    folder = home.published / CYCLE
    for version, member, replaced in (("v02", "M001", "v01"), ("v03", "007", "v01")):
        header = json.loads(next((folder / version / "members" / member).glob("*MS01*.json")).read_bytes())["header"]
        assert (header["version"], header["supersedes"]) == (str(int(version[1:])), replaced)
        assert header["reason"] == "CORRECTED_POSITIONS"
    first = json.loads(next((folder / "v01/members/M001").glob("*MS01*.json")).read_bytes())["header"]
    assert (first["supersedes"], first["reason"]) == ("", "")


def test_another_delivery_of_the_same_figures_tells_no_member_again(home: Home) -> None:
    correct(home, SECOND)
    publish(home, SECOND)
    assert audiences(home, 2) == {"ops"}
    assert set(completion(home, 2)["version_in_force"].values()) == {1}


def test_changed_prices_are_told_to_the_public(home: Home) -> None:
    correct(home, SECOND, "UPDATE result.mark SET forward_price = 80123 WHERE contract_id = 'BTC-PERP.INV'")
    publish(home, SECOND)
    assert audiences(home, 2) == {"members/M001", "members/007", "ops", "public"}
    assert completion(home, 2)["packs_in_force"]["public"] == 2


def test_the_replaced_run_is_superseded_and_its_calls_stay(home: Home) -> None:
    correct(home, SECOND, f"{MORE_FEES} AND margin_account_id = 'M001H'")
    publish(home, SECOND)
    with Store(home.database) as store:
        assert store.read("SELECT state FROM control.cycle_run ORDER BY run_no")["state"].to_list() == [
            "SUPERSEDED",
            "PUBLISHED",
        ]
        assert store.read("SELECT call_version, state FROM control.margin_call").rows() == [(1, "ISSUED")]


@pytest.mark.parametrize("point", ["rendering", "prepared", "renamed", "completed", "issued"])
def test_a_killed_correction_comes_out_the_same(
    home: Home, tmp_path: Path, point: str, corrected_root: Callable[[], str]
) -> None:
    correct(home, SECOND, f"{MORE_FEES} AND margin_account_id = 'M001H'")
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(home.root)],
        env=os.environ | {"LEVEE_CRASH_AT": f"publish:{point}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    publish(home, SECOND)
    assert completion(home, 2)["root_hash"] == corrected_root()
    assert completion(home, 2)["version_in_force"] == {"M001H": 2, "007C": 1, "150": 1}
    assert verify(home.published) == []


@pytest.fixture(scope="module")
def corrected_root(released: Home, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Root of the correction that nobody disturbed."""
    root = tmp_path_factory.mktemp("undisturbed") / "home"
    shutil.copytree(released.root, root)
    home = Home(root)
    correct(home, SECOND, f"{MORE_FEES} AND margin_account_id = 'M001H'")
    publish(home, SECOND)
    return lambda: str(completion(home, 2)["root_hash"])


def test_nothing_is_corrected_on_top_of_a_file_that_was_changed(home: Home) -> None:
    spoilt = next((home.published / CYCLE / "v01/members/007").glob("*MR01*.csv"))
    spoilt.write_bytes(spoilt.read_bytes().replace(b"700.10", b"700.11"))
    correct(home, SECOND, f"{MORE_FEES} AND margin_account_id = 'M001H'")
    with pytest.raises(LeveeError, match=spoilt.name) as stopped:
        publish(home, SECOND)
    assert stopped.value.code == "VERIFY_FAILED"
    assert [each["version"] for each in releases(home)] == [1]
