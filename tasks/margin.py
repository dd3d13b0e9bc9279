"""Stage margin: what every account must hold, and the scenarios and risk figures it comes from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import polars as pl

from tasks import calendar, reference
from tasks.model.errors import Finding
from tasks.model.margin import salvage
from tasks.model.margin.held import hold
from tasks.model.margin.initial_margin import MarginInputs, MarginResult
from tasks.model.margin.portfolio import ACCOUNT
from tasks.stage import Context, stage
from tasks.store import threads

MODEL_ERROR = "MODEL_ERROR"


@stage("margin")
def margin(context: Context) -> None:
    """Write scenarios, liquidity, risk, requirement lines and portfolios of the run."""
    salvaged = salvage.margin(inputs_of(context), context.run["as_of_ts"], context.policy)
    _hold_failed(context, salvaged.failed)
    result = _held(context, salvaged.result)
    for table in fields(result):
        context.write(f"result.{table.name}", getattr(result, table.name))


def _hold_failed(context: Context, failed: Mapping[salvage.Key, Finding]) -> None:
    """Hold the accounts the model failed for, and tell operations and the member why."""
    if not failed:
        return
    rows = [
        {"clearing_member_id": member, "margin_account_id": account, "codes": MODEL_ERROR, "lines": 1}
        for member, account in failed
    ]
    before = context.slice("book.held")
    held = pl.concat([before, pl.DataFrame(rows, schema=before.schema)]).group_by(ACCOUNT)
    both = held.agg(pl.col("codes").str.join(" "), pl.col("lines").sum())
    context.write("book.held", both.select(before.columns).sort(ACCOUNT))
    found = context.slice("control.finding")
    told = [_told(account, finding) for account, finding in failed.items()]
    context.write("control.finding", pl.concat([found, pl.DataFrame(told, schema=found.schema)]))


def _told(account: salvage.Key, found: Finding) -> dict[str, Any]:
    """A finding about an account as a row of control.finding."""
    finding = Finding(
        MODEL_ERROR,
        "the model fails for an account, which is margined by a gross scan",
        value=f"{found.code}: {found.what} {found.where}".strip(),
        limit="a margin",
        action="mend what it names, deliver it and run the cycle again",
    )
    return {
        "check_id": finding.code.lower(),
        "code": finding.code,
        "severity": "critical",
        "scope": "member",
        "dataset": "positions",
        "file_id": "",
        "source_line": 0,
        "clearing_member_id": account[0],
        "margin_account_id": account[1],
        "contract_id": "",
        "value": finding.value,
        "limit_value": finding.limit,
        "meaning": finding.what,
        "action": finding.action,
    }


def _held(context: Context, result: MarginResult) -> MarginResult:
    """The result with what held accounts must cover; where one would be closed out nobody knows."""
    held = context.query("book/slices/margin_held")
    margined = hold(result.requirement, result.portfolio, held, context.policy)
    context.write("result.held", margined.held)
    known = result.liquidation_price.join(held, on=ACCOUNT, how="anti")
    return replace(result, requirement=margined.requirement, portfolio=margined.portfolio, liquidation_price=known)


def inputs_of(context: Context) -> MarginInputs:
    """What a run's margin is computed from."""
    return MarginInputs(
        positions=context.query("book/slices/margin_positions"),
        accounts=_with_gaps(context),
        surface=context.query("book/slices/margin_surface"),
        listed=context.query("book/slices/margin_underlyings"),
        history=context.query("book/slices/margin_history", business_date=context.key.business_date),
        volumes=context.query("book/slices/margin_volumes"),
        order_books=context.query("book/slices/margin_order_books"),
        balances=context.query("book/slices/margin_balances"),
        stablecoins=tuple(code for code, asset in sorted(reference.assets().items()) if asset.form == "STABLECOIN"),
        apc_buffer=_buffer_before(context),
        overrides=context.slice("book.override"),
        business_date=context.key.business_date,
        joint_accounts=context.query("book/slices/margin_joint_accounts"),
        coins=context.slice("result.asset_price")
        .filter(pl.col("asset").is_in([code for code, asset in reference.assets().items() if asset.form == "COIN"]))
        .select("asset", "price_usd"),
        threads=threads() or os.cpu_count() or 1,
    )


def _buffer_before(context: Context) -> pl.DataFrame:
    """Buffers as the predecessor left them; none in a genesis cycle."""
    carried = context.carried("result.apc_buffer")
    return context.slice("result.apc_buffer").clear() if carried is None else carried


def _with_gaps(context: Context) -> pl.DataFrame:
    """Accounts with the days on which calls in their base currency cannot be settled."""
    accounts = context.query("book/slices/margin_accounts")
    gaps = [calendar.gap_days(asset, context.key.business_date) for asset in accounts["base_ccy"]]
    return accounts.with_columns(gap_days=pl.Series(gaps, dtype=pl.Int64))
