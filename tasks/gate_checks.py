"""What a check is, and what came of it: the form both kinds share, rules of a column and rules between rows.

A rule between rows or tables is a file of sql/checks that returns the offending rows. Its first line says
`-- severity · scope · anchor · meaning`, its second `-- Do: action.`
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from tasks import resources
from tasks.model.policy import Policy
from tasks.stage import Context

COLUMN, ROWS = "COLUMN", "ROWS"
SEVERITIES = ("critical", "warning", "info")
SCOPES = ("book", "member", "row")
SAMPLE = 20

ADDRESS = {
    "dataset": pl.String,
    "file_id": pl.String,
    "source_line": pl.Int32,
    "clearing_member_id": pl.String,
    "margin_account_id": pl.String,
    "contract_id": pl.String,
    "value": pl.String,
    "limit_value": pl.String,
}
"""Columns of an offending row. A check returns those it knows; the others are empty."""

FIRST_LINE = re.compile(rf"-- ({'|'.join(SEVERITIES)}) · ({'|'.join(SCOPES)}) · ([A-Z][0-9]+) · (\S.*\S)")
SECOND_LINE = re.compile(r"-- Do: (\S.*\S)\.")
_TABLE = re.compile(r"\bbook\.([a-z_]+)\b")


@dataclass(frozen=True)
class Check:
    """A rule. `critical` closes the gate, or holds the accounts it names if its scope is `member`; a `warning` of scope
    `row` takes its rows out of the book; the rest flags.
    """

    check_id: str
    code: str
    severity: str
    scope: str
    kind: str
    dataset: str
    meaning: str
    action: str

    @property
    def takes_rows_out(self) -> bool:
        """Whether offending rows leave the book for book.rejected."""
        return self.severity == "warning" and self.scope == "row"

    @property
    def holds(self) -> bool:
        """Whether it holds the accounts it names, and lets the cycle go on."""
        return self.severity == "critical" and self.scope == "member"


@dataclass(frozen=True)
class Outcome:
    """What came of a check: rows examined and every offending row (columns of ADDRESS, sorted)."""

    check: Check
    examined: int
    rows: pl.DataFrame
    passed: bool

    @property
    def is_critical(self) -> bool:
        """Whether something critical was found, about the book or about a member."""
        return not self.passed and self.check.severity == "critical"

    @property
    def blocks(self) -> bool:
        """Whether the cycle may not go on."""
        return self.is_critical and not self.check.holds

    def sample_keys(self) -> str:
        """JSON: addresses of the first offending rows, sorted."""
        return json.dumps([address(row) for row in self.rows.head(SAMPLE).iter_rows(named=True)], ensure_ascii=False)


def row_checks() -> list[Check]:
    """Checks of sql/checks, by name."""
    return [parse(name.removeprefix("checks/"), resources.sql(name)) for name in resources.sql_names("checks")]


def parse(name: str, text: str) -> Check:
    """Check of a file of sql/checks. Raises ValueError where its first two lines are not of the agreed form."""
    first, second, *_ = text.splitlines()
    head, action = FIRST_LINE.fullmatch(first), SECOND_LINE.fullmatch(second)
    if not head or not action:
        raise ValueError(f"sql/checks/{name}.sql: the first two lines name severity, scope, anchor, meaning and action")
    severity, scope, _, meaning = head.groups()
    return Check(name, name.upper(), severity, scope, ROWS, "", meaning, action[1])


def run(context: Context, check: Check) -> pl.DataFrame:
    """Offending rows of a check of sql/checks."""
    return offending(context.query(f"checks/{check.check_id}", **limits(context)))


def examined(check: Check, book_rows: Mapping[str, int]) -> int:
    """Rows of the book tables a check of sql/checks reads."""
    tables = set(_TABLE.findall(resources.sql(f"checks/{check.check_id}")))
    return sum(book_rows.get(table, 0) for table in tables)


def offending(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows in the columns of ADDRESS, those not given filled with blanks, sorted."""
    absent = {name: pl.lit(None, dtype=kind) for name, kind in ADDRESS.items() if name not in frame.columns}
    return (
        frame.with_columns(**absent)
        .select(pl.col(name).cast(kind).fill_null(0 if kind == pl.Int32 else "") for name, kind in ADDRESS.items())
        .unique()
        .sort(list(ADDRESS))
    )


def limits(context: Context) -> dict[str, Any]:
    """What a check may bind by name: the run, and every limit of the policy it needs."""
    policy: Policy = context.policy
    volume = policy.reference.average_daily_volume_usd
    return {
        **vars(policy.gate),
        "business_date": context.key.business_date,
        "as_of_ts": context.run["as_of_ts"],
        "predecessor_run_id": context.run["predecessor_run_id"],
        "haircut_assets": sorted(set(policy.collateral.haircut_fraction) - {"default"}),
        "volume_underlyings": sorted(volume),
        "volume_usd": [float(volume[name]) for name in sorted(volume)],
    }


def address(row: Mapping[str, Any]) -> str:
    """Where an offending row is: file and line, member, account, contract, as far as known."""
    line = f"{row['file_id']}:{row['source_line']}" if row["file_id"] else row["dataset"]
    parts = (line, row["clearing_member_id"], row["margin_account_id"], row["contract_id"])
    return " ".join(part for part in parts if part)
