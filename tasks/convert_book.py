"""A seeded house that holds a real open interest: which portfolio holds how much of what.

Every option is held to the lot: its longs sum to the venue's open interest and its shorts to the same. Market makers
and option sellers hedge their option delta with perpetuals, the others take the other side; futures and perpetuals
have a seeded open interest besides, as no file has the real one. All quantities are integers, in ATOMS_PER_CONTRACT.

What a portfolio holds of a contract depends on the seed, the names of both and the snapshot alone. So the book of a
day is a pure function of that day's snapshot and the seed, and a day's trades are the difference of two books.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np

from tasks import convert_venue, sample_members
from tasks.convert_chain import Chain
from tasks.convert_market import Day
from tasks.model.arrays import Ints
from tasks.sample_members import CALL, FORWARD, PUT, House

MEMBERS = 20
ATOMS_PER_CONTRACT = 10**8
# Open interest of futures and perpetuals in millions of USD, BTC and ETH; no file has the real one.
FORWARD_INTEREST = {
    "PERP.INV": {"BTC": 1200, "ETH": 600},
    "PERP.LIN": {"BTC": 250, "ETH": 150},
    "DATED": {"BTC": 150, "ETH": 60},
}
# Contracts are counted at these prices (USD), so that the count does not move with the market.
COUNTING_PRICE = {"BTC": 100_000, "ETH": 3_000}
HEDGED_SHARE = {"MARKET_MAKER": 0.95, "OPTION_SELLER": 0.5}
LINEAR_HEDGE_SHARE = 0.2
TAKERS = ("DIRECTIONAL", "HEDGER")
PARTICIPATION = {"MARKET_MAKER": 0.6}
_OTHERS_PARTICIPATION = 0.3
_DRAW = 1 << 16

Holdings = dict[str, dict[int, int]]
"""contract id -> portfolio (its position in the house) -> atoms, long > 0, never 0; those of a contract sum to 0."""


def house_of(seed: int) -> House:
    """Members, accounts and portfolios of a seed."""
    return sample_members.build_house(MEMBERS, np.random.Generator(np.random.PCG64(seed)))


def holdings(day: Day, house: House, seed: int) -> Holdings:
    """The book of a snapshot."""
    interest = open_interest(day)
    book: Holdings = {}
    for contract_id, contract in day.contracts.items():
        kind = FORWARD if contract.right is None else CALL if contract.right == "C" else PUT
        lot = _lot_atoms(contract.lot, interest[contract_id])
        book[contract_id] = _split(house, f"{seed}|{contract_id}", kind, interest[contract_id] // lot, lot)
    for coin in day.chain.coins:
        _hedge(book, day, house, coin, f"{seed}|{coin}")
    return {contract_id: _without_zeros(held) for contract_id, held in book.items()}


def open_interest(day: Day) -> dict[str, int]:
    """Open interest in atoms: options as the venue has it (unknown: none), futures and perpetuals as declared here."""
    found = {}
    for contract_id, contract in day.contracts.items():
        if contract.kind == "OPT":
            known = day.chain.quotes[contract_id].open_interest
            found[contract_id] = round(Decimal(repr(known or 0.0)) * ATOMS_PER_CONTRACT)
        else:
            market = "DATED" if contract.kind == "FUT" else f"PERP.{contract.payoff[:3]}"
            usd = FORWARD_INTEREST[market][contract.coin] * 1_000_000
            size = contract.multiplier * (1 if contract.payoff == "INVERSE" else COUNTING_PRICE[contract.coin])
            found[contract_id] = int(usd / size) * ATOMS_PER_CONTRACT
    return found


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Shares of a total >= 0 by integer weights (at least one > 0), summing to it: the largest remainders round up."""
    whole = sum(weights)
    shares = [total * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda at: (-(total * weights[at] % whole), at))
    for at in order[: total - sum(shares)]:
        shares[at] += 1
    return shares


def _lot_atoms(lot: Decimal, total: int) -> int:
    """Lot in atoms; an open interest that is no whole number of lots is split to the atom."""
    atoms = int(lot * ATOMS_PER_CONTRACT)
    return atoms if total % atoms == 0 else 1


def _split(house: House, name: str, kind: int, lots: int, lot: int) -> dict[int, int]:
    """Lots long and as many short over the portfolios that are drawn to a contract. Two market makers always are."""
    sides, weights = _sides(house, name, kind)
    held = {}
    for side in (1, -1):
        members = [at for at, drawn in enumerate(sides) if drawn == side]
        for at, share in zip(members, split(lots, [weights[at] for at in members]), strict=True):
            held[at] = side * share * lot
    return held


def _sides(house: House, name: str, kind: int) -> tuple[list[int], list[int]]:
    """Side (1 long, -1 short, 0 absent) and weight of every portfolio."""
    count = len(house.portfolios)
    drawn = _draws(name, 3 * count + 1)
    sides, weights = [], []
    for at, portfolio in enumerate(house.portfolios):
        present, direction, magnitude = drawn[3 * at : 3 * at + 3]
        buy, sell = float(house.buy[kind, at]), float(house.sell[kind, at])
        share = PARTICIPATION.get(portfolio.kind, _OTHERS_PARTICIPATION) if buy + sell > 0 else 0.0
        side = 1 if direction * (buy + sell) < buy * _DRAW else -1
        sides.append(side if present < share * _DRAW else 0)
        weights.append(1 + int(100 * house.size[at] * (buy if side > 0 else sell)) * (1 + int(magnitude) % 16))
    makers = [at for at, portfolio in enumerate(house.portfolios) if portfolio.kind == "MARKET_MAKER"]
    first = int(drawn[-1]) % len(makers)
    sides[makers[first]], sides[makers[first - 1]] = 1, -1
    return sides, weights


def _hedge(book: Holdings, day: Day, house: House, coin: str, name: str) -> None:
    """Add the hedges of a coin's option deltas, and their other side, to its perpetuals."""
    delta = option_delta(book, day.chain, coin)
    price = day.chain.index[coin]
    for contract_id, share in (
        (convert_venue.perpetual_id(coin), 1.0 - LINEAR_HEDGE_SHARE),
        (convert_venue.linear_perpetual_id(coin), LINEAR_HEDGE_SHARE),
    ):
        contract = day.contracts[contract_id]
        coins = float(contract.multiplier) / (price if contract.payoff == "INVERSE" else 1.0)
        hedges = {
            at: -round(delta.get(at, 0.0) * HEDGED_SHARE[portfolio.kind] * share / coins)
            for at, portfolio in enumerate(house.portfolios)
            if portfolio.kind in HEDGED_SHARE
        }
        for at, contracts in (hedges | _other_side(house, f"{name}|hedge", sum(hedges.values()))).items():
            held = book[contract_id]
            held[at] = held.get(at, 0) + contracts * ATOMS_PER_CONTRACT


def option_delta(book: Holdings, chain: Chain, coin: str) -> dict[int, float]:
    """Delta in coins of each portfolio's options by the venue's figures, exactly summed; a missing one counts zero."""
    terms: dict[int, list[float]] = defaultdict(list)
    for contract_id, quote in chain.quotes.items():
        if quote.option.future.coin == coin and quote.delta is not None:
            for at, atoms in book[contract_id].items():
                terms[at].append(atoms / ATOMS_PER_CONTRACT * quote.delta)
    return {at: math.fsum(each) for at, each in terms.items()}


def _other_side(house: House, name: str, total: int) -> dict[int, int]:
    """Contracts of the takers of the hedges, summing to -total."""
    takers = [at for at, portfolio in enumerate(house.portfolios) if portfolio.kind in TAKERS]
    drawn = _draws(name, len(takers))
    shares = split(
        abs(total),
        [1 + int(100 * house.size[at]) * (1 + int(draw) % 8) for at, draw in zip(takers, drawn, strict=True)],
    )
    side = -1 if total > 0 else 1
    return {at: side * share for at, share in zip(takers, shares, strict=True)}


def _draws(name: str, count: int) -> Ints:
    """`count` integers in [0, 65536) of a name: the same on every machine and in every version of every library."""
    stream = hashlib.shake_256(name.encode()).digest(2 * count)
    return np.frombuffer(stream, dtype="<u2").astype(np.int64)


def _without_zeros(held: Mapping[int, int]) -> dict[int, int]:
    return {at: atoms for at, atoms in sorted(held.items()) if atoms}
