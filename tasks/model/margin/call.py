"""What each account is called for (METHODOLOGY 7).

    D = max(0, total initial margin − C − O);  call = 0 if D < minimum transfer amount, else D up to the increment

C is collateral after haircut, today's settlement and the concentration caps, O the calls of earlier cycles still owed.
The deficit compares the requirement with C alone: a call is a claim, and money that has not come is no collateral.
Where there is no deficit the excess is collateral after haircut, caps left aside, less the requirement: what the caps
cut off covers nothing, but it is the account's and may be taken back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl

from tasks.model import money
from tasks.model.errors import Finding, ReconciliationError
from tasks.model.margin import quality
from tasks.model.margin.collateral import count_as_cover, required_price, value_collateral
from tasks.model.margin.complete import CALL_NEEDS, require_complete
from tasks.model.margin.due import USD, Held, Payment, due_asset, payment
from tasks.model.margin.outstanding import meet_calls
from tasks.model.policy import Policy

CALL_TYPE = "INITIAL_MARGIN"
REASON = "INITIAL_MARGIN_DEFICIT"
HAIRCUT, JOINT = "haircut", "joint"
ACCOUNT = ["clearing_member_id", "margin_account_id"]
_ZERO, _ONE = Decimal("0.00"), Decimal(1)
_USD = pl.Decimal(20, 2)
_TOTALS = (
    "initial_margin_usd",
    "net_option_value_usd",
    "total_initial_margin_usd",
    "maintenance_margin_usd",
    "total_maintenance_margin_usd",
)
_VALUES = ("market_value_usd", "post_haircut_value_usd", "counted_value_usd")
_ACCOUNT_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(ACCOUNT, pl.String),
    **dict.fromkeys(
        (
            *_TOTALS,
            "collateral_market_value_usd",
            "collateral_post_haircut_value_usd",
            "collateral_counted_value_usd",
            "outstanding_calls_usd",
            "excess_amount_usd",
            "deficit_amount_usd",
            "minimum_transfer_amount_usd",
            "call_increment_usd",
            "margin_call_amount_usd",
        ),
        _USD,
    ),
    "status": pl.String,
    "quality_flags": pl.String,
    "collateral_mode": pl.String,
    **dict.fromkeys(
        (
            "other_mode_total_initial_margin_usd",
            "other_mode_collateral_counted_value_usd",
            "other_mode_margin_call_amount_usd",
        ),
        _USD,
    ),
}
_CALL_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "call_id": pl.String,
    "call_version": pl.Int32,
    "cycle_id": pl.String,
    **dict.fromkeys(ACCOUNT, pl.String),
    "call_type": pl.String,
    "state": pl.String,
    "call_amount_usd": _USD,
    "increment_amount_usd": _USD,
    "met_amount_usd": _USD,
    "due_asset": pl.String,
    "due_amount": pl.Decimal(38, 8),
    "due_haircut_fraction": pl.Decimal(9, 6),
    "calendar_id": pl.String,
    "issued_ts": pl.Datetime("us"),
    "due_ts": pl.Datetime("us"),
    "reason_code": pl.String,
}


@dataclass(frozen=True)
class CallInputs:
    """Frames of the call stage.

    accounts: clearing_member_id, margin_account_id, base_ccy, mta, rounding_unit (USD, null = the policy's),
    due_price_usd (price of base_ccy), permitted_assets, related_parties, held (broken
    data; may be left out). portfolios: result.portfolio. balances,
    deposits: see collateral and outstanding. outstanding: calls of earlier cycles. quality: account, word, count.
    due: asset, calendar_id, due_ts, decimals, haircut_fraction, haircut_rule, issuer, a row for each base_ccy and USD.
    issuers: by asset, of those that have one. haircut_mode: of accounts in joint mode, rows like result.portfolio of
    their positions alone. joint_collateral: see coin_collateral. threshold_fraction: share of its requirement that an
    account must lack before it is called, 0 where the minimum transfer amount alone decides.
    """

    accounts: pl.DataFrame
    portfolios: pl.DataFrame
    balances: pl.DataFrame
    deposits: pl.DataFrame
    outstanding: pl.DataFrame
    quality: pl.DataFrame
    due: pl.DataFrame
    issuers: Mapping[str, str]
    haircut_mode: pl.DataFrame
    joint_collateral: pl.DataFrame
    threshold_fraction: Decimal = _ZERO


@dataclass(frozen=True)
class CallResult:
    """Tables of the call stage: result.collateral, outstanding_call, margin_account and control.margin_call."""

    collateral: pl.DataFrame
    outstanding: pl.DataFrame
    accounts: pl.DataFrame
    calls: pl.DataFrame


def call(inputs: CallInputs, cycle_id: str, issued_ts: datetime, policy: Policy) -> CallResult:
    """Collateral, outstanding calls, one line per account and the calls of a cycle.

    Raises ModelInputError NON_FINITE or PRICE_MISSING; ReconciliationError where an account has no requirement.
    """
    require_complete(inputs, CALL_NEEDS)
    required = inputs.portfolios.group_by(ACCOUNT).agg(pl.col(_TOTALS).sum())
    must = {row[:2]: row[2] for row in required.select(*ACCOUNT, "total_initial_margin_usd").iter_rows()}
    alone = {row[:2]: row[2] for row in inputs.haircut_mode.select(*ACCOUNT, _TOTALS[2]).iter_rows()}
    collateral = count_as_cover(value_collateral(inputs.balances, policy), must, inputs.issuers, policy, alone)
    outstanding = meet_calls(inputs.outstanding, inputs.deposits)
    other = _counted_in_haircut_mode(inputs, alone, policy)
    joined = _join(inputs, required, collateral, outstanding)
    rows = [
        (row, _account(row, other.get(_key(row)), policy, inputs.threshold_fraction))
        for row in joined.iter_rows(named=True)
    ]
    held, due = _held(collateral, must, alone), _due_terms(inputs)
    calls = [
        _call(
            account,
            row,
            held.get(_key(row)) or _nothing(account, alone.get(_key(row))),
            due,
            cycle_id,
            issued_ts,
            policy,
        )
        for row, account in rows
        if account["margin_call_amount_usd"] > 0
    ]
    accounts = pl.DataFrame([account for _, account in rows], schema=_ACCOUNT_SCHEMA)
    return CallResult(collateral, outstanding, accounts, pl.DataFrame(calls, schema=_CALL_SCHEMA))


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["clearing_member_id"], row["margin_account_id"]


def _held(
    collateral: pl.DataFrame, required: Mapping[Any, Decimal], alone: Mapping[Any, Decimal]
) -> dict[tuple[str, str], Held]:
    """Collateral of each account that has any."""
    held: dict[tuple[str, str], Held] = {}
    for row in collateral.iter_rows(named=True):
        key = _key(row)
        each = held.setdefault(key, Held({}, {}, required.get(key, _ZERO), alone.get(key)))
        each.values[row["asset"]] = row["post_haircut_value_usd"]
        each.own_margin[row["asset"]] = row["own_margin_usd"] or _ZERO
    return held


def _nothing(account: Mapping[str, Any], alone: Decimal | None) -> Held:
    return Held({}, {}, account["total_initial_margin_usd"], alone)


@dataclass(frozen=True)
class _DueTerms:
    """Terms of every asset a call may be due in, and of the coins of accounts in joint mode."""

    by_asset: Mapping[str, dict[str, Any]]
    joint: Mapping[tuple[str, str, str], dict[str, Any]]
    issuers: Mapping[str, str]

    def payment(self, asset: str, account: Mapping[str, Any]) -> Payment:
        """What a payment of an account in an asset is cut by."""
        return payment(self.by_asset[asset], account, self.joint.get((*_key(account), asset)))


def _due_terms(inputs: CallInputs) -> _DueTerms:
    return _DueTerms(
        {row["asset"]: row for row in inputs.due.iter_rows(named=True)},
        {(*_key(row), row["asset"]): row for row in inputs.joint_collateral.iter_rows(named=True)},
        inputs.issuers,
    )


def _counted_in_haircut_mode(
    inputs: CallInputs, alone: Mapping[Any, Decimal], policy: Policy
) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    """Requirement and collateral counted of accounts in joint mode, had they been haircut: what does not bind."""
    keys = inputs.haircut_mode.select(ACCOUNT)
    balances = inputs.balances.join(keys, on=ACCOUNT, how="semi").with_columns(own_margin_fraction=None)
    counted = count_as_cover(value_collateral(balances, policy), alone, inputs.issuers, policy, {})
    held = dict.fromkeys(alone, _ZERO)
    for row in counted.iter_rows(named=True):
        held[_key(row)] += row["counted_value_usd"]
    return {key: (required, held[key]) for key, required in alone.items()}


def call_amount(deficit: Decimal, minimum_transfer_amount: Decimal, increment: Decimal) -> Decimal:
    """USD called for a deficit >= 0 after collateral and outstanding calls: tested first, then rounded up."""
    if deficit < minimum_transfer_amount:
        return _ZERO
    return money.round_up(deficit, increment)


def terms(mta: Decimal | None, rounding_unit: Decimal | None, policy: Policy) -> tuple[Decimal, Decimal]:
    """Minimum transfer amount and increment in force for a member: its own where they are the smaller."""
    minimum = money.round_down(policy.call.minimum_transfer_amount_usd)
    increment = money.round_up(policy.call.call_increment_usd)
    if mta is not None and mta >= 0:
        minimum = min(minimum, mta)
    if rounding_unit is not None and rounding_unit > 0:
        increment = min(increment, rounding_unit)
    return minimum, increment


def call_id(cycle_id: str, margin_account_id: str, call_type: str = CALL_TYPE, sequence: int = 1) -> str:
    """Identity of a call: the same for every run of its cycle."""
    return hashlib.sha256(f"{cycle_id}|{margin_account_id}|{call_type}|{sequence}".encode()).hexdigest()[:16]


def _join(
    inputs: CallInputs, required: pl.DataFrame, collateral: pl.DataFrame, outstanding: pl.DataFrame
) -> pl.DataFrame:
    """One row per account in key order. No collateral and no outstanding call count zero; a requirement must be."""
    held = collateral.group_by(ACCOUNT).agg(pl.col(_VALUES).sum())
    owed = outstanding.group_by(ACCOUNT).agg(pl.col("closing_usd").sum())
    joined = inputs.accounts.join(required, on=ACCOUNT, how="left")
    _check_complete(joined, required)
    return (
        joined.join(held, on=ACCOUNT, how="left")
        .join(owed, on=ACCOUNT, how="left")
        .join(quality.flags(inputs.quality), on=ACCOUNT, how="left")
        .with_columns(
            pl.col(*_VALUES, "closing_usd").fill_null(_ZERO),
            pl.col("quality_flags").fill_null(""),
        )
        .sort(ACCOUNT)
    )


def _check_complete(joined: pl.DataFrame, required: pl.DataFrame) -> None:
    missing = joined.filter(pl.col("initial_margin_usd").is_null())["margin_account_id"].to_list()
    unknown = required.join(joined, on=ACCOUNT, how="anti")["margin_account_id"].to_list()
    if missing or unknown:
        names = ", ".join(sorted(missing + unknown))
        raise ReconciliationError(
            Finding(
                "CROSS_REPORT",
                "accounts and requirements do not match",
                where=names,
                value=f"{len(missing)} without a requirement, {len(unknown)} without an account",
                action="run the cycle again from margin",
            )
        )


def _account(
    row: dict[str, Any], other: tuple[Decimal, Decimal] | None, policy: Policy, threshold: Decimal
) -> dict[str, Any]:
    """A row of result.margin_account. other: requirement and collateral in haircut mode where joint mode binds.

    threshold: fraction of the requirement; what it comes to is the minimum transfer amount where that is smaller.
    """
    required, held, counted = (row[name] for name in ("total_initial_margin_usd", *_VALUES[1:]))
    outstanding = row["closing_usd"]
    agreed, increment = terms(row["mta"], row["rounding_unit"], policy)
    minimum = max(agreed, money.round_up(money.product(threshold, required)))
    deficit = max(_ZERO, required - counted)
    called_for = max(_ZERO, required - counted - outstanding)
    return {
        **{name: row[name] for name in (*ACCOUNT, *_TOTALS)},
        "collateral_market_value_usd": row["market_value_usd"],
        "collateral_post_haircut_value_usd": held,
        "collateral_counted_value_usd": counted,
        "outstanding_calls_usd": outstanding,
        "excess_amount_usd": _ZERO if deficit else max(_ZERO, held - required),
        "deficit_amount_usd": deficit,
        "minimum_transfer_amount_usd": minimum,
        "call_increment_usd": increment,
        "margin_call_amount_usd": call_amount(called_for, minimum, increment),
        "status": "HELD" if row.get("held") else "FINAL",
        "quality_flags": row["quality_flags"],
        "collateral_mode": HAIRCUT if other is None else JOINT,
        "other_mode_total_initial_margin_usd": other and other[0],
        "other_mode_collateral_counted_value_usd": other and other[1],
        "other_mode_margin_call_amount_usd": other
        and call_amount(max(_ZERO, other[0] - other[1] - outstanding), minimum, increment),
    }


def _call(
    account: dict[str, Any],
    row: dict[str, Any],
    held: Held,
    terms_of_due: _DueTerms,
    cycle_id: str,
    issued_ts: datetime,
    policy: Policy,
) -> dict[str, Any]:
    amount = account["margin_call_amount_usd"]
    base, paid = row["base_ccy"], {asset: terms_of_due.payment(asset, row) for asset in (row["base_ccy"], USD)}
    asset = due_asset(base, paid[base], amount, held, terms_of_due.issuers, policy)
    due, taken = terms_of_due.by_asset[asset], paid[asset].taken
    price = _ONE if asset == USD else required_price(asset, row["due_price_usd"])
    # Worth the call after what is cut: who pays what the notice asks is not called for the haircut tomorrow.
    worth = money.product(price, _ONE - taken)
    return {
        "call_id": call_id(cycle_id, row["margin_account_id"]),
        "call_version": 1,
        "cycle_id": cycle_id,
        "clearing_member_id": row["clearing_member_id"],
        "margin_account_id": row["margin_account_id"],
        "call_type": CALL_TYPE,
        "state": "DRAFT",
        "call_amount_usd": amount,
        "increment_amount_usd": amount,
        "met_amount_usd": _ZERO,
        "due_asset": asset,
        "due_amount": money.quantity_worth(amount, worth, money.settlement_unit(due["decimals"])),
        "due_haircut_fraction": taken,
        "calendar_id": due["calendar_id"],
        "issued_ts": issued_ts,
        "due_ts": due["due_ts"],
        "reason_code": REASON,
    }
