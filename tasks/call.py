"""Stage call: collateral, excess or deficit of every account, and the calls of the cycle as drafts."""

from __future__ import annotations

import tomllib
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache

import polars as pl

from tasks import calendar, reference, resources
from tasks.model import money
from tasks.model.margin.ageing import CollectionTerms
from tasks.model.margin.call import CallInputs, CallResult
from tasks.model.margin.call_cycle import CallLedger, CallTimes, call_cycle
from tasks.model.margin.due import USD
from tasks.model.policy import Policy
from tasks.stage import Context, stage
from tasks.statement import is_indicative


@stage("call", state="COMPUTED")
def call(context: Context) -> None:
    """Write collateral, outstanding_call and margin_account of the run, and the cycle's calls as drafts.

    A cycle that has issued calls gets the next versions of those that change; what was issued is never written over.
    """
    issued = issued_at(context)
    times = CallTimes(context.key.cycle_id, context.run["as_of_ts"], issued)
    _write(context, call_cycle(_inputs(context, issued), _ledger(context), times, context.policy, collection_terms()))


def issued_at(context: Context) -> datetime:
    """When the cycle's calls are issued by the timetable, UTC; of a correction counted from its latest file."""
    as_of: datetime = context.run["as_of_ts"]
    made = context.query("book/slices/call_reissued", cycle_id=context.key.cycle_id).item()
    return max(as_of, made or as_of) + timedelta(minutes=context.policy.call.issue_minutes_after_as_of)


@cache
def collection_terms() -> CollectionTerms:
    """Terms of data/reference/collection.toml."""
    text = resources.data("reference/collection.toml").read_text(encoding="utf-8")
    return CollectionTerms(**tomllib.loads(text, parse_float=Decimal))


def due_terms(assets: list[str], issued: datetime, minimum_funding_minutes: int) -> pl.DataFrame:
    """Calendar, due time and decimals of each asset a call may be due in. Raises LeveeError UNKNOWN_ASSET."""
    rows = [
        (
            asset,
            reference.known(asset).calendar_id,
            calendar.due_time(asset, issued, minimum_funding_minutes),
            reference.known(asset).decimals,
        )
        for asset in assets
    ]
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "asset": pl.String,
        "calendar_id": pl.String,
        "due_ts": pl.Datetime("us"),
        "decimals": pl.Int64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _inputs(context: Context, issued: datetime) -> CallInputs:
    accounts = context.query("book/slices/margin_accounts")
    haircuts = context.slice("result.haircut").select("asset", "haircut_fraction", "issuer", haircut_rule="rule_id")
    return CallInputs(
        accounts=accounts,
        portfolios=context.slice("result.portfolio"),
        balances=context.query("book/slices/call_balances"),
        deposits=context.query("book/slices/call_deposits"),
        outstanding=_earlier(context, "call_outstanding"),
        quality=context.query("book/slices/call_quality"),
        due=due_terms(sorted({*accounts["base_ccy"], USD}), issued, context.policy.call.minimum_funding_minutes).join(
            haircuts, on="asset", how="left"
        ),
        issuers={code: asset.issuer for code, asset in reference.assets().items() if asset.issuer},
        haircut_mode=context.slice("result.haircut_mode"),
        joint_collateral=context.slice("result.joint_collateral"),
        threshold_fraction=threshold(context.key.cycle, context.policy),
    )


def threshold(cycle: str, policy: Policy) -> Decimal:
    """Intraday only those are called, indicatively, who lack much of what they need."""
    return money.exact(policy.call.intraday_call_fraction) if is_indicative(cycle) else Decimal(0)


def _ledger(context: Context) -> CallLedger:
    return CallLedger(
        standing=context.query("book/slices/call_standing", cycle_id=context.key.cycle_id),
        versions=_earlier(context, "call_versions"),
        responses=context.slice("book.call_response"),
        defaulted=frozenset(context.query("book/slices/call_defaulted")["clearing_member_id"]),
    )


def _earlier(context: Context, name: str) -> pl.DataFrame:
    """Of the calls of cycles before this one."""
    times = {"cycle_id": context.key.cycle_id, "as_of_ts": context.run["as_of_ts"]}
    return context.query(f"book/slices/{name}", **times)


def _write(context: Context, result: CallResult) -> None:
    context.write("result.collateral", result.collateral)
    context.write("result.outstanding_call", result.outstanding)
    context.write("result.margin_account", result.accounts)
    context.store.delete("control.margin_call", {"cycle_id": context.key.cycle_id, "state": "DRAFT"})
    context.write("control.margin_call", result.calls)
