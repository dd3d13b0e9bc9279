"""The `levee policy` commands: a margin policy from proposal to activation, each step by a named person."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import App
from rich.console import Group
from rich.table import Table
from rich.text import Text

from flows import printing
from flows.options import Common, User
from tasks import codes
from tasks.home import Home

if TYPE_CHECKING:
    from tasks.policy_states import History
    from tasks.store import Store

app = App(
    name="policy", help="Margin policies: proposed, tested, assessed, approved by two persons, noticed, activated."
)

_WAIT_SECONDS = 30.0


@app.command(name="list")
def list_policies(common: Common | None = None) -> int:
    """List policies and proposals with state and next step, and reviews that are due. Reads no database."""
    from tasks import policy_overview

    common = common or Common()
    home = common.read().prepare()
    found = policy_overview.listed(home)
    common.show(found, lambda: _listed(found))
    return codes.PUBLISHED


@app.command
def show(proposal: str, common: Common | None = None) -> int:
    """Show every event of a proposal and what it rests on. Reads no database.

    Parameters
    ----------
    proposal
        Id of a proposal.
    """
    from tasks import policy_overview

    common = common or Common()
    found = policy_overview.shown(common.read(), proposal)
    common.show(found, lambda: _events(found))
    return codes.PUBLISHED


@app.command
def diff(policy: str, against: str = "", common: Common | None = None) -> int:
    """Show what a policy changes, rule by rule, with the size of each step. Reads no database.

    Parameters
    ----------
    policy
        Id of a proposal, or a policy file.
    against
        Another of either; by default the policy in force on the day before its first.
    """
    from tasks import policy_overview

    common = common or Common()
    home = common.read().prepare()
    found = policy_overview.diff(home, policy, against)
    common.show(found, lambda: _changes(found))
    return codes.PUBLISHED


@app.command
def propose(
    file: Path,
    reason: str = "",
    emergency: bool = False,
    opening: bool = False,
    judgement: str = "",
    calibration: Path | None = None,
    search: Path | None = None,
    split: Path | None = None,
    user: User = "",
    common: Common | None = None,
) -> int:
    """Propose a policy file: a draft that changes nothing yet.

    Parameters
    ----------
    file
        Policy file.
    reason
        Why, in words that will stand in the notice.
    emergency
        It cannot wait: no limit of step and notice, one approval more, and a look back by a fixed day.
    opening
        The house begins with it: no end of day is out. There is nothing yet to test and assess it on.
    judgement
        What the numbers rest on where no calibration and no search does.
    calibration
        The calibration's report (JSON) the numbers come from.
    search
        What `levee optimise --out` wrote beside the policy (JSON).
    split
        Instead: write the stages a change that is too large is reached in into this folder.
    """
    from tasks import policy_proposal, proposal_basis

    if split:
        return _split(file, split, common)
    given = judgement or calibration or search
    evidence = proposal_basis.read(judgement, calibration, search) if given else None
    with _acting("propose", user, common) as (home, store, who, told):
        path = file.expanduser().resolve()
        told(policy_proposal.propose(home, store, path, who, reason, emergency, evidence, opening))
    return codes.PUBLISHED


@app.command
def justify(
    proposal: str,
    judgement: str = "",
    calibration: Path | None = None,
    search: Path | None = None,
    user: User = "",
    common: Common | None = None,
) -> int:
    """Say what a draft's numbers rest on.

    Parameters
    ----------
    proposal
        Id of a proposal.
    judgement
        Reason in words.
    calibration
        A calibration's report (JSON).
    search
        What `levee optimise --out` wrote beside the policy (JSON).
    """
    from tasks import policy_proposal, proposal_basis

    with _acting("justify", user, common) as (home, store, who, told):
        evidence = proposal_basis.read(judgement, calibration, search)
        told(policy_proposal.justify(home, store, proposal, who, evidence))
    return codes.PUBLISHED


@app.command
def test(proposal: str, user: User = "", common: Common | None = None) -> int:
    """Test a proposal: coverage of static portfolios under it and under the policy it takes the place of.

    Parameters
    ----------
    proposal
        Id of a proposal.
    """
    from tasks import policy_coverage

    with _acting("test", user, common) as (home, store, who, told):
        told(policy_coverage.test(home, store, proposal, who))
    return codes.PUBLISHED


@app.command
def impact(proposal: str, user: User = "", common: Common | None = None) -> int:
    """Compute the last published end of day again under a proposal and write PI01.

    Parameters
    ----------
    proposal
        Id of a proposal.
    """
    from tasks import policy_reports

    with _acting("impact", user, common) as (home, store, who, told):
        history, folder = policy_reports.assess(home, store, proposal, who)
        told(history, f"PI01: {folder}")
    return codes.PUBLISHED


@app.command
def review(proposal: str, note: str, user: User = "", common: Common | None = None) -> int:
    """Review a proposal's impact, or look back at an active policy, as another person than who proposed it.

    Parameters
    ----------
    proposal
        Id of a proposal.
    note
        What was looked at and found.
    """
    from tasks import policy_approval

    with _acting("review", user, common) as (home, store, who, told):
        told(policy_approval.review(home, store, proposal, who, note))
    return codes.PUBLISHED


@app.command
def approve(proposal: str, reject: bool = False, user: User = "", common: Common | None = None) -> int:
    """Approve a reviewed proposal, as another person than who proposed or reviewed it.

    Parameters
    ----------
    proposal
        Id of a proposal.
    reject
        Refuse it, which ends it.
    """
    from tasks import policy_approval

    with _acting("approve", user, common) as (home, store, who, told):
        told(policy_approval.approve(home, store, proposal, who, not reject))
    return codes.PUBLISHED


@app.command
def notice(proposal: str, user: User = "", common: Common | None = None) -> int:
    """Give notice of an approved policy: PN01 to everybody, MA01 to each member.

    Parameters
    ----------
    proposal
        Id of a proposal.
    """
    from tasks import policy_activation

    with _acting("notice", user, common) as (home, store, who, told):
        history = policy_activation.notice(home, store, proposal, who)
        told(history, f"files: {home.root / history.last.evidence['files']}")
    return codes.PUBLISHED


@app.command
def activate(proposal: str, user: User = "", common: Common | None = None) -> int:
    """Put a policy in force from its first business date on, at the boundary before that day's cycles.

    Parameters
    ----------
    proposal
        Id of a proposal.
    """
    from tasks import policy_activation

    with _acting("activate", user, common) as (home, store, who, told):
        told(policy_activation.activate(home, store, proposal, who))
    return codes.PUBLISHED


@app.command
def withdraw(proposal: str, reason: str, user: User = "", common: Common | None = None) -> int:
    """End a proposal that does not act yet.

    Parameters
    ----------
    proposal
        Id of a proposal.
    reason
        Why.
    """
    from tasks import policy_activation

    with _acting("withdraw", user, common) as (home, store, who, told):
        told(policy_activation.withdraw(home, store, proposal, who, reason))
    return codes.PUBLISHED


@app.command
def replay(proposal: str, common: Common | None = None) -> int:
    """Make again what a proposal rests on: parameters, diff, test and impact. Reads no database, changes nothing.

    Parameters
    ----------
    proposal
        Id of a proposal.
    """
    from tasks import policy_replay

    common = common or Common()
    with printing.waiting("policy replay"):
        found = policy_replay.replay(common.read().prepare(), proposal)
    rows = [vars(each) | {"identical": each.identical} for each in found]
    common.show(
        rows,
        lambda: "\n".join(
            f"{'same' if row['identical'] else 'OTHER'} {row['what']} {row['found'][:16]}" for row in rows
        ),
    )
    policy_replay.require_identical(proposal, found)
    return codes.PUBLISHED


@contextmanager
def _acting(step: str, user: str, common: Common | None) -> Iterator[tuple[Home, Store, str, Callable[..., None]]]:
    """The home, held, its database and who acts; where the proposal then stands is shown once that is committed."""
    from tasks import decisions, ledgers
    from tasks.store import Store

    common = common or Common()
    home = common.open().prepare()
    made: list[tuple[History, str]] = []
    with (
        home.locked(f"policy {step}", _WAIT_SECONDS),
        Store(home.database) as store,
        printing.waiting(f"policy {step}"),
    ):
        try:
            yield home, store, decisions.asking(user or None), lambda history, note="": made.append((history, note))
        finally:  # whoever came before may have died between its commit and this
            ledgers.show(home, store)
    for history, note in made:
        told = _told(history) | ({"note": note} if note else {})
        common.show(told, partial(_stands, told))


def _told(history: History) -> dict[str, Any]:
    from tasks.policy_overview import row

    return row(history)


def _stands(told: dict[str, Any]) -> Group:
    lines = [f"{told['proposal_id']} {told['state']}: {told['policy_id']} from {told['effective_date']}"]
    lines += [told["note"]] if told.get("note") else []
    lines += [f"next: {told['next']}"] if told["next"] else []
    return Group(*(Text(line, overflow="fold") for line in lines))


def _split(file: Path, folder: Path, common: Common | None) -> int:
    from tasks import policy_split

    common = common or Common()
    home = common.open().prepare()
    written = [str(path) for path in policy_split.split(home, file, folder)]
    common.show(written, lambda: "\n".join(written))
    return codes.PUBLISHED


def _listed(found: dict[str, Any]) -> Group:
    policies = Table("policy", "first day", "hash", "proposal", box=None, pad_edge=False)
    for each in found["policies"]:
        shown = (each["policy_id"], each["effective_date"], each["policy_hash"][:16], each["proposal_id"])
        policies.add_row(*(Text(name, overflow="fold") for name in shown))
    proposals = _proposals(found["proposals"]) if found["proposals"] else Text("no proposals")
    due = [Text(f"review {each['review']}: {each['proposal_id']} by {each['review_by']}") for each in found["reviews"]]
    fired = found["triggers_due"]
    due += [Text(f"review due: {fired}; next: levee policy answer", overflow="fold")] if fired else []
    return Group(policies, Text(""), proposals, *due)


def _proposals(found: Sequence[Mapping[str, str]]) -> Table:
    table = Table("proposal", "policy", "first day", "state", "by", "next", box=None, pad_edge=False)
    for each in found:
        names = ("proposal_id", "policy_id", "effective_date", "state", "proposed_by", "next")
        table.add_row(*(Text(each[name], overflow="fold") for name in names))
    return table


def _events(found: dict[str, Any]) -> Group:
    table = Table("no", "state", "day", "who", "why", box=None, pad_edge=False)
    for each in found["events"]:
        table.add_row(
            str(each["event_no"]),
            each["state"],
            each["business_date"],
            Text(each["user_name"], overflow="fold"),
            Text(each["reason"], overflow="fold"),
        )
    fired = [
        Text(f"answers {each['trigger_name']} of {each['subject']} in {each['run_id']}") for each in found["triggers"]
    ]
    return Group(_stands(found), *fired, table, _changes(found))


def _changes(found: dict[str, Any]) -> Group:
    table = Table("rule", box=None, pad_edge=False)
    for name in ("before", "after", "step"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("unit")
    for each in found["changes"]:
        step = "" if each["step"] is None else f"{each['step']:.4f}"
        table.add_row(*(Text(str(each[name])) for name in ("rule_id", "before", "after")), step, each["unit"])
    return Group(table, Text(f"diff {found['diff_hash'][:16]}"))
