"""A proposed policy once more, years later: the same parameters and diff, and the same figures from the same data.

What is made again: the file's content hash and its diff against the policy it was compared with, the calibration from
the history up to its day or the search over the same days, the test on the closes of the run it was made on, and the
impact's figures from what that run was frozen on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from tasks import (
    calibration,
    convert,
    decisions,
    optimise,
    policy_coverage,
    policy_impact,
    policy_proposal,
    policy_states,
    policy_store,
    search_evidence,
)
from tasks.home import Home
from tasks.model.errors import Finding, LeveeError
from tasks.policy_proposal import Proposal
from tasks.policy_states import CALIBRATED, IMPACT_ASSESSED, TESTED, History


@dataclass(frozen=True)
class Compared:
    """One thing as it was kept and as it came out again."""

    what: str
    kept: str
    found: str

    @property
    def identical(self) -> bool:
        """Whether both are the same."""
        return self.kept == self.found


def replay(home: Home, proposal_id: str) -> list[Compared]:
    """Make again what a proposal rests on, as far as it came; the database is not read and nothing is written.

    Raises LeveeError UNKNOWN_ID, and as the stages of a cycle do where the impact's run is computed again.
    """
    history = policy_states.shown_one(home, proposal_id)
    proposal = _as_proposed(home, history)
    return [
        Compared("policy", history.events[0].policy_hash, proposal.policy.policy_hash),
        Compared("diff", history.events[0].diff_hash, proposal.diff_hash),
        *_calibration(history, proposal),
        *_search(history, proposal),
        *_test(home, history, proposal),
        *_impact(home, history, proposal),
    ]


def require_identical(proposal_id: str, found: list[Compared]) -> None:
    """Raises LeveeError NOT_REPRODUCIBLE naming what came out differently."""
    differing = [each for each in found if not each.identical]
    if differing:
        raise LeveeError(
            *(
                Finding(
                    "NOT_REPRODUCIBLE",
                    f"the {each.what} of a proposal does not come out again",
                    where=proposal_id,
                    value=each.found[:16],
                    limit=each.kept[:16],
                    action="restore proposals/ and policy/ from a backup, or replay with the version that made it",
                )
                for each in differing
            )
        )


def _as_proposed(home: Home, history: History) -> Proposal:
    """The proposal beside the policy it was compared with, whatever acts by now. Raises LeveeError UNKNOWN_ID."""
    wanted = history.events[0].base_policy_hash
    path = policy_store.of_hash(home, wanted)
    if path:
        file = policy_proposal.file_of(home, history.proposal_id)
        return policy_proposal.beside(file, path, policy_store.load(path))
    raise LeveeError(Finding("UNKNOWN_ID", "the policy it was compared with is not in this home", value=wanted[:16]))


def _calibration(history: History, proposal: Proposal) -> Iterator[Compared]:
    """The parameters the calibration found, from the data folder as it is now, which has grown since."""
    report = _last(history, CALIBRATED).get("calibration")
    if report:
        as_of, coins = date.fromisoformat(report["as_of"]), tuple(report["coins"])
        first = date.fromisoformat(report["effective_date"]) if report.get("effective_date") else None
        found = calibration.calibrate(proposal.base_file, convert.market_data_folder(), as_of, coins, first)
        yield Compared("calibration", str(report["policy_hash"]), found.policy_hash)
        yield Compared("data", str(report["data_hash"]), found.data_hash)


def _search(history: History, proposal: Proposal) -> Iterator[Compared]:
    """All that a search said of its choice, from the same days of the data folder as it is now."""
    told = _last(history, CALIBRATED).get(search_evidence.KEY)
    if told:
        names = ("from", "as_of", "effective_date")
        days = [date.fromisoformat(told[name]) if told.get(name) else None for name in names]
        request = optimise.Request(tuple(told["coins"]), proposal.base_file, *days)
        found = optimise.optimise(request, convert.market_data_folder())
        chosen = {str(each["policy_hash"]): str(each["search_id"]) for each in found.evidence()}
        yield Compared("search", str(told["search_id"]), chosen.get(str(told["policy_hash"]), "chosen otherwise"))
        yield Compared("data", str(told["data_hash"]), found.data_hash)


def _test(home: Home, history: History, proposal: Proposal) -> Iterator[Compared]:
    kept = _last(history, TESTED)
    if kept:
        found = policy_coverage.tested_on(home, proposal, str(kept["run_id"]))
        yield Compared("closes", str(kept["closes_hash"]), found["closes_hash"])
        yield Compared("test", _coverage(kept), _coverage(found))


def _impact(home: Home, history: History, proposal: Proposal) -> Iterator[Compared]:
    kept = _last(history, IMPACT_ASSESSED)
    if kept:
        with tempfile.TemporaryDirectory(prefix="levee-replay-") as folder:
            found = policy_impact.side_by_side(home, str(kept["run_id"]), proposal, Home(Path(folder)))
        yield Compared("impact", str(kept["accounts_hash"]), policy_impact.rows_hash(found.accounts))


def _last(history: History, state: str) -> dict[str, Any]:
    found = [dict(each.evidence) for each in history.events if each.state == state]
    return found[-1] if found else {}


def _coverage(evidence: dict[str, Any]) -> str:
    """sha256 over every portfolio's figures."""
    return decisions.subject_hash({"portfolios": evidence["portfolios"]})
