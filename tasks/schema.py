"""What the delivered files look like, read from sql/schema/raw: the one source of columns.

The comment of a raw column is `declared type; flags | unit | meaning`. Flags: key, null, control or control(scale).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from tasks import resources

DATASETS = (
    "accounts",
    "book_depth",
    "collateral_balances",
    "contracts",
    "factor_history",
    "funding",
    "history",
    "members",
    "positions",
    "prices",
    "vol_quotes",
)
LINEAGE_COLUMNS = ("file_id", "source_line", "row_sha256")
SCHEMA_VERSION = 1

_COMMENT = re.compile(r"COMMENT ON COLUMN raw\.\w+\.(\w+) IS '((?:[^']|'')*)';")
_DECIMAL = r"-?(?:0|[1-9][0-9]*)"
_TIMESTAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z"


@dataclass(frozen=True)
class Column:
    """A delivered column: lexical type, nullability, part of the key, control scale (None = not summed), unit."""

    name: str
    type: str
    nullable: bool
    key: bool
    control_scale: int | None
    unit: str
    meaning: str

    @property
    def scale(self) -> int | None:
        """Declared digits after the point of a decimal column, else None."""
        found = re.fullmatch(r"decimal\((\d+),(\d+)\)", self.type)
        return int(found[2]) if found else None

    @property
    def pattern(self) -> str:
        """Regular expression of a non-empty value in its lexical form."""
        kind = self.type
        if kind.startswith("decimal"):
            precision, scale = (int(digits) for digits in re.findall(r"\d+", kind))
            return rf"-?(?:0|[1-9][0-9]{{0,{precision - scale - 1}}})(?:\.[0-9]{{1,{scale}}})?"
        if kind.startswith("enum"):
            return "(?:" + "|".join(kind[len("enum(") : -1].split(",")) + ")"
        return {
            "id": r"[A-Z0-9]{3,12}",
            "contract": r"[A-Za-z0-9][A-Za-z0-9._-]{2,47}",
            "text": r"\S(?:[^\n]*\S)?",
            "integer": r"-?(?:0|[1-9][0-9]{0,17})",
            "double": rf"{_DECIMAL}(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{{1,3}})?",
            "date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
            "timestamp": _TIMESTAMP,
            "boolean": r"(?:TRUE|FALSE)",
        }[kind]


@dataclass(frozen=True)
class Dataset:
    """A delivered dataset and its columns in order."""

    name: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in the order of line 2."""
        return tuple(column.name for column in self.columns)

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that identify a row."""
        return tuple(column.name for column in self.columns if column.key)

    @property
    def control_columns(self) -> tuple[Column, ...]:
        """Columns whose absolute values make the trailer's control total."""
        return tuple(column for column in self.columns if column.control_scale is not None)


@cache
def dataset(name: str) -> Dataset:
    """Declared form of a delivered dataset."""
    comments = _COMMENT.findall(resources.sql(f"schema/raw/{name}"))
    return Dataset(name, tuple(_column(column, text.replace("''", "'")) for column, text in comments))


def _column(name: str, comment: str) -> Column:
    declaration, unit, meaning = (part.strip() for part in comment.split("|", 2))
    kind, _, flags = declaration.partition(";")
    words = flags.split()
    control = next((word for word in words if word.startswith("control")), None)
    column = Column(name, kind, "null" in words, "key" in words, None, unit, meaning)
    if control is None:
        return column
    digits = re.findall(r"\d+", control)
    scale = int(digits[0]) if digits else column.scale
    return Column(name, kind, column.nullable, column.key, scale, unit, meaning)
