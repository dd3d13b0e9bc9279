"""A cycle stands on a policy that is in force and readable, and on the one it was frozen on, or not at all."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tasks import codes, policy_store
from tasks.model.errors import LeveeError
from tasks.settle import settle

OPENING = "2014-01-01.toml"


def refused(run: Any) -> tuple[str, int]:
    with pytest.raises(LeveeError) as error:
        settle(run.home, run.key)
    return error.value.code, codes.exit_code(error.value.code)


def rewrite(run: Any, old: str, new: str) -> None:
    path = run.home.policy / OPENING
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("effective_date = 2014-01-01", "effective_date = 2026-01-31"),  # not yet in force
        ("minimum_funding_minutes = 120", "minimum_funding_minutes = 121"),  # not the one the run was frozen on
        ("call_increment_usd = 1000", "call_increment_usd = -1"),  # out of its bounds
        ("[call]", "[calls]"),  # malformed
    ],
)
def test_a_policy_that_is_not_in_force_stops_the_cycle(frozen_run: Any, old: str, new: str) -> None:
    rewrite(frozen_run, old, new)
    assert refused(frozen_run) == ("PARAM_STATE", 40)
    assert frozen_run.read("SELECT count(*) FROM result.ledger") == [(0,)]


def test_no_date_before_the_first_policy_has_one(frozen_run: Any) -> None:
    with pytest.raises(LeveeError, match="PARAM_STATE"):
        policy_store.in_force(frozen_run.home, date(2013, 12, 31))
