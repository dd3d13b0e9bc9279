"""The impact of a proposed policy: the last published end of day computed again under it, beside what was published.

Both sides come from the same stages of the same code; the second runs in a home of its own. PI01 is what the risk
department gets of it, and MA01 of the same rows what each member gets, so that totals tie to the cent.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from tasks import decisions, policy_proposal, status
from tasks.dry_run import dry_run
from tasks.home import Home
from tasks.model.assurance import governance
from tasks.model.assurance.impact import Impact, Margined, impact
from tasks.model.errors import Finding, LeveeError
from tasks.policy_proposal import Proposal
from tasks.policy_states import Event, History


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


def refused(assessment: Event) -> list[Finding]:
    """Guard rails that an impact was found to break, as they are kept with it."""
    kept = assessment.evidence["refused"]
    names = ("what", "where", "value", "limit", "action")
    return [Finding(each["code"], **{name: each[name] for name in names}) for each in kept]


def require_as_approved(assessment: Event, found: Assessed) -> None:
    """Raises LeveeError STALE_APPROVAL where what is found now is not what was approved, moves of a routine size aside.

    On the run it was assessed on the figures are the same to the cent.
    """
    kept = assessment.evidence
    faults = [
        *_other_figures(kept, found),
        *governance.drifted(_sizes(kept), _sizes(found.evidence), policy_proposal.terms()),
    ]
    if faults:
        raise LeveeError(
            *(
                Finding(
                    "STALE_APPROVAL",
                    f"the impact is no longer the one that was approved: {what}",
                    where=assessment.proposal_id,
                    value=now,
                    limit=approved,
                    action="withdraw it and propose it anew: the impact of now wants its own approval",
                )
                for what, now, approved in faults
            )
        )


def _other_figures(kept: Mapping[str, Any], found: Assessed) -> Iterator[tuple[str, str, str]]:
    """What was found on the same run, which cannot have changed."""
    names = ("accounts_hash", "summary_hash") if kept["run_id"] == found.run_id else ()
    for name in names:
        if kept[name] != found.evidence[name]:
            yield name.replace("_", " "), str(found.evidence[name])[:16], str(kept[name])[:16]


def _sizes(evidence: Mapping[str, Any]) -> governance.Sizes:
    """The figures of an impact that its notice and its approval hang on, as they are kept."""
    return governance.Sizes(
        significance=str(evidence["significance"]),
        notice_days=int(evidence["notice_days"]),
        total=float(evidence["numbers"]["total_fraction"]),
        largest_group=float(evidence["largest_rise"]["fraction"]),
        largest_member=float(evidence["numbers"]["largest_member_fraction"]),
    )


def require_within_rails(history: History, broken: Sequence[Finding]) -> None:
    """Raises LeveeError STEP_LIMIT or BUFFER_FIRST where an impact breaks a guard rail and it is no emergency."""
    if broken and not history.last.emergency:
        raise LeveeError(*broken)


def assessed(home: Home, proposal: Proposal, emergency: bool) -> Assessed:
    """Impact on the last published end of day; nothing is kept. Raises LeveeError as `dry_run`, PARAM_STATE."""
    run_id = policy_proposal.published_run(home)
    _require_base(home, run_id, proposal)
    with tempfile.TemporaryDirectory(prefix="levee-impact-") as folder:
        found = side_by_side(home, run_id, proposal, Home(Path(folder)))
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
        business_date=policy_proposal.required_day(home),
        impact=found,
        notice_days=governance.notice_days(found.effect, terms, emergency),
        significance=kind,
        numbers=numbers,
        refused=tuple(rails),
    )


def side_by_side(home: Home, run_id: str, proposal: Proposal, scratch: Home) -> Impact:
    """What a run of a day's end asked for, beside what it would under a policy. Raises LeveeError as `dry_run`."""
    run = status.exported(home, run_id, "control.cycle_run").row(0, named=True)
    dry_run(home, run["business_date"], run["cycle"], scratch, proposal.file, run)
    trial = str(status.cycles(scratch, run["business_date"])[-1]["run_id"])
    return impact(margined(home, run_id), margined(scratch, trial), proposal.base.brackets.majors)


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
