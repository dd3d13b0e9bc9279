"""What members would have to cover under the policies that are announced: MA01 of every end of day until they act.

The figures come from the stages of the cycle itself, run again up to the tie-out in a home of its own. They change
nothing of the cycle; where such a policy cannot be margined on the day, that is what members are told.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from tasks import policy_impact, policy_proposal, policy_reports, policy_store
from tasks.announced import TABLE
from tasks.home import Home
from tasks.model.assurance.impact import ACCOUNTS
from tasks.model.errors import LeveeError
from tasks.reports import MA01
from tasks.stage import Context


def printed(context: Context) -> pl.DataFrame | None:
    """Rows of MA01 of every member with the member in front, in key order; None where nothing is announced."""
    kept = context.slice(TABLE, "proposal_id").to_dicts()
    if not kept:
        return None
    found = pl.concat([rows for each in kept for rows in _figures(context, each)])
    return found.sort("clearing_member_id", maintain_order=True).select(
        "clearing_member_id", pl.lit("").alias("of_all_accounts"), *MA01.columns
    )


def _figures(context: Context, kept: Mapping[str, Any]) -> Iterator[pl.DataFrame]:
    """Rows of one announced policy: what changes, then every account's figures under both."""
    with tempfile.TemporaryDirectory(prefix="levee-announced-") as folder:
        file = Path(folder) / policy_proposal.FILE
        file.write_text(kept["content"], encoding="utf-8")
        day, scratch = context.key.business_date, Home(Path(folder) / "trial")
        in_force = policy_store.file_in_force(context.home, day, context.store)
        proposal = policy_proposal.beside(file, in_force, context.policy)
        try:
            found = policy_impact.side_by_side(context.home, context.key.run_id, proposal, scratch).accounts
        except LeveeError as error:
            found = pl.DataFrame(schema=ACCOUNTS)
            yield _refused(context, kept, error.code)
        yield policy_reports.announced_rows(kept["proposal_id"], proposal, found)


def _refused(context: Context, kept: Mapping[str, Any], code: str) -> pl.DataFrame:
    """One row for each member: no figure can be given, and why."""
    members = context.query("out/account")["clearing_member_id"].unique().sort()
    day = kept["effective_date"].isoformat()
    rows = [(each, kept["proposal_id"], day, "REFUSED", "", code, *[""] * 6) for each in members]
    return pl.DataFrame(rows, schema=dict.fromkeys(("clearing_member_id", *MA01.columns), pl.String), orient="row")
