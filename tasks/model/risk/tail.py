"""Tail measures of a loss sample. Loss = -P&L, so a loss is > 0; nothing is interpolated.

A sample with a missing number has no tail: everything here raises on NaN and infinity. Results do not depend on the
order of the scenarios, bit for bit. Reference: METHODOLOGY 0 (quantile, ES); Acerbi and Tasche (2002);
Rockafellar and Uryasev (2002).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tasks.model import kernels
from tasks.model.arrays import Floats, Ints, require_finite
from tasks.model.errors import Finding, ModelInputError

_WHOLE = 9  # decimals that decide whether a count like (n + 1) c is whole: 0.975 is no binary number


class Tail(NamedTuple):
    """Of r rows."""

    shortfall: Floats  # (r,) expected shortfall, loss > 0
    worst: Ints  # (r,) position of the largest loss, the first of equals


class Rung(NamedTuple):
    """Of r rows at one confidence."""

    shortfall: Floats  # (r,) expected shortfall, loss > 0
    value_at_risk: Floats  # (r,)


def value_at_risk(losses: Floats, confidence: float) -> Floats:
    """The ceil((n + 1) c)-th smallest of n losses, the largest at most: coverage holds at finite n.

    losses: (..., n). Returns (...). Raises ModelInputError NON_FINITE, NO_SCENARIOS, CONFIDENCE.
    """
    n = losses.shape[-1]
    _require_sample(n, confidence)
    return 0.0 - _smallest(0.0 - losses, n - _rank(n, confidence) + 1)[..., -1]


def expected_shortfall(losses: Floats, confidence: float) -> Floats:
    """Mean of the worst k = n (1 - c) losses; the boundary one enters with the fraction of it that belongs to k.

    losses: (..., n), each row a portfolio. Returns (...). Raises as `value_at_risk`.
    """
    n = losses.shape[-1]
    return mean_of_worst(_smallest(0.0 - losses, wanted(n, confidence)), n, confidence)


def tails(pnl: Floats, n: int, confidence: float, threads: int = 1) -> Tail:
    """Expected shortfall and worst scenario of the first n columns of P&L, (r, at least n), contiguous, gain > 0.

    The same bits for any number of threads. Raises as `value_at_risk`, and SHAPE where there are fewer columns.
    """
    worst, position = smallest(pnl, n, wanted(n, confidence), threads=threads)
    return Tail(mean_of_worst(worst, n, confidence), position)


def smallest(pnl: Floats, n: int, count: int, begin: int = 0, threads: int = 1) -> tuple[Floats, Ints]:
    """The smallest numbers of n columns of each row, ascending, (r, count), and where the first of them stands, (r,).

    Columns and positions count from `begin`; count is at most n. The same bits for any number of threads.
    Raises ModelInputError NON_FINITE, and SHAPE where there are fewer columns.
    """
    if pnl.ndim != 2 or pnl.shape[1] < begin + n:
        raise ModelInputError(Finding("SHAPE", "P&L of fewer scenarios than asked for", value=str(pnl.shape)))
    rows = np.ascontiguousarray(pnl, dtype=np.float64)
    worst, position = np.empty((len(rows), count)), np.empty(len(rows), dtype=np.int64)
    kernels.in_parts(lambda a, b: kernels.smallest(a, b, rows, begin, n, worst, position), len(rows), threads)
    return require_finite("loss", worst), position


def rungs(pnl: Floats, n: int, confidences: Sequence[float]) -> list[Rung]:
    """Tails of the first n columns of P&L, (r, at least n), contiguous, at several confidences, in one search.

    Each is what `tails` and `value_at_risk` give alone, to the bit. Raises as they do.
    """
    worst, _ = smallest(pnl, n, max(wanted(n, each) for each in confidences))
    return [Rung(mean_of_worst(worst, n, each), np.asarray(0.0 - worst[:, n - _rank(n, each)])) for each in confidences]


def tail_weights(losses: Floats, confidence: float) -> Floats:
    """Weight of each of n losses in their expected shortfall, (n,), summing to 1; of equal losses the first count.

    1 / k for each of the worst and the fraction left for the boundary one, k = n (1 - c), so that the weighted sum is
    the shortfall. Raises as `value_at_risk`.
    """
    n = losses.shape[-1]
    _require_sample(n, confidence)
    k, whole = _tail_size(n, confidence)
    order = np.argsort(-require_finite("loss", losses), kind="stable")
    weights = np.zeros(n)
    weights[order[:whole]] = 1.0 / k
    weights[order[whole]] = (k - whole) / k
    return weights


def wanted(n: int, confidence: float) -> int:
    """How many of n losses an expected shortfall is made of. Raises ModelInputError NO_SCENARIOS, CONFIDENCE."""
    _require_sample(n, confidence)
    return _tail_size(n, confidence)[1] + 1


def mean_of_worst(worst: Floats, n: int, confidence: float) -> Floats:
    """Expected shortfall of n losses from the `wanted` smallest P&L, ascending: (..., wanted) -> (...)."""
    k, whole = _tail_size(n, confidence)
    total = np.add.reduce(np.ascontiguousarray(worst[..., :whole]), axis=-1) + (k - whole) * worst[..., whole]
    return np.asarray(0.0 - total / k)


def worst(losses: Floats) -> Ints:
    """Position of the largest loss along the last axis, the first of equals: (..., n) -> (...). Raises NON_FINITE."""
    if not losses.shape[-1]:
        raise ModelInputError(Finding("NO_SCENARIOS", "there is no worst of no scenarios"))
    return np.asarray(np.argmax(require_finite("loss", losses), axis=-1), dtype=np.int64)


def _rank(n: int, confidence: float) -> int:
    """Place of the quantile among n losses, the smallest having 1."""
    return min(math.ceil(round((n + 1) * confidence, _WHOLE)), n)


def _tail_size(n: int, confidence: float) -> tuple[float, int]:
    """k = n (1 - c), and how many losses belong to it whole. However near c is to 1, k is something of one loss."""
    k = max(round(n * (1.0 - confidence), _WHOLE), 10.0**-_WHOLE)
    return k, min(math.floor(k), n - 1)


def _smallest(pnl: Floats, count: int) -> Floats:
    """The smallest numbers of each row, ascending: (..., n) -> (..., count). Raises ModelInputError NON_FINITE."""
    n = pnl.shape[-1]
    return smallest(pnl.reshape(-1, n), n, count)[0].reshape(*pnl.shape[:-1], count)


def _require_sample(n: int, confidence: float) -> None:
    if not n:
        raise ModelInputError(Finding("NO_SCENARIOS", "a tail needs at least one scenario"))
    if not 0.0 < confidence < 1.0:
        raise ModelInputError(
            Finding("CONFIDENCE", "a confidence is a fraction", value=str(confidence), limit="0 to 1, both excluded")
        )
