"""What is printed of a proposed policy: PI01 for the risk department, MA01 for each member, PN01 for everybody.

A version lies in home/proposals/<id>/v<NN> by audience, each folder with its manifest, so that `levee publish verify`
reads it like any pack. No wall clock is in a file: times are those of the cycle the impact was found on.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from tasks import pack, policy_impact, policy_proposal, policy_states, status, texts
from tasks.home import Home, write_atomically
from tasks.model import policy_file
from tasks.model.assurance.impact import CALL, MARGIN
from tasks.model.errors import Finding, ReconciliationError
from tasks.pack import Edition, Entry
from tasks.policy_impact import Assessed
from tasks.policy_proposal import Proposal
from tasks.policy_states import CURRENT, IMPACT_ASSESSED, PROPOSED, TESTED, History
from tasks.printed_rows import records
from tasks.rendering import render
from tasks.report_files import Header
from tasks.reports import MA01, PI01, PN01
from tasks.store import Store

Files = dict[str, bytes]
_FIGURE = "{:.6f}"
_CYCLE = "EOD"
FILES = "files"  # evidence: the folder of a version, under the home


def write(home: Home, history: History, folders: Mapping[str, Files], edition: Edition) -> Path:
    """Write every audience's files of a version, then their manifests; returns the version's folder.

    What lies there already is of a command that died before anybody was told of it, and goes first.
    """
    top = folder_of(home, history) / pack.version_name(edition.version)
    shutil.rmtree(top, ignore_errors=True)
    for audience, files in folders.items():
        for name, content in files.items():
            write_atomically(top / audience / name, content)
        entries = [Entry.of(name, content) for name, content in sorted(files.items())]
        write_atomically(top / audience / pack.MANIFEST, pack.manifest(audience, edition, entries))
    return top


def assess(home: Home, store: Store, proposal_id: str, user: str) -> tuple[History, Path]:
    """Assess a proposal on the last published end of day, print PI01 and keep what came out; returns PI01's folder.

    Rails it breaks are told, not hidden. The report is there before the state says so; found again by the same person
    it stays. Raises LeveeError PARAM_STATE, STALE_APPROVAL, and as the stages of a cycle do.
    """
    history = policy_states.history(store, proposal_id)
    history.require(IMPACT_ASSESSED)
    proposal = policy_proposal.unchanged(home, store, history)
    found = policy_impact.assessed(home, proposal, history.last.emergency)
    if history.ended_so(IMPACT_ASSESSED, user) and _told_so(history.last.evidence, found):
        return history, home.root / history.last.evidence[FILES]
    made = header(home, history, found)
    top = write(home, history, {pack.RISK: impact_files(history, proposal, found, made)}, made.edition)
    known = {
        "business_date": found.business_date,
        "evidence": found.evidence | {FILES: str(top.relative_to(home.root))},
    }
    return policy_states.move(store, history, IMPACT_ASSESSED, user, f"assessed on {found.run_id}", **known), top


def _told_so(kept: Mapping[str, Any], found: Assessed) -> bool:
    return policy_file.canonical(kept) == policy_file.canonical(found.evidence | {FILES: kept[FILES]})


def write_notice(home: Home, history: History, proposal: Proposal, found: Assessed) -> Path:
    """PI01, PN01 and every member's MA01 as the next version of a proposal's reports; returns its folder."""
    made = header(home, history, found)
    folders = {
        pack.RISK: impact_files(history, proposal, found, made),
        pack.PUBLIC: notice_files(history, proposal, found, made),
        **{
            f"{pack.MEMBERS}/{member}": member_files(member, history, proposal, found, made)
            for member in members(found)
        },
    }
    return write(home, history, folders, made.edition)


def folder_of(home: Home, history: History) -> Path:
    """Folder of a proposal."""
    return policy_proposal.file_of(home, history.proposal_id).parent


def header(home: Home, history: History, found: Assessed) -> Header:
    """Header of the next version of a proposal's reports: those its events name are there."""
    told = {str(event.evidence[FILES]) for event in history.events if FILES in event.evidence}
    run = status.exported(home, found.run_id, "control.cycle_run").row(0, named=True)
    edition = Edition(home.environment, found.business_date, _CYCLE, 1 + len(told))
    return Header(edition, run["as_of_ts"], run["origin"])


def impact_files(history: History, proposal: Proposal, found: Assessed, header: Header) -> Files:
    """PI01 as CSV, JSON and page."""
    rows = list(impact_rows(history, proposal, found))
    (printed,) = records([texts.table(PI01.columns, rows)])
    shown = [dict(zip(PI01.columns, row, strict=True)) for row in rows]
    page = render(
        "policy_impact",
        header=header.fields(PI01),
        rows={
            kind: [row for row in shown if row["row_type"] == kind]
            for kind in dict.fromkeys(r["row_type"] for r in shown)
        },
        refused=[each.line() for each in found.refused],
    )
    return header.table(PI01, "RISK", "ALL", printed) | {
        header.edition.file_name(PI01.code, "RISK", "ALL", "html"): page
    }


def impact_rows(history: History, proposal: Proposal, found: Assessed) -> Iterator[tuple[str, ...]]:
    """Rows of PI01: what decided, what changes, money, distribution, cash, coverage before and after."""
    for name, value in _decisive(history, proposal, found).items():
        yield "DECISION", name, *[""] * 7, value
    for each in proposal.changes:
        yield "CHANGE", each.rule_id, *[""] * 5, each.before, each.after, each.unit
    for row in texts.printed(found.impact.summary).iter_rows():
        yield *row, "", "", ""
    for row in history.of(TESTED).evidence["portfolios"]:
        yield "COVERAGE", row["portfolio"], *[""] * 4, str(row["days"]), *_pair(row, "coverage"), ""
        yield "RATE", row["portfolio"], *[""] * 4, str(row["days"]), *_pair(row, "mean_rate"), "fraction of notional"
        yield "PEAK_TO_TROUGH", row["portfolio"], *[""] * 4, str(row["days"]), *_pair(row, "peak_to_trough"), ""


def member_files(member: str, history: History, proposal: Proposal, found: Assessed, header: Header) -> Files:
    """MA01 of one member as CSV and JSON."""
    rows = announced_rows(history.proposal_id, proposal, found.impact.accounts)
    own = rows.filter(pl.col("clearing_member_id") == member).select(MA01.columns)
    (printed,) = records([texts.table(MA01.columns, own.rows())])
    return header.table(MA01, member, "ALL", printed)


def announced_rows(proposal_id: str, proposal: Proposal, accounts: pl.DataFrame) -> pl.DataFrame:
    """Rows of MA01 of every member, printed: the parameters that change, then each account's figures."""
    day = proposal.policy.effective_date.isoformat()
    members = accounts["clearing_member_id"].unique().sort().to_list()
    parameters = [
        (member, proposal_id, day, "PARAMETER", "", each.rule_id, each.unit, each.before, each.after, "", "", "")
        for member in members
        for each in proposal.changes
    ]
    figures = [
        (member, proposal_id, day, "RESULT" if item in (MARGIN, CALL) else "LINE", account, item, "USD", "", "", *money)
        for member, account, item, *money in texts.printed(accounts).iter_rows()
    ]
    names = ("clearing_member_id", *MA01.columns)
    found = pl.DataFrame([*parameters, *figures], schema=dict.fromkeys(names, pl.String), orient="row")
    order = pl.col("row_type").replace_strict({"PARAMETER": 0, "RESULT": 1, "LINE": 2}, return_dtype=pl.Int8)
    return found.sort("clearing_member_id", order, "margin_account_id", "item", maintain_order=True)


def notice_files(history: History, proposal: Proposal, found: Assessed, header: Header) -> Files:
    """PN01 as JSON and page: what changes, from when, whom it concerns, how to see what it does. Names no member."""
    said = notice(history, proposal, found)
    content = {"envelope": header.fields(PN01), **said}
    made = {
        "json": pack.canonical(content),
        "html": render("policy_notice", header=header.fields(PN01), **said),
    }
    return {header.edition.file_name(PN01.code, "PUBLIC", "ALL", ending): each for ending, each in made.items()}


def notice(history: History, proposal: Proposal, found: Assessed) -> dict[str, Any]:
    """What the notice says."""
    summary = found.impact.summary
    shown = texts.printed(summary.filter(pl.col("row_type").is_in(["TOTAL", "PRODUCT", "LIQUIDITY_GROUP"])))
    margin = found.impact.accounts.filter(pl.col("item") == MARGIN)
    moved = margin.filter(pl.col("change_usd") != Decimal(0))
    return {
        "notice": _decisive(history, proposal, found)
        | {
            "notice_date": found.business_date.isoformat(),
            "reason": history.events[0].reason,
            "accounts": str(margin.height),
            "accounts_affected": str(moved.height),
            "members_affected": str(moved["clearing_member_id"].n_unique()),
        },
        "parameters": [
            {"rule_id": each.rule_id, "unit": each.unit, "before": each.before, "after": each.after}
            for each in proposal.changes
        ],
        "margin": shown.select(
            "row_type", "item", "current_usd", "proposed_usd", "change_usd", "change_fraction"
        ).to_dicts(),
        "simulate": [
            "Your own figures: MA01 in your pack of every end of day from this notice to the day before it acts.",
            "Any book: save the policy file below and run "
            f"levee cycle run --date {found.business_date.isoformat()} --dry-run --policy FILE --inbox FOLDER",
        ],
        "policy": proposal.text,
    }


def require_tied(proposal: Proposal, found: Assessed) -> None:
    """Raises ReconciliationError CROSS_REPORT where PI01's totals are not the sums of what members are told."""
    told = announced_rows("", proposal, found.impact.accounts).filter(pl.col("item") == MARGIN)
    total = found.impact.summary.filter((pl.col("row_type") == "TOTAL") & (pl.col("item") == "ALL")).row(0, named=True)
    for column, ours in (
        ("current_usd", "current_usd"),
        ("announced_usd", "proposed_usd"),
        ("change_usd", "change_usd"),
    ):
        added = sum(map(Decimal, told[column]), Decimal(0))
        if added != total[ours]:
            raise ReconciliationError(
                Finding(
                    "CROSS_REPORT",
                    "PI01 is not the sum of MA01",
                    where=column,
                    value=str(added),
                    limit=str(total[ours]),
                )
            )


def _decisive(history: History, proposal: Proposal, found: Assessed) -> dict[str, str]:
    return {
        "proposal_id": history.proposal_id,
        "policy_id": proposal.policy.policy_id,
        "policy_hash": proposal.policy.policy_hash,
        "current_policy_id": proposal.base.policy_id,
        "current_policy_hash": proposal.base.policy_hash,
        "effective_date": proposal.policy.effective_date.isoformat(),
        "notice_days": str(found.notice_days),
        "significance": found.significance,
        **{f"significance.{name}": value for name, value in found.numbers.items()},
        "assessed_on": found.run_id,
    }


def _pair(row: Mapping[str, Any], name: str) -> tuple[str, str]:
    return _FIGURE.format(row[f"{CURRENT}_{name}"]), _FIGURE.format(row[f"{PROPOSED}_{name}"])


def members(found: Assessed) -> Sequence[str]:
    """Members that have an account, by id."""
    return [str(each) for each in found.impact.accounts["clearing_member_id"].unique().sort()]
