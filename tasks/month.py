"""What a span of published days came to: each day, and who paid for a fall. Reads exports and state files."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from tasks import convert_book, status
from tasks.home import Home
from tasks.key import cycle_id
from tasks.model.errors import Finding, LeveeError

CYCLE = "EOD"
SHOWN_COIN = "BTC"
TENOR = (timedelta(days=20), timedelta(days=45))
AT_THE_MONEY = 0.05  # largest |ln(strike / forward)|
FALL_SEARCHED_DAYS = 5
VARIOUS = "CLIENTS_OF_SEVERAL_KINDS"

ByKind = dict[str, Decimal]


@dataclass(frozen=True)
class DayFigures:
    """One published day, USD where nothing else is said. `paid_usd`: variation margin paid, by settlement asset."""

    business_date: date
    options: int
    accounts: int
    initial_margin: Decimal
    paid_usd: Mapping[str, Decimal]
    called: Decimal
    largest_call: Decimal
    calls: int
    warnings: int
    seconds: float
    spot: float
    volatility: float | None
    by_kind: Mapping[str, ByKind]


def figures(home: Home, span: Sequence[date], seed: int) -> list[DayFigures]:
    """Figures of every day of a span. Raises LeveeError UNKNOWN_ID where one is not published."""
    kinds = account_kinds(seed)
    return [_day(home, day, kinds) for day in span]


def account_kinds(seed: int) -> dict[str, str]:
    """Kind of who trades in each account of the seeded house."""
    found: dict[str, set[str]] = defaultdict(set)
    for portfolio in convert_book.house_of(seed).portfolios:
        found[portfolio.account_id].add(portfolio.kind)
    return {account: min(kinds) if len(kinds) == 1 else VARIOUS for account, kinds in found.items()}


def fall(days: Sequence[DayFigures]) -> Sequence[DayFigures]:
    """The last days from the highest spot among them on: the first is the day before the fall."""
    last = days[-FALL_SEARCHED_DAYS:]
    top = max(range(len(last)), key=lambda at: last[at].spot)
    return last[top:]


def _day(home: Home, day: date, kinds: Mapping[str, str]) -> DayFigures:
    state = next((each for each in status.cycles(home, day) if each["cycle"] == CYCLE), None)
    if state is None or state["state"] != "PUBLISHED":
        raise LeveeError(
            Finding(
                "UNKNOWN_ID",
                "the day is not published",
                where=cycle_id(day, CYCLE),
                action="run `levee cycle backfill` over the span first",
            )
        )
    run_id = state["run_id"]
    accounts, contracts, marks, variation, assets = (
        status.exported(home, run_id, name)
        for name in ("result.margin_account", "book.contract", "result.mark", "result.variation", "result.asset_price")
    )
    prices = dict(assets.select("asset", "price_usd").iter_rows())
    calls = accounts.filter(pl.col("margin_call_amount_usd") > 0)["margin_call_amount_usd"].to_list()
    spot = marks.join(contracts, on="contract_id").filter(pl.col("underlying_asset") == SHOWN_COIN)["index_price"][0]
    return DayFigures(
        business_date=day,
        options=contracts.filter(pl.col("kind") == "OPT", pl.col("status") == "ACTIVE").height,
        accounts=accounts.height,
        initial_margin=_total(accounts["initial_margin_usd"]),
        paid_usd=_paid(variation, prices),
        called=sum(calls, Decimal(0)),
        largest_call=max(calls, default=Decimal(0)),
        calls=len(calls),
        warnings=sum(row["rows"] for row in state["findings"] if row["severity"] == "warning"),
        seconds=sum(stage["seconds"] for stage in state["stages"]),
        spot=float(spot),
        volatility=_volatility(contracts, marks, _as_of(home, run_id)),
        by_kind=_by_kind(accounts, variation, prices, kinds),
    )


def _as_of(home: Home, run_id: str) -> datetime:
    as_of: datetime = status.exported(home, run_id, "control.cycle_run")["as_of_ts"].item()
    return as_of


def _paid(variation: pl.DataFrame, prices: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Variation margin that accounts paid, net in each account and asset, USD by settlement asset."""
    net: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    rows = variation.select("margin_account_id", "settle_asset", "variation_margin")
    for account, asset, amount in rows.iter_rows():
        net[account, asset] += amount
    paid: dict[str, Decimal] = defaultdict(Decimal)
    for (_, asset), amount in sorted(net.items()):
        paid[asset] += max(-amount, Decimal(0)) * prices[asset]
    return dict(paid)


def _by_kind(
    accounts: pl.DataFrame, variation: pl.DataFrame, prices: Mapping[str, Decimal], kinds: Mapping[str, str]
) -> dict[str, ByKind]:
    """Requirement, call, deficit, variation margin, premium and payoff of all accounts of a kind, USD."""
    found: dict[str, ByKind] = defaultdict(lambda: defaultdict(Decimal))
    for row in accounts.iter_rows(named=True):
        figures = found[kinds.get(row["margin_account_id"], "UNKNOWN")]
        figures["accounts"] += 1
        for name in ("initial_margin_usd", "net_option_value_usd", "margin_call_amount_usd", "deficit_amount_usd"):
            figures[name] += row[name]
    for row in variation.iter_rows(named=True):
        figures = found[kinds.get(row["margin_account_id"], "UNKNOWN")]
        for name in ("variation_margin", "funding", "premium", "settlement"):
            figures[name] += row[name] * prices[row["settle_asset"]]
    return {kind: dict(figures) for kind, figures in sorted(found.items())}


def _volatility(contracts: pl.DataFrame, marks: pl.DataFrame, as_of: datetime) -> float | None:
    """Mean volatility of the options of about a month near the money, as a fraction per year."""
    rows = contracts.join(marks, on="contract_id").filter(
        pl.col("kind") == "OPT",
        pl.col("underlying_asset") == SHOWN_COIN,
        pl.col("expiry_ts").is_between(as_of + TENOR[0], as_of + TENOR[1]),
    )
    near = [
        volatility
        for strike, forward, volatility in rows.select("strike", "forward_price", "implied_volatility").iter_rows()
        if forward and abs(math.log(float(strike) / float(forward))) <= AT_THE_MONEY
    ]
    return math.fsum(near) / len(near) if near else None


def _total(amounts: pl.Series) -> Decimal:
    return sum(amounts.to_list(), Decimal(0))


def as_dict(day: DayFigures) -> dict[str, Any]:
    """For JSON."""
    return {**vars(day), "paid_usd": dict(day.paid_usd), "by_kind": dict(day.by_kind)}
