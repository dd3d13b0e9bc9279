"""The correlation matrix nearest to a symmetric one, for correlations that were edited or estimated pair by pair.

It puts right matrices that a person or another system hands in; the house estimates none, its scenarios keep their
dates. Alternating projections onto the positive semi-definite matrices and those with a unit diagonal, with Dykstra's
correction for the first of them. Reference: Higham (2002).
"""

from __future__ import annotations

import numpy as np

from tasks.model.arrays import Floats, require_finite
from tasks.model.errors import Finding, ModelInputError

_PRECISION = 1e-12  # largest change of a round, relative to the largest entry
_MOST_ROUNDS = 10_000


def nearest_correlation(matrix: Floats) -> Floats:
    """(n, n) with unit diagonal and no negative eigenvalue, nearest in the Frobenius norm to a symmetric matrix.

    Eigenvalues may lie below zero by what rounding leaves. Raises ModelInputError NON_FINITE, or CORRELATION where
    the matrix is not square and symmetric, or where the rounds do not settle.
    """
    given = require_finite("correlation", np.asarray(matrix, dtype=np.float64))
    if given.ndim != 2 or given.shape[0] != given.shape[1] or not np.array_equal(given, given.T):
        raise ModelInputError(Finding("CORRELATION", "a correlation matrix is square and symmetric"))
    nearest, correction = given.copy(), np.zeros_like(given)
    for _ in range(_MOST_ROUNDS):
        before, uncorrected = nearest, nearest - correction
        projected = _without_negative_eigenvalues(uncorrected)
        correction = projected - uncorrected
        nearest = projected.copy()
        np.fill_diagonal(nearest, 1.0)
        if np.abs(nearest - before).max(initial=0.0) <= _PRECISION * np.abs(nearest).max(initial=1.0):
            return nearest
    raise ModelInputError(
        Finding("CORRELATION", "the nearest correlation matrix was not reached", limit=f"{_MOST_ROUNDS} rounds")
    )


def _without_negative_eigenvalues(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    kept = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return np.asarray(0.5 * (kept + kept.T))
