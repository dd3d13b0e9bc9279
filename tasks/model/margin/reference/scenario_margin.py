"""Portfolio margin of one underlying by scenarios that are read expiry by expiry.

    loss         max(worst scenario loss, basis loss);   worst scenario over the points of a grid and the tilts
    maintenance  maintenance factor x loss + charges
    initial      (initial factor + depeg share) x loss + charges + initial charges + prices in doubt

In a scenario every expiry's options are revalued and discounted by their sign (expiry_discount); futures, perpetuals
and collateral that is the underlying itself move beside them; a tilt of the smile is a loss whichever way it goes.
Charges: rates on futures, perpetuals and options nobody covers at their strike, haircuts of the collateral.
Reference: the portfolio margins of Derive, whose first version scales the charges with the loss as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, NamedTuple

import numpy as np

from tasks.model.arrays import DAYS_PER_YEAR, Floats, Ints, States
from tasks.model.margin.reference import contingency
from tasks.model.margin.reference.composition import composed
from tasks.model.margin.reference.contingency import Basis, Depeg, Doubt
from tasks.model.margin.reference.expiry_discount import ExpiryDiscount, Factors, discounted, factors
from tasks.model.margin.reference.holdings import (
    AccountMargin,
    Conditions,
    Holdings,
    account_margin,
    cover_sum,
    forwards,
    option_value,
)
from tasks.model.policy import Bound
from tasks.model.pricing.payoff import option_value_usd
from tasks.model.pricing.revaluation import revalue
from tasks.model.risk.expiries import ExpiryRows, naked_short
from tasks.model.risk.grid import ScenarioGrid, flattened, shocked_pnl
from tasks.model.risk.profit import portfolio_pnl
from tasks.model.risk.skew import Tilt, Wings, tilt_factor

_RATE = Bound(0.0, 10.0, "fraction of spot per unit")
_FACTOR = Bound(0.0, 100.0, "factor on the loss")


@dataclass(frozen=True)
class Charges:
    """Rates on size: the initial ones come on top of the maintenance ones."""

    forward_maintenance: Annotated[float, _RATE]
    forward_initial: Annotated[float, _RATE]
    naked_option_maintenance: Annotated[float, _RATE]
    naked_option_initial: Annotated[float, _RATE]


@dataclass(frozen=True)
class ScenarioRules:
    """Figures of one underlying."""

    grid: ScenarioGrid
    tilts: tuple[Tilt, ...]
    wings: Wings
    discount: ExpiryDiscount
    basis: Basis
    charges: Charges
    maintenance_factor: Annotated[float, _FACTOR]
    initial_factor: Annotated[float, _FACTOR]
    initial_scales_charges: bool
    doubt: Doubt
    depeg: Depeg

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the scenarios: the points of the grid, then the tilts."""
        return (*self.grid.ids, *(f"TILT/{tilt.form}" for tilt in self.tilts))


class ScenarioMargin(NamedTuple):
    """What accounts owe and why; USD, (n,) unless it says otherwise."""

    margin: AccountMargin
    scenario_pnl: Floats  # (n, scenarios) weighted, gain > 0, in the order of ScenarioRules.ids
    worst: Ints  # position of the scenario that costs most
    basis_loss: Floats  # >= 0; binds where it is above the worst scenario's
    charges: Floats  # >= 0, maintenance
    initial_charges: Floats  # >= 0, on top
    doubt: Floats  # >= 0, in the initial margin alone
    option_value: Floats  # of any sign, brought to today where the rules say so


def scenario_margin(holdings: Holdings, conditions: Conditions, rules: ScenarioRules) -> ScenarioMargin:
    """Margin of each account in one underlying. Raises ModelInputError where a number is missing."""
    rows = holdings.expiry_rows()
    discount = row_factors(rows, holdings, conditions, rules.discount)
    pnl = _scenario_pnl(holdings, rows, discount, rules)
    basis = rows.per_account(_basis_loss(holdings, rows, discount, rules.basis), holdings.accounts)
    loss = composed([0.0 - pnl.min(axis=1), basis], [])
    charges, more = _charges(holdings, rows, conditions.spot, rules)
    unsure = _doubts(holdings, rows, conditions, rules.doubt)
    scale = rules.initial_factor + contingency.depeg_share(conditions.quote_price, rules.depeg)
    maintenance = rules.maintenance_factor * loss + charges
    initial = scale * loss + (scale if rules.initial_scales_charges else 1.0) * charges + more + unsure
    value = option_value(holdings) if not rules.discount.present_value else _present_value(holdings, rows, discount)
    worst = np.argmin(pnl, axis=1).astype(np.int64)
    return ScenarioMargin(account_margin(initial, maintenance), pnl, worst, basis, charges, more, unsure, value)


def row_factors(rows: ExpiryRows, holdings: Holdings, conditions: Conditions, rule: ExpiryDiscount) -> Factors:
    """(r,) factors on the options of each row."""
    return factors(conditions.rate[rows.expiry], _years(rows, holdings), rule)


def _years(rows: ExpiryRows, holdings: Holdings) -> Floats:
    return np.asarray(holdings.contracts.slices.days[rows.expiry] / DAYS_PER_YEAR)


def _scenario_pnl(holdings: Holdings, rows: ExpiryRows, discount: Factors, rules: ScenarioRules) -> Floats:
    contracts, n_points = holdings.contracts, len(rules.grid.points)
    moved = shocked_pnl(contracts, rules.grid)
    now = option_value_usd(contracts)
    tilted = [_tilted_value(holdings, tilt, rules.wings) for tilt in rules.tilts]
    unit = np.column_stack([now[:, None] + moved, *tilted])
    of_row = _discounted_pnl(rows, discount, now, unit)
    of_row[:, n_points:] = -np.abs(of_row[:, n_points:])
    pnl = portfolio_pnl(rows.account_pointer(holdings.accounts), np.arange(len(of_row)), np.ones(len(of_row)), of_row)
    linear = np.pad(_linear_pnl(holdings, moved, rules.grid), ((0, 0), (0, len(tilted))))
    return np.asarray((pnl + linear) * np.concatenate([rules.grid.weights, [tilt.weight for tilt in rules.tilts]]))


def _linear_pnl(holdings: Holdings, moved: Floats, grid: ScenarioGrid) -> Floats:
    """(n, points) of futures and perpetuals, and of collateral that moves with spot."""
    option = holdings.contracts.is_option[holdings.contract_index]
    held = np.where(option, 0.0, holdings.quantity)
    underlying = cover_sum(holdings, np.where(holdings.cover.moves_with_spot, holdings.cover.value, 0.0))
    return portfolio_pnl(holdings.pointer, holdings.contract_index, held, moved) + underlying[:, None] * grid.moves


def _discounted_pnl(rows: ExpiryRows, discount: Factors, now: Floats, unit: Floats) -> Floats:
    """(r, scenarios) what each row is counted for in a scenario less what it is worth; unit: (n_contracts, ...)."""
    present = discount.present[:, None]
    value = present * portfolio_pnl(rows.pointer, rows.contract_index, rows.quantity, unit)
    before = present * portfolio_pnl(rows.pointer, rows.contract_index, rows.quantity, now[:, None])
    return discounted(value, discount.gain, discount.debt) - before


def _tilted_value(holdings: Holdings, tilt: Tilt, wings: Wings) -> Floats:
    contracts = holdings.contracts
    factor = tilt_factor(contracts, tilt, wings)
    return option_value_usd(replace(contracts, volatility=contracts.volatility * factor))


def _basis_loss(holdings: Holdings, rows: ExpiryRows, discount: Factors, rule: Basis) -> Floats:
    """(r,) loss of each row as its forward moves and neither spot nor volatility does."""
    contracts = flattened(holdings.contracts)
    shape = (len(contracts.slices.days), 2)
    moved = np.broadcast_to(np.array([rule.up, rule.down]), shape)
    unit = revalue(contracts, replace(States.still(contracts, 2), basis_factor=moved))
    pnl = discount.present[:, None] * portfolio_pnl(rows.pointer, rows.contract_index, rows.quantity, unit)
    return contingency.basis_loss(pnl[:, 0], pnl[:, 1], _years(rows, holdings), rule)


def _charges(holdings: Holdings, rows: ExpiryRows, spot: float, rules: ScenarioRules) -> tuple[Floats, Floats]:
    """(n,) maintenance charges, and what the initial margin adds to them."""
    cover, rates = holdings.cover, rules.charges
    forward = forwards(holdings).units * spot
    naked = rows.per_account(naked_short(rows), holdings.accounts) * spot
    haircut = cover_sum(holdings, cover.value * cover.maintenance_haircut)
    more = cover_sum(holdings, cover.value * cover.initial_haircut)
    return (
        rates.forward_maintenance * forward + rates.naked_option_maintenance * naked + haircut,
        rates.forward_initial * forward + rates.naked_option_initial * naked + more,
    )


def _doubts(holdings: Holdings, rows: ExpiryRows, conditions: Conditions, rule: Doubt) -> Floats:
    """(n,) charges for prices in doubt: each by the least sure of the prices it rests on, long or short."""
    spot, cover = conditions.spot, holdings.cover
    forward = forwards(holdings).units
    sure_forward = float(np.minimum(conditions.forward_confidence, conditions.spot_confidence))
    hedge = np.where(forward[rows.account] > 0.0, sure_forward, conditions.spot_confidence)
    sure_option = np.minimum(conditions.expiry_confidence[rows.expiry], hedge)
    options = contingency.doubt(sure_option, rows.per_row(np.abs(rows.units)) * spot, rule)
    sure_cover = np.minimum(cover.confidence, conditions.spot_confidence)
    return np.asarray(
        rows.per_account(options, holdings.accounts)
        + contingency.doubt(sure_forward, forward * spot, rule)
        + cover_sum(holdings, contingency.doubt(sure_cover, cover.value, rule))
    )


def _present_value(holdings: Holdings, rows: ExpiryRows, discount: Factors) -> Floats:
    unit = option_value_usd(holdings.contracts)
    value = rows.per_row(rows.quantity * unit[rows.contract_index])
    return rows.per_account(discount.present * value, holdings.accounts)
