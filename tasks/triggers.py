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


@dataclass(frozen=True)
class Terms:
    """What data/reference/triggers.toml declares."""

    measures: Measures
    triggers: Mapping[str, Trigger]


@cache
def terms() -> Terms:
    """Measures and triggers as shipped. Raises PolicyError PARAM_STATE for a level out of its bounds."""
    content = tomllib.loads(resources.data("reference/triggers.toml").read_text(encoding="utf-8"))
    found = {name: Trigger(name, **fields) for name, fields in content["trigger"].items()}
    return Terms(Measures(**content["measures"]), MappingProxyType(found))
