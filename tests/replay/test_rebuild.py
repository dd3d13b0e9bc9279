"""A database that is lost, broken or of another form is made again, and holds what the old one held."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from benchmarks.forked import Forked
from tasks import ledgers, resources
from tasks.home import Home
from tasks.store import Store

RUN = "20260130-EOD-r01"
AGAIN = ("cycle", "run", "--date", "2026-01-30", "--no-orchestrator", "--json", "--home")
# Whoever opens a database for a command leaves a line of his own in it.
COMES_WITH_EVERY_COMMAND = {"control.holder"}


def tables(home: Home) -> dict[str, pl.DataFrame]:
    """Every table of a home's database, in order."""
    with Store(home.database) as store:
        names = store.read(
            "SELECT schema_name || '.' || table_name AS name FROM duckdb_tables() WHERE NOT internal ORDER BY ALL"
        )["name"]
        kept = [name for name in names if name not in COMES_WITH_EVERY_COMMAND]
        return {name: store.read(f"SELECT * FROM {name} ORDER BY ALL") for name in kept}


def lose(home: Home) -> None:
    for path in home.root.glob("levee.duckdb*"):
        path.unlink()


def test_every_table_comes_back(levee: Callable[..., Any], home: Home) -> None:
    before = tables(home)
    lose(home)
    refused = levee(*AGAIN, home.root)
    assert (refused.code, refused.err.split(":")[0]) == (70, "DB_CORRUPT")
    assert "levee rebuild" in refused.err
    ended = levee("rebuild", "--json", "--home", home.root)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["releases"] == 2
    after = tables(home)
    assert after.keys() == before.keys()
    assert [name for name, frame in before.items() if not frame.equals(after[name])] == []
    stands = levee(*AGAIN, home.root)
    assert (stands.code, json.loads(stands.out)["already_published"]) == (0, True)
    assert before["control.margin_call"].height > 0
    assert before["book.position"].height > 0


def test_a_broken_database_is_put_aside(levee: Callable[..., Any], home: Home) -> None:
    home.database.write_bytes(b"\0" * 100_000)
    refused = levee(*AGAIN, home.root)
    assert (refused.code, refused.err.split(":")[0]) == (70, "DB_CORRUPT")
    ended = levee("rebuild", "--json", "--home", home.root)
    assert ended.code == 0, ended.err
    aside = Path(json.loads(ended.out)["aside"])
    assert aside.read_bytes() == b"\0" * 100_000
    assert levee(*AGAIN, home.root).code == 0


def test_a_database_of_another_form_is_not_worked_with(levee: Callable[..., Any], home: Home) -> None:
    with Store(home.database) as store:
        store.execute("UPDATE control.schema_version SET version = 'of old'")
    refused = levee(*AGAIN, home.root)
    assert (refused.code, refused.err.split(":")[0]) == (70, "SCHEMA_VERSION")
    assert levee("rebuild", "--home", home.root).code == 0
    assert levee(*AGAIN, home.root).code == 0


def test_exports_of_an_earlier_form_are_taken_over(levee: Callable[..., Any], home: Home) -> None:
    path = home.exports / RUN / "result.margin_account.parquet"
    now = pl.read_parquet(path)
    gone = "other_mode_total_initial_margin_usd"
    now.drop(gone).with_columns(forgotten=pl.lit(1)).write_parquet(path)
    lose(home)
    ended = levee("rebuild", "--home", home.root)
    assert ended.code == 0, ended.err
    kept = tables(home)["result.margin_account"].filter(pl.col("run_id") == RUN)
    assert kept[gone].null_count() == kept.height
    assert kept.drop(gone).equals(now.drop(gone).sort(now.drop(gone).columns))


def test_a_column_that_may_not_be_empty_is_not_made_up(levee: Callable[..., Any], home: Home) -> None:
    path = home.exports / RUN / "result.margin_account.parquet"
    pl.read_parquet(path).drop("total_initial_margin_usd").write_parquet(path)
    before = home.database.stat()
    ended = levee("rebuild", "--home", home.root)
    assert (ended.code, ended.err.split(":")[0]) == (70, "SCHEMA_VERSION")
    assert "total_initial_margin_usd" in ended.err
    after = home.database.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)


@pytest.mark.parametrize("kind", ["frozen", "released", "ledger", "balance", "missing export"])
def test_what_was_changed_is_not_rebuilt_from(levee: Callable[..., Any], home: Home, kind: str) -> None:
    if kind == "frozen":
        manifest = pl.read_parquet(home.exports / RUN / "control.input_manifest.parquet")
        path = home.frozen / manifest["sha256"][0]
        path.write_bytes(path.read_bytes() + b"\n")
    elif kind == "released":
        path = next(home.published.glob("20260129/EOD/v01/members/*/*-MS01-*.csv"))
        path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))
    elif kind == "ledger":
        path = next((home.root / "ledgers").glob("*/control.margin_call.parquet"))
        pl.read_parquet(path).with_columns(met_amount_usd=pl.col("call_amount_usd")).write_parquet(path)
    elif kind == "balance":
        path = home.exports / "20260129-EOD-r01" / "result.balance.parquet"
        more = (pl.col("closing") + 1).cast(pl.read_parquet(path).schema["closing"])
        pl.read_parquet(path).with_columns(more).write_parquet(path)
    else:
        (home.exports / RUN / "result.requirement.parquet").unlink()
    before = home.database.stat()
    ended = levee("rebuild", "--home", home.root)
    assert (ended.code, ended.err.split(":")[0]) == (30, "VERIFY_FAILED"), ended.err
    after = home.database.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)


def test_a_home_without_ledgers_says_so(levee: Callable[..., Any], tmp_path: Path) -> None:
    ended = levee("rebuild", "--home", tmp_path / "empty")
    assert (ended.code, ended.err.split(":")[0]) == (2, "UNKNOWN_ID")


def killed_at(home: Path, point: str) -> tuple[str, ...]:
    """The words of a command that was killed there, on the shipped day."""
    shutil.copytree(resources.data("sample/inbox"), home / "inbox")
    words = ("cycle", "run", "--date", "2026-01-30", "--no-orchestrator", "--json", "--home", str(home))
    killed = Forked(words, os.environ | {"LEVEE_ENV": "DEMO", "LEVEE_CRASH_AT": point})
    _, err = killed.communicate()
    assert killed.returncode == -signal.SIGKILL, err
    return words


@pytest.mark.parametrize("point", ["publish:prepared", "publish:renamed"])
def test_a_release_that_was_prepared_and_is_not_out_is_finished(
    levee: Callable[..., Any], tmp_path: Path, point: str
) -> None:
    """The ledgers know of it, its files were never sealed; what is in force must be told of every account."""
    words, home = killed_at(tmp_path, point), Home(tmp_path)
    with Store(home.database) as store:
        ledgers.show(home, store)
    lose(home)
    rebuilt = levee("rebuild", "--home", tmp_path)
    assert rebuilt.code == 0, rebuilt.err
    ended = levee(*words)
    assert ended.code == 0, ended.err
    found = tables(home)
    assert found["control.release"].select("version", "state").rows() == [(1, "PUBLISHED")]
    assert found["control.publication"].height == found["control.release"]["files"][0]
    marker = json.loads((home.published / "20260130/EOD/v01/_COMPLETE.json").read_text(encoding="utf-8"))
    accounts = found["result.margin_account"]["margin_account_id"]
    assert marker["version_in_force"] == dict.fromkeys(accounts, 1)
    assert levee("publish", "verify", home.published, "--home", tmp_path).code == 0


def test_a_release_that_came_out_just_before_the_loss_is_known_again(levee: Callable[..., Any], tmp_path: Path) -> None:
    words, home = killed_at(tmp_path, "publish:completed"), Home(tmp_path)
    lose(home)
    rebuilt = levee("rebuild", "--home", tmp_path)
    assert rebuilt.code == 0, rebuilt.err
    ended = levee(*words)
    assert ended.code == 0, ended.err
    found = tables(home)
    assert found["control.release"].select("version", "state").rows() == [(1, "PUBLISHED")]
    assert set(found["control.margin_call"]["state"]) == {"ISSUED"}
    assert found["control.publication"].height == found["control.release"]["files"][0]
    assert levee("publish", "verify", home.published, "--home", tmp_path).code == 0
    assert found["control.cycle_run"]["business_date"].to_list() == [date(2026, 1, 30)]
