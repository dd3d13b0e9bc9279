"""Stage tie_out: our own figures held against each other before anybody sees them, and against the triggers' levels.

Each rule is a file of sql/tie_out whose rows are breaks (place, found, expected); its first line says what must hold.
"""

from __future__ import annotations

from collections.abc import Iterator

from tasks import resources, trigger_watch
from tasks.model.errors import Finding, ReconciliationError
from tasks.stage import Context, stage


@stage("tie_out", state="RECONCILED")
def tie_out(context: Context) -> None:
    """Check every rule, and track what a review of the policy starts from; a trial of another policy tracks nothing.

    Raises ReconciliationError CROSS_REPORT with every break of every rule.
    """
    found = [finding for rule in resources.sql_names("tie_out") for finding in breaks(context, rule)]
    if found:
        raise ReconciliationError(*found)
    if not context.home.challenger:
        trigger_watch.track(context)


def breaks(context: Context, rule: str) -> Iterator[Finding]:
    """Breaks of one rule such as tie_out/ledger_closes."""
    rows = context.query(rule, predecessor_run_id=context.run["predecessor_run_id"])
    meaning = resources.sql(rule).splitlines()[0].removeprefix("-- ")
    for place, value, expected in rows.select("place", "found", "expected").iter_rows():
        yield Finding(
            "CROSS_REPORT",
            f"broken: {meaning}",
            where=f"{rule.removeprefix('tie_out/')} {place}",
            value=value,
            limit=expected,
            action="nothing is published; compare the two tables in the run's exports",
        )
