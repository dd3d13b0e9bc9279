"""A cycle on trial asks for what it would ask for, and leaves no trace in the home it is about."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import cycle, policy_store, resources
from tasks.home import Home

DAY = "2026-01-30"
RUN = "20260130-EOD-r01"
MARGIN = "total_initial_margin_usd"
SHIPPED = "data/policy/2014-01-01.toml"
Tree = Callable[[Home], dict[str, str]]


@pytest.fixture
def challenger(tmp_path: Path) -> Path:
    """The shipped policy with a higher confidence, in force next year."""
    text = (resources.root() / SHIPPED).read_text(encoding="utf-8")
    text = text.replace("confidence_filtered_fraction = 0.975", "confidence_filtered_fraction = 0.995")
    text = text.replace("effective_date = 2014-01-01", "effective_date = 2027-01-01")
    path = tmp_path / "challenger.toml"
    path.write_text(text, encoding="utf-8")
    return path


def published(home: Home, run_id: str, table: str) -> pl.DataFrame:
    return pl.read_parquet(home.exports / run_id / f"{table}.parquet")


def test_the_policy_in_force_asks_for_what_was_published(levee: Callable[..., Any], two_days: Home, tree: Tree) -> None:
    before = tree(two_days)
    ended = levee("cycle", "run", "--date", DAY, "--dry-run", "--json", "--home", two_days.root)
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["standing_run_id"] == RUN
    out = published(two_days, RUN, "result.margin_account")
    for name in (MARGIN, "margin_call_amount_usd"):
        asked = {row["margin_account_id"]: Decimal(row[name]) for row in found["accounts"]}
        stands = {row["margin_account_id"]: Decimal(row[f"standing_{name}"]) for row in found["accounts"]}
        assert asked == stands == dict(out.select("margin_account_id", name).iter_rows())
    assert tree(two_days) == before


def test_a_challenger_margins_the_same_book_and_lets_nothing_out(
    levee: Callable[..., Any], two_days: Home, tree: Tree, tmp_path: Path, challenger: Path
) -> None:
    before, scratch = tree(two_days), tmp_path / "trial"
    words = ("--policy", challenger, "--keep", scratch, "--json", "--home", two_days.root)
    ended = levee("cycle", "run", "--date", DAY, "--dry-run", *words)
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["policy_hash"] == policy_store.load(challenger).policy_hash
    asked = {name: Decimal(found["total"][name]) for name in (MARGIN, f"standing_{MARGIN}")}
    assert asked[MARGIN] > asked[f"standing_{MARGIN}"] > 0
    trial = Home(scratch)
    assert set(published(trial, RUN, "control.margin_call")["state"]) <= {"DRAFT"}
    assert list(trial.published.iterdir()) == []
    assert published(trial, RUN, "control.input_manifest").equals(published(two_days, RUN, "control.input_manifest"))
    assert tree(two_days) == before


def test_a_trial_ends_before_anybody_is_asked_or_told() -> None:
    tried = [step.__name__ for step in cycle.TRIAL]
    assert tried[-1] == "tie_out"
    assert {"approve", "publish"}.isdisjoint(tried)


def test_a_cycle_that_has_not_begun_is_tried_on_what_was_delivered(
    levee: Callable[..., Any], two_days: Home, tree: Tree
) -> None:
    before = tree(two_days)
    ended = levee("cycle", "run", "--date", "2026-01-31", "--dry-run", "--json", "--home", two_days.root)
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["standing_run_id"] == ""
    assert {row["standing_margin_call_amount_usd"] for row in found["accounts"]} == {None}
    held = published(two_days, RUN, "result.margin_account")["margin_account_id"]
    assert {row["margin_account_id"] for row in found["accounts"]} >= set(held)
    assert tree(two_days) == before


def test_a_policy_that_cannot_be_used_is_refused(
    levee: Callable[..., Any], two_days: Home, challenger: Path, tree: Tree
) -> None:
    before = tree(two_days)
    challenger.write_text(challenger.read_text(encoding="utf-8").replace("half_life_days = 90", "half_life_days = -1"))
    ended = levee("cycle", "run", "--date", DAY, "--dry-run", "--policy", challenger, "--home", two_days.root)
    assert ended.code == 40
    assert ended.err.startswith("PARAM_STATE:")
    assert tree(two_days) == before


def test_another_policy_is_for_trials_alone(levee: Callable[..., Any], two_days: Home, challenger: Path) -> None:
    ended = levee("cycle", "run", "--date", DAY, "--policy", challenger, "--home", two_days.root)
    assert (ended.code, ended.err.split(":")[0]) == (2, "USAGE")
