"""Profit and loss under scenarios: per contract (U), then per portfolio (Q U).

Each contract is revalued once per scenario and a portfolio is one sparse row of quantities, so cost grows with
positions. Sums run in the order of the rows handed in, which the caller sorts by key. Reference: METHODOLOGY 3.4, 4.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from tasks.model.arrays import Contracts, Floats, Ints, ScenarioSet, require_finite
from tasks.model.errors import Finding, ModelInputError
from tasks.model.policy import Policy
from tasks.model.pricing.revaluation import revalue
from tasks.model.risk.states import states_of


def unit_pnl(contracts: Contracts, scenario_set: ScenarioSet, policy: Policy) -> Floats:
    """USD per one contract long in each scenario, (n_contracts, n_scenarios); gain > 0.

    Raises ModelInputError UNKNOWN_UNDERLYING where the set lacks an underlying of the contracts.
    """
    return revalue(contracts, states_of(contracts, scenario_set, policy))


def portfolio_pnl(pointer: Ints, contract_index: Ints, quantity: Floats, unit_pnl: Floats) -> Floats:
    """USD per portfolio and scenario, (n_portfolios, n_scenarios): quantity times unit P&L, summed in row order.

    Compressed sparse rows: portfolio p holds entries pointer[p] to pointer[p + 1] of contract_index and quantity
    (contracts, long > 0). unit_pnl: (n_contracts, n_scenarios). Raises ModelInputError NON_FINITE or SHAPE.
    """
    require_finite("quantity", quantity)
    require_finite("unit P&L", unit_pnl)
    _require_sparse(pointer, contract_index, quantity, unit_pnl)
    holdings = csr_array((quantity, contract_index, pointer), shape=(len(pointer) - 1, unit_pnl.shape[0]))
    return np.asarray(holdings @ unit_pnl, dtype=np.float64)


def _require_sparse(pointer: Ints, contract_index: Ints, quantity: Floats, unit_pnl: Floats) -> None:
    within = not len(contract_index) or (contract_index.min() >= 0 and contract_index.max() < unit_pnl.shape[0])
    ordered = pointer[0] == 0 and pointer[-1] == len(quantity) and bool((np.diff(pointer) >= 0).all())
    if not (within and ordered and len(contract_index) == len(quantity)):
        raise ModelInputError(Finding("SHAPE", "positions do not fit the portfolios or the contracts"))
