"""Every path of a few days, one by one, and the tests of coverage in plain Python: what the fast ones must equal."""

from __future__ import annotations

import itertools
import math

import numpy as np


def paths(n):
    """All 2^n paths as tuples of 0 and 1."""
    return list(itertools.product((0, 1), repeat=n))


def probability(path, start, after_none, after_breach):
    """Of one path, day by day."""
    found = start if path[0] else 1 - start
    for before, day in itertools.pairwise(path):
        often = after_breach if before else after_none
        found *= often if day else 1 - often
    return found


def log_likelihood(without, breaches, often):
    """0 ln 0 is 0."""
    found = breaches * math.log(often) if breaches else 0.0
    return found + (without * math.log(1 - often) if without else 0.0)


def at_best(without, breaches):
    days = without + breaches
    return log_likelihood(without, breaches, breaches / days) if days else 0.0


def pof(path, p):
    x, n = sum(path), len(path)
    return 2 * (at_best(n - x, x) - log_likelihood(n - x, x, p))


def moves(path):
    count = {(a, b): 0 for a in (0, 1) for b in (0, 1)}
    for pair in itertools.pairwise(path):
        count[pair] += 1
    return count


def ind(path):
    count = moves(path)
    split = at_best(count[0, 0], count[0, 1]) + at_best(count[1, 0], count[1, 1])
    return 2 * (split - at_best(count[0, 0] + count[1, 0], count[0, 1] + count[1, 1]))


def clustered(path):
    count = moves(path)
    after_none, after_breach = count[0, 0] + count[0, 1], count[1, 0] + count[1, 1]
    return bool(after_none and after_breach and count[1, 1] / after_breach > count[0, 1] / after_none)


def waiting(days, p):
    return 2 * (at_best(days - 1, 1) - log_likelihood(days - 1, 1, p))


def first(path, p):
    """Ratio of the first breach, or of there being none."""
    return waiting(path.index(1) + 1, p) if any(path) else -2 * len(path) * math.log(1 - p)


def between(path, p):
    """Sum of the ratios of all gaps, and their number."""
    days = [-1, *(day for day, breach in enumerate(path) if breach)]
    gaps = [later - earlier for earlier, later in itertools.pairwise(days)]
    return sum(waiting(gap, p) for gap in gaps), len(gaps)


def dq(path, p, lags, known=None):
    """The projection by least squares on all regressors, day by day."""
    hits = np.array(path, dtype=float) - p
    rows = [
        [1.0, *(hits[day - lag] for lag in range(1, lags + 1)), *([] if known is None else known[day])]
        for day in range(lags, len(path))
    ]
    regressors, today = np.array(rows), hits[lags:]
    fitted = regressors @ np.linalg.lstsq(regressors, today, rcond=1e-9)[0]
    return float(fitted @ fitted) / (p * (1 - p)), int(np.linalg.matrix_rank(regressors, tol=1e-8))


def tail(observed, statistics, weights, strictly=False):
    """Weight of the statistics at least as large as the observed one; equal ones may differ by a rounding."""
    slack = 1e-8 if strictly else -1e-8
    return sum(w for s, w in zip(statistics, weights, strict=True) if s >= observed + slack)
