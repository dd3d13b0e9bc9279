"""Why an account must post more or less than in the cycle before: one cause after another (METHODOLOGY 5, attribution).

Starting from the earlier cycle, what belongs to a cause is taken from the later one and the account is margined again:
position, market, volatility, parameter, collateral, roll. Each cause is the difference its step makes, so their sum is
the whole change to the cent; a different order would part what two causes do together differently.

    POSITION    quantities; a contract that has expired since stays as it was
    MARKET      prices of contracts, underlyings and settlement assets, traded volume, order books
    VOLATILITY  implied volatility, the smile, what marks are not sure of, and the closes scenarios are drawn from
    PARAMETER   the policy, buffers, overrides and the member's rating
    COLLATERAL  balances
    ROLL        the day itself: time to expiry, what has expired, days without a settlement window
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

import polars as pl

from tasks.model import money
from tasks.model.margin.initial_margin import MarginInputs, initial_margin
from tasks.model.margin.portfolio import ACCOUNT, KEY
from tasks.model.policy import Policy

POSITION, MARKET, VOLATILITY, PARAMETER, COLLATERAL, ROLL = STEPS = (
    "POSITION",
    "MARKET",
    "VOLATILITY",
    "PARAMETER",
    "COLLATERAL",
    "ROLL",
)
START = "START"
_PRICES = ("settlement_price", "index_price", "forward_price", "settle_asset_price")
_VOLATILITIES = ("implied_volatility", "mark_uncertainty_usd")
_FRAMES = {
    MARKET: ("volumes", "order_books", "coins"),
    VOLATILITY: ("surface", "history", "listed"),
    PARAMETER: ("apc_buffer", "overrides", "joint_accounts"),
    COLLATERAL: ("balances",),
    ROLL: ("business_date",),
}


@dataclass(frozen=True)
class Day:
    """What an account was margined on in one cycle.

    inputs: positions and balances of the account alone. marks: contract_id, terms and marks of every contract of the
    cycle, as the columns of inputs.positions.
    """

    inputs: MarginInputs
    marks: pl.DataFrame
    as_of: datetime
    policy: Policy


@dataclass(frozen=True)
class Step:
    """A cause: total initial margin once it is taken from the later cycle, and the change that makes. USD."""

    cause: str
    total_initial_margin_usd: Decimal
    change_usd: Decimal


def steps(earlier: Day, later: Day) -> tuple[Decimal, tuple[Step, ...]]:
    """Total initial margin on the earlier cycle, and the causes in their order.

    Raises ModelInputError where an account cannot be margined on a mixture, which names what is missing.
    """
    start = _total(earlier)
    found: list[Step] = []
    before = start
    for number, cause in enumerate(STEPS, start=1):
        total = _total(mixed(earlier, later, frozenset(STEPS[:number])))
        found.append(Step(cause, total, total - before))
        before = total
    return start, tuple(found)


def totals_by_account(earlier: Day, later: Day) -> pl.DataFrame:
    """Total initial margin (USD) of every account of both cycles: `START` on the earlier one, then after each cause.

    Both days hold the same accounts. Raises ModelInputError as `steps` does.
    """
    days = {START: earlier} | {
        cause: mixed(earlier, later, frozenset(STEPS[:number])) for number, cause in enumerate(STEPS, start=1)
    }
    found = earlier.inputs.accounts.select(ACCOUNT).sort(ACCOUNT)
    for cause, day in days.items():
        portfolios = initial_margin(day.inputs, day.as_of, day.policy).portfolio
        summed = portfolios.group_by(ACCOUNT).agg(pl.col("total_initial_margin_usd").sum().alias(cause))
        found = found.join(summed, on=ACCOUNT, how="left", maintain_order="left")
    return found.with_columns(pl.col(START, *STEPS).fill_null(0))


def mixed(earlier: Day, later: Day, taken: frozenset[str]) -> Day:
    """The earlier cycle with what belongs to the causes taken from the later one."""
    frames = {name: getattr(later.inputs, name) for cause in taken for name in _FRAMES.get(cause, ())}
    rolled = ROLL in taken
    inputs = replace(
        earlier.inputs,
        **frames,
        positions=_positions(earlier, later, taken),
        accounts=_accounts(earlier, later, taken),
    )
    policy = later.policy if PARAMETER in taken else earlier.policy
    return Day(inputs, later.marks, later.as_of if rolled else earlier.as_of, policy)


def _total(day: Day) -> Decimal:
    portfolios = initial_margin(day.inputs, day.as_of, day.policy).portfolio
    return money.total(portfolios["total_initial_margin_usd"])


def _positions(earlier: Day, later: Day, taken: frozenset[str]) -> pl.DataFrame:
    held = _quantities(earlier, later, taken)
    return held.join(_marks(earlier, later, taken), on="contract_id", how="left").select(
        earlier.inputs.positions.columns
    )


def _quantities(earlier: Day, later: Day, taken: frozenset[str]) -> pl.DataFrame:
    """KEY, contract_id and quantity held."""
    before, after = (day.inputs.positions.select(*KEY, "contract_id", "quantity") for day in (earlier, later))
    if ROLL in taken or POSITION not in taken:
        return after if ROLL in taken else before
    gone = later.marks.filter(pl.col("expiry_ts") <= later.as_of)["contract_id"].to_list()
    expired = pl.col("contract_id").is_in(gone)
    return pl.concat([after.filter(~expired), before.filter(expired)])


def _marks(earlier: Day, later: Day, taken: frozenset[str]) -> pl.DataFrame:
    """Terms of every contract of either cycle; each mark of the cycle it is taken from, else of the one that has it."""
    both = later.marks.join(earlier.marks, on="contract_id", how="full", coalesce=True, suffix="_earlier")
    of_later = {
        **dict.fromkeys(_PRICES, MARKET in taken),
        **dict.fromkeys(_VOLATILITIES, VOLATILITY in taken),
        "expired": ROLL in taken,
    }
    columns = [name for name in later.marks.columns if name != "contract_id"]
    return both.select("contract_id", *(_preferring(name, of_later.get(name, True)) for name in columns))


def _preferring(name: str, of_later: bool) -> pl.Expr:
    later, earlier = pl.col(name), pl.col(f"{name}_earlier")
    return (pl.coalesce(later, earlier) if of_later else pl.coalesce(earlier, later)).alias(name)


def _accounts(earlier: Day, later: Day, taken: frozenset[str]) -> pl.DataFrame:
    """Accounts as the policy's cycle has them; the days without a settlement window belong to the day itself."""
    known = later.inputs.accounts if PARAMETER in taken else earlier.inputs.accounts
    dated = later.inputs.accounts if ROLL in taken else earlier.inputs.accounts
    gaps = dated.select(*ACCOUNT, "gap_days")
    return (
        known.drop("gap_days")
        .join(gaps, on=ACCOUNT, how="left")
        .with_columns(pl.col("gap_days").fill_null(0))
        .select(known.columns)
    )
