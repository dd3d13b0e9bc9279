"""What a portfolio's tail would be with a trade more, off P&L that is held ready. Reference: METHODOLOGY 4 and 5."""

from __future__ import annotations

import numpy as np

from tasks.model.arrays import Floats, Ints, require_finite
from tasks.model.errors import Finding, ModelInputError
from tasks.model.kernels import smallest_with
from tasks.model.pricing.cube import Cube
from tasks.model.risk.tail import Tail, mean_of_worst, wanted


def tail_with(pnl: Floats, cube: Cube, contract_index: Ints, quantity: Floats, confidence: float) -> Tail:
    """Tail of one portfolio after a trade of one or more legs; nothing is priced again.

    pnl: its row of `profit.sum_positions` off this cube; contract_index, quantity: (legs,) contracts, long > 0.
    Raises ModelInputError NON_FINITE, SHAPE, NO_SCENARIOS or CONFIDENCE.
    """
    n = cube.n_scenarios
    worst = np.empty(wanted(n, confidence))
    if not (len(pnl) == len(cube.blocks) * cube.blocks.shape[2] and len(contract_index) == len(quantity)):
        raise ModelInputError(Finding("SHAPE", "P&L and legs do not fit the cube"))
    if not all(0 <= leg < cube.n_contracts for leg in contract_index.tolist()):
        raise ModelInputError(Finding("SHAPE", "a leg is in no contract of the cube"))
    position = smallest_with(pnl, n, cube.blocks, contract_index, quantity, np.empty_like(pnl), worst)
    if position < 0:
        require_finite("loss", worst)
    return Tail(mean_of_worst(worst, n, confidence), np.asarray(position, dtype=np.int64))
