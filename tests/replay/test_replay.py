"""A published run comes out again byte by byte; where it does not, that is told and nothing is put right in silence."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import polars as pl

from tasks.home import Home

RUN = "20260130-EOD-r01"
Tree = Callable[[Home], dict[str, str]]


def test_every_file_comes_out_again(levee: Callable[..., Any], two_days: Home, tree: Tree) -> None:
    before = tree(two_days)
    ended = levee("cycle", "replay", RUN, "--verify", "--json", "--home", two_days.root)
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["identical"]
    assert found["published_root"] == found["replayed_root"]
    released = two_days.published / "20260130" / "EOD" / "v01"
    said = json.loads((released / "_COMPLETE.json").read_bytes())
    assert (found["files"], found["published_root"]) == (said["files"], said["root_hash"])
    assert tree(two_days) == before


def test_another_result_is_told_file_by_file(levee: Callable[..., Any], home: Home, tree: Tree) -> None:
    path = home.exports / "20260129-EOD-r01" / "result.balance.parquet"
    frame = pl.read_parquet(path)
    mine = frame["margin_account_id"] == frame["margin_account_id"][0]
    more = pl.when(mine).then(pl.col("closing") + 1).otherwise(pl.col("closing")).cast(frame.schema["closing"])
    frame.with_columns(closing=more).write_parquet(path)
    before = tree(home)
    told = levee("cycle", "replay", RUN, "--verify", "--home", home.root)
    assert (told.code, told.err.split(":")[0]) == (30, "NOT_REPRODUCIBLE")
    assert "-MS01-" in told.err
    assert tree(home) == before


def test_a_changed_archive_is_not_replayed(levee: Callable[..., Any], home: Home) -> None:
    manifest = pl.read_parquet(home.exports / RUN / "control.input_manifest.parquet")
    path = home.frozen / manifest["sha256"][0]
    path.write_bytes(path.read_bytes() + b"\n")
    refused = levee("cycle", "replay", RUN, "--verify", "--home", home.root)
    assert (refused.code, refused.err.split(":")[0]) == (30, "VERIFY_FAILED")
    assert path.name in refused.err
