"""The validator of a disclosure: whole, well-formed, and its sums right. Reads the file alone.

Every finding has the code DISCLOSURE. It does not compute a figure again: that a figure is the right one is said by its
source, which the validator only asks to be there.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from decimal import Decimal
from importlib import import_module
from typing import get_type_hints

from tasks import resources
from tasks.disclosure_figures import NOT_AVAILABLE, REPORTED
from tasks.disclosure_items import COUNT, DATE, FORMS, ITEMS, NUMBERS, Item, fits, item_of
from tasks.disclosure_sums import disagreements
from tasks.model.errors import Finding
from tasks.model.policy import Policy
from tasks.reports import PQ01

Line = Mapping[str, str]

_ACTION = "make the file again with `levee disclose pqd`; a figure is corrected at its source, never in the file"


def check(content: bytes) -> list[Finding]:
    """Everything that is wrong with a file; nothing where it may be published."""
    lines, broken = _read(content)
    if broken:
        return broken
    found = [finding for line in lines for finding in _of_line(line)]
    found += [*_missing(lines), *_twice(lines)]
    return found or [_wrong(what, None, *told) for what, *told in disagreements(_values(lines))]


def _read(content: bytes) -> tuple[list[Line], list[Finding]]:
    """Records by column; of a file that is no whole PQ01 what is wrong with it."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return [], [_wrong("the file is no text in UTF-8")]
    rows = text.splitlines()
    if len(rows) < 3 or not rows[0].startswith(f"#H,{PQ01.code},") or not rows[-1].startswith("#T,"):
        return [], [_wrong(f"no whole file of {PQ01.code}", limit="header, names, records, trailer")]
    body = "".join(f"{row}\n" for row in rows[1:-1]).encode()
    told = rows[-1].split(",")
    if told[1:2] != [str(len(rows) - 3)] or told[-1] != hashlib.sha256(body).hexdigest():
        return [], [_wrong("the file was cut or changed: count or hash of the trailer", value=rows[-1])]
    names, *records = csv.reader(rows[1:-1])
    if tuple(names) != PQ01.columns or any(len(record) != len(names) for record in records):
        return [], [_wrong("the columns are not those of the report", value=",".join(names))]
    return [dict(zip(names, record, strict=True)) for record in records], []


def _of_line(line: Line) -> Iterator[Finding]:
    item = item_of(line["item"], line["part"])
    if item is None:
        yield _wrong("a figure nobody asks for", line)
    elif (line["unit"], line["window"]) != (item.unit, item.window):
        yield _wrong("unit or window is not the item's", line, f"{line['unit']} {line['window']}", item.unit)
    elif line["status"] == REPORTED:
        yield from _of_reported(line, item)
    elif line["status"] != NOT_AVAILABLE:
        yield _wrong("the status is no status", line, line["status"], f"{REPORTED}|{NOT_AVAILABLE}")
    elif line["value"] or not line["reason"]:
        yield _wrong("a figure that is not available has no value, and a reason", line, line["value"])


def _of_reported(line: Line, item: Item) -> Iterator[Finding]:
    if not FORMS[item.unit].fullmatch(line["value"]):
        yield _wrong("the value has not the form of its unit", line, line["value"], item.unit)
    days = (line["first_date"], line["last_date"])
    if not all(FORMS[DATE].fullmatch(day) for day in days) or days[0] > days[1]:
        yield _wrong("the days are no days in order", line, " ".join(days))
    if not FORMS[COUNT].fullmatch(line["days"]):
        yield _wrong("the number of days is none", line, line["days"])
    if not line["source"] or not all(_is_there(source) for source in line["source"].split()):
        yield _wrong("nothing is there that the figure could come from", line, line["source"])


def _is_there(source: str) -> bool:
    """Whether a source exists: a file of sql/ or data/, a parameter of the policy, a function."""
    if source.startswith(("sql/", "data/")):
        return resources.root().joinpath(source).is_file()
    if source.startswith("policy:"):
        return _is_field(source.removeprefix("policy:"))
    module, _, name = source.rpartition(".")
    return _has(module, name) or _has(module.rpartition(".")[0], f"{module.rpartition('.')[2]}.{name}")


def _is_field(path: str) -> bool:
    """Whether the policy has a field of this path."""
    kind: type = Policy
    for name in path.split("."):
        fields = get_type_hints(kind) if is_dataclass(kind) else {}
        if name not in fields:
            return False
        kind = fields[name]
    return True


def _has(module: str, name: str) -> bool:
    if not module.startswith("tasks."):
        return False
    try:
        found: object = import_module(module)
    except ImportError:
        return False
    for each in name.split("."):
        found = getattr(found, each, None)
    return callable(found)


def _missing(lines: Sequence[Line]) -> Iterator[Finding]:
    """Items of which there is no line."""
    for item in ITEMS:
        if not any(line["item"] == item.reference and fits(item.part, line["part"]) for line in lines):
            yield _wrong("an item is missing", value=f"{item.reference} {item.part}".rstrip())


def _twice(lines: Sequence[Line]) -> Iterator[Finding]:
    seen: set[tuple[str, str]] = set()
    for line in lines:
        if (line["item"], line["part"]) in seen:
            yield _wrong("a figure stands there twice", line, line["value"])
        seen.add((line["item"], line["part"]))


def _values(lines: Sequence[Line]) -> dict[str, Decimal]:
    """Figures that are numbers by item and part, with a blank between."""
    return {
        f"{line['item']} {line['part']}".rstrip(): Decimal(line["value"])
        for line in lines
        if line["status"] == REPORTED and line["unit"] in NUMBERS
    }


def _wrong(what: str, line: Line | None = None, value: str = "", limit: str = "", where: str = "") -> Finding:
    where = f"{line['item']} {line['part']}".rstrip() if line else where
    return Finding("DISCLOSURE", what, where, value, limit, _ACTION)
