"""What a corrected pack says that the version in force does not: field by field, from the files themselves.

Both sides are read as a member reads them, from the CSV of each report, so the list is of what was told and not of what
was meant. What says which release a file belongs to is not compared.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tasks.pack import FILE_NAME
from tasks.reports import LONG_FORM, MD01, ML01, MP01, MR01, MT01, MX01, MX02

_KEYS: Mapping[str, tuple[str, ...]] = {
    MR01.code: ("row_type", "client_id", "item", "product_group"),
    MP01.code: ("client_id", "contract_id"),
    MT01.code: ("asset",),
    ML01.code: ("asset", "movement_type", "contract_id"),
    MX01.code: ("margin_account_id", "client_id", "contract_id"),
    MX02.code: ("row_type", "dataset", "code", "margin_account_id", "contract_id", "value"),
}
# Which release it is, and where in a listing a row stands.
_NOT_COMPARED = frozenset({"run_no", "version", "supersedes", "reason", "line_no"})
# Told where a pack is corrected, but nobody is told again for these alone: files and times every account shares.
_NO_GROUND = frozenset(
    {
        "price_as_of_ts",
        "position_as_of_ts",
        "collateral_as_of_ts",
        "as_of_ts",
        "file_id",
        "source_line",
        "sha256",
    }
)

Files = Mapping[str, bytes]
Row = Mapping[str, str]


@dataclass(frozen=True, order=True)
class Change:
    """A field that is not as it was told before: `item` names its row, an empty side is not there."""

    margin_account_id: str
    report: str
    item: str
    field: str
    before: str
    after: str

    @property
    def is_ground(self) -> bool:
        """Whether it is reason enough to correct a pack."""
        return self.field not in _NO_GROUND


def changes(before: Files, after: Files) -> list[Change]:
    """Every changed field of the reports of a folder, ordered. Files are found by report and account in their names."""
    was, is_now = _reports(before), _reports(after)
    found = (
        change
        for report, account in was.keys() | is_now.keys()
        for change in _of_report(report, account, was.get((report, account), b""), is_now.get((report, account), b""))
    )
    return sorted(found)


def same_bodies(before: Files, after: Files) -> bool:
    """Whether two folders' reports hold the same records, whatever their envelopes say."""
    was, is_now = _reports(before), _reports(after)
    return {name: _lines(content) for name, content in was.items()} == {
        name: _lines(content) for name, content in is_now.items()
    }


def rows(found: Iterable[Change]) -> list[tuple[str, ...]]:
    """Changes as rows of MD01."""
    return [(each.margin_account_id, each.report, each.item, each.field, each.before, each.after) for each in found]


def _reports(files: Files) -> dict[tuple[str, str], bytes]:
    """Content of the CSV files by report and account, those that list differences themselves left out."""
    named = ((FILE_NAME.fullmatch(name), content) for name, content in files.items())
    return {
        (name["report"], name["account"]): content
        for name, content in named
        if name and name["ending"] == "csv" and name["report"] != MD01.code
    }


def _of_report(report: str, account: str, before: bytes, after: bytes) -> Iterator[Change]:
    was, is_now = _lines(before), _lines(after)
    old, new = _fields(report, was, is_now), _fields(report, is_now, was)
    for item, field in old.keys() | new.keys():
        values = old.get((item, field), ""), new.get((item, field), "")
        if field not in _NOT_COMPARED and values[0] != values[1]:
            yield Change(account, report, item, field, *values)


def _fields(report: str, lines: Sequence[str], others: Sequence[str]) -> dict[tuple[str, str], str]:
    """Fields of the records that others do not hold, by item and name."""
    own, keys = _without(lines, others), _KEYS.get(report)
    if not own:
        return {}
    return _long(own) if keys is None else _table(lines[0], keys, own)


def _lines(content: bytes) -> list[str]:
    """Column names and records of a file in its envelope; nothing of a file that is not there."""
    return content.decode().split("\n")[1:-2]


def _without(lines: Sequence[str], others: Sequence[str]) -> list[str]:
    """Records that the others do not hold, as often as they do not."""
    left = Counter(lines[1:])
    left.subtract(others[1:])
    return [line for line in dict.fromkeys(lines[1:]) for _ in range(left[line])]


def _long(lines: Sequence[str]) -> dict[tuple[str, str], str]:
    parsed = (dict(zip(LONG_FORM, record, strict=True)) for record in csv.reader(lines))
    return {(_item(row, LONG_FORM[:3]), row["field"]): row["value"] for row in parsed}


def _table(names: str, keys: Sequence[str], lines: Sequence[str]) -> dict[tuple[str, str], str]:
    """Fields of rows by what names the row; rows of the same name are told apart by their number."""
    columns = names.split(",")
    seen: Counter[str] = Counter()
    found: dict[tuple[str, str], str] = {}
    for record in csv.reader(lines):
        row = dict(zip(columns, record, strict=True))
        name = _item(row, keys)
        seen[name] += 1
        item = name if seen[name] == 1 else f"{name} #{seen[name]}"
        found |= {(item, field): value for field, value in row.items() if field not in keys}
    return found


def _item(row: Row, keys: Sequence[str]) -> str:
    return " ".join(row[key] for key in keys if row[key])
