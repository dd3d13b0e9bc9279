"""What some accounts hold in one underlying, and what is known of its prices: the entry of every reference margin.

One underlying at a time, for a set of figures belongs to an underlying. A reference margin is a charge against equity
in which every position stands at its mark, options included; what an account has in cash is no concern of it.
Reference: docs/reference-models.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tasks.model.arrays import INVERSE_FORWARD, Bools, Contracts, Floats, Ints, require_finite
from tasks.model.pricing import payoff
from tasks.model.risk.expiries import ExpiryRows, rows_by_expiry


@dataclass(frozen=True)
class Cover:
    """Collateral that a model margins together with the positions, c entries."""

    account: Ints  # (c,) position of the account
    value: Floats  # (c,) USD before haircut
    moves_with_spot: Bools  # (c,) whether it is the underlying under another name and shocked like it
    confidence: Floats  # (c,) of its own price, 0 to 1
    maintenance_haircut: Floats  # (c,) fraction of value
    initial_haircut: Floats  # (c,) fraction of value on top of the maintenance haircut

    @staticmethod
    def none() -> Cover:
        """No collateral."""
        nothing = np.zeros(0)
        return Cover(np.zeros(0, dtype=np.int64), nothing, np.zeros(0, dtype=np.bool_), nothing, nothing, nothing)


@dataclass(frozen=True)
class Conditions:
    """What feeds say of the underlying; a book without such feeds declares what stands for them."""

    spot: float  # USD
    quote_price: float  # USD per unit of the currency the venue settles in
    spot_confidence: float  # 0 to 1
    forward_confidence: float  # 0 to 1, of futures and perpetuals
    expiry_confidence: Floats  # (slices,) 0 to 1
    rate: Floats  # (slices,) per year, continuous


@dataclass(frozen=True)
class Holdings:
    """Positions of n accounts in the contracts of one underlying, as compressed sparse rows, and their cover."""

    contracts: Contracts
    pointer: Ints  # (n + 1,) account i holds entries pointer[i] to pointer[i + 1]
    contract_index: Ints  # (entries,)
    quantity: Floats  # (entries,) contracts, long > 0
    cover: Cover

    @property
    def accounts(self) -> int:
        """Number of accounts."""
        return len(self.pointer) - 1

    @property
    def entry_account(self) -> Ints:
        """(entries,) account each entry belongs to."""
        return np.repeat(np.arange(self.accounts), np.diff(self.pointer))

    def expiry_rows(self) -> ExpiryRows:
        """The options by account and expiry."""
        return rows_by_expiry(self.entry_account, self.contract_index, self.quantity, self.contracts)


class Forwards(NamedTuple):
    """(n,) what accounts hold in futures and perpetuals; no contract offsets another."""

    units: Floats  # underlying units, >= 0
    notional: Floats  # USD at their marks, >= 0


class AccountMargin(NamedTuple):
    """(n,) USD against equity with every position at its mark; below 0 only where cover itself gains."""

    initial: Floats
    maintenance: Floats


def forwards(holdings: Holdings) -> Forwards:
    """Size of the futures and perpetuals of each account. Raises ModelInputError NON_FINITE."""
    contracts = holdings.contracts
    units = forward_units(contracts)
    usd = np.where(payoff.pays_coin(contracts.form), contracts.forward, contracts.forward * contracts.settle_price)
    size = np.abs(require_finite("quantity", holdings.quantity)) * units[holdings.contract_index]
    return Forwards(_summed(holdings, size), _summed(holdings, size * usd[holdings.contract_index]))


def forward_units(contracts: Contracts) -> Floats:
    """(n_contracts,) underlying units per future or perpetual, of an inverse one at its mark; 0 for options."""
    per_unit = np.where(contracts.form == INVERSE_FORWARD, 1.0 / contracts.forward, 1.0)
    return np.where(contracts.is_option, 0.0, contracts.multiplier * per_unit)


def account_margin(initial: Floats, maintenance: Floats) -> AccountMargin:
    """Both margins. Raises ModelInputError NON_FINITE: a figure that is missing never lowers a requirement."""
    return AccountMargin(require_finite("initial margin", initial), require_finite("maintenance margin", maintenance))


def option_value(holdings: Holdings) -> Floats:
    """(n,) USD of the options of each account at their marks, long > 0. Raises as `payoff.require_usable`."""
    unit = payoff.option_value_usd(holdings.contracts)
    return _summed(holdings, holdings.quantity * unit[holdings.contract_index])


def cover_sum(holdings: Holdings, per_entry: Floats) -> Floats:
    """(n,) sums of a figure of the cover's entries. Raises ModelInputError NON_FINITE."""
    return np.bincount(
        holdings.cover.account, require_finite("collateral", per_entry), minlength=holdings.accounts
    ).astype(np.float64)


def _summed(holdings: Holdings, per_entry: Floats) -> Floats:
    return np.bincount(holdings.entry_account, per_entry, minlength=holdings.accounts).astype(np.float64)
