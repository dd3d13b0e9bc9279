"""Stage approve: the last word before anything leaves the house.

A run whose figures are no matter for one person waits: it shows what is to be decided, ends, and goes on once another
person has approved exactly that. Every other run that reconciles approves itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from tasks import decisions, freeze, reissue, stage
from tasks.decisions import Decision
from tasks.home import Home
from tasks.key import CycleKey
from tasks.model.errors import Finding, LeveeError
from tasks.stage import WAITING_FOR_APPROVAL, Context
from tasks.store import Store

_CHANGED_TABLES = ("result.balance", "result.collateral", "result.mark", "result.requirement", "result.variation")
_CHANGED_ROWS = """
WITH was AS (SELECT * EXCLUDE (run_id) FROM {table} WHERE run_id = $superseded_run_id),
becomes AS (SELECT * EXCLUDE (run_id) FROM {table} WHERE run_id = $run_id)
SELECT count(*) FROM ((FROM was EXCEPT FROM becomes) UNION ALL (FROM becomes EXCEPT FROM was))
"""


@dataclass(frozen=True)
class Question:
    """What a second person is asked about a run. `subject` holds every figure that is approved.

    `asker`: who wants it, where that is somebody else than who runs the cycle.
    """

    kind: str
    subject: Mapping[str, Any]
    reason: str
    asker: str = ""


@stage.stage("approve", state="APPROVED")
def approve(context: Context) -> Sequence[Finding]:
    """Let this run go, or ask. Its calls stay drafts, which a later run of the cycle replaces, until they are out."""
    asker = decisions.asking()
    asked = [
        decisions.request(context.store, context.home, each.kind, each.subject, each.asker or asker, each.reason)
        for each in questions(context)
    ]
    _record(context, asked)
    return [_waiting(context.key, each) for each in asked if each.state != "APPROVED"]


def questions(context: Context) -> Iterator[Question]:
    """What a run's release needs a second person for: calls above the policy's amount, figures that were out."""
    if context.policy.call.approval == "on":
        yield from _large_calls(context, context.policy.call.approval_above_usd)
    yield from _reissue(context)


def answer(home: Home, store: Store, key: CycleKey, user: str, approved: bool) -> list[Decision]:
    """Answer everything a waiting run asks; a rejected run is BLOCKED.

    Raises LeveeError UNKNOWN_ID; SELF_APPROVAL; STALE_APPROVAL where the run does not wait, or what it was computed
    from or came to has changed since it asked.
    """
    run = stage.run_row(store, key)
    _require_current(home, store, key, run)
    context = stage.open_context(home, store, key)
    with store.transaction():
        answered = [_answer(context, each, user, approved) for each in questions(context)]
        _record(context, answered)
        if not approved:
            stage.set_state(store, key, "BLOCKED")
    stage.show(home, store, key, context.rows)
    return answered


def _large_calls(context: Context, above_usd: float) -> Iterator[Question]:
    calls = context.query("approve/large_calls", approval_above_usd=above_usd)
    if calls.height:
        yield Question(
            "LARGE_CALL",
            _of_run(context, {"above_usd": f"{above_usd:.2f}", "calls": calls.to_dicts()}),
            f"{calls.height} call(s) above {above_usd:,.0f} USD: tell the members by phone",
        )


def _reissue(context: Context) -> Iterator[Question]:
    """Figures that are out are changed only if two persons want it. Where none is, nobody is asked."""
    out = reissue.superseded(context.store, context.key)
    if out is None:
        return
    before = {"superseded_run_id": out["run_id"]}
    accounts = context.query("approve/changed_accounts", **before)
    rows = {table: _changed_rows(context, table, before) for table in _CHANGED_TABLES}
    if accounts.height or any(rows.values()):
        changed = {"accounts": accounts.to_dicts(), "changed_rows": rows, "supersedes": out["run_id"]}
        told = f"{accounts['margin_account_id'].n_unique()} account(s) differ from release v{out['version']:02d}"
        causes = " ".join(reissue.causes(context.store, context.run, out))
        asker, why = next(context.query("approve/rerun", **before).iter_rows(), ("", causes))
        yield Question("REISSUE", _of_run(context, changed | {"causes": causes}), f"{told}: {why}", asker)


def _changed_rows(context: Context, table: str, before: Mapping[str, str]) -> int:
    query = _CHANGED_ROWS.format(table=table)
    return int(context.store.read(query, {"run_id": context.key.run_id, **before}).item())


def _of_run(context: Context, figures: Mapping[str, Any]) -> dict[str, Any]:
    key = context.key
    return {
        "business_date": key.business_date.isoformat(),
        "cycle": key.cycle,
        "run_id": key.run_id,
        "fingerprint": context.run["fingerprint"],
        **figures,
    }


def _answer(context: Context, question: Question, user: str, approved: bool) -> Decision:
    asked = decisions.latest(context.store, question.kind, question.subject)
    if asked is None:
        raise _stale(context.key, "what is to be decided is not what was asked", question.kind)
    return decisions.decide(context.store, context.home, asked.decision_id, user, approved, question.subject)


def _require_current(home: Home, store: Store, key: CycleKey, run: Mapping[str, Any]) -> None:
    if run["state"] != WAITING_FOR_APPROVAL:
        raise _stale(key, "the run does not wait for an approval", run["state"], WAITING_FOR_APPROVAL)
    basis = freeze.take_basis(home, store, key.business_date, key.cycle, run["input_root"])
    changed = basis.differs_from(run)
    if changed:
        raise _stale(key, "what the run was computed from has changed since it asked", ", ".join(changed))


def _record(context: Context, asked: Sequence[Decision]) -> None:
    names = ("decision_id", "kind", "subject_hash", "state", "requested_by", "reason", "decided_by")
    rows = [{name: getattr(each, name) for name in names} for each in asked]
    context.write("control.approval", pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String)))


def _waiting(key: CycleKey, asked: Decision) -> Finding:
    return Finding(
        "WAITING",
        f"a second person approves: {asked.kind}, {asked.reason}",
        where=key.run_id,
        value=f"{asked.decision_id} of {asked.subject_hash[:16]}, asked by {asked.requested_by}",
        limit=f"until {asked.expires_ts:%Y-%m-%d %H:%M} UTC",
        action=f"another person looks at approvals/{asked.decision_id}.json, then "
        f"`levee cycle approve {key.run_id} --user NAME` (or --reject)",
    )


def _stale(key: CycleKey, what: str, value: str, limit: str = "") -> LeveeError:
    action = "see `levee cycle status`; run the cycle again, then look at what it asks"
    return LeveeError(Finding("STALE_APPROVAL", what, where=key.run_id, value=value, limit=limit, action=action))
