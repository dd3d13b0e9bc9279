"""How the parts of a portfolio margin become one figure.

    max(max(alternatives) + additions, floor)

Alternatives are answers to the same question, of which the worst holds; additions answer others and come on top; the
floor is what a position costs at the least. Reference: the risk units of OKX; SPAN's scan risk, charges and short
option minimum.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.model.arrays import Floats, require_finite


def composed(alternatives: Sequence[Floats], additions: Sequence[Floats], floor: float | Floats = 0.0) -> Floats:
    """Charge of each unit. All shaped alike or broadcasting, >= 0. Raises ModelInputError NON_FINITE."""
    for each in (*alternatives, *additions, np.asarray(floor)):
        require_finite("part of a margin", np.asarray(each))
    worst = np.max(np.stack(np.broadcast_arrays(*alternatives)), axis=0)
    for each in additions:
        worst = worst + each
    return np.asarray(np.maximum(worst, floor))
