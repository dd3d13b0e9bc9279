"""Profit and loss under scenarios: per contract (U), then per portfolio (Q U).

Each contract is revalued once per scenario and a portfolio is one sparse row of quantities, so cost grows with
positions. Sums run in the order of the rows handed in, which the caller sorts by key. Reference: METHODOLOGY 3.4, 4.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array

from tasks.model.arrays import Contracts, Floats, Ints, ScenarioSet, States, require_finite
from tasks.model.errors import Finding, ModelInputError
from tasks.model.policy import Policy
from tasks.model.pricing.revaluation import revalue

_REFERENCE_TENOR_DAYS = 30.0


def unit_pnl(contracts: Contracts, scenario_set: ScenarioSet, policy: Policy) -> Floats:
    """USD per one contract long in each scenario, (n_contracts, n_scenarios); gain > 0.

    Raises ModelInputError UNKNOWN_UNDERLYING where the set lacks an underlying of the contracts.
    """
    return revalue(contracts, states_of(contracts, scenario_set, policy))


def states_of(contracts: Contracts, scenario_set: ScenarioSet, policy: Policy) -> States:
    """States of a scenario set: spot moves by its return, implied volatility by the proxy of `vol_moves`."""
    spot_return = scenario_set.spot_return[_rows_of(contracts.underlyings, scenario_set)]
    level = np.exp(vol_moves(contracts, spot_return, scenario_set, policy))
    still = States.still(contracts, len(scenario_set.ids))
    return replace(still, spot_factor=np.exp(spot_return), level=level)


def vol_moves(contracts: Contracts, spot_return: Floats, scenario_set: ScenarioSet, policy: Policy) -> Floats:
    """Log move of the volatility level of each slice in each scenario, (n_slices, n_scenarios).

    Falls of spot raise volatility by beta_down, rises move it by beta_up, both read at 30 days and growing towards
    expiry as (30 / days)^power; noise keeps volatility from being a function of spot; no move beyond largest_move.
    spot_return: (n_underlyings, n_scenarios), rows in the order of contracts.underlyings.
    """
    proxy, slices = policy.vol_proxy, contracts.slices
    names = [contracts.underlyings[position] for position in slices.underlying]
    beta_down = np.array([proxy.beta_down[name] for name in names])[:, None]
    beta_up = np.array([proxy.beta_up[name] for name in names])[:, None]
    days = np.maximum(slices.days, proxy.shortest_tenor_days)[:, None]
    move = spot_return[slices.underlying]
    level = beta_down * np.minimum(move, 0.0) + beta_up * np.maximum(move, 0.0) + proxy.noise * scenario_set.vol_score
    tenor = (_REFERENCE_TENOR_DAYS / days) ** proxy.tenor_power
    return np.asarray(np.clip(tenor * level, -proxy.largest_move, proxy.largest_move))


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


def _rows_of(underlyings: tuple[str, ...], scenario_set: ScenarioSet) -> list[int]:
    missing = [name for name in underlyings if name not in scenario_set.underlyings]
    if missing:
        raise ModelInputError(
            Finding(
                "UNKNOWN_UNDERLYING",
                "the scenario set lacks an underlying of the book",
                where=scenario_set.name,
                value=" ".join(missing),
                action="ask for scenarios of every underlying held",
            )
        )
    return [scenario_set.underlyings.index(name) for name in underlyings]
