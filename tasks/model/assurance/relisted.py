"""How far a list of numbers moves that has another length than before: as what it declares, not entry by entry.

Floors with rates, and scores with steps, declare a function: what counts is how far its value moves anywhere, so that a
tier may be added or dropped that changes little, and none can be dropped to escape the limit of a step. Other lists are
sets: every entry of either is held against the nearest of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

Size = Callable[[float, float], float]
Lists = Mapping[str, Sequence[float]]  # of one table, by their names

_RATES = {"added_fraction": "floor_usd", "im_fraction": "floor_usd"}  # values by the list they follow
_STEPS = {"step_fraction": "score_at_least"}
_WHOLE = 1.0  # the step of an entry that has nothing to be held against


def values_of(name: str, lists: Lists) -> str:
    """Name of the list whose values are compared where the list of a name changes its length: its own, or the other."""
    pairs = {**_RATES, **_STEPS}
    return next((values for values, places in pairs.items() if name in (values, places) and values in lists), name)


def step(name: str, old: Lists, new: Lists, size: Size) -> float:
    """Largest step of what the list of a name declares together with the others of its table.

    name: as `values_of` gives it. size: step of a number from the first to the second. No entry: a step of 1.
    """
    if not old.get(name) or not new.get(name):
        return _WHOLE
    floors = _RATES.get(name, "")
    if old.get(floors) and new.get(floors):
        return max(size(*pair) for pair in _of_floors(old[floors], new[floors], old[name], new[name]))
    if name in _STEPS:
        pairs = [*_of_levels(old[name], new[name]), *_of_scores(old, new, name)]
        return max(size(*pair) for pair in pairs)
    return max(
        *(min(size(each, other) for other in new[name]) for each in old[name]),
        *(min(size(other, each) for other in old[name]) for each in new[name]),
    )


def _of_floors(
    floors: Sequence[float], new_floors: Sequence[float], rates: Sequence[float], new_rates: Sequence[float]
) -> Iterator[tuple[float, float]]:
    """Rates at every floor of either; below the first floor the first rate."""
    for at in {*floors, *new_floors}:
        before, after = (int(np.searchsorted(of, at, side="right")) - 1 for of in (floors, new_floors))
        yield rates[max(before, 0)], new_rates[max(after, 0)]


def _of_levels(steps: Sequence[float], new_steps: Sequence[float]) -> Iterator[tuple[float, float]]:
    """Steps by surveillance level; a level beyond the last stands at the last."""
    for level in range(max(len(steps), len(new_steps))):
        yield steps[min(level, len(steps) - 1)], new_steps[min(level, len(new_steps) - 1)]


def _of_scores(old: Lists, new: Lists, name: str) -> Iterator[tuple[float, float]]:
    """Steps at every score that parts them in either, and below all of them."""
    scores, new_scores = old[_STEPS[name]], new[_STEPS[name]]
    for score in {*scores, *new_scores, float("-inf")}:
        before, after = (sum(score < least for least in parted) for parted in (scores, new_scores))
        yield old[name][before], new[name][after]
