"""Options of many accounts by expiry, and what such a group of options can lose when it expires.

A row is what one account holds in one expiry. Rows are sorted by account and expiry, entries within a row by strike,
so sums run in an order that the delivered rows do not decide. Units are underlying units, long > 0.
Reference: the standard and portfolio margins of Derive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Bools, Contracts, Floats, Ints, require_finite

_BLOCK = 2048  # rows padded at a time: memory stays that of a block


@dataclass(frozen=True)
class ExpiryRows:
    """r rows: compressed sparse rows of options, row i holding entries pointer[i] to pointer[i + 1]."""

    account: Ints  # (r,) ascending
    expiry: Ints  # (r,) position in Contracts.slices
    pointer: Ints  # (r + 1,)
    contract_index: Ints  # (entries,)
    quantity: Floats  # (entries,) contracts, long > 0
    strike: Floats  # (entries,)
    is_call: Bools  # (entries,)
    units: Floats  # (entries,) underlying units, long > 0

    @property
    def entry_row(self) -> Ints:
        """(entries,) row each entry belongs to."""
        return np.repeat(np.arange(len(self.account)), np.diff(self.pointer))

    def account_pointer(self, accounts: int) -> Ints:
        """(accounts + 1,) account i holds rows pointer[i] to pointer[i + 1]."""
        return np.searchsorted(self.account, np.arange(accounts + 1))

    def per_row(self, per_entry: Floats) -> Floats:
        """(r,) sums of a figure of the entries."""
        return np.bincount(self.entry_row, per_entry, minlength=len(self.account)).astype(np.float64)

    def per_account(self, per_row: Floats, accounts: int) -> Floats:
        """(accounts,) sums of a figure of the rows."""
        return np.bincount(self.account, per_row, minlength=accounts).astype(np.float64)


class AtExpiry(NamedTuple):
    """(r,) in the unit of the strikes, and underlying units."""

    worst_payoff: Floats  # <= 0: lowest payoff at a strike of the row or at zero, premiums left out
    net_short_calls: Floats  # >= 0: units short beyond the highest strike, where losses have no end


def rows_by_expiry(account: Ints, contract_index: Ints, quantity: Floats, contracts: Contracts) -> ExpiryRows:
    """Rows of the options among some entries; account, contract_index, quantity: (entries,) in any order.

    Raises ModelInputError NON_FINITE.
    """
    require_finite("quantity", quantity)
    option = contracts.is_option[contract_index]
    account, contract_index, quantity = account[option], contract_index[option], quantity[option]
    expiry, strike = contracts.slice_of[contract_index], contracts.strike[contract_index]
    order = np.lexsort((contract_index, strike, expiry, account))
    account, expiry, contract_index = account[order], expiry[order], contract_index[order]
    fresh = np.ones(len(account), dtype=np.bool_)
    fresh[1:] = (np.diff(account) != 0) | (np.diff(expiry) != 0)
    starts = np.flatnonzero(fresh)
    return ExpiryRows(
        account[starts],
        expiry[starts],
        np.append(starts, len(account)),
        contract_index,
        quantity[order],
        require_finite("strike", strike[order]),
        contracts.is_call[contract_index],
        quantity[order] * contracts.multiplier[contract_index],
    )


def naked_short(rows: ExpiryRows) -> Floats:
    """(r,) units short net of the longs of the same strike, calls and puts counted together, >= 0."""
    row = rows.entry_row
    fresh = np.ones(len(row), dtype=np.bool_)
    fresh[1:] = (np.diff(row) != 0) | (np.diff(rows.strike) != 0.0)
    starts = np.flatnonzero(fresh)
    net = np.add.reduceat(rows.units, starts) if len(starts) else np.zeros(0)
    return np.bincount(row[starts], np.maximum(-net, 0.0), minlength=len(rows.account)).astype(np.float64)


def at_expiry(rows: ExpiryRows) -> AtExpiry:
    """Worst payoff of each row at its own strikes and at zero, and the calls nothing covers above them."""
    worst = np.zeros(len(rows.account))
    for start in range(0, len(worst), _BLOCK):
        block = slice(start, min(start + _BLOCK, len(worst)))
        worst[block] = _worst_payoff(rows, block)
    calls = rows.per_row(np.where(rows.is_call, rows.units, 0.0))
    return AtExpiry(np.minimum(worst, 0.0), np.maximum(-calls, 0.0))


def _worst_payoff(rows: ExpiryRows, block: slice) -> Floats:
    """Payoff is piecewise linear: at strike K, calls up to K pay K less their strike, puts above K theirs less K."""
    starts, ends = rows.pointer[block][:, None], rows.pointer[1:][block][:, None]
    position = starts + np.arange(int((ends - starts).max()))
    at = np.minimum(position, ends - 1)  # a short row repeats its last strike, holding nothing there
    units, strike = np.where(position < ends, rows.units[at], 0.0), rows.strike[at]
    calls, puts = np.where(rows.is_call[at], units, 0.0), np.where(rows.is_call[at], 0.0, units)
    from_calls = strike * np.cumsum(calls, axis=1) - np.cumsum(calls * strike, axis=1)
    at_zero = np.cumsum(puts * strike, axis=1)
    held = np.cumsum(puts, axis=1)
    from_puts = (at_zero[:, -1:] - at_zero) - strike * (held[:, -1:] - held)
    return np.asarray(np.minimum((from_calls + from_puts).min(axis=1), at_zero[:, -1]))
