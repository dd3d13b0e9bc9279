"""Why two runs ask for different amounts: account by account and cause by cause, summing to the difference exactly.

Both runs are margined again on their exports, the second taking one cause after another over from the first; where the
code has changed since, what it would find otherwise is a cause of its own. Never reads the database.

    POSITION … ROLL  why the requirement changed (tasks/model/margin/change.py)
    ACCOUNT          the account is in one of the runs alone
    HELD             the account is held in one of them: its requirement is not that of its book
    CODE             the published figures less those of the code as it is now
    COVER            collateral that counts: more of it lowers the call
    OUTSTANDING      calls of earlier cycles not met yet: they lower the call
    MINIMUM          minimum transfer amount, rounding of calls, and excess, which is not called
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import polars as pl

from tasks import causes, resources, status
from tasks.home import Home
from tasks.model import money
from tasks.model.errors import Finding, LeveeError
from tasks.model.margin.change import START, STEPS, Day, totals_by_account
from tasks.model.margin.portfolio import ACCOUNT

REQUIREMENT_CAUSES = (*STEPS, "ACCOUNT", "HELD", "CODE")
CAUSES = (*REQUIREMENT_CAUSES, "COVER", "OUTSTANDING", "MINIMUM")
_NOTHING = Decimal("0.00")
_RESULT = (
    "total_initial_margin_usd",
    "collateral_counted_value_usd",
    "outstanding_calls_usd",
    "margin_call_amount_usd",
    "status",
)
Result = Mapping[str, Any]
_NO_RESULT: Result = {name: "" if name == "status" else _NOTHING for name in _RESULT}


@dataclass(frozen=True)
class AccountDiff:
    """An account's requirement and call (USD) in both runs, and the change by cause.

    The causes of the requirement sum to its change; all of them together sum to the change of the call.
    """

    clearing_member_id: str
    margin_account_id: str
    requirement_before_usd: Decimal
    requirement_after_usd: Decimal
    call_before_usd: Decimal
    call_after_usd: Decimal
    change_usd: Mapping[str, Decimal]


def diff(home: Home, before: str, after: str) -> list[AccountDiff]:
    """Every account of either run, in key order.

    Raises LeveeError UNKNOWN_ID, NOT_REPRODUCIBLE where a published figure does not come out of unchanged code.
    """
    results = [_results(home, run_id) for run_id in (before, after)]
    both = [key for key in results[0] if key in results[1]]
    computed = _computed(home, before, after, [key[1] for key in both])
    changed = any(_run(home, run_id)["code_version"] != resources.code_version() for run_id in (before, after))
    return [
        _account(key, [result.get(key, _NO_RESULT) for result in results], computed.get(key), changed)
        for key in sorted(results[0].keys() | results[1].keys())
    ]


def by_member(accounts: Sequence[AccountDiff]) -> dict[str, dict[str, Decimal]]:
    """Sums over each member's accounts: requirement and call before and after, and every cause."""
    members: dict[str, dict[str, Decimal]] = {}
    for account in accounts:
        sums = members.setdefault(account.clearing_member_id, {})
        for name, amount in _amounts(account).items():
            sums[name] = sums.get(name, _NOTHING) + amount
    return members


def total(accounts: Sequence[AccountDiff]) -> dict[str, Decimal]:
    """Sums over all accounts."""
    sums = by_member([replace(account, clearing_member_id="") for account in accounts])
    return sums.get("", {})


def as_dict(before: str, after: str, accounts: Sequence[AccountDiff]) -> dict[str, Any]:
    """For JSON: what differs account by account, and the sums."""
    return {
        "before": before,
        "after": after,
        "accounts": [vars(account) | {"change_usd": dict(account.change_usd)} for account in accounts],
        "members": by_member(accounts),
        "total": total(accounts),
    }


def _amounts(account: AccountDiff) -> dict[str, Decimal]:
    ends = {
        "requirement_before_usd": account.requirement_before_usd,
        "requirement_after_usd": account.requirement_after_usd,
        "call_before_usd": account.call_before_usd,
        "call_after_usd": account.call_after_usd,
    }
    return ends | dict(account.change_usd)


def _run(home: Home, run_id: str) -> dict[str, Any]:
    return status.exported(home, run_id, "control.cycle_run").row(0, named=True)


def _results(home: Home, run_id: str) -> dict[tuple[str, str], Result]:
    found = status.exported(home, run_id, "result.margin_account").sort(ACCOUNT)
    return {
        (row["clearing_member_id"], row["margin_account_id"]): {name: row[name] for name in _RESULT}
        for row in found.iter_rows(named=True)
    }


def _computed(
    home: Home, before: str, after: str, accounts: Sequence[str]
) -> dict[tuple[str, str], dict[str, Decimal]]:
    """Requirement of each account on the earlier run and after each cause."""
    if not accounts:
        return {}
    with causes.recalled(home, before) as earlier, causes.recalled(home, after) as later:
        days = [_only(causes.day(context, accounts), accounts) for context in (earlier, later)]
        found = totals_by_account(*days)
    return {
        (row["clearing_member_id"], row["margin_account_id"]): {name: row[name] for name in (START, *STEPS)}
        for row in found.iter_rows(named=True)
    }


def _only(day: Day, accounts: Sequence[str]) -> Day:
    """The day with no other accounts: one that only one of the runs has cannot be margined on the other's mixture."""
    own = pl.col("margin_account_id").is_in(list(accounts))
    inputs = day.inputs
    kept = replace(inputs, accounts=inputs.accounts.filter(own), joint_accounts=inputs.joint_accounts.filter(own))
    return replace(day, inputs=kept)


def _account(
    key: tuple[str, str], results: Sequence[Result], computed: Mapping[str, Decimal] | None, code_changed: bool
) -> AccountDiff:
    before, after = results
    requirement = _requirement_causes(key, before, after, computed, code_changed)
    cover = before["collateral_counted_value_usd"] - after["collateral_counted_value_usd"]
    outstanding = before["outstanding_calls_usd"] - after["outstanding_calls_usd"]
    call = after["margin_call_amount_usd"] - before["margin_call_amount_usd"]
    rest = call - money.total([*requirement.values(), cover, outstanding])
    legs = {"COVER": cover, "OUTSTANDING": outstanding, "MINIMUM": rest}
    return AccountDiff(
        *key,
        requirement_before_usd=before["total_initial_margin_usd"],
        requirement_after_usd=after["total_initial_margin_usd"],
        call_before_usd=before["margin_call_amount_usd"],
        call_after_usd=after["margin_call_amount_usd"],
        change_usd=dict.fromkeys(CAUSES, _NOTHING) | requirement | legs,
    )


def _requirement_causes(
    key: tuple[str, str], before: Result, after: Result, computed: Mapping[str, Decimal] | None, code_changed: bool
) -> dict[str, Decimal]:
    """Causes of the change in the requirement; what the code does not find again is HELD or CODE, else refused."""
    change = after["total_initial_margin_usd"] - before["total_initial_margin_usd"]
    if computed is None:
        return {"ACCOUNT": change}
    ends = [computed[START], *(computed[cause] for cause in STEPS)]
    found = {cause: now - was for cause, was, now in zip(STEPS, ends, ends[1:], strict=False)}
    rest = change - money.total(found.values())
    differs = ends[0] != before["total_initial_margin_usd"] or ends[-1] != after["total_initial_margin_usd"]
    if "HELD" in (before["status"], after["status"]):
        return found | {"HELD": rest}
    if differs and not code_changed:
        raise LeveeError(
            Finding(
                "NOT_REPRODUCIBLE",
                "an account's requirement comes out differently when computed again",
                where=" ".join(key),
                value=f"{ends[0]} and {ends[-1]}",
                limit=f"{before['total_initial_margin_usd']} and {after['total_initial_margin_usd']}",
                action="find what the margin stage reads that the run did not freeze",
            )
        )
    return found | {"CODE": rest}
