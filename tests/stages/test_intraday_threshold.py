"""Who is called intraday is the policy's to say, and what an older policy file means by saying nothing."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from typing import Any

import pytest

from tasks import resources
from tasks.call import threshold
from tasks.model import policy_file
from tasks.model.errors import PolicyError


@pytest.fixture
def content() -> dict[str, Any]:
    return tomllib.loads(resources.data("policy/2014-01-01.toml").read_text(encoding="utf-8"))


def test_a_policy_that_names_no_fraction_means_a_tenth(content: dict[str, Any]) -> None:
    silent = policy_file.parse(content, "silent")
    assert "intraday_call_fraction" not in content["call"]
    assert threshold("ITD1", silent) == Decimal("0.1")
    assert policy_file.flat(silent)["call.intraday_call_fraction"] == "0.1"


def test_the_fraction_is_the_policys_and_of_intraday_cycles_alone(content: dict[str, Any]) -> None:
    content["call"]["intraday_call_fraction"] = 0.25
    named = policy_file.parse(content, "named")
    assert threshold("ITD2", named) == Decimal("0.25")
    assert threshold("EOD", named) == threshold("SOD", named) == 0


@pytest.mark.parametrize("fraction", [-0.1, 1.5, float("nan"), "0.1"])
def test_it_is_a_fraction(content: dict[str, Any], fraction: object) -> None:
    content["call"]["intraday_call_fraction"] = fraction
    with pytest.raises(PolicyError, match=r"call\.intraday_call_fraction"):
        policy_file.parse(content, "spoilt")
