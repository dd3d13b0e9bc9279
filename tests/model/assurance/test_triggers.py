"""Triggers: they fire above one level, end below a lower one, and a missing level changes nothing."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tasks.model.assurance.triggers import Trigger, behind, states
from tasks.model.errors import PolicyError
from tasks.triggers import terms

NAN = float("nan")
TRIGGER = Trigger("x", "TAIL", "what", "ratio", 1.5, 1.2, 1.0, 5.0, "here", "look")


def test_it_stands_until_its_lower_level_is_undercut():
    levels = np.array([1.0, 1.5, 1.51, 1.3, 1.2, 1.19, 1.4, 2.0])
    words = ["QUIET", "QUIET", "FIRED", "STANDS", "STANDS", "ENDED", "QUIET", "FIRED"]
    assert states(TRIGGER, levels) == words


def test_a_missing_level_neither_fires_nor_ends():
    assert states(TRIGGER, np.array([NAN, 2.0, NAN, NAN, 1.0, NAN])) == [
        "UNKNOWN",
        "FIRED",
        "STANDS",
        "STANDS",
        "ENDED",
        "UNKNOWN",
    ]


def test_what_stood_before_is_known_to_the_first_level():
    assert TRIGGER.state(1.3, before=True) == "STANDS"
    assert TRIGGER.state(1.3, before=False) == "QUIET"
    assert TRIGGER.stands(np.array([1.3, 1.1]), before=True).tolist() == [True, False]


@pytest.mark.parametrize(
    "spoilt", [{"kind": "MOOD"}, {"fires_above": 1.1}, {"fires_above": 6.0}, {"ends_below": 0.9}, {"fires_above": NAN}]
)
def test_a_level_out_of_its_bounds_is_refused(spoilt):
    with pytest.raises(PolicyError, match=r"trigger\.x") as refused:
        replace(TRIGGER, **spoilt)
    assert refused.value.code == "PARAM_STATE"


def test_every_shipped_trigger_names_its_unit_source_and_action():
    found = terms().triggers
    assert {each.kind for each in found.values()} == {
        *("VOLATILITY", "TAIL", "LIQUIDITY", "CREDIT", "BREACHES", "CONCENTRATION", "LEVERAGE")
    }
    assert all(each.unit and each.source and each.action and each.meaning for each in found.values())


def test_numbers_behind_a_level_are_read_without_an_exponent_from_a_million_on():
    told = behind(outright=8.47340049, usd=4_418_661_234.0, small=-1_000_000.0, under=999_999.4, gone=NAN, all=math.inf)
    assert told == "outright 8.4734 usd 4,418,660,000 small -1,000,000 under 999999 gone nan all inf"
