from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import convert_book, convert_chain, convert_market, convert_positions
from tasks.convert_market import Contract, Day

SECOND = date(2026, 3, 10)
ATOM = 10**8


def day_of(folder: Path, day: date = SECOND) -> Day:
    chain = convert_chain.chain_of(convert_chain.options_until(folder, day), day)
    assert chain is not None
    return convert_market.day_of(chain, folder)


@settings(derandomize=True, deadline=None)
@given(st.integers(0, 10**15), st.lists(st.integers(0, 10**6), min_size=1, max_size=50).filter(any))
def test_shares_sum_to_the_total_and_are_off_by_less_than_one(total: int, weights: list[int]) -> None:
    shares = convert_book.split(total, weights)
    assert sum(shares) == total
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share * sum(weights) - total * weight) < sum(weights)


def test_every_book_sums_to_zero_and_flat_members_hold_nothing(market: Callable[..., Path]) -> None:
    day, house = day_of(market()), convert_book.house_of(5)
    book = convert_book.holdings(day, house, 5)
    assert set(book) == set(day.contracts)
    assert all(sum(held.values()) == 0 for held in book.values())
    flat = {at for at, portfolio in enumerate(house.portfolios) if portfolio.kind == "FLAT"}
    assert flat
    assert not any(flat & held.keys() for held in book.values())


def test_the_tiny_open_interest_is_held_to_the_lot(market: Callable[..., Path]) -> None:
    book = convert_book.holdings(day_of(market()), convert_book.house_of(5), 5)
    held = book["BTC-20260320-80000-C.INV"]  # 37.3 + 10 x day 10 x strike 1
    assert sum(atoms for atoms in held.values() if atoms > 0) == 137_30000000
    assert all(atoms % 10_000_000 == 0 for atoms in held.values())
    assert sum(atoms for atoms in book["ETH-20260327-3000-P.INV"].values() if atoms > 0) == 1111 * ATOM


def test_an_open_interest_off_the_lot_is_held_to_the_digit(market: Callable[..., Path]) -> None:
    def spoil(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["open_interest"] = 0.12345678

    book = convert_book.holdings(day_of(market(options=spoil)), convert_book.house_of(5), 5)
    options = [held for contract_id, held in book.items() if contract_id.count("-") == 3]
    assert len(options) == 16
    assert {sum(atoms for atoms in held.values() if atoms > 0) for held in options} == {12_345_678}


def test_the_seed_decides_who_holds_and_not_how_much(market: Callable[..., Path]) -> None:
    day = day_of(market())
    one, other = (convert_book.holdings(day, convert_book.house_of(seed), seed) for seed in (1, 2))
    assert one["BTC-20260327-90000-C.INV"] != other["BTC-20260327-90000-C.INV"]
    assert convert_book.holdings(day, convert_book.house_of(1), 1) == one


def test_market_makers_hedge_their_option_delta(market: Callable[..., Path]) -> None:
    """Against a book without options, each market maker's perpetuals move by 95 % of its delta, an eighth apart."""
    day, house = day_of(market()), convert_book.house_of(5)
    bare = day_of(market("bare", options=lambda rows: [row.update(open_interest=0.0) for row in rows]))
    book, plain = (convert_book.holdings(each, house, 5) for each in (day, bare))
    for at, portfolio in enumerate(house.portfolios):
        if portfolio.kind != "MARKET_MAKER":
            continue
        delta = sum(
            held.get(at, 0) / ATOM * (day.chain.quotes[contract_id].delta or 0.0)
            for contract_id, held in book.items()
            if contract_id in day.chain.quotes and contract_id.startswith("BTC")
        )
        inverse, linear = (
            (book[name].get(at, 0) - plain[name].get(at, 0)) / ATOM for name in ("BTC-PERP.INV", "BTC-PERP.LIN.USDC")
        )
        assert inverse * 10 / 84_000 == pytest.approx(-0.95 * 0.8 * delta, abs=10 / 84_000)
        assert linear * 0.001 == pytest.approx(-0.95 * 0.2 * delta, abs=0.001)


INVERSE = Contract("X-PERP.INV", "X", "PERP", "INVERSE", "BTC", "BTC", Decimal(10), Decimal(1))
LINEAR = Contract("X-PERP.LIN.USDC", "X", "PERP", "LINEAR", "BTC", "USDC", Decimal("0.001"), Decimal(1))


def test_matches_worked_by_hand() -> None:
    """3 sell 7 to 1 (4) and 2 (3); at 90,000 the inverse values are 4/90,000 and 3/90,000 to twelve digits."""
    bought, sold = convert_positions.matched_values({1: 4 * ATOM, 2: 3 * ATOM, 3: -7 * ATOM}, INVERSE, Decimal(90_000))
    assert bought == {1: Decimal("0.000044444444"), 2: Decimal("0.000033333333")}
    assert sold == {3: Decimal("0.000077777777")}
    bought, sold = convert_positions.matched_values({1: 4 * ATOM, 3: -4 * ATOM}, LINEAR, Decimal("90000.5"))
    assert (bought, sold) == ({1: Decimal(360_002)}, {3: Decimal(360_002)})


@settings(derandomize=True, deadline=None)
@given(
    st.lists(st.integers(-(10**14), 10**14), min_size=1, max_size=20),
    st.decimals(Decimal("0.0001"), Decimal(10**6), places=4),
)
def test_values_of_both_sides_are_equal(moves: list[int], price: Decimal) -> None:
    closed = dict(enumerate([*moves, -sum(moves)]))
    for contract in (INVERSE, LINEAR):
        bought, sold = convert_positions.matched_values(closed, contract, price)
        assert sum(bought.values()) == sum(sold.values())
        assert set(bought) == {at for at, move in closed.items() if move > 0}
        assert set(sold) == {at for at, move in closed.items() if move < 0}


@pytest.mark.market_data
@pytest.mark.parametrize("day", [date(2025, 12, 30), date(2026, 1, 29), date(2026, 1, 31)])
def test_the_real_open_interest_is_held_exactly(market_data: Path, day: date) -> None:
    book = convert_book.holdings(day_of(market_data, day), convert_book.house_of(1), 1)
    rows = pl.read_parquet(market_data / "deribit_options_eod.parquet").filter(pl.col("timestamp").dt.date() == day)
    lots = {"BTC": 10_000_000, "ETH": ATOM}
    for name, coin, interest in rows.select("instrument_name", "currency", "open_interest").iter_rows():
        option = convert_chain.convert_venue.parse_option(name)
        assert option is not None
        held = book[option.contract_id].values()
        assert Decimal(sum(atoms for atoms in held if atoms > 0)) / ATOM == Decimal(repr(interest)), name
        assert sum(held) == 0
        assert all(atoms % lots[coin] == 0 for atoms in held)
