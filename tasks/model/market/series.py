"""What was observed beside the daily closes of an asset, told by the name asset.series.

`BTC` daily closes at the one declared hour; `BTC.H06` closes at 06:00 UTC of the day; `BTC.IV30` implied volatility at
the money and 30 days, fraction per sqrt(year); `BTC.F30` forward at 30 days and `BTC.PERP` perpetual, both USD and seen
at the hour of the daily close. Everything is frozen with the cycle. Reference: METHODOLOGY 0 (returns) and 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tasks.model.arrays import Closes, Floats

_FORMS = (("H", "hourly"), ("IV", "volatility"), ("F", "forward"))
_PERPETUAL = ("forward", np.inf)


@dataclass(frozen=True)
class Factors:
    """Series by underlying, each (n_days,) on the calendar of the closes they were delivered with; NaN where missing.

    hourly: by hour of the day, UTC; volatility, forward: by tenor in days, infinite for the perpetual.
    """

    hourly: Mapping[str, Mapping[float, Floats]]
    volatility: Mapping[str, Mapping[float, Floats]]
    forward: Mapping[str, Mapping[float, Floats]]


NO_FACTORS = Factors({}, {}, {})


def split(closes: Closes) -> tuple[Closes, Factors]:
    """The daily closes among some series, and the factors among them; a name of no known form stays a close."""
    found: dict[str, dict[str, dict[float, Floats]]] = {"hourly": {}, "volatility": {}, "forward": {}}
    plain = []
    for position, name in enumerate(closes.underlyings):
        asset, _, series = name.partition(".")
        place = _place(series) if asset else None
        if place is None:
            plain.append(position)
        else:
            kind, key = place
            found[kind].setdefault(asset, {})[key] = closes.close[position]
    names = tuple(closes.underlyings[position] for position in plain)
    return Closes(names, closes.dates, closes.close[plain]), Factors(**found)


def _place(series: str) -> tuple[str, float] | None:
    """Field of Factors and key of a series such as H06; None of one of no known form."""
    if series == "PERP":
        return _PERPETUAL
    for prefix, kind in _FORMS:
        digits = series.removeprefix(prefix)
        if series.startswith(prefix) and digits.isdecimal():
            is_known = len(digits) == 2 and int(digits) < 24 if kind == "hourly" else not digits.startswith("0")
            return (kind, float(digits)) if is_known else None
    return None
