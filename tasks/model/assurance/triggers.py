"""Triggers of a policy review: levels against thresholds that are data, with a lower level at which each one ends.

A trigger fires where its level is above one threshold and stands until the level is below a lower one. A level that is
missing changes nothing: it neither fires a trigger nor ends one, and says so. Reference: METHODOLOGY 11.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tasks.model.arrays import Bools, Floats
from tasks.model.errors import Finding, PolicyError

KINDS = ("VOLATILITY", "TAIL", "LIQUIDITY", "CREDIT", "BREACHES", "CONCENTRATION", "LEVERAGE")
FIRED, STANDS, ENDED, QUIET, UNKNOWN = "FIRED", "STANDS", "ENDED", "QUIET", "UNKNOWN"
STANDING = (FIRED, STANDS)
_MILLION = 1e6


@dataclass(frozen=True)
class Trigger:
    """One trigger and its declared levels.

    Raises PolicyError PARAM_STATE for an unknown kind, a level out of its bounds, or an end above the start.
    """

    name: str
    kind: str  # one of KINDS
    meaning: str
    unit: str
    fires_above: float
    ends_below: float  # at most fires_above
    lowest: float  # inclusive bounds of both levels
    highest: float
    source: str  # where the levels come from
    action: str  # what to look at when it fires

    def __post_init__(self) -> None:
        ordered = self.lowest <= self.ends_below <= self.fires_above <= self.highest
        if self.kind not in KINDS or not ordered:
            raise PolicyError(
                Finding(
                    "PARAM_STATE",
                    "a trigger needs a known kind and lowest <= ends_below <= fires_above <= highest",
                    where=f"trigger.{self.name}",
                    value=f"{self.kind} {self.lowest} {self.ends_below} {self.fires_above} {self.highest}",
                    limit=" ".join(KINDS),
                    action="correct data/reference/triggers.toml",
                )
            )

    def stands(self, levels: Floats, before: bool = False) -> Bools:
        """(n,) whether it stands after each of n levels in time; NaN = missing leaves it as it was.

        before: whether it stood before the first of them.
        """
        found, stands = np.empty(len(levels), dtype=np.bool_), before
        for at, level in enumerate(levels.tolist()):
            stands = level > self.fires_above or (stands and not level < self.ends_below)
            found[at] = stands
        return found

    def state(self, level: float, before: bool) -> str:
        """FIRED, STANDS, ENDED, QUIET, or UNKNOWN where nothing stands and nothing can be told. NaN = missing."""
        if bool(self.stands(np.array([level]), before)[0]):
            return STANDS if before else FIRED
        if before:
            return ENDED
        return UNKNOWN if math.isnan(level) else QUIET


def states(trigger: Trigger, levels: Floats) -> list[str]:
    """State at each of n levels in time of a trigger that did not stand before the first."""
    stands = trigger.stands(levels).tolist()
    before = [False, *stands[:-1]]
    return [trigger.state(level, stood) for level, stood in zip(levels.tolist(), before, strict=True)]


def behind(**figures: float) -> str:
    """Names and figures a level was made of, six digits of each; millions are written out and grouped."""
    return " ".join(f"{name} {_six_digits(value)}" for name, value in figures.items())


def _six_digits(value: float) -> str:
    short = f"{value:.6g}"
    return f"{float(short):,.0f}" if abs(value) >= _MILLION and math.isfinite(value) else short
