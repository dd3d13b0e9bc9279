"""A number read off data: its value, how sure it is, and what it rests on.

`Figure` is what an estimator knows. `Estimate` adds where the data came from, so that the number can be found again
years later. Reference: METHODOLOGY 8.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from scipy import stats

from tasks.model.errors import Finding, ModelInputError

Method = Literal["asymptotic", "exact", "bootstrap"]


class Figure(NamedTuple):
    """A value and its interval. An exact interval tells the level it has, which steps make more than was asked for."""

    value: float
    standard_error: float  # unit of the value; NaN where the law is not told by one
    low: float
    high: float
    level: float  # probability that the interval holds the parameter
    method: Method
    observations: int

    def holds(self, value: float) -> bool:
        """Whether a value lies within the interval, ends included."""
        return self.low <= value <= self.high

    def mapped(self, by: Callable[[float], float]) -> Figure:
        """Figure of an increasing function of the parameter; its error is that function's slope times the old one."""
        step = 1e-6 * max(abs(self.value), 1e-6)
        slope = (by(self.value + step) - by(self.value - step)) / (2.0 * step)
        return self._replace(
            value=by(self.value),
            standard_error=abs(slope) * self.standard_error,
            low=by(self.low),
            high=by(self.high),
        )


@dataclass(frozen=True)
class Estimate:
    """A figure of one parameter, with what it rests on.

    parameter: rule id of the policy (`grid.range_fraction.BTC`), or a name that begins with `check.` where the policy
    has no such field. first, last: window of the data, both days belong to it.
    """

    parameter: str
    figure: Figure
    first: date
    last: date
    data_hash: str  # sha256 of the data of the window
    excluded_days: int  # left out of the window
    with_excluded: float  # value with those days as the source has them; NaN where it cannot be told
    source: str
    note: str = ""


def normal_figure(value: float, standard_error: float, level: float, observations: int) -> Figure:
    """Value with the interval of a normal law."""
    reach = standard_error * float(stats.norm.ppf(0.5 + 0.5 * level))
    return Figure(value, standard_error, value - reach, value + reach, level, "asymptotic", observations)


def student_figure(value: float, standard_error: float, degrees: int, level: float, observations: int) -> Figure:
    """Value with the interval of Student's law: exact where errors are normal."""
    reach = standard_error * float(stats.t.ppf(0.5 + 0.5 * level, degrees))
    return Figure(value, standard_error, value - reach, value + reach, level, "exact", observations)


def scale_figure(scale: float, degrees: int, level: float, observations: int) -> Figure:
    """A standard deviation with the interval of the chi-square law: exact where errors are normal."""
    tail = 0.5 * (1.0 - level)
    low, high = (scale * math.sqrt(degrees / float(stats.chi2.ppf(at, degrees))) for at in (1.0 - tail, tail))
    return Figure(scale, scale / math.sqrt(2.0 * degrees), low, high, level, "exact", observations)


def require_enough(what: str, observations: int, least: int) -> None:
    """Raises ModelInputError NO_OBSERVATIONS where there are fewer observations than an interval needs."""
    if observations < least:
        raise ModelInputError(
            Finding(
                "NO_OBSERVATIONS",
                "too few observations for an interval",
                where=what,
                value=str(observations),
                limit=f">= {least}",
                action="leave the parameter as it is, or deliver more history",
            )
        )
