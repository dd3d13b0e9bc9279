"""Minimum requirements, and what is added to reach them (METHODOLOGY 5, line 11).

    FLOOR_TOP_UP = max(0, max(short option minimum, bracket initial margin, account minimum) − sum of the lines before)

A bracket charges the larger of the long and the short delta notional of an underlying in continuous tiers; its
maintenance rates are a fraction of the initial ones. The account minimum is asked once of an account that holds a live
position: in the account's own portfolio, or for a gross account beside its clients, where their sum falls short.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tasks.model import money
from tasks.model.arrays import Floats, Ints
from tasks.model.margin.brackets import Brackets, bracket_margin, bracket_notional
from tasks.model.margin.lines import Line, line
from tasks.model.margin.portfolio import ACCOUNT, Book
from tasks.model.policy import BracketTable, Policy

_CAUSES = np.array(["SHORT_OPTION_MINIMUM", "BRACKET", "ACCOUNT_MINIMUM"])
_RULES = np.array(["floor_top_up.short_option_minimum_fraction", "brackets", "floor_top_up.account_minimum_usd"])


class BracketFloor(NamedTuple):
    """(n,) cents of each portfolio, the sum over its underlyings."""

    initial: Ints
    maintenance: Ints


def brackets_of(table: BracketTable, underlying: str) -> Brackets:
    """Tiers of an underlying. Raises PolicyError BRACKETS."""
    tiers = table.of(underlying)
    maintenance = tuple(rate * table.maintenance_fraction for rate in tiers.im_fraction)
    return Brackets(tiers.floor_usd, tiers.im_fraction, maintenance)


def bracket_floor(book: Book, delta_usd: Floats, policy: Policy) -> BracketFloor:
    """Bracket margins of each portfolio. delta_usd: (entries,) signed USD of delta of each live position."""
    rows, n = len(book.row_portfolio), book.portfolios.height
    notional = bracket_notional(delta_usd, book.entry_row, rows)
    initial, maintenance = np.zeros(rows), np.zeros(rows)
    for group, name in enumerate(book.contracts.underlyings):
        chosen = book.row_underlying == group
        initial[chosen], maintenance[chosen] = bracket_margin(notional[chosen], brackets_of(policy.brackets, name))
    sums = (np.bincount(book.row_portfolio, each, n) for each in (initial, maintenance))
    return BracketFloor(*(money.cents_up(each.astype(np.float64)) for each in sums))


def floor_line(book: Book, lines: Ints, short_option_minimum: Ints, brackets: Ints, policy: Policy) -> Line:
    """FLOOR_TOP_UP of each portfolio; all arguments (n,) cents. lines: sum of the lines before."""
    asked = np.maximum(np.maximum(lines, short_option_minimum), brackets)
    minimum = np.stack([short_option_minimum, brackets, _account_minimum(book, asked, policy)])
    binds = np.argmax(minimum, axis=0)
    cents = np.maximum(minimum.max(axis=0) - lines, 0)
    return line("FLOOR_TOP_UP", cents, _CAUSES[binds], rule_id=_RULES[binds])


def _account_minimum(book: Book, asked: Ints, policy: Policy) -> Ints:
    """(n,) cents asked of each portfolio: none of a client, of a gross account what its clients leave open."""
    minimum = int(money.round_up(policy.floor_top_up.account_minimum_usd) * 100)
    keys = list(book.portfolios.select(ACCOUNT).iter_rows())
    accounts = {key: index for index, key in enumerate(dict.fromkeys(keys))}
    of_account = np.array([accounts[key] for key in keys], dtype=np.int64)
    client = (book.portfolios["client_id"] != "").to_numpy()
    of_clients = np.zeros(len(accounts), dtype=np.int64)
    np.add.at(of_clients, of_account[client], asked[client])
    live = np.zeros(len(accounts), dtype=np.bool_)
    live[of_account[book.row_portfolio]] = True
    return np.where(live[of_account] & ~client, minimum - of_clients[of_account], 0)
