"""Many tests at once: p-values that may be read each by itself."""

from __future__ import annotations

import numpy as np

from tasks.model.arrays import Floats, require_finite


def holm(p_values: Floats) -> Floats:
    """p-values of a family, (m,), adjusted so that those at most the level are rejected: one false one at that level.

    Valid whatever the dependence of the tests. Raises ModelInputError NON_FINITE: a test that could not be made is
    left out by the caller, by name. Reference: Holm (1979).
    """
    order = np.argsort(require_finite("p-value", p_values), kind="stable")
    steps = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
