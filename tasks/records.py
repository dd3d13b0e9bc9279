"""Records of a delivered file: every line proven to be of the declared form before anything else reads it.

One regular expression per dataset proves a whole unquoted line; only a line it does not take is looked at field by
field, to say what is wrong with it. Values stay text: nothing is guessed, rounded or trimmed.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

import polars as pl

from tasks.model.errors import Finding
from tasks.schema import Column, Dataset

RESERVED_IDS = frozenset({"ALL", "PUBLIC", "OPS", "RISK", "REG", "CCP", "HOUSE"})
FIRST_RECORD_LINE = 3
_SHOWN_LINES = 20

_FIELD = r'(?:"(?:[^"]|"")*+"|[^",]*+)'
_FIELDS = re.compile(_FIELD)
_QUOTED_LINE = re.compile(rf"{_FIELD}(?:,{_FIELD})*+")
_BARE_TEXT = r'[^\s",](?:[^",]*[^\s",])?'


@dataclass(frozen=True)
class Fault:
    """What is wrong with a line: code, column ("" where the line as a whole is wrong), value and what was declared."""

    code: str
    what: str
    value: str
    limit: str


@dataclass(frozen=True)
class Records:
    """Records of a body: the declared columns as text (empty = null), source_line and row_sha256; and what is wrong.

    `frame` holds every line when there are no findings and none otherwise: one bad line refuses the file.
    """

    frame: pl.DataFrame
    findings: tuple[Finding, ...]


def read_records(declared: Dataset, extra: int, lines: Sequence[str], where: str, action: str) -> Records:
    """Prove and split the lines of a body after its names. `extra` trailing fields of each line are left out."""
    fits = _line_pattern(declared, extra).fullmatch
    proven = [number for number, line in enumerate(lines) if fits(line)]
    others = sorted(set(range(len(lines))).difference(proven)) if len(proven) < len(lines) else []
    frame = _plain_lines(declared, proven, [lines[number] for number in proven] if others else lines)
    bad = {
        number: faults
        for number in sorted({*others, *_unreal(declared, frame)})
        if (faults := line_faults(declared, extra, lines[number]))
    }
    if bad:
        return Records(frame.clear(), tuple(_listed(bad, where, action)))
    if others:
        frame = pl.concat([frame, _quoted_lines(declared, others, lines)]).sort("source_line")
    return Records(frame.with_columns(row_sha256=pl.Series(map(_sha256, lines), dtype=pl.String)), ())


def line_faults(declared: Dataset, extra: int, line: str) -> list[Fault]:
    """Everything that is wrong with one line, field by field."""
    fields = split(line)
    expected = len(declared.columns) + extra
    if fields is None:
        return [
            Fault("BAD_FIELD_COUNT", "a quote is out of place or not closed on its line", line, f"{expected} fields")
        ]
    if len(fields) != expected:
        return [Fault("BAD_FIELD_COUNT", "the line has another number of fields", str(len(fields)), str(expected))]
    faults = (fault(column, value) for column, value in zip(declared.columns, fields, strict=False))
    return [each for each in faults if each]


def fault(column: Column, value: str) -> Fault | None:
    """What is wrong with one value of a column, None where nothing is."""
    if not value:
        empty = Fault("BAD_TYPE", f"column {column.name} is empty", "", f"{column.type}, never empty")
        return None if column.nullable else empty
    if re.fullmatch(column.pattern, value) is None:
        return Fault("BAD_TYPE", f"column {column.name} is not of its declared form", value, column.type)
    real = _REALITY.get(column.type)
    if real and not real(value):
        return Fault("BAD_TYPE", f"column {column.name} has the form of its type but is none", value, column.type)
    return None


def _listed(bad: dict[int, list[Fault]], where: str, action: str) -> Iterator[Finding]:
    """The first bad lines, every fault of each, and how many bad lines there are in all."""
    for number, faults in list(bad.items())[:_SHOWN_LINES]:
        address = f"{where}:{number + FIRST_RECORD_LINE}"
        yield from (
            Finding(each.code, each.what, address, _shortened(each.value), each.limit, action) for each in faults
        )
    if len(bad) > _SHOWN_LINES:
        code = next(iter(bad.values()))[0].code
        yield Finding(code, f"bad lines in all, the first {_SHOWN_LINES} are listed", where, str(len(bad)), "0", action)


def _shortened(value: str) -> str:
    return repr(value if len(value) <= 60 else f"{value[:57]}...")


def split(line: str) -> list[str] | None:
    """Fields of a line by RFC 4180; None where its quotes do not pair."""
    if '"' not in line:
        return line.split(",")
    if _QUOTED_LINE.fullmatch(line) is None:
        return None
    fields, position = [], 0
    while position <= len(line):
        found = _FIELDS.match(line, position)
        assert found is not None, "a field may be empty, so one always matches"
        fields.append(found[0][1:-1].replace('""', '"') if found[0].startswith('"') else found[0])
        position = found.end() + 1
    return fields


def drift(declared: Dataset, names: Sequence[str]) -> Iterator[str]:
    """How delivered column names differ from the declared ones: renamed, missing, unknown, twice, in another order."""
    missing = [name for name in declared.names if name not in names]
    unknown = [name for name in names if name not in declared.names]
    pairs = zip(declared.names, names, strict=False)
    renamed = {was: now for was, now in pairs if was in missing and now in unknown}
    yield from (f"{was} is called {now}" for was, now in renamed.items())
    for label, columns in (
        ("missing", [name for name in missing if name not in renamed]),
        ("unknown", [name for name in unknown if name not in renamed.values()]),
        ("twice", sorted({name for name in names if list(names).count(name) > 1})),
    ):
        if columns:
            yield f"{label}: {', '.join(columns)}"
    if not missing and [name for name in names if name in declared.names] != list(declared.names):
        yield f"in another order: {', '.join(names)}"


@cache
def _line_pattern(declared: Dataset, extra: int) -> re.Pattern[str]:
    """A whole unquoted line of the dataset."""
    return re.compile(",".join(map(_bare, declared.columns)) + r'(?:,[^",]*)' * extra)


def _bare(column: Column) -> str:
    pattern = _BARE_TEXT if column.type == "text" else column.pattern
    return f"(?:{pattern})?" if column.nullable else pattern


def _unreal(declared: Dataset, frame: pl.DataFrame) -> Iterator[int]:
    """Positions of lines with a value that has the form of its type but does not exist; distinct values asked once."""
    for column in declared.columns:
        real = _REALITY.get(column.type)
        if real:
            distinct = frame[column.name].drop_nulls().unique().to_list()
            unreal = [value for value in distinct if not real(value)]
            rows = frame.filter(pl.col(column.name).is_in(unreal)) if unreal else frame.clear()
            yield from (line - FIRST_RECORD_LINE for line in rows["source_line"])


def _plain_lines(declared: Dataset, numbers: Sequence[int], lines: Sequence[str]) -> pl.DataFrame:
    """Fields of lines without quotes, already proven."""
    width = len(declared.columns)
    fields = pl.Series(lines, dtype=pl.String).str.splitn(",", width + 1).struct.unnest()
    return _texts(declared, fields.select(fields.columns[:width]), numbers)


def _quoted_lines(declared: Dataset, numbers: Sequence[int], lines: Sequence[str]) -> pl.DataFrame:
    """Fields of lines with quotes, already found good."""
    rows = [(split(lines[number]) or [])[: len(declared.columns)] for number in numbers]
    return _texts(declared, pl.DataFrame(rows, orient="row", schema=dict.fromkeys(declared.names, pl.String)), numbers)


def _texts(declared: Dataset, fields: pl.DataFrame, numbers: Sequence[int]) -> pl.DataFrame:
    fields.columns = list(declared.names)
    lines = pl.Series("source_line", numbers, dtype=pl.Int32) + FIRST_RECORD_LINE
    return fields.with_columns(pl.all().replace("", None)).with_columns(lines)


def _sha256(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


def _exists(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def exists(value: str) -> bool:
        try:
            parse(value)
        except ValueError:
            return False
        return True

    return exists


# What a form alone cannot tell: 30 February, a double beyond the largest, an id that means something else.
_REALITY: dict[str, Callable[[str], bool]] = {
    "date": _exists(date.fromisoformat),
    "timestamp": _exists(datetime.fromisoformat),
    "double": lambda value: math.isfinite(float(value)),
    "id": lambda value: value not in RESERVED_IDS,
}
