"""The exact law of what tests of independence read off n days of breaches, by counting paths.

Paths with the same breaches, runs of breaches, first and last day have the same transitions, and so the same
likelihood under every chain and the same statistics. x breaches in r runs among z other days in s runs are
C(x - 1, r - 1) C(z - 1, s - 1) paths, s = r + 1 - first - last. Their number grows with n squared, that of the paths
with 2^n. Reference: Mood (1940), on runs; Christoffersen (1998), on the statistics.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, xlogy

from tasks.model.arrays import Floats, Ints
from tasks.model.assurance.breaches import Transitions
from tasks.model.assurance.chain import Chain


@dataclass(frozen=True)
class PathLaw:
    """Kinds of paths of n days, m of them, each a number of paths that no test can tell apart."""

    n: int
    breaches: Ints  # (m,) ascending
    first: Ints  # (m,) 1 where the first day is a breach
    transitions: Transitions  # of (m,) each
    log_paths: Floats  # (m,) logarithm of how many paths are of the kind

    def probability(self, chain: Chain) -> Floats:
        """Of each kind, (m,). Sums to 1 up to the kinds with more breaches than the law was made for."""
        of = self.transitions
        start = np.where(self.first, math.log(chain.probability), math.log1p(-chain.probability))
        after_none = xlogy(of.n01, chain.after_none) + xlogy(of.n00, 1.0 - chain.after_none)
        after_breach = xlogy(of.n11, chain.after_breach) + xlogy(of.n10, 1.0 - chain.after_breach)
        return np.asarray(np.exp(self.log_paths + start + after_none + after_breach))

    def given_breaches(self) -> Floats:
        """Of each kind among the paths with as many breaches, (m,), if days are alike: it needs no probability."""
        x = self.breaches
        return np.asarray(np.exp(self.log_paths - _log_choose(np.full_like(x, self.n), x)))


def path_law(n: int, fewest: int, most: int) -> PathLaw:
    """All kinds of paths of n days with fewest to most breaches."""
    x, r, first, last = (each.ravel() for each in np.meshgrid(np.arange(fewest, most + 1), *_shapes(n, most)))
    z, s = n - x, r + 1 - first - last
    none, some = (x == 0) & (r == 0) & (first + last == 0), (r >= 1) & (r <= x)
    kept = np.flatnonzero(none | (some & np.where(z > 0, (s >= 1) & (s <= z), s == 0)))
    kept = kept[np.argsort(x[kept], kind="stable")]
    x, r, first, last, z, s = (each[kept] for each in (x, r, first, last, z, s))
    # Days of one kind alone are one path; the general count would ask for C(-1, .).
    log_paths = np.where(x > 0, _log_choose(x - 1, r - 1), 0.0) + np.where(z > 0, _log_choose(z - 1, s - 1), 0.0)
    return PathLaw(n, x, first, Transitions(z - s, r - first, r - last, x - r), log_paths)


def most_breaches(n: int, *chains: Chain) -> int:
    """So many breaches in n days that more of them are out of the question under every chain (below 1e-12)."""
    return min(n, max(math.ceil(_far_out(n, chain)) for chain in chains))


def _far_out(n: int, chain: Chain) -> float:
    wider = (1.0 + abs(chain.persistence)) / (1.0 - abs(chain.persistence))
    mean = n * chain.probability
    return mean + 9.0 * math.sqrt(mean * wider) + 30.0 * wider


def _shapes(n: int, most: int) -> tuple[Ints, Ints, Ints]:
    """Runs of breaches, first day, last day."""
    return np.arange(min(most, n // 2 + 1) + 1), np.arange(2), np.arange(2)


def _log_choose(n: Ints, k: Ints) -> Floats:
    # Outside of 0 <= k <= n only where the caller throws the figure away.
    inside = (k >= 0) & (k <= n)
    n, k = np.where(inside, n, 0), np.where(inside, k, 0)
    return np.asarray(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0))
