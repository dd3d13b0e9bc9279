"""From scenarios to states: what a scenario of returns does to spot, forwards and the smile of some contracts.

Reference: METHODOLOGY 3.1, 3.2 and 3.4.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tasks.model.arrays import Contracts, Floats, ScenarioSet, States
from tasks.model.errors import Finding, ModelInputError
from tasks.model.policy import Policy

_REFERENCE_TENOR_DAYS = 30.0


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
