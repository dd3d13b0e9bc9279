"""What a cycle would ask for: its stages up to the tie-out in a home of its own, under a challenger where one is given.

The cycle is computed from what its latest run was frozen on, or from the inbox where none has begun. Nothing is
approved or let out, and nothing is written to the home it is about: exports, archive and inbox are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from tasks import handover, journal, policy_store, status
from tasks.cycle import TRIAL, procedure
from tasks.home import Home
from tasks.inbox import check_cycle
from tasks.key import cycle_id
from tasks.store import Store

_ACCOUNT = ["clearing_member_id", "margin_account_id"]
_FIGURES = ("total_initial_margin_usd", "margin_call_amount_usd")
_NONE = pl.lit(None, dtype=pl.Decimal(20, 2))


@dataclass(frozen=True)
class DryRun:
    """Requirement and call of every account as they would be, beside those of the run that stands where there is one.

    `accounts`: clearing_member_id, margin_account_id, and total_initial_margin_usd and margin_call_amount_usd of the
    trial; with the prefix `standing_` those of the standing run, null where there is none.
    """

    cycle_id: str
    standing_run_id: str
    policy_hash: str
    accounts: pl.DataFrame

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "cycle_id": self.cycle_id,
            "standing_run_id": self.standing_run_id,
            "policy_hash": self.policy_hash,
            "accounts": self.accounts.to_dicts(),
            "total": self.total(),
        }

    def total(self) -> dict[str, Decimal]:
        """Sums over all accounts, of the figures that are there."""
        sums = self.accounts.select(pl.col(pl.Decimal).sum()).row(0, named=True)
        return {name: value for name, value in sums.items() if self.standing_run_id or not name.startswith("standing_")}


def dry_run(
    home: Home,
    business_date: date,
    cycle: str,
    scratch: Home,
    challenger: Path | None = None,
    run: Mapping[str, Any] | None = None,
) -> DryRun:
    """Compute a cycle in an empty home up to its tie-out. run: its run to compute again, the latest by default.

    Raises LeveeError as the stages do, PARAM_STATE for a policy that cannot be used.
    """
    check_cycle(cycle)
    run = run or _latest_run(home, business_date, cycle)
    trial = replace(scratch, challenger=challenger, inbox_override=None if run else home.inbox)
    policy = policy_store.load(challenger) if challenger else policy_store.in_force(home, business_date)
    trial.prepare(home.environment)
    _give(home, run, business_date, trial, policy.policy_hash)
    with journal.written(trial, f"{cycle_id(business_date, cycle)}-intake"), trial.locked("cycle run --dry-run"):
        ended = procedure(trial, business_date, cycle, lambda step, *given: step(*given), TRIAL)
    return DryRun(
        cycle_id(business_date, cycle),
        str(run["run_id"]) if run else "",
        policy.policy_hash,
        _beside(home, run, status.exported(trial, ended.key.run_id, "result.margin_account")),
    )


def _latest_run(home: Home, business_date: date, cycle: str) -> Mapping[str, Any] | None:
    found = [state["run_id"] for state in status.cycles(home, business_date) if state["cycle"] == cycle]
    return status.exported(home, found[-1], "control.cycle_run").row(0, named=True) if found else None


def _give(home: Home, run: Mapping[str, Any] | None, business_date: date, trial: Home, policy_hash: str) -> None:
    """The policy unless another is tried; files, opening and decisions of the run, or the opening one would get."""
    with Store(trial.database) as store:
        if not trial.challenger:
            handover.policy(home, policy_hash, trial, store)
        if run:
            handover.files(home, run, trial)
            handover.opening(home, run["predecessor_run_id"], store)
            handover.decisions(home, run, store)
            handover.corrected(home, run, trial, store)
            handover.number(home, run, store)
        else:
            handover.opening(home, _predecessor(home, business_date), store)
            handover.decided_so_far(home, store)


def _predecessor(home: Home, business_date: date) -> str:
    """Run of the version in force of the latest end of day before a date, empty where nothing is out before it."""
    before = {day: run_id for day, run_id in status.in_force(home).items() if day < business_date}
    return before[max(before)] if before else ""


def _beside(home: Home, run: Mapping[str, Any] | None, trial: pl.DataFrame) -> pl.DataFrame:
    """The trial's figures of every account, and the standing run's where it came so far."""
    asked = trial.select(*_ACCOUNT, *_FIGURES)
    computed = run and (home.exports / run["run_id"] / "result.margin_account.parquet").exists()
    if not run or not computed:
        return asked.with_columns(_NONE.alias(f"standing_{name}") for name in _FIGURES).sort(_ACCOUNT)
    standing = status.exported(home, run["run_id"], "result.margin_account").select(*_ACCOUNT, *_FIGURES)
    renamed = standing.rename({name: f"standing_{name}" for name in _FIGURES})
    return asked.join(renamed, on=_ACCOUNT, how="full", coalesce=True).sort(_ACCOUNT)
