"""Stage call: collateral, excess or deficit of every account, and the calls of the cycle as drafts."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from tasks import calendar, reference
from tasks.model.errors import Finding, LeveeError
from tasks.model.margin.call import CallInputs, CallResult
from tasks.model.margin.call import call as call_margin
from tasks.model.margin.due import USD
from tasks.stage import Context, stage

_MEET_CALLS = """
UPDATE control.margin_call AS c
SET state = o.state, met_amount_usd = o.call_amount_usd - o.closing_usd
FROM result.outstanding_call AS o
WHERE o.run_id = $run_id AND o.call_id = c.call_id AND o.call_version = c.call_version
"""
_STANDING = """
SELECT margin_account_id, state FROM control.margin_call
WHERE cycle_id = $cycle_id AND state <> 'DRAFT' ORDER BY ALL
"""


@stage("call", state="COMPUTED")
def call(context: Context) -> None:
    """Write collateral, outstanding_call and margin_account of the run and the cycle's calls; mark earlier ones met."""
    _require_no_standing_call(context)
    issued = issued_at(context)
    accounts = context.query("book/slices/margin_accounts")
    haircuts = context.slice("result.haircut").select("asset", "haircut_fraction", "issuer", haircut_rule="rule_id")
    inputs = CallInputs(
        accounts=accounts,
        portfolios=context.slice("result.portfolio"),
        balances=context.query("book/slices/call_balances"),
        deposits=context.query("book/slices/call_deposits"),
        outstanding=context.query(
            "book/slices/call_outstanding", cycle_id=context.key.cycle_id, as_of_ts=context.run["as_of_ts"]
        ),
        quality=context.query("book/slices/call_quality"),
        due=due_terms(sorted({*accounts["base_ccy"], USD}), issued, context.policy.call.minimum_funding_minutes).join(
            haircuts, on="asset", how="left"
        ),
        issuers={code: asset.issuer for code, asset in reference.assets().items() if asset.issuer},
        haircut_mode=context.slice("result.haircut_mode"),
        joint_collateral=context.slice("result.joint_collateral"),
    )
    _write(context, call_margin(inputs, context.key.cycle_id, issued, context.policy))


def issued_at(context: Context) -> datetime:
    """When the cycle's calls are issued by the timetable, UTC."""
    as_of: datetime = context.run["as_of_ts"]
    return as_of + timedelta(minutes=context.policy.call.issue_minutes_after_as_of)


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


def _write(context: Context, result: CallResult) -> None:
    context.write("result.collateral", result.collateral)
    context.write("result.outstanding_call", result.outstanding)
    context.write("result.margin_account", result.accounts)
    context.store.execute(_MEET_CALLS, {"run_id": context.key.run_id})
    context.store.delete("control.margin_call", {"cycle_id": context.key.cycle_id, "state": "DRAFT"})
    context.write("control.margin_call", result.calls)


def _require_no_standing_call(context: Context) -> None:
    """A call that left the house is never written over: a correction is a version of its own."""
    standing = context.store.read(_STANDING, {"cycle_id": context.key.cycle_id})
    if standing.height:
        account, state = standing.row(0)
        raise LeveeError(
            Finding(
                "CALL_STANDS",
                "a call of this cycle is approved or issued already",
                where=account,
                value=state,
                action="correct it in the next cycle",
            )
        )
