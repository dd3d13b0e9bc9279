"""Triggers of a policy review: their declared levels, and what they say of a run or of the daily history."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from tasks import resources
from tasks.model.assurance.market_levels import Measures
from tasks.model.assurance.triggers import Trigger
from tasks.model.errors import Finding, PolicyError


@dataclass(frozen=True)
class Terms:
    """What data/reference/triggers.toml declares."""

    measures: Measures
    triggers: Mapping[str, Trigger]
    intraday_call_fraction: float  # of its requirement that an account must lack before it is called intraday

    def __post_init__(self) -> None:
        if not 0.0 <= self.intraday_call_fraction <= 1.0:
            raise PolicyError(
                Finding(
                    "PARAM_STATE",
                    "the threshold of an intraday call is no fraction",
                    where="intraday.call_fraction",
                    value=str(self.intraday_call_fraction),
                    limit="0 to 1",
                    action="correct data/reference/triggers.toml",
                )
            )


@cache
def terms() -> Terms:
    """Measures and triggers as shipped. Raises PolicyError PARAM_STATE for a level out of its bounds."""
    content = tomllib.loads(resources.data("reference/triggers.toml").read_text(encoding="utf-8"))
    found = {name: Trigger(name, **fields) for name, fields in content["trigger"].items()}
    return Terms(Measures(**content["measures"]), MappingProxyType(found), content["intraday"]["call_fraction"])
