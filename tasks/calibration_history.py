"""Estimates that rest on clean daily closes: each is asked of a window, and answered with and without excluded days."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tasks.calibration_data import Evidence
from tasks.model.arrays import Closes, Floats
from tasks.model.assurance.calibration.estimate import Estimate, Figure
from tasks.model.errors import ModelInputError

LEVEL = 0.95  # of every interval that has no level of its own
SOURCE = "daily closes"


class LeftOut(NamedTuple):
    """A parameter that could not be estimated for a coin, and why."""

    parameter: str
    coin: str
    reason: str


@dataclass(frozen=True)
class Ask:
    """What is read together off a window of days of some coins: figures by the end of their name, after the stem.

    A stem that is a whole name has one figure under the empty text. Coins are the rows of the closes, in order.
    """

    parameter: str
    coins: tuple[str, ...]
    days: int
    read: Callable[[Floats], Mapping[str, Figure]]
    note: str = ""


def answered(evidence: Evidence, ask: Ask) -> list[Estimate] | LeftOut:
    """The estimates, or why there are none: coins whose closes ended, or too few of them."""
    ended = [coin for coin in ask.coins if not evidence.is_current(coin)]
    if ended:
        return LeftOut(ask.parameter, ended[0], f"its closes end on {evidence.last_close(ended[0])}")
    try:
        figures = ask.read(_rows(evidence.clean, ask))
    except ModelInputError as error:
        return LeftOut(ask.parameter, " ".join(ask.coins), error.findings[0].line())
    clean = evidence.clean.dates[-ask.days :]
    first, last = clean[0].astype(object), clean[-1].astype(object)
    excluded = evidence.excluded_days(ask.coins, first)
    other = _with_excluded(evidence, ask) if excluded else figures
    digest = evidence.history.digest(ask.coins, last)
    missing = Figure(math.nan, math.nan, math.nan, math.nan, LEVEL, "exact", 0)
    return [
        Estimate(
            f"{ask.parameter}{name}",
            figure,
            first,
            last,
            digest,
            excluded,
            other.get(name, missing).value,
            SOURCE,
            ask.note,
        )
        for name, figure in figures.items()
    ]


def _rows(closes: Closes, ask: Ask) -> Floats:
    """(coins, days) closes of the window."""
    return closes.close[[closes.underlyings.index(coin) for coin in ask.coins], -ask.days :]


def _with_excluded(evidence: Evidence, ask: Ask) -> Mapping[str, Figure]:
    """The figures with excluded days, none where they cannot be read then."""
    try:
        return ask.read(_rows(evidence.whole, ask))
    except ModelInputError:
        return {}
