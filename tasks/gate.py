"""The gate: build the typed book of a run from the files it was frozen on, check it, and stop or let pass.

Nothing vanishes: every delivered row is in the book or in book.rejected with the code of the check that took it out.
A critical finding closes the gate: what was found is kept, nothing is computed. One about a member alone holds its
accounts, and the cycle goes on without what is broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import polars as pl

from tasks import gate_checks, gate_suites
from tasks.gate_checks import Outcome
from tasks.gate_suites import Validator
from tasks.hold import hold
from tasks.model.errors import Finding
from tasks.stage import Context, stage

FINDINGS_KEPT = 1000
FINDINGS_SHOWN = 20


@stage("gate", state="VALIDATED")
def gate(context: Context) -> Sequence[Finding]:
    """Build the book, run every check, take quarantined rows out. Returns what closes the gate."""
    with ThreadPoolExecutor(1) as beside:
        prepared = beside.submit(
            gate_suites.Validator
        )  # its library takes seconds to load: the book is built meanwhile
        build_book(context)
        validator = prepared.result()
    columns = list(check_columns(context, validator))
    members = list(check_rows(context, validator, holding=True))
    suspended = hold(context, members)
    rest = check_rows(context, validator, holding=False)
    outcomes = [*columns, *sorted([*members, *rest], key=lambda outcome: outcome.check.check_id)]
    record(context, outcomes)
    quarantine(context, outcomes, suspended)
    if not any(outcome.blocks for outcome in outcomes):
        return []
    critical = sorted((each for each in outcomes if each.is_critical), key=lambda each: not each.blocks)
    return [finding for outcome in critical for finding in shown(outcome)]


def build_book(context: Context) -> None:
    """Replace the run's slice of every book table by the typed rows of its frozen files."""
    parameters = {"run_id": context.key.run_id, "predecessor_run_id": context.run["predecessor_run_id"]}
    for table in gate_suites.TABLES.values():
        context.store.delete(f"book.{table}", {"run_id": context.key.run_id})
        context.store.run_file(f"book/{table}", parameters)
        _count(context, table)


def check_columns(context: Context, validator: Validator) -> Iterator[Outcome]:
    """Rules of one column, dataset by dataset."""
    for dataset in gate_suites.TABLES:
        yield from gate_suites.run(context, validator, dataset)


def check_rows(context: Context, validator: Validator, holding: bool) -> Iterator[Outcome]:
    """Rules between rows and tables, those that hold an account or the others: every result must be empty."""
    book_rows = {table.removeprefix("book."): rows for table, rows in context.rows.items()}
    found = {each: gate_checks.run(context, each) for each in gate_checks.row_checks() if each.holds == holding}
    broken = validator.not_empty({check.check_id: rows.height for check, rows in found.items()})
    for check, rows in found.items():
        yield Outcome(check, gate_checks.examined(check, book_rows), rows, check.check_id not in broken)


def record(context: Context, outcomes: Sequence[Outcome]) -> None:
    """Write every check's result and what it found. Findings of landing the same run stay."""
    context.write(
        "control.check_result",
        pl.DataFrame(
            [
                {
                    "check_id": outcome.check.check_id,
                    "severity": outcome.check.severity,
                    "scope": outcome.check.scope,
                    "kind": outcome.check.kind,
                    "dataset": outcome.check.dataset,
                    "meaning": outcome.check.meaning,
                    "examined": outcome.examined,
                    "failed": outcome.rows.height,
                    "sample_keys": outcome.sample_keys(),
                    "passed": outcome.passed,
                }
                for outcome in outcomes
            ]
        ),
    )
    own = {check.check_id for check in gate_checks.row_checks()} | set(gate_suites.check_ids())
    landed = context.slice("control.finding").filter(~pl.col("check_id").is_in(own))
    found = [_findings(outcome) for outcome in outcomes if outcome.rows.height]
    context.write("control.finding", pl.concat([landed, *(each.select(landed.columns) for each in found)]))


def quarantine(context: Context, outcomes: Sequence[Outcome], suspended: pl.DataFrame) -> None:
    """Move the rows that a check takes out to book.rejected, once each, under the first check's code."""
    taken = [
        outcome.rows.filter(pl.col("file_id") != "").with_columns(code=pl.lit(outcome.check.code))
        for outcome in outcomes
        if outcome.check.takes_rows_out
    ]
    rejected = (
        pl.concat([suspended, *taken])
        .sort("code")
        .unique(["dataset", "file_id", "source_line"], keep="first", maintain_order=True)
    )
    context.write("book.rejected", rejected.sort("dataset", "file_id", "source_line"))
    for dataset in rejected["dataset"].unique().sort():
        table = gate_suites.TABLES[dataset]
        context.store.execute(
            f"DELETE FROM book.{table} WHERE run_id = $run_id AND (file_id, source_line) IN "
            "(SELECT (file_id, source_line) FROM book.rejected WHERE run_id = $run_id AND dataset = $dataset)",
            {"run_id": context.key.run_id, "dataset": dataset},
        )
        _count(context, table)


def shown(outcome: Outcome) -> Iterator[Finding]:
    """The first offending rows of a check for a person, and how many more there are."""
    check = outcome.check
    for row in outcome.rows.head(FINDINGS_SHOWN).iter_rows(named=True):
        yield Finding(
            check.code,
            f"broken: {check.meaning}",
            gate_checks.address(row),
            row["value"],
            row["limit_value"],
            check.action,
        )
    more = outcome.rows.height - FINDINGS_SHOWN
    if more > 0:
        yield Finding(
            check.code,
            "more rows break the same check",
            value=f"{more} more",
            action="see the run's control.finding export",
        )


def _findings(outcome: Outcome) -> pl.DataFrame:
    check = outcome.check
    return outcome.rows.head(FINDINGS_KEPT).with_columns(
        check_id=pl.lit(check.check_id),
        code=pl.lit(check.code),
        severity=pl.lit(check.severity),
        scope=pl.lit(check.scope),
        meaning=pl.lit(check.meaning),
        action=pl.lit(check.action),
    )


def _count(context: Context, table: str) -> None:
    context.rows[f"book.{table}"] = context.store.read(
        f"SELECT count(*) FROM book.{table} WHERE run_id = $run_id", {"run_id": context.key.run_id}
    ).item()
