"""What becomes of a published cycle when something it was computed from has changed.

While it is open a corrected run replaces what is out, as the next version. Once the next end of day has carried its
balances on it is closed, and only an approved restatement opens it again: a correction belongs into the open cycle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks import decisions, lineage, rerun, resources
from tasks.freeze import Basis, files_in_force, input_root, take_basis
from tasks.home import Home
from tasks.key import CycleKey
from tasks.model.errors import Finding, LeveeError
from tasks.store import Store

# A published cycle stands while these are the same; changed code alone is no reason to correct anybody.
_NO_GROUNDS = ("reference_hash", "model_version", "code_version", "constraints_hash", "env")
_CAUSES = {
    "opening_root": "CORRECTED_OPENING",
    "decisions_root": "CORRECTED_DECISIONS",
    "policy_hash": "CORRECTED_POLICY",
    "reference_hash": "CORRECTED_REFERENCE",
    "model_version": "CORRECTED_CODE",
    "code_version": "CORRECTED_CODE",
    "constraints_hash": "CORRECTED_CODE",
}

Run = Mapping[str, Any]


def is_called_for(home: Home, store: Store, published: Run) -> bool:
    """Whether a published run no longer stands on what its cycle has now; one that a person wants again also stands on
    its code.

    Raises LeveeError RESTATE_REFUSED where it does not and the cycle is closed, WAITING while a restatement is asked
    for and nobody has answered.
    """
    basis = _basis_now(home, store, published)
    ignored = () if rerun.is_asked_for(store, published["run_id"]) else _NO_GROUNDS
    if not basis.differs_from(published, *ignored):
        return False
    lineage.show(home, store)
    require_open(store, published, basis)
    return True


def require_open(store: Store, published: Run, basis: Basis) -> None:
    """Raises LeveeError where a published cycle is closed and its restatement on this basis is not approved."""
    closing = closed_by(store, published)
    if closing is None:
        return
    asked = decisions.latest(store, "RESTATEMENT", restatement(published, basis))
    if asked and asked.state == "APPROVED":
        return
    if asked and asked.state == "OPEN":
        raise LeveeError(
            Finding(
                "WAITING",
                "the restatement of a closed cycle is not approved",
                where=f"APPROVAL {asked.decision_id}",
                value=f"asked by {asked.requested_by}",
                action=f"another person answers: `levee cycle approve {asked.decision_id} --user NAME`",
            )
        )
    raise LeveeError(
        Finding(
            "RESTATE_REFUSED",
            "the cycle is closed: its balances were carried on",
            where=published["run_id"],
            value=f"changed: {', '.join(basis.differs_from(published))}",
            limit=f"closed by {closing}",
            action="deliver the difference as an adjustment of the open cycle, or ask for --restate with a reason",
        )
    )


def closed_by(store: Store, run: Run) -> str | None:
    """The published end-of-day run that carried the balances of a run's cycle on, None while the cycle is open."""
    found = store.read(resources.sql("freeze/closing"), {"business_date": run["business_date"], "cycle": run["cycle"]})
    return str(found["run_id"][0]) if found.height else None


def standing(runs: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The run whose release is in force, of the runs of a cycle; None where nothing of it is out."""
    return next((run for run in runs if run["published"] and not run["superseded"]), None)


def ask_to_restate(home: Home, store: Store, published: Run, user: str, reason: str) -> decisions.Decision | None:
    """Ask a second person for the restatement of a closed cycle on what it has now; None where nothing asks for one."""
    basis = _basis_now(home, store, published)
    if not basis.differs_from(published, *_NO_GROUNDS) or closed_by(store, published) is None:
        return None
    return decisions.request(store, home, "RESTATEMENT", restatement(published, basis), user, reason)


def restatement(run: Run, basis: Basis) -> dict[str, str]:
    """What exactly is approved: which cycle, and what it would be computed from instead."""
    return {
        "business_date": run["business_date"].isoformat(),
        "cycle": run["cycle"],
        "input_root": basis.input_root,
        "opening_root": basis.opening_root,
        "policy_hash": basis.policy_hash,
    }


def superseded(store: Store, key: CycleKey) -> dict[str, Any] | None:
    """The run and `version` that the release of a run replaces; None where nothing of the cycle is out before it."""
    found = store.read(resources.sql("freeze/superseded"), {"cycle_id": key.cycle_id, "run_id": key.run_id})
    return found.row(0, named=True) if found.height else None


def causes(store: Store, run: Run, before: Run) -> list[str]:
    """Why a run differs from the one it supersedes, as members are told: CORRECTED_POSITIONS, CORRECTED_OPENING, …"""
    datasets = store.read(
        resources.sql("freeze/inputs_changed"), {"run_id": run["run_id"], "superseded_run_id": before["run_id"]}
    )["dataset"]
    told = [f"CORRECTED_{dataset.upper()}" for dataset in datasets]
    return [*told, *dict.fromkeys(cause for part, cause in _CAUSES.items() if run[part] != before[part])]


def _basis_now(home: Home, store: Store, run: Run) -> Basis:
    files = files_in_force(store, run["business_date"], run["cycle"])
    return take_basis(home, store, run["business_date"], run["cycle"], input_root(files))
