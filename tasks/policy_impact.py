"""The impact of a proposed policy: the last published end of day computed again under it, beside what was published.

Both sides come from the same stages of the same code; the second runs in a home of its own. PI01 is what the risk
department gets of it, and MA01 of the same rows what each member gets, so that totals tie to the cent.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from tasks import decisions, policy_proposal, policy_states, status
from tasks.dry_run import dry_run
from tasks.home import Home
from tasks.model.assurance import governance
from tasks.model.assurance.impact import Impact, Margined, impact
from tasks.model.errors import Finding, LeveeError
from tasks.policy_proposal import Proposal
from tasks.policy_states import IMPACT_ASSESSED, Event, History
from tasks.store import Store


@dataclass(frozen=True)
class Assessed:
    """An impact, the cycle it was found on, and what follows from it. refused: guard rails it does not keep."""

    run_id: str
    business_date: date
    impact: Impact
    notice_days: int
    significance: str
    numbers: Mapping[str, str]
    refused: tuple[Finding, ...]

    @property
    def evidence(self) -> dict[str, Any]:
        """As it is kept and approved."""
        group, rise = self.impact.effect.largest
        return {
            "run_id": self.run_id,
            "business_date": self.business_date.isoformat(),
            "notice_days": self.notice_days,
            "significance": self.significance,
            "numbers": dict(self.numbers),
            "largest_rise": {"group": group, "fraction": f"{rise:.6f}"},
            "accounts_hash": rows_hash(self.impact.accounts),
            "summary_hash": rows_hash(self.impact.summary),
            "refused": [vars(each) for each in self.refused],
        }


def assess(home: Home, store: Store, proposal_id: str, user: str) -> tuple[History, Assessed]:
    """Assess a proposal on the last published end of day and keep what came out; rails it breaks are told, not hidden.

    Raises LeveeError PARAM_STATE, STALE_APPROVAL, and as the stages of a cycle do.
    """
    history = policy_states.history(store, proposal_id)
    history.require(*policy_states.ORDER[2:4])
    proposal = policy_proposal.unchanged(home, history)
    found = assessed(home, proposal, policy_proposal.required_day(home), history.last.emergency)
    moved = policy_states.move(
        store,
        history,
        IMPACT_ASSESSED,
        user,
        f"assessed on {found.run_id}",
        business_date=found.business_date,
        evidence=found.evidence,
    )
    return moved, found


def refused(assessment: Event) -> list[Finding]:
    """Guard rails that an impact was found to break, as they are kept with it."""
    kept = assessment.evidence["refused"]
    names = ("what", "where", "value", "limit", "action")
    return [Finding(each["code"], **{name: each[name] for name in names}) for each in kept]


def require_within_rails(history: History, broken: Sequence[Finding]) -> None:
    """Raises LeveeError STEP_LIMIT or BUFFER_FIRST where an impact breaks a guard rail and it is no emergency."""
    if broken and not history.last.emergency:
        raise LeveeError(*broken)


def assessed(home: Home, proposal: Proposal, day: date, emergency: bool) -> Assessed:
    """Impact on a published end of day, whichever it is; nothing is kept. Raises LeveeError as `dry_run`."""
    with tempfile.TemporaryDirectory(prefix="levee-impact-") as folder:
        run_id, found = side_by_side(home, day, proposal, Home(Path(folder)))
    _require_base(home, run_id, proposal)
    buffers = _buffers(home, run_id)
    terms = policy_proposal.terms()
    kind, numbers = governance.significance(found.effect, proposal.changes, terms, emergency)
    rails = [
        *governance.steps_refused(proposal.changes, terms.rails),
        *governance.rise_refused(found.effect, terms.rails),
        *governance.buffers_refused(found.effect, buffers),
    ]
    return Assessed(
        run_id=run_id,
        business_date=day,
        impact=found,
        notice_days=governance.notice_days(found.effect, terms, emergency),
        significance=kind,
        numbers=numbers,
        refused=tuple(rails),
    )


def side_by_side(home: Home, day: date, proposal: Proposal, scratch: Home) -> tuple[str, Impact]:
    """Run of a day's end, and what it asked for beside what it would under a policy. Raises LeveeError as `dry_run`."""
    tried = dry_run(home, day, "EOD", scratch, proposal.file)
    trial = str(status.cycles(scratch, day)[-1]["run_id"])
    current, proposed = margined(home, tried.standing_run_id), margined(scratch, trial)
    return tried.standing_run_id, impact(current, proposed, proposal.base.brackets.majors)


def _require_base(home: Home, run_id: str, proposal: Proposal) -> None:
    """The published run was margined by the policy the proposal takes the place of."""
    margined_by = status.exported(home, run_id, "control.cycle_run")["policy_hash"].item()
    if margined_by != proposal.base.policy_hash:
        raise LeveeError(
            Finding(
                "PARAM_STATE",
                "the last published day was margined by another policy than the one that is replaced",
                where=run_id,
                value=margined_by[:16],
                limit=proposal.base.policy_hash[:16],
                action="run the cycles of the policy that is replaced first",
            )
        )


def margined(home: Home, run_id: str) -> Margined:
    """What a run asked for, from its exports."""
    accounts = status.exported(home, run_id, "result.margin_account").join(
        status.exported(home, run_id, "book.account").select("clearing_member_id", "margin_account_id", "account_type"),
        on=["clearing_member_id", "margin_account_id"],
    )
    lines = status.exported(home, run_id, "result.requirement")
    return Margined(accounts, lines, status.exported(home, run_id, "result.portfolio_risk").drop("run_id"))


def _buffers(home: Home, run_id: str) -> dict[str, tuple[str, float]]:
    rows = status.exported(home, run_id, "result.apc_buffer").select("underlying", "state", "buffer_fraction")
    return {name: (state, fraction) for name, state, fraction in rows.iter_rows()}


def rows_hash(frame: pl.DataFrame) -> str:
    """sha256 over the rows as they print, in their order."""
    return decisions.subject_hash({"rows": [list(row) for row in frame.iter_rows()]})
