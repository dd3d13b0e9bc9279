"""The dynamic quantile test: whether breaches can be told from earlier breaches or from what was known that day.

Reference: Engle and Manganelli (2004).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import stats

from tasks.model.arrays import Bools, Floats, require_finite
from tasks.model.assurance.breaches import require_days
from tasks.model.assurance.chain import Chain
from tasks.model.assurance.verdict import Plan, Verdict, drawn_p
from tasks.model.errors import Finding, ModelInputError

DRAWS = 1_999  # of the Monte Carlo test: level (draws + 1) is whole at 5 % and 1 %
_BATCH = 1 << 17  # elements drawn at once: so few stay near the processor
_SINGULAR = 1e-9  # of the largest: a direction this small is no direction


def dynamic_quantile(breaches: Bools, plan: Plan, seed: int, known: Floats | None = None, lags: int = 4) -> Verdict:
    """The dynamic quantile test of n days, (n,), two-sided, on a constant, the last `lags` days and what was known.

    known: (n, k) regressors known before each day, such as its forecast; those of the first `lags` days are not used.
    The degrees of freedom are the rank of all regressors: a constant forecast or no breach adds none.
    The exact p-value is that among paths drawn where the margin is right. Without `known` it rejects such a margin no
    more often than its level; with it, the regressors are taken as given, though a forecast may follow breaches.
    Raises ModelInputError NO_OBSERVATIONS; SHAPE, NON_FINITE of `known`.
    """
    n = require_days(len(breaches), lags + 2)
    basis = _basis(n, lags, known)
    statistic, rank = _statistic(breaches[None], plan.probability, lags, basis)
    null, power = _of_breaches_alone(n, plan, seed, lags) if known is None else _drawn(n, plan, seed, lags, basis)
    return Verdict(
        "DQ",
        "two",
        float(statistic[0]),
        int(rank[0]),
        float(stats.chi2.sf(statistic[0], rank[0])),
        float(drawn_p(statistic, null)[0]),
        float(drawn_p(statistic, null, strictly=True)[0]),
        "drawn",
        plan.level,
        power,
        plan.clustered.name,
    )


@lru_cache(maxsize=32)
def _of_breaches_alone(n: int, plan: Plan, seed: int, lags: int) -> tuple[Floats, float]:
    """The same for every account of as many days."""
    return _drawn(n, plan, seed, lags, _basis(n, lags, None))


def _drawn(n: int, plan: Plan, seed: int, lags: int, basis: Floats) -> tuple[Floats, float]:
    """Statistics of paths where the margin is right, (DRAWS,), and the power."""
    null = _of_chain(n, plan.null, plan.probability, lags, seed, basis)
    other = _of_chain(n, plan.clustered, plan.probability, lags, seed + 1, basis)
    return np.sort(null), float(np.mean(drawn_p(other, null) <= plan.level))


def _of_chain(n: int, chain: Chain, probability: float, lags: int, seed: int, basis: Floats) -> Floats:
    """Statistics of drawn paths, (DRAWS,)."""
    rng = np.random.default_rng(seed)
    sizes = np.diff(np.append(np.arange(0, DRAWS, max(_BATCH // n, 1)), DRAWS))
    parts = (_statistic(chain.draw(int(size), n, rng), probability, lags, basis)[0] for size in sizes)
    return np.concatenate(list(parts))


def _basis(n: int, lags: int, known: Floats | None) -> Floats:
    """Orthonormal directions of the constant and what was known, (n - lags, rank): the same for every path."""
    columns = np.ones((n - lags, 1))
    if known is not None:
        if known.ndim != 2 or len(known) != n:
            raise ModelInputError(
                Finding("SHAPE", "regressors for every day", value=str(known.shape), limit=f"({n}, k)")
            )
        columns = np.hstack([columns, require_finite("regressor", known)[lags:]])
    # Columns may be dollars or fractions: each counts alike.
    size = np.linalg.norm(columns, axis=0)
    directions, strength, _ = np.linalg.svd(columns / np.where(size > 0.0, size, 1.0), full_matrices=False)
    return np.asarray(directions[:, strength > _SINGULAR * strength[0]])


def _statistic(breaches: Bools, probability: float, lags: int, basis: Floats) -> tuple[Floats, Floats]:
    """H' P H / (p (1 - p)) with P the projection on all regressors, and its rank: (paths, n) -> (paths,) each.

    What the basis explains is taken out of the lagged breaches first, which leaves small systems of `lags` unknowns.
    """
    hits = np.subtract(breaches, probability, dtype=np.float64)
    today = hits[:, lags:]
    lagged: list[Floats] = [hits[:, lags - lag : hits.shape[1] - lag] for lag in range(1, lags + 1)]
    explained, *earlier = (np.asarray(each @ basis, dtype=np.float64) for each in (today, *lagged))
    gram = np.array([[_inner(a, b) for b in lagged] for a in lagged]) - np.array(
        [[_inner(a, b) for b in earlier] for a in earlier]
    )
    toward = np.array([_inner(a, today) - _inner(b, explained) for a, b in zip(lagged, earlier, strict=True)])
    more, rank = _solved(gram.transpose(2, 0, 1), toward.T)
    return (_inner(explained, explained) + more) / (probability * (1.0 - probability)), rank + basis.shape[1]


def _inner(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.einsum("pd,pd->p", a, b))


def _solved(gram: Floats, toward: Floats) -> tuple[Floats, Floats]:
    """toward' gram^+ toward, and the rank of gram: (paths, lags, lags), (paths, lags) -> (paths,) each."""
    strength, directions = np.linalg.eigh(gram)
    kept = strength > np.maximum(_SINGULAR * strength[:, -1:], _SINGULAR)
    along = np.einsum("pij,pi->pj", directions, toward)
    return (np.where(kept, along**2, 0.0) / np.where(kept, strength, 1.0)).sum(axis=1), kept.sum(axis=1)
