"""Which synthetic contracts are listed on a day: perpetuals, dated futures and options on a grid of expiries x strikes.

A listing keeps exactly the number of contracts asked for: what expired yesterday is replaced by the next best
candidates of today, near the money and near in time first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from tasks.model.errors import Finding, LeveeError
from tasks.sample_market import ASSETS, Market

QUANTITY_UNIT = Decimal("0.1")  # contracts; every quantity of the sample is a whole number of these
COIN_SETTLED = ("BTC", "ETH")  # underlyings with inverse futures and coin-settled options as well
OTHERS_FROM = {"SOL": 300, "XRP": 1000}  # contracts asked for, from which an underlying is listed

_INVERSE_MULTIPLIER = {"BTC": Decimal(10), "ETH": Decimal(1)}  # USD
_LINEAR_MULTIPLIER = {"BTC": Decimal("0.01"), "ETH": Decimal("0.1"), "SOL": Decimal(1), "XRP": Decimal(100)}
_OPTION_MULTIPLIER = {"BTC": Decimal(1), "ETH": Decimal(1), "SOL": Decimal(10), "XRP": Decimal(1000)}
_STRIKES_BELOW, _STRIKES_ABOVE = 20, 30
_LAST_DAYS, _LAST_DAYS_RANK = 2, 6  # what is about to expire is listed late
_NICE_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Contract:
    """A synthetic contract. `underlying` indexes ASSETS; `lot` counts QUANTITY_UNITs; `rank` orders listings."""

    contract_id: str
    kind: str
    payoff: str
    underlying: int
    settle_asset: str
    multiplier: Decimal
    lot: int
    rank: int
    listed: date
    expiry: date | None = None
    strike: Decimal | None = None
    option_type: str | None = None

    @property
    def asset(self) -> str:
        """Name of the underlying."""
        return ASSETS[self.underlying].name

    @property
    def is_option(self) -> bool:
        return self.kind == "OPT"

    @property
    def is_inverse(self) -> bool:
        return self.payoff == "INVERSE"

    @property
    def tick(self) -> Decimal:
        """Smallest quoted price step: coin for coin-settled options, quote otherwise."""
        if self.is_option and self.is_inverse:
            return Decimal("0.0001")
        return Decimal(1).scaleb(-ASSETS[self.underlying].price_decimals)

    def years(self, day: date) -> float:
        """Years of 365 days to expiry at 08:00 UTC; 0 for a perpetual."""
        return (self.expiry - day).days / 365.0 if self.expiry else 0.0

    def is_live(self, day: date) -> bool:
        """Whether it still trades after the day's 08:00."""
        return self.expiry is None or self.expiry > day


def first_listing(market: Market, day: date, size: int) -> list[Contract]:
    """The `size` best contracts of a day. Raises LeveeError USAGE where the grid does not hold as many."""
    return _filled([], market, day, size)


def next_listing(contracts: list[Contract], market: Market, day: date) -> list[Contract]:
    """The listing of a day from yesterday's: what had not expired then, and new contracts in the place of the rest."""
    survivors = [contract for contract in contracts if contract.is_live(day - timedelta(days=1))]
    return _filled(survivors, market, day, len(contracts)) if len(survivors) < len(contracts) else contracts


def expiries(day: date) -> list[date]:
    """Fridays listed on a day, nearest first: the next four, and the last of each of the next twelve months."""
    friday = day + timedelta(days=(4 - day.weekday()) % 7 or 7)
    weekly = [friday + timedelta(weeks=week) for week in range(4)]
    monthly = [
        _last_friday(day.year + (day.month - 1 + ahead) // 12, (day.month - 1 + ahead) % 12 + 1)
        for ahead in (0, 1, 2, 3, 5, 8, 11)
    ]
    return sorted({*weekly, *(each for each in monthly if each > day)})


def _last_friday(year: int, month: int) -> date:
    following = date(year + month // 12, month % 12 + 1, 1)
    return following - timedelta(days=(following.weekday() - 4 - 1) % 7 + 1)


def _filled(kept: list[Contract], market: Market, day: date, size: int) -> list[Contract]:
    """`kept` and the best candidates up to `size`, in the order of their ids."""
    taken = {contract.contract_id for contract in kept}
    free = [contract for contract in _candidates(market, day, size) if contract.contract_id not in taken]
    free.sort(key=lambda contract: (contract.rank, contract.contract_id))
    if len(free) < size - len(kept):
        raise LeveeError(
            Finding(
                "USAGE",
                "more contracts than the sample's grid holds",
                value=str(size),
                limit=str(len(free) + len(kept)),
                action="ask for fewer contracts",
            )
        )
    return sorted(kept + free[: size - len(kept)], key=lambda contract: contract.contract_id)


def _candidates(market: Market, day: date, size: int) -> Iterator[Contract]:
    for underlying, asset in enumerate(ASSETS):
        if size >= OTHERS_FROM.get(asset.name, 0):
            spot = float(market.close[underlying, market.column(day)])
            yield from _forwards(underlying, day)
            yield from _options(underlying, day, spot)


def _forwards(underlying: int, day: date) -> Iterator[Contract]:
    name = ASSETS[underlying].name
    quarterly = [expiry for expiry in expiries(day) if expiry == _last_friday(expiry.year, expiry.month)]
    for order, expiry in enumerate([None, *quarterly]):
        stem = f"{name}-PERP" if expiry is None else f"{name}-{expiry:%Y%m%d}"
        kind = "PERP" if expiry is None else "FUT"
        yield Contract(
            f"{stem}.LIN.USDC", kind, "LINEAR", underlying, "USDC", _LINEAR_MULTIPLIER[name], 10, 2 * order, day, expiry
        )
        if name in COIN_SETTLED:
            yield Contract(
                f"{stem}.INV", kind, "INVERSE", underlying, name, _INVERSE_MULTIPLIER[name], 10, 2 * order, day, expiry
            )


def _options(underlying: int, day: date, spot: float) -> Iterator[Contract]:
    """Calls and puts; the step of the strikes doubles beyond 45 days."""
    name = ASSETS[underlying].name
    for order, expiry in enumerate(expiries(day)):
        step = _nice(spot * (0.03 if (expiry - day).days <= 45 else 0.06))
        centre = round(spot / step)
        for offset in range(-_STRIKES_BELOW, _STRIKES_ABOVE + 1):
            strike = Decimal(repr(round((centre + offset) * step, 6))).normalize()
            if strike >= Decimal("0.3") * Decimal(repr(spot)):
                rank = 1 + order + abs(offset) + _LAST_DAYS_RANK * ((expiry - day).days <= _LAST_DAYS)
                yield from _pair(underlying, name, day, expiry, strike, rank)


def _pair(underlying: int, name: str, day: date, expiry: date, strike: Decimal, rank: int) -> Iterator[Contract]:
    for option_type in "CP":
        stem = f"{name}-{expiry:%Y%m%d}-{format(strike, 'f').replace('.', 'd')}-{option_type}"
        multiplier = _OPTION_MULTIPLIER[name]
        yield Contract(
            f"{stem}.LIN.USDC",
            "OPT",
            "LINEAR",
            underlying,
            "USDC",
            multiplier,
            1,
            rank + 1,
            day,
            expiry,
            strike,
            option_type,
        )
        if name in COIN_SETTLED:
            yield Contract(
                f"{stem}.INV", "OPT", "INVERSE", underlying, name, multiplier, 1, rank, day, expiry, strike, option_type
            )


def _nice(step: float) -> float:
    """The nearest of 1, 2, 2.5, 5 x 10^n."""
    power = 10.0 ** np.floor(np.log10(step))
    return float(power * min(_NICE_STEPS, key=lambda nice: abs(np.log(nice * power / step))))
