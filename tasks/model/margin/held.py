"""What a held account must cover: its last requirement or the one computed on known rows, never less (METHODOLOGY 5).

    HELD = max(last requirement, requirement on known rows) · multiple − requirement on known rows

The last requirement is that of the latest published cycle in which the account was not held, or the one on known rows
of a cycle since where that was more. The line stands in the account's own portfolio, so that lines, portfolios and
account still sum; it is rounded up to a cent.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from tasks.model import money
from tasks.model.margin.lines import LINE_NO
from tasks.model.margin.portfolio import ACCOUNT
from tasks.model.policy import Policy

COMPONENT, RULE = "HELD", "held.multiple"
LAST, KNOWN_ROWS = "LAST_REQUIREMENT", "KNOWN_ROWS"
_ZERO = Decimal("0.00")
_REQUIRED = "total_initial_margin_usd"


@dataclass(frozen=True)
class HeldMargin:
    """Requirement lines and portfolios with what held accounts must cover besides, and result.held."""

    requirement: pl.DataFrame
    portfolio: pl.DataFrame
    held: pl.DataFrame


def hold(requirement: pl.DataFrame, portfolio: pl.DataFrame, held: pl.DataFrame, policy: Policy) -> HeldMargin:
    """Raise what held accounts must cover.

    requirement, portfolio: rows of the run. held: clearing_member_id, margin_account_id, codes, lines, and of the
    cycle that its last requirement comes from last_run_id and last_requirement_usd, null where there was none.
    """
    known = portfolio.group_by(ACCOUNT).agg(known_requirement_usd=pl.col(_REQUIRED).sum().cast(money.USD))
    accounts = held.join(known, on=ACCOUNT).sort(ACCOUNT)
    needed = [_needed(row, policy) for row in accounts.iter_rows(named=True)]
    accounts = accounts.with_columns(
        multiple=pl.lit(policy.held.multiple), required_usd=pl.Series(needed, dtype=money.USD)
    )
    raised, lines = _raised(portfolio, accounts, policy)
    return HeldMargin(pl.concat([requirement, lines.select(requirement.columns)]), raised, accounts)


def _needed(row: dict[str, Any], policy: Policy) -> Decimal:
    """Larger of the last requirement and that of known rows, times the policy's multiple, in cents rounded up."""
    worse = max(row["last_requirement_usd"] or _ZERO, row["known_requirement_usd"])
    return money.round_up(money.product(worse, money.exact(policy.held.multiple)))


def _raised(portfolio: pl.DataFrame, accounts: pl.DataFrame, policy: Policy) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Portfolios, those of held accounts with the line added, and the lines."""
    by_account = {(row[ACCOUNT[0]], row[ACCOUNT[1]]): row for row in accounts.iter_rows(named=True)}
    rows, lines = [], []
    for row in portfolio.iter_rows(named=True):
        account = by_account.get((row[ACCOUNT[0]], row[ACCOUNT[1]]))
        if account is None or row["client_id"]:
            rows.append(row)
            continue
        added = _added(row, account["required_usd"] - account["known_requirement_usd"])
        rows.append(_with(row, added, policy))
        lines.append(_line(row, added, account, policy))
    schema: dict[str, Any] = {
        **{name: kind for name, kind in portfolio.schema.items() if name in (*ACCOUNT, "client_id")},
        "component": pl.String,
        "line_no": pl.Int32,
        "amount_usd": money.USD,
        "rule_id": pl.String,
        "policy_hash": pl.String,
        "worst_scenario_id": pl.String,
        "binding_component": pl.String,
    }
    return pl.DataFrame(rows, schema=portfolio.schema), pl.DataFrame(lines, schema=schema)


def _added(row: dict[str, Any], more: Decimal) -> Decimal:
    """Initial margin to add for `more` USD of requirement: option value above the margin covers nothing of it."""
    unused = max(_ZERO, row["net_option_value_usd"] - row["initial_margin_usd"])
    return more + unused if more else _ZERO


def _with(row: dict[str, Any], added: Decimal, policy: Policy) -> dict[str, Any]:
    """The portfolio's figures with the line; maintenance margin stays at least its share of initial margin."""
    initial, value = row["initial_margin_usd"] + added, row["net_option_value_usd"]
    share = money.round_up(money.product(initial, money.exact(policy.maintenance.fraction)))
    maintenance = max(row["maintenance_margin_usd"], share)
    return row | {
        "initial_margin_usd": initial,
        _REQUIRED: max(_ZERO, initial - value),
        "maintenance_margin_usd": maintenance,
        "total_maintenance_margin_usd": max(_ZERO, maintenance - value),
        "initial_margin_without_override_usd": row["initial_margin_without_override_usd"] + added,
        "maintenance_binding_component": "INITIAL_MARGIN_SHARE"
        if maintenance > row["maintenance_margin_usd"]
        else row["maintenance_binding_component"],
    }


def _line(row: dict[str, Any], added: Decimal, account: dict[str, Any], policy: Policy) -> dict[str, Any]:
    last = account["last_requirement_usd"] or _ZERO
    return {
        **{name: row[name] for name in (*ACCOUNT, "client_id")},
        "component": COMPONENT,
        "line_no": LINE_NO[COMPONENT],
        "amount_usd": added,
        "rule_id": RULE,
        "policy_hash": policy.policy_hash,
        "worst_scenario_id": "",
        "binding_component": LAST if last > account["known_requirement_usd"] else KNOWN_ROWS,
    }
