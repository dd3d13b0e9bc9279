"""Mean of a series that remembers: its error from the means of stretches long enough to forget each other.

Reference: Conway (1963); Schmeiser (1982).
"""

from __future__ import annotations

import math

import numpy as np

from tasks.model.arrays import Floats, require_finite
from tasks.model.assurance.calibration.estimate import Figure, require_enough, student_figure

LEAST_BATCHES = 5


def batch_mean(values: Floats, length: int, level: float) -> Figure:
    """Mean of the latest whole batches of `length` values, (n,), with Student's interval over their means.

    Raises ModelInputError NON_FINITE; NO_OBSERVATIONS for fewer than five batches.
    """
    count = len(require_finite("value", values)) // length
    require_enough("batches", count, LEAST_BATCHES)
    kept = values[len(values) - count * length :]
    means = kept.reshape(count, length).mean(axis=1)
    centred = means - means.mean()
    error = math.sqrt(float(centred @ centred) / (count - 1) / count)
    figure = student_figure(float(np.mean(means)), error, count - 1, level, len(kept))
    return figure._replace(method="asymptotic")
