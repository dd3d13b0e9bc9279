"""Sums and bounds that hold between the figures of a disclosure, checked on what is printed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import product

from tasks.disclosure_items import ASSET_CLASSES, CLEAN, HAIRCUT_SIDES, ORIGINS, TOTAL

Values = Mapping[str, Decimal]
Disagreement = tuple[str, str, str, str]
"""What is wrong, the value, what it should be, and of which figure."""

_HALF_DIGIT = Decimal("5e-9")
_LOSSES = ("", f" {CLEAN}")  # parts of 6.5
_ALL_ASSETS = len(ASSET_CLASSES) + 1
_HELD = [("4.3", side) for side in HAIRCUT_SIDES] + [
    ("6.2", f"{origin}_{side}") for origin, side in product((*ORIGINS, TOTAL), HAIRCUT_SIDES)
]


def disagreements(values: Values) -> Iterator[Disagreement]:
    """Every one; a figure that is not there is compared with nothing."""
    for whole, parts in _totals():
        if whole in values and all(part in values for part in parts):
            together = sum((values[part] for part in parts), Decimal(0))
            if together != values[whole]:
                yield "a total is not the sum of its parts", f"{values[whole]}", f"{together}", whole
    for small, large in _bounds():
        if small in values and large in values and values[small] > values[large]:
            yield f"larger than {large}", f"{values[small]}", f"{values[large]}", small
    yield from _coverage(values)


def _totals() -> Iterator[tuple[str, Sequence[str]]]:
    """A total and its parts: kinds of accounts, classes of assets, house and clients."""
    yield f"6.1.1 {TOTAL}", [f"6.1.1 {kind}" for kind in ("HOUSE", "CLIENT_GROSS", "CLIENT_NET")]
    for item, part in _HELD:
        yield f"{item}.{_ALL_ASSETS} {part}", [f"{item}.{number} {part}" for number in range(1, _ALL_ASSETS)]
    for number, side in product(range(1, _ALL_ASSETS + 1), HAIRCUT_SIDES):
        yield f"6.2.{number} {TOTAL}_{side}", [f"6.2.{number} {origin}_{side}" for origin in ORIGINS]


def _bounds() -> Iterator[tuple[str, str]]:
    """What cannot be larger than something else."""
    for (item, part), number in product(_HELD, range(1, _ALL_ASSETS + 1)):
        if part.endswith("POST_HAIRCUT"):
            yield f"{item}.{number} {part}", f"{item}.{number} {part.replace('POST', 'PRE')}"
    yield "6.6.1", "6.7.1"
    for part in _LOSSES:
        yield from ((f"6.5.1.1{part}", f"6.5.2{part}"), (f"6.5.5{part}", f"6.5.4{part}"))
    for first in (3, 6, 7, 10):
        yield f"4.4.{first} MEAN", f"4.4.{first} PEAK"


def _coverage(values: Values) -> Iterator[Disagreement]:
    for part in _LOSSES:
        breaches, observed, coverage = (values.get(f"{item}{part}") for item in ("6.5.1.1", "6.5.2", "6.5.3"))
        if breaches is not None and observed and coverage is not None:
            follows = 1 - breaches / observed
            if abs(follows - coverage) > _HALF_DIGIT:
                yield "not what its counts say", f"{coverage}", f"{follows:.8f}", f"6.5.3{part}"
