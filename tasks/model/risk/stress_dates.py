"""Which dates are stressed: chosen by rule from the anchors' history, never by name, because names are hindsight.

Events are chosen on refresh days of a fixed calendar grid counted from the policy's `since`, so the set moves at most
once in `refresh_days` and does not depend on when a cycle first ran. A named window is an exception with a date: it
enters by a policy change and from its active date on. Reference: METHODOLOGY 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tasks.model.arrays import Bools, Closes, Floats, Ints
from tasks.model.errors import Finding, ModelInputError
from tasks.model.policy import Policy, Stress, StressWindows


def usable_anchors(closes: Closes, policy: Policy) -> tuple[str, ...]:
    """Anchors of the policy that have closes, in the policy's order. Raises ModelInputError HISTORY_SHORT if none."""
    anchors = tuple(name for name in policy.stress.anchors if name in closes.underlyings)
    if not anchors:
        raise ModelInputError(
            Finding(
                "HISTORY_SHORT",
                "no anchor of the stressed scenarios has history",
                where=" ".join(policy.stress.anchors),
                value="0 days",
                action="deliver an anchor's closes",
            )
        )
    return anchors


def stressed_starts(closes: Closes, returns: Mapping[str, Floats], periods: Mapping[str, int], policy: Policy) -> Ints:
    """Positions on the joint calendar whose scenario ends within `window_days` of an event's end, ascending.

    Start dates of named windows that are active at T join them.

    returns: h-day return by start day, (n_days,), of each anchor; periods: its h in days.
    """
    near = np.zeros(len(closes.dates), dtype=np.bool_)
    last = _last_known(closes, policy.stress)
    for name, moves in returns.items():
        first = int((np.datetime64(policy.stress.since) - closes.dates[0]).astype(int))
        for start in largest_moves(moves, first, last - periods[name], policy.stress):
            # Events and scenarios of an anchor run over the same period: starts are as far apart as ends.
            near[max(start - policy.stress.window_days, 0) : start + policy.stress.window_days + 1] = True
    return np.flatnonzero(near | _in_named_windows(closes, policy.stress.windows))


def largest_moves(moves: Floats, first: int, last: int, stress: Stress) -> list[int]:
    """Start positions of the largest absolute returns within [first, last], the largest first.

    Greedy: a move closer than `spacing_days` to a larger one is passed over; of equals the earlier counts as larger.
    moves: (n_days,), NaN = no return.
    """
    within = np.arange(max(first, 0), min(last + 1, len(moves)))
    known = within[~np.isnan(moves[within])]
    chosen: list[int] = []
    for position in known[np.argsort(-np.abs(moves[known]), kind="stable")].tolist():
        if all(abs(position - other) >= stress.spacing_days for other in chosen):
            chosen.append(position)
        if len(chosen) == stress.events_per_anchor:
            break
    return chosen


def _in_named_windows(closes: Closes, windows: StressWindows) -> Bools:
    """(n_days,) whether a day starts a scenario of a window that is active on the last day."""
    near = np.zeros(len(closes.dates), dtype=np.bool_)
    for first, last, active in zip(windows.first, windows.last, windows.active_from, strict=True):
        if np.datetime64(active) <= closes.dates[-1]:
            near |= (closes.dates >= np.datetime64(first)) & (closes.dates <= np.datetime64(last))
    return near


def _last_known(closes: Closes, stress: Stress) -> int:
    """Position of the last day whose move counts as known: `known_days` before the latest refresh day up to T."""
    today = int((closes.dates[-1] - np.datetime64(stress.since)).astype(int))
    refreshed = today - today % stress.refresh_days
    return len(closes.dates) - 1 - (today - refreshed) - stress.known_days
