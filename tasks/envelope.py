"""The envelope of every CSV file, delivered or published: header `#H`, column names, records, trailer `#T`.

The trailer counts the records, sums their control columns and hashes the body, so that a cut or altered file is seen
even where it still parses. The same values give the same bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from tasks import schema
from tasks.model.errors import Finding, LeveeError
from tasks.schema import Dataset

# Wide enough that a sum of any finite figures is exact: a double spans 10^308 to 10^-324.
_EXACT = Context(prec=1500, rounding=ROUND_HALF_EVEN, Emax=999_999, Emin=-999_999)
_UNPRINTABLE = re.compile(r"[\n\r\0]")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
_SPECIAL = re.compile(r'["\n\r\0]')

Cell = Callable[[Any], str]


@dataclass(frozen=True)
class Header:
    """Line 1 of a file: what it reports, for which cycle, from whom, as of when."""

    report: str
    business_date: date
    cycle: str
    seq: int
    sender: str
    created_ts: datetime
    as_of_ts: datetime
    env: str
    origin: str
    schema_version: int = schema.SCHEMA_VERSION

    def line(self) -> str:
        """`#H` and ten fields."""
        return ",".join(
            (
                "#H",
                self.report,
                str(self.schema_version),
                self.business_date.isoformat(),
                self.cycle,
                str(self.seq),
                self.sender,
                timestamp(self.created_ts),
                timestamp(self.as_of_ts),
                self.env,
                self.origin,
            )
        )


def write_csv(
    report: str,
    business_date: date,
    cycle: str,
    seq: int,
    sender: str,
    created_ts: datetime,
    as_of_ts: datetime,
    env: str,
    origin: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
) -> bytes:
    """Bytes of a file: values in the order of `columns`, times UTC, None empty, decimals plain, quoted where needed.

    A delivered dataset (a name of `schema.DATASETS`) sums the control columns it declares. Raises LeveeError BAD_TYPE
    for a value that has no form in a file (NaN, a line break in text).
    """
    declared = schema.dataset(report) if report in schema.DATASETS else None
    cells = _cells(declared, columns)
    records = [[cell(value) for cell, value in zip(cells, row, strict=True)] for row in rows]
    header = Header(report, business_date, cycle, seq, sender, created_ts, as_of_ts, env, origin)
    positions = [columns.index(column.name) for column in declared.control_columns] if declared else []
    total = control_total((record[position] for record in records for position in positions), control_scale(declared))
    return seal(header, [record_line(columns), *map(record_line, records)], total if records else Decimal(0))


def seal(header: Header, body: Sequence[str], total: Decimal) -> bytes:
    """Bytes of a file from its header, its body (lines of names and records, many in one text or not) and its total."""
    content = "\n".join([*body, ""]).encode()
    digest = hashlib.sha256(content).hexdigest()
    records = content.count(b"\n") - 1
    return f"{header.line()}\n".encode() + content + f"#T,{records},{total:f},{digest}\n".encode()


def file_name(report: str, sender: str = "HOUSE", seq: int = 1) -> str:
    """Name in the inbox: `<dataset>[.<SENDER>][.v<N>].csv`, the defaults left out."""
    return f"{report}{'' if sender == 'HOUSE' else f'.{sender}'}{'' if seq == 1 else f'.v{seq}'}.csv"


def control_scale(declared: Dataset | None) -> int | None:
    """Digits after the point of a dataset's control total; None where it has none of its own."""
    scales = [column.control_scale for column in declared.control_columns] if declared else []
    return max((scale for scale in scales if scale is not None), default=None)


def control_total(values: Iterable[str | None], scale: int | None) -> Decimal:
    """Sum of the absolute values of decimal texts, empty = 0, exact; at `scale` digits, rounded once, where given.

    Only doubles can have more digits than the scale; decimals were declared within it. A text that is no number adds
    nothing: the reader refuses it by its line, with no help from the total.
    """
    total = Decimal(0)
    for value, times in Counter(values).items():  # a book says zero over and over
        if value and _NUMBER.fullmatch(value):
            total = _EXACT.fma(Decimal(value.removeprefix("-")), times, total)
    return total if scale is None else _EXACT.quantize(total, Decimal(1).scaleb(-scale))


def timestamp(value: datetime) -> str:
    """`YYYY-MM-DDTHH:MM:SS[.ffffff]Z`; a datetime without a zone is UTC already."""
    utc = value.astimezone(UTC) if value.tzinfo else value
    return utc.replace(tzinfo=None).isoformat() + "Z"


def record_line(fields: Sequence[str]) -> str:
    """A record as RFC 4180 has it. Raises LeveeError BAD_TYPE on a line break or NUL: one record is one line."""
    line = ",".join(fields)
    if _SPECIAL.search(line) is None and line.count(",") == len(fields) - 1:
        return line
    return ",".join(map(_quoted, fields))


def needs_quotes(text: str) -> bool:
    """Whether a record is more than its fields with commas between them where this stands in it."""
    return "," in text or _SPECIAL.search(text) is not None


def _quoted(text: str) -> str:
    if _UNPRINTABLE.search(text):
        raise _no_form(repr(text), "no line break or NUL inside a field")
    if "," in text or '"' in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def plain(value: Decimal) -> str:
    """A decimal without exponent and without a negative zero. Raises LeveeError BAD_TYPE when not finite."""
    if not value.is_finite():
        raise _no_form(str(value), "finite")
    return format(value if value else value.copy_abs(), "f")


def _cells(declared: Dataset | None, columns: Sequence[str]) -> list[Cell]:
    """One formatter per column: a double keeps its exponent, every other float is printed plain."""
    doubles = {column.name for column in declared.columns if column.type == "double"} if declared else set()
    return [_double if name in doubles else cell for name in columns]


def cell(value: Any) -> str:
    """Text of a value in a file, before quoting."""
    form = _FORMS.get(type(value)) or next((form for kind, form in _FORMS.items() if isinstance(value, kind)), None)
    if form is None:
        raise _no_form(repr(value), "text, number, boolean, date or time")
    return form(value)


def _double(value: Any) -> str:
    if not isinstance(value, float):
        return cell(value)
    plain(Decimal(value))
    return repr(float(value))


def _float(value: float) -> str:
    return plain(Decimal(repr(float(value))))


_FORMS: dict[type, Cell] = {
    type(None): lambda value: "",
    str: str,
    bool: lambda value: "TRUE" if value else "FALSE",
    int: str,
    Decimal: plain,
    float: _float,
    datetime: timestamp,
    date: lambda value: value.isoformat(),
}


def _no_form(value: str, limit: str) -> LeveeError:
    return LeveeError(
        Finding(
            "BAD_TYPE",
            "a value cannot be written",
            value=value,
            limit=limit,
            action="correct the value before it is written",
        )
    )
