"""From scenarios to states: what a scenario of returns does to spot, forwards and the smile of some contracts.

Reference: METHODOLOGY 3.1, 3.2 and 3.4.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tasks.model import kernels
from tasks.model.arrays import Contracts, Floats, ScenarioSet, Slices, States, require_finite
from tasks.model.errors import Finding, ModelInputError
from tasks.model.policy import Policy, VolProxy
from tasks.model.pricing.cube import padded
from tasks.model.risk import observed

_REFERENCE_TENOR_DAYS = 30.0


def states_of(contracts: Contracts, scenario_set: ScenarioSet, policy: Policy) -> States:
    """States of a scenario set: spot moves by its return, volatility and basis as observed, else as declared.

    Volatility moves by the proxy of `vol_moves` where no move of it was observed, the basis not at all.
    Raises ModelInputError UNKNOWN_UNDERLYING where the set lacks an underlying of the contracts.
    """
    rows = _rows_of(contracts.underlyings, scenario_set)
    spot_return = scenario_set.spot_return[rows]
    level = vol_moves(contracts, spot_return, scenario_set, policy)
    if len(scenario_set.vol_observed.days):
        seen = _observed_vol(contracts.slices, rows, scenario_set, policy.vol_proxy)
        level = np.where(np.isnan(seen), level, seen)
    moved = replace(
        States.still(contracts, len(scenario_set.ids)),
        spot_factor=kernels.exp(spot_return),
        level=kernels.exp(level),
    )
    if not len(scenario_set.basis_observed.days):
        return moved
    return replace(moved, basis_factor=kernels.exp(_observed_basis(contracts.slices, rows, scenario_set)))


def vol_moves(contracts: Contracts, spot_return: Floats, scenario_set: ScenarioSet, policy: Policy) -> Floats:
    """Log move of the volatility level of each slice in each scenario, (n_slices, n_scenarios).

    Falls of spot raise volatility by beta_down, rises move it by beta_up, both read at 30 days and growing towards
    expiry as (30 / days)^power; noise keeps volatility from being a function of spot; no move beyond largest_move.
    spot_return: (n_underlyings, n_scenarios), rows in the order of contracts.underlyings.
    """
    moved = np.empty((len(contracts.slices.days), spot_return.shape[1]))
    kernels.vol_moves(0, _proxy(contracts, spot_return, scenario_set.vol_score, policy), moved)
    return moved


def proxy_of(contracts: Contracts, scenario_set: ScenarioSet, policy: Policy) -> kernels.VolProxy:
    """What `states_of` computes states from where spot alone was observed, padded with scenarios in which it is still.

    Raises ModelInputError UNKNOWN_UNDERLYING as `states_of`, NON_FINITE for a return or a score that is missing, SHAPE
    where moves of volatility or of the basis were observed.
    """
    rows, n = _rows_of(contracts.underlyings, scenario_set), len(scenario_set.ids)
    if len(scenario_set.vol_observed.days) or len(scenario_set.basis_observed.days):
        raise ModelInputError(
            Finding("SHAPE", "more than spot was observed", where=scenario_set.name, action="revalue its states")
        )
    spot_return, score = np.zeros((len(rows), padded(n))), np.zeros(padded(n))
    spot_return[:, :n], score[:n] = scenario_set.spot_return[rows], scenario_set.vol_score
    if not kernels.all_within(spot_return.reshape(-1), *kernels.EXP_RANGE):
        require_finite("return", scenario_set.spot_return, scenario_set.underlyings)
        raise ModelInputError(Finding("NON_FINITE", "a return is beyond reason", where=scenario_set.name))
    require_finite("score of the volatility proxy", score)
    return _proxy(contracts, spot_return, score, policy)


def _proxy(contracts: Contracts, spot_return: Floats, score: Floats, policy: Policy) -> kernels.VolProxy:
    proxy, slices, names = policy.vol_proxy, contracts.slices, contracts.underlyings
    # No option stands on the slice of a perpetual: any tenor serves there, as long as it is a number.
    dated = np.where(np.isfinite(slices.days), slices.days, _REFERENCE_TENOR_DAYS)
    days = np.maximum(dated, proxy.shortest_tenor_days)
    return kernels.VolProxy(
        spot_return=np.ascontiguousarray(spot_return, dtype=np.float64),
        score=np.ascontiguousarray(score, dtype=np.float64),
        fall=np.array([proxy.beta_down[name] for name in names], dtype=np.float64),
        rise=np.array([proxy.beta_up[name] for name in names], dtype=np.float64),
        noise=float(proxy.noise),
        underlying=slices.underlying,
        tenor=kernels.exp(proxy.tenor_power * kernels.log(_REFERENCE_TENOR_DAYS / days)),
        largest=float(proxy.largest_move),
    )


def _observed_vol(slices: Slices, rows: list[int], scenario_set: ScenarioSet, proxy: VolProxy) -> Floats:
    """(n_slices, n_scenarios) observed log move of the level, NaN where there is none.

    Between the tenors observed in a scenario it is read off them. Beyond them the nearest one's move grows towards
    expiry as the proxy's does, and no further than the largest move of the proxy.
    """
    found = np.full((len(slices.days), len(scenario_set.ids)), np.nan)
    for position, row in enumerate(rows):
        at = np.flatnonzero((slices.underlying == position) & np.isfinite(slices.days))
        days = np.maximum(slices.days[at], proxy.shortest_tenor_days)
        for scenarios, tenors, seen in observed.by_tenors_seen(scenario_set.vol_observed, row):
            growth = (np.clip(days, tenors[0], tenors[-1]) / days)[:, None] ** proxy.tenor_power
            move = growth * observed.at_tenors(tenors, seen, days)
            capped = np.clip(move, -proxy.largest_move, proxy.largest_move)
            found[np.ix_(at, scenarios)] = np.where(growth == 1.0, move, capped)
    return found


def _observed_basis(slices: Slices, rows: list[int], scenario_set: ScenarioSet) -> Floats:
    """(n_slices, n_scenarios) observed move of ln(F / S), 0 where there is none; linear to 0 below seven days."""
    moves = scenario_set.basis_observed
    found = np.zeros((len(slices.days), len(scenario_set.ids)))
    for position, row in enumerate(rows):
        own = slices.underlying == position
        dated, perpetual = np.flatnonzero(own & np.isfinite(slices.days)), np.flatnonzero(own & np.isinf(slices.days))
        days = np.maximum(slices.days[dated], 0.0)
        near = np.minimum(days / observed.SHORTEST_BASIS_DAYS, 1.0)[:, None]
        for scenarios, tenors, seen in observed.by_tenors_seen(moves, row):
            at = observed.at_tenors(tenors, seen, np.maximum(days, observed.SHORTEST_BASIS_DAYS))
            found[np.ix_(dated, scenarios)] = near * at
        for tenor in np.flatnonzero(np.isinf(moves.days)):
            found[perpetual] = np.nan_to_num(moves.move[row, tenor], nan=0.0)
    return found


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
