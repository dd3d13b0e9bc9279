"""Rows of the delivered datasets of a synthetic day, in the declared order of their columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from tasks import schema
from tasks.model.arrays import INVERSE_FORWARD, Floats, Ints
from tasks.sample_book import VALUE_SCALE, Movements, integer_price, long_interest
from tasks.sample_collateral import FORMS, Holding
from tasks.sample_listing import QUANTITY_UNIT, Contract
from tasks.sample_market import ASSETS, STABLECOINS, Market, funding_rate
from tasks.sample_marks import PRICE_SCALE, Listing, Marks, price
from tasks.sample_members import House

Rows = list[tuple[Any, ...]]

HISTORY_DAYS = 1826
FUNDING_INTERVAL_S = 28_800
FUNDING_CAP = "0.005"
DEPTH_LEVELS = 10
DEPTH_STEP = 0.0002  # of the mark, between levels
DEPTH_USD = 250_000.0  # size of the first level; each further one adds half of it
HALF_SPREAD_VOL = 0.005  # per sqrt(year), at the money; grows with |ln(K/F)|
_QUANTITY_DIGITS = -int(QUANTITY_UNIT.as_tuple().exponent)


@dataclass(frozen=True)
class Day:
    """What a synthetic day's files are made of."""

    market: Market
    house: House
    book: Listing
    marks: Marks
    previous: Floats  # (n_contracts,) settlement price of the day before
    lines: Movements

    @property
    def date(self) -> date:
        return self.book.day


def as_of(day: date) -> datetime:
    """08:00 UTC of a day: the moment everything of it refers to."""
    return datetime.combine(day, time(8), UTC)


def table(name: str, columns: Mapping[str, Sequence[Any]]) -> Rows:
    """Rows of a dataset from some of its columns; the others are empty."""
    count = len(next(iter(columns.values())))
    empty = [None] * count
    return list(zip(*(columns.get(column, empty) for column in schema.dataset(name).names), strict=True))


def fixed(value: int, digits: int) -> str:
    """Decimal text of value x 10^-digits without trailing zeros."""
    whole, rest = divmod(abs(value), 10**digits)
    tail = f"{rest:0{digits}d}".rstrip("0") if rest else ""
    return f"{'-' if value < 0 else ''}{whole}{'.' if tail else ''}{tail}"


def number(value: float) -> str:
    """Decimal text of a float at its shortest form."""
    return format(Decimal(repr(float(value))).normalize() + 0, "f")


def members(house: House) -> Rows:
    """Members with their invented names."""
    every = house.members
    return table(
        "members",
        {
            "clearing_member_id": [each.member_id for each in every],
            "legal_name": [each.legal_name for each in every],
            "lei": [each.lei for each in every],
            "status": ["ACTIVE"] * len(every),
            "surveillance_level": [0] * len(every),
            "base_ccy": [each.base_ccy for each in every],
            "timezone": [each.timezone for each in every],
            "valid_from": [date(2020, 1, 1)] * len(every),
        },
    )


def accounts(house: House) -> Rows:
    """Accounts of all members."""
    every = [(member, *account) for member in house.members for account in member.accounts]
    return table(
        "accounts",
        {
            "clearing_member_id": [member.member_id for member, _, _ in every],
            "margin_account_id": [account_id for _, account_id, _ in every],
            "account_type": [account_type for _, _, account_type in every],
            "base_ccy": [member.base_ccy for member, _, _ in every],
            "collateral_mode": [
                "joint" if member.kind == "HEDGER" and kind != "CLIENT_GROSS" else "haircut"
                for member, _, kind in every
            ],
            "status": ["ACTIVE"] * len(every),
            "valid_from": [date(2020, 1, 1)] * len(every),
        },
    )


def contracts(book: Listing) -> Rows:
    """Contracts of the day; what expires at its 08:00 is still there, unsettled."""
    every = book.contracts
    expiry = [as_of(each.expiry) if each.expiry else None for each in every]
    return table(
        "contracts",
        {
            "contract_id": [each.contract_id for each in every],
            "kind": [each.kind for each in every],
            "payoff": [each.payoff for each in every],
            "underlying_asset": [each.asset for each in every],
            "quote_ccy": ["USD" if each.is_inverse else "USDC" for each in every],
            "settle_asset": [each.settle_asset for each in every],
            "multiplier": [each.multiplier for each in every],
            "tick_size": [each.tick for each in every],
            "lot_size": [each.lot * QUANTITY_UNIT for each in every],
            "strike": [each.strike for each in every],
            "option_type": [each.option_type for each in every],
            "exercise_style": ["EUR" if each.is_option else None for each in every],
            "list_ts": [as_of(each.listed) for each in every],
            "last_trade_ts": expiry,
            "expiry_ts": expiry,
            "final_settle_ts": expiry,
            "settlement_index_id": [f"{each.asset}-USD" for each in every],
            "settlement_method": ["INDEX_AT_EXPIRY" if each.expiry else None for each in every],
            "funding_interval_s": [None if each.expiry else FUNDING_INTERVAL_S for each in every],
            "funding_cap": [None if each.expiry else FUNDING_CAP for each in every],
            "status": ["ACTIVE" if live else "EXPIRED_UNSETTLED" for live in book.is_live],
        },
    )


def positions(day: Day) -> Rows:
    """Every line with its movements."""
    lines, house = day.lines, day.house
    held = [house.portfolios[each] for each in lines.portfolio.tolist()]
    quantities = {
        "qty_open": lines.opening,
        "qty_buy": lines.bought,
        "qty_sell": lines.sold,
        "qty_transfer": lines.transferred,
        "qty_expired": lines.expired,
        "qty_close": lines.closing,
    }
    values = {
        "buy_value": lines.buy_value,
        "sell_value": lines.sell_value,
        "premium_paid": lines.premium,
        "fees": lines.fees,
    }
    rows = table(
        "positions",
        {
            "clearing_member_id": [house.members[each.member].member_id for each in held],
            "margin_account_id": [each.account_id for each in held],
            "account_type": [each.account_type for each in held],
            "client_id": [each.client_id or None for each in held],
            "contract_id": [day.book.contracts[each].contract_id for each in lines.contract.tolist()],
            "qty_exercise_assign": ["0"] * len(held),
            "position_as_of_ts": [as_of(day.date)] * len(held),
            **{name: _texts(array, _QUANTITY_DIGITS) for name, array in quantities.items()},
            **{name: _texts(array, VALUE_SCALE) for name, array in values.items()},
        },
    )
    return sorted(rows, key=lambda row: (row[0], row[1], row[3] or "", row[4]))


def prices(day: Day) -> Rows:
    """SETTLE of every contract, FINAL of what expires, INDEX of underlyings and stablecoins."""
    market, book = day.market, day.book
    interest = long_interest(day.lines, len(book.contracts))
    notional = interest * usd_per_unit(book, day.marks)
    rows: list[Mapping[str, Any]] = []
    for at, each in enumerate(book.contracts):
        rows.append(
            {
                "contract_id": each.contract_id,
                "price_type": "SETTLE",
                "method": "MODEL_CURVE",
                "price": _price(day.marks.price[at]),
                "open_interest": fixed(int(interest[at]), _QUANTITY_DIGITS),
                "volume_24h_usd": f"{5.0 * notional[at] + 1e8:.2f}",
                "prev_price": _price(day.previous[at]) if each.listed < day.date else None,
            }
        )
        if not book.is_live[at]:
            rows.append(
                {
                    "contract_id": each.contract_id,
                    "price_type": "FINAL",
                    "method": "INDEX_AT_EXPIRY",
                    "price": _price(day.marks.forward[at]),
                }
            )
    now = market.column(day.date)
    names = [asset.name for asset in ASSETS] + list(STABLECOINS)
    for name, path in zip(names, [*market.close, *market.stablecoin], strict=True):
        rows.append(
            {
                "contract_id": f"{name}-USD",
                "price_type": "INDEX",
                "method": "SYNTHETIC_PATH",
                "price": _price(path[now]),
                "prev_price": _price(path[now - 1]),
            }
        )
    return _priced(rows, day.date)


def _priced(rows: Sequence[Mapping[str, Any]], day: date) -> Rows:
    """Price rows with what all of them share; observations are up to 19 seconds old at capture."""
    moment = as_of(day)
    shared = {"price_set_id": f"{day:%Y%m%d}-EOD", "capture_ts": moment, "source": "LEVEE_SAMPLE", "quality": "OK"}
    names = schema.dataset("prices").names
    aged = ({**shared, "obs_ts": moment - timedelta(seconds=at % 20), **row} for at, row in enumerate(rows))
    return [tuple(row.get(name) for name in names) for row in aged]


def vol_quotes(day: Day) -> Rows:
    """Live options: volatilities, forward, and bid and ask on the tick around the mark (none where below a tick)."""
    book, marks = day.book, day.marks
    half = HALF_SPREAD_VOL + 0.01 * np.abs(np.log(np.where(book.is_option, book.strike, 1.0) / marks.forward))
    levels = [np.round(marks.volatility + side * np.minimum(half, 0.05), 6) for side in (-1.0, 1.0)]
    bid, ask = (price(book, marks.forward, level) for level in levels)
    interest = long_interest(day.lines, len(book.contracts))
    quoted = [at for at, each in enumerate(book.contracts) if each.is_option and book.is_live[at]]
    rows = []
    for at in quoted:
        each = book.contracts[at]
        low, high = _on_tick(bid[at], each.tick, "ROUND_FLOOR"), _on_tick(ask[at], each.tick, "ROUND_CEILING")
        rows.append(
            {
                "contract_id": each.contract_id,
                "px_unit": "COIN" if each.is_inverse else "QUOTE",
                "iv_bid": number(levels[0][at]) if low else None,
                "iv_ask": number(levels[1][at]),
                "iv_mark": number(marks.volatility[at]),
                "forward": _price(marks.forward[at]),
                "bid_px": low or None,
                "ask_px": high,
                "bid_size": 10 if low else None,
                "ask_size": 10,
                "oi": fixed(int(interest[at]), _QUANTITY_DIGITS),
                "obs_ts": as_of(day.date),
                "source": "LEVEE_SAMPLE",
                "quality": "OK",
                "surface_id": f"{each.asset}-{each.expiry:%Y%m%d}",
            }
        )
    names = schema.dataset("vol_quotes").names
    return [tuple(row.get(name) for name in names) for row in rows]


def book_depth(day: Day) -> Rows:
    """Levels of live futures and perpetuals, symmetric about the mark."""
    per_unit = usd_per_unit(day.book, day.marks)
    rows: Rows = []
    for at, each in enumerate(day.book.contracts):
        if not each.is_option and day.book.is_live[at]:
            rows += _levels(each, Decimal(_price(day.marks.price[at])), float(per_unit[at]), as_of(day.date))
    return rows


def _levels(contract: Contract, mark: Decimal, usd_per_quantity_unit: float, moment: datetime) -> Rows:
    step = max(_on_tick(float(mark) * DEPTH_STEP, contract.tick, "ROUND_FLOOR"), contract.tick)
    lots = max(round(DEPTH_USD / (usd_per_quantity_unit * contract.lot)), 2)
    columns: dict[str, list[Any]] = {"side": [], "level": [], "price": [], "size": [], "cum_size": []}
    for side, sign in (("BID", -1), ("ASK", 1)):
        total = Decimal(0)
        for level in range(1, DEPTH_LEVELS + 1):
            size = (lots + lots * (level - 1) // 2) * contract.lot * QUANTITY_UNIT
            total += size
            for name, value in zip(columns, (side, level, mark + sign * level * step, size, total), strict=True):
                columns[name].append(value)
    shared = {"contract_id": contract.contract_id, "obs_ts": moment, "size_unit": "CONTRACTS"}
    return table("book_depth", {**columns, **{name: [value] * (2 * DEPTH_LEVELS) for name, value in shared.items()}})


def funding(day: Day) -> Rows:
    """Three eight-hour intervals of each perpetual, the last one ending at 08:00."""
    at = day.market.column(day.date)
    perpetuals = [each for each in day.book.contracts if each.kind == "PERP"]
    ends = [as_of(day.date) - timedelta(seconds=FUNDING_INTERVAL_S * back) for back in (2, 1, 0)]
    return table(
        "funding",
        {
            "contract_id": [each.contract_id for each in perpetuals for _ in ends],
            "interval_end_ts": [end for _ in perpetuals for end in ends],
            "funding_rate": [
                number(funding_rate(float(day.market.premium[each.underlying, at - (end.date() < day.date)])))
                for each in perpetuals
                for end in ends
            ],
        },
    )


def history(market: Market, day: date, underlyings: Iterable[int]) -> Rows:
    """The whole look-back of each underlying up to the day."""
    last = market.column(day)
    span = range(max(0, last - HISTORY_DAYS + 1), last + 1)
    dates = [market.first + timedelta(days=at) for at in span]
    wanted = list(underlyings)
    return table(
        "history",
        {
            "underlying": [ASSETS[each].name for each in wanted for _ in span],
            "date": [each for _ in wanted for each in dates],
            "close": [_price(market.close[each, at]) for each in wanted for at in span],
        },
    )


def collateral_balances(
    holdings: Sequence[Holding], deposits: Sequence[Decimal], withdrawals: Sequence[Decimal], genesis: bool
) -> Rows:
    """Outside movements; opening balances in the first cycle only, for the house carries them afterwards."""
    return table(
        "collateral_balances",
        {
            "clearing_member_id": [each.member_id for each in holdings],
            "margin_account_id": [each.account_id for each in holdings],
            "asset": [each.asset for each in holdings],
            "form": [FORMS[each.asset] for each in holdings],
            "qty_open": [each.quantity if genesis else None for each in holdings],
            "deposits": deposits,
            "withdrawals": withdrawals,
        },
    )


def usd_per_unit(book: Listing, marks: Marks) -> Floats:
    """USD of notional of one QUANTITY_UNIT of each contract (n,)."""
    multiplier = np.array([float(each.multiplier * QUANTITY_UNIT) for each in book.contracts])
    return np.where(book.form == INVERSE_FORWARD, multiplier, multiplier * marks.forward)


def _price(value: float) -> str:
    return fixed(integer_price(np.array([value]))[0], PRICE_SCALE)


def _texts(values: Ints, digits: int) -> list[str]:
    return [fixed(value, digits) for value in values.tolist()]


def _on_tick(value: float, tick: Decimal, rounding: str) -> Decimal:
    return (Decimal(repr(float(value))) / tick).to_integral_value(rounding=rounding) * tick
