"""The files of a report: its rows in the CSV envelope and as JSON, from one set of texts, so they cannot differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from tasks import envelope, pack
from tasks.envelope import cell, needs_quotes, record_line
from tasks.pack import Edition
from tasks.printed_rows import PrintedRows
from tasks.reports import Report
from tasks.schema import SCHEMA_VERSION


@dataclass(frozen=True)
class Header:
    """What every file of a release says of itself. Times are UTC and come from the inputs, never from a clock."""

    edition: Edition
    as_of_ts: datetime
    origin: str

    def csv(self, report: Report, lines: Sequence[str], total: Decimal) -> bytes:
        """The report's rows as lines of a file, in the inbox envelope, with their control total."""
        return envelope.seal(self._envelope(report), [record_line(report.columns), *lines], total)

    def _envelope(self, report: Report) -> envelope.Header:
        """Sender HOUSE, seq the version, created when it was as of."""
        edition, as_of = self.edition, self.as_of_ts
        day, cycle, version = edition.business_date, edition.cycle, edition.version
        return envelope.Header(report.code, day, cycle, version, "HOUSE", as_of, as_of, edition.env, self.origin)

    def fields(self, report: Report) -> dict[str, str]:
        """The envelope's fields, for JSON."""
        edition, as_of = self.edition, cell(self.as_of_ts)
        return {
            "report": report.code,
            "title": report.title,
            "schema_version": str(SCHEMA_VERSION),
            "business_date": edition.business_date.isoformat(),
            "cycle": edition.cycle,
            "seq": str(edition.version),
            "sender": "HOUSE",
            "created_ts": as_of,
            "as_of_ts": as_of,
            "env": edition.env,
            "origin": self.origin,
        }

    def json(self, report: Report, printed: PrintedRows) -> bytes:
        """The same rows as one object each."""
        return pack.canonical({"envelope": self.fields(report), "records": printed.objects})

    def table(self, report: Report, party: str, account: str, printed: PrintedRows) -> dict[str, bytes]:
        """Files of a tabular report by name: CSV and JSON of the same rows."""
        made = {
            "csv": self.csv(report, printed.lines, printed.rows.size(report.control)),
            "json": self.json(report, printed),
        }
        return {self.edition.file_name(report.code, party, account, ending): made[ending] for ending in made}

    def document(
        self,
        report: Report,
        party: str,
        account: str,
        records: Sequence[Record | RecordTable],
        keys: Mapping[str, tuple[str, ...]],
    ) -> dict[str, bytes]:
        """Files of a long-form report by name: CSV of one line per field, JSON nested by block."""
        lines = [line for each in records for line in each.lines()]
        made = {
            "csv": envelope.seal(self._envelope(report), [record_line(report.columns), *lines], Decimal(0)),
            "json": pack.canonical({"envelope": self.fields(report), **nested(records, keys)}),
        }
        return {self.edition.file_name(report.code, party, account, ending): made[ending] for ending in made}


@dataclass(frozen=True, slots=True)
class Record:
    """A thing with named fields inside a block of a long-form report, addressed by up to two keys."""

    block: str
    key1: str
    key2: str
    fields: Mapping[str, str]

    def lines(self) -> list[str]:
        """A line `block,key1,key2,field,value` of a CSV file for each field."""
        start = (self.block, self.key1, self.key2)
        if needs_quotes("".join((*start, *self.fields.values()))):
            return [record_line((*start, name, value)) for name, value in self.fields.items()]
        return [f"{self.block},{self.key1},{self.key2},{name},{value}" for name, value in self.fields.items()]


@dataclass(frozen=True, slots=True)
class RecordTable:
    """Many records of a block; the first two columns of their rows are the keys."""

    block: str
    printed: PrintedRows

    def lines(self) -> Sequence[str]:
        """As of a record, one record after the other."""
        return self.printed.lines


def nested(records: Iterable[Record | RecordTable], keys: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Records by block: an object where a block has no keys, else a list of objects that carry their keys."""
    blocks: dict[str, Any] = {block: [] if names else {} for block, names in keys.items()}
    for each in records:
        names = keys[each.block]
        if isinstance(each, RecordTable):
            blocks[each.block] += each.printed.objects
        elif names:
            blocks[each.block].append(dict(zip(names, (each.key1, each.key2), strict=False)) | dict(each.fields))
        else:
            blocks[each.block].update(each.fields)
    return blocks
