"""Positions of a seeded book, from yesterday's snapshot to today's.

Trades are the difference of the two books, matched buyer to seller at today's mark; what expired in between leaves by
qty_expired. Each match's value is rounded once and goes to both sides, so values and premiums sum to zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, localcontext
from typing import Any

from tasks.convert_book import ATOMS_PER_CONTRACT, Holdings
from tasks.convert_market import Contract, Day, expired_between
from tasks.model import money
from tasks.sample_members import House

VALUE_UNIT = Decimal(1).scaleb(-12)
FUTURE_FEE_FRACTION = Decimal("0.0003")  # of the traded value
OPTION_FEE_COINS = Decimal("0.0003")  # a coin traded, at most the share below of the premium
OPTION_FEE_CAP_FRACTION = Decimal("0.125")

Moves = dict[int, int]


def position_rows(
    house: House, day: Day, book: Holdings, previous: Day | None, book_before: Holdings
) -> list[dict[str, Any]]:
    """Records of the dataset positions, by account, client and contract.

    Without a previous snapshot the book is taken over as it stands: it opens as it closes, and nobody trades.
    """
    rows: list[dict[str, Any]] = []
    for contract in day.contracts.values():
        closing = book[contract.contract_id]
        opening = book_before.get(contract.contract_id, {}) if previous else closing
        rows += _traded_rows(house, day, contract, opening, closing)
    for contract in expired_between(previous, day):
        for at, atoms in book_before[contract.contract_id].items():
            rows.append(_row(house, at, day, contract, opening=atoms, expired=-atoms))
    return sorted(rows, key=lambda row: (row["margin_account_id"], row["client_id"] or "", row["contract_id"]))


def matched_values(
    moves: Moves, contract: Contract, price: Decimal | None
) -> tuple[dict[int, Decimal], dict[int, Decimal]]:
    """Values bought and sold by portfolio, both per unit of multiplier, for moves (atoms) that sum to zero.

    Linear contracts and options: quantity x price; inverse futures and perpetuals: quantity / price.
    """
    bought: dict[int, Decimal] = {}
    sold: dict[int, Decimal] = {}
    for buyer, seller, atoms in _matches(moves):
        value = _value(_quantity(atoms), contract, price)
        bought[buyer] = bought.get(buyer, Decimal(0)) + value
        sold[seller] = sold.get(seller, Decimal(0)) + value
    return bought, sold


def _traded_rows(
    house: House, day: Day, contract: Contract, opening: Moves, closing: Moves
) -> Iterator[dict[str, Any]]:
    held = sorted(opening.keys() | closing.keys())
    moves = {at: closing.get(at, 0) - opening.get(at, 0) for at in held}
    bought, sold = matched_values(moves, contract, day.marks[contract.contract_id].price)
    for at in held:
        buy_value, sell_value = bought.get(at, Decimal(0)), sold.get(at, Decimal(0))
        yield _row(
            house,
            at,
            day,
            contract,
            opening.get(at, 0),
            moves[at],
            0,
            buy_value,
            sell_value,
            _premium(contract, buy_value, sell_value),
            _fees(contract, abs(moves[at]), buy_value + sell_value),
        )


def _matches(moves: Moves) -> Iterator[tuple[int, int, int]]:
    """(buyer, seller, atoms) in the order of the portfolios."""
    buyers = [[at, move] for at, move in sorted(moves.items()) if move > 0]
    sellers = [[at, -move] for at, move in sorted(moves.items()) if move < 0]
    while buyers and sellers:
        atoms = min(buyers[0][1], sellers[0][1])
        yield buyers[0][0], sellers[0][0], atoms
        for side in (buyers, sellers):
            side[0][1] -= atoms
            if not side[0][1]:
                side.pop(0)


def _value(quantity: Decimal, contract: Contract, price: Decimal | None) -> Decimal:
    """Value of a match. Without a price above zero nothing is paid: the files do not say what it would have been."""
    if price is None or price <= 0:
        return Decimal(0)
    with localcontext(prec=60):
        inverse = contract.payoff == "INVERSE" and contract.kind != "OPT"
        return money.round_half_even(quantity / price if inverse else quantity * price, VALUE_UNIT)


def _premium(contract: Contract, buy_value: Decimal, sell_value: Decimal) -> Decimal:
    return contract.multiplier * (buy_value - sell_value) if contract.kind == "OPT" else Decimal(0)


def _fees(contract: Contract, atoms: int, value: Decimal) -> Decimal:
    """Trading fees in the settlement asset, rounded down."""
    traded = contract.multiplier * value
    if contract.kind == "OPT":
        fee = min(OPTION_FEE_COINS * contract.multiplier * _quantity(atoms), OPTION_FEE_CAP_FRACTION * traded)
    else:
        fee = FUTURE_FEE_FRACTION * traded
    return money.round_down(max(fee, Decimal(0)), VALUE_UNIT)


def _row(
    house: House,
    at: int,
    day: Day,
    contract: Contract,
    opening: int,
    move: int = 0,
    expired: int = 0,
    buy_value: Decimal = Decimal(0),
    sell_value: Decimal = Decimal(0),
    premium: Decimal = Decimal(0),
    fees: Decimal = Decimal(0),
) -> dict[str, Any]:
    portfolio = house.portfolios[at]
    return {
        "clearing_member_id": house.members[portfolio.member].member_id,
        "margin_account_id": portfolio.account_id,
        "account_type": portfolio.account_type,
        "client_id": portfolio.client_id or None,
        "contract_id": contract.contract_id,
        "qty_open": _quantity(opening),
        "qty_buy": _quantity(max(move, 0)),
        "qty_sell": _quantity(max(-move, 0)),
        "qty_transfer": 0,
        "qty_exercise_assign": 0,
        "qty_expired": _quantity(expired),
        "qty_close": _quantity(opening + move + expired),
        "buy_value": buy_value,
        "sell_value": sell_value,
        "premium_paid": premium,
        "fees": fees,
        "position_as_of_ts": day.chain.as_of,
    }


def _quantity(atoms: int) -> Decimal:
    return Decimal(atoms) / ATOMS_PER_CONTRACT
