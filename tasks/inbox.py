"""Reading one delivered file: name, envelope, column names, then every record. No database, no clock, no guess.

A file is good as a whole or refused as a whole, with everything that is wrong with it said at once.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import polars as pl

from tasks import schema
from tasks.envelope import Header, control_scale, control_total, file_name
from tasks.home import ENVIRONMENTS
from tasks.model.errors import DeliveryError, Finding, LeveeError
from tasks.records import RESERVED_IDS, drift, fault, read_records, split
from tasks.schema import Column, Dataset

CYCLE = re.compile(r"SOD|EOD|ITD[1-9][0-9]{0,2}")
HEADER_FIELDS = (
    "report",
    "schema_version",
    "business_date",
    "cycle",
    "seq",
    "sender",
    "created_ts",
    "as_of_ts",
    "env",
    "origin",
)
_NAME = re.compile(r"(?P<dataset>[a-z_]+)(?:\.(?P<sender>[A-Z0-9]{3,12}))?(?:\.v(?P<seq>0|[1-9][0-9]{0,5}))?\.csv")
_TOTAL = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_LARGEST_TOTAL = Decimal(10) ** 20  # raw.file keeps DECIMAL(38, 18)
_TIME = Column("time", "timestamp", nullable=False, key=False, control_scale=None, unit="UTC", meaning="header time")
_BOM = b"\xef\xbb\xbf"
_OTHER_ENV = "take it out of the inbox, or run it in a home of its environment (--home; LEVEE_ENV makes one)"


@dataclass(frozen=True)
class Place:
    """Where a file lies: the folder's date and cycle, and the environment of the home."""

    business_date: date
    cycle: str
    environment: str


@dataclass(frozen=True)
class FileName:
    """What a file's name says."""

    dataset: str
    sender: str
    seq: int


@dataclass(frozen=True)
class Delivery:
    """A good file.

    `frame` holds the declared columns as text (empty = null), source_line (first line = 1) and row_sha256 (of the
    line's bytes without its end); `sha256` and `bytes` are of the file as delivered.
    """

    file_id: str
    path: str
    header: Header
    frame: pl.DataFrame
    sha256: str
    bytes: int
    records: int
    control_total: Decimal
    warnings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Parts:
    """A normalised file cut at its envelope. `body` holds the names and the records, without the last LF."""

    header: str
    body: list[str]
    trailer: str
    digest: str


def check_cycle(cycle: str) -> None:
    """Raises LeveeError USAGE for a name that is no cycle."""
    if CYCLE.fullmatch(cycle) is None:
        raise LeveeError(Finding("USAGE", "no such cycle", value=cycle, limit="SOD, ITD<n> or EOD"))


def is_ignored(name: str) -> bool:
    """Whether a file is still on its way: dot files and `*.tmp`; senders deliver by rename."""
    return name.startswith(".") or name.endswith(".tmp")


def parse_name(name: str) -> FileName | None:
    """Dataset, sender (default HOUSE) and version (default 1) of a file name; None where it fits no dataset.

    Version 0 is what the house writes itself where a sender's file did not come (tasks.fallback); nobody delivers one.
    """
    found = _NAME.fullmatch(name)
    if found is None or found["dataset"] not in schema.DATASETS or found["sender"] in RESERVED_IDS - {"HOUSE"}:
        return None
    return FileName(found["dataset"], found["sender"] or "HOUSE", int(found["seq"] or 1))


def file_id(name: FileName, business_date: date, cycle: str) -> str:
    """`<dataset>-<SENDER>-<YYYYMMDD>-<CYCLE>-v<N>`: with source_line the address of a row."""
    return f"{name.dataset}-{name.sender}-{business_date:%Y%m%d}-{cycle}-v{name.seq}"


def read(name: str, content: bytes, place: Place) -> Delivery:
    """A delivered file, proven. Raises DeliveryError with everything that is wrong with it."""
    path = f"{place.business_date.isoformat()}/{place.cycle}/{name}"
    said = parse_name(name)
    if said is None:
        raise DeliveryError(
            Finding(
                "BAD_HEADER",
                "the file's name fits no dataset",
                path,
                name,
                "<dataset>[.<SENDER>][.v<N>].csv",
                "rename it, or take it out of the inbox",
            )
        )
    return _Reading(said, path, place).read(content)


class _Reading:
    """One pass over one file; gathers what is wrong on the way."""

    def __init__(self, name: FileName, path: str, place: Place) -> None:
        self.name, self.path, self.place = name, path, place
        self.declared: Dataset = schema.dataset(name.dataset)
        self.action = f"correct it and deliver it as {file_name(name.dataset, name.sender, name.seq + 1)}"
        self.findings: list[Finding] = []
        self.warnings: list[Finding] = []

    def read(self, content: bytes) -> Delivery:
        text = self._text(content)
        parts = self._cut(text)
        header = self._header(parts.header)
        extra = self._extra_columns(parts.body)
        frame, total = self._records(parts, extra)
        self._refuse_if_wrong()
        assert header is not None and frame is not None and total is not None, "a file without findings is whole"
        return Delivery(
            file_id(self.name, self.place.business_date, self.place.cycle),
            self.path,
            header,
            frame,
            hashlib.sha256(content).hexdigest(),
            len(content),
            frame.height,
            total,
            tuple(self.warnings),
        )

    def _wrong(
        self, code: str, what: str, line: int = 0, value: str = "", limit: str = "", action: str | None = None
    ) -> None:
        where = f"{self.path}:{line}" if line else self.path
        self.findings.append(Finding(code, what, where, value, limit, action or self.action))

    def _refuse_if_wrong(self) -> None:
        if self.findings:
            raise DeliveryError(*self.findings)

    def _text(self, content: bytes) -> bytes:
        """Bytes without BOM and with LF line ends. A form that cannot be read as lines ends the reading here."""
        text = content.removeprefix(_BOM).replace(b"\r\n", b"\n")
        if not text:
            self._wrong(
                "ZERO_BYTE",
                "the file is empty; a file without records still has #H, names and #T",
                value=f"{len(content)} bytes",
            )
        for byte, what in ((b"\r", "a carriage return stands alone"), (b"\0", "the file holds a NUL byte")):
            if byte in text:
                self._wrong("BAD_TRAILER", what, line=text.count(b"\n", 0, text.index(byte)) + 1)
        if text and not text.endswith(b"\n"):
            self._wrong("BAD_TRAILER", "the final line feed is missing: the file is cut", line=text.count(b"\n") + 1)
        self._decode(text)
        self._refuse_if_wrong()
        return text

    def _decode(self, text: bytes) -> None:
        try:
            text.decode()
        except UnicodeDecodeError as error:
            self._wrong(
                "BAD_TYPE",
                "the line is not UTF-8",
                line=text.count(b"\n", 0, error.start) + 1,
                value=repr(text[error.start : error.end]),
                limit="UTF-8",
            )

    def _cut(self, text: bytes) -> _Parts:
        """Header line, body, trailer line. Ends the reading where either end is not there."""
        lines = text[:-1].decode().split("\n")
        if not lines[0].startswith("#H,"):
            self._wrong("BAD_HEADER", "the first line is no header", line=1, value=repr(lines[0][:40]), limit="#H,…")
        if len(lines) < 2 or not lines[-1].startswith("#T,"):
            ends = [number for number, line in enumerate(lines, 1) if line.startswith("#T,")]
            what = (
                f"bytes after the trailer of line {ends[-1]}"
                if ends
                else "the last line is no trailer: the file is cut"
            )
            self._wrong("BAD_TRAILER", what, line=len(lines), value=repr(lines[-1][:40]), limit="#T,…")
        self._refuse_if_wrong()
        start, end = text.index(b"\n") + 1, text.rindex(b"\n", 0, -1) + 1
        return _Parts(lines[0], lines[1:-1], lines[-1], hashlib.sha256(text[start:end]).hexdigest())

    def _header(self, line: str) -> Header | None:
        fields = line.split(",")[1:]
        if len(fields) != len(HEADER_FIELDS):
            self._wrong("BAD_HEADER", "the header has another number of fields", 1, str(len(fields) + 1), "11")
            return None
        said = dict(zip(HEADER_FIELDS, fields, strict=True))
        before = len(self.findings)
        self._agrees(said)
        self._times(said)
        self._environment(said)
        if len(self.findings) > before:
            return None
        return Header(
            self.name.dataset,
            self.place.business_date,
            self.place.cycle,
            self.name.seq,
            self.name.sender,
            datetime.fromisoformat(said["created_ts"]),
            datetime.fromisoformat(said["as_of_ts"]),
            said["env"],
            said["origin"],
        )

    def _agrees(self, said: dict[str, str]) -> None:
        """Name, folder and header say the same."""
        expected = (
            ("report", self.name.dataset, "BAD_HEADER"),
            ("schema_version", str(schema.SCHEMA_VERSION), "BAD_HEADER"),
            ("business_date", self.place.business_date.isoformat(), "BAD_BIZDATE"),
            ("cycle", self.place.cycle, "BAD_BIZDATE"),
            ("seq", str(self.name.seq), "BAD_HEADER"),
            ("sender", self.name.sender, "BAD_HEADER"),
        )
        for field, value, code in expected:
            if said[field] != value:
                self._wrong(code, f"{field} of the header is not that of its name and folder", 1, said[field], value)

    def _times(self, said: dict[str, str]) -> None:
        for field in ("created_ts", "as_of_ts"):
            if fault(_TIME, said[field]):
                self._wrong("BAD_HEADER", f"{field} of the header is no time", 1, said[field], "YYYY-MM-DDTHH:MM:SSZ")

    def _environment(self, said: dict[str, str]) -> None:
        for field, known in (("env", ENVIRONMENTS), ("origin", ("REAL", "SYNTHETIC"))):
            if said[field] not in known:
                self._wrong("BAD_HEADER", f"unknown {field} in the header", 1, said[field], "|".join(known))
        home = self.place.environment
        if said["env"] in ENVIRONMENTS and said["env"] != home:
            self._wrong("WRONG_ENV", "the file belongs to another environment", 1, said["env"], home, _OTHER_ENV)
        if said["origin"] == "SYNTHETIC" and home == "PROD":
            self._wrong("WRONG_ENV", "synthetic data in a PROD home", 1, "SYNTHETIC", "REAL", _OTHER_ENV)

    def _extra_columns(self, body: list[str]) -> int | None:
        """How many columns trail the declared ones; None where the names are not the declared ones."""
        names = (split(body[0]) or body[:1]) if body else []
        width = len(self.declared.names)
        extra = names[width:]
        if tuple(names[:width]) != self.declared.names or set(extra) & set(self.declared.names):
            self._wrong(
                "SCHEMA_DRIFT", f"the columns are not the declared ones: {'; '.join(drift(self.declared, names))}", 2
            )
            return None
        if extra:
            self.warnings.append(
                Finding(
                    "SCHEMA_DRIFT",
                    "extra trailing columns are ignored",
                    f"{self.path}:2",
                    ", ".join(extra),
                    f"{width} columns",
                    "agree them, or leave them out",
                )
            )
        return len(extra)

    def _records(self, parts: _Parts, extra: int | None) -> tuple[pl.DataFrame | None, Decimal | None]:
        """Records and their control total, where the names let them be read; the trailer is checked in any case."""
        lines = parts.body[1:]
        if extra is None:
            self._trailer(parts, None)
            return None, None
        records = read_records(self.declared, extra, lines, self.path, self.action)
        total = None
        if not records.findings:
            summed = (records.frame[column.name] for column in self.declared.control_columns)
            total = control_total((value for values in summed for value in values), control_scale(self.declared))
        self._trailer(parts, total)
        self.findings.extend(records.findings)
        return records.frame, total

    def _trailer(self, parts: _Parts, total: Decimal | None) -> None:
        fields = parts.trailer.split(",")
        line = len(parts.body) + 2
        if len(fields) != 4:
            self._wrong("BAD_TRAILER", "the trailer has another number of fields", line, str(len(fields)), "4")
            return
        _, records, control, digest = fields
        counted = str(max(len(parts.body) - 1, 0))
        if records != counted:
            self._wrong("BAD_TRAILER", "the trailer counts other records than the file holds", line, records, counted)
        if digest != parts.digest:
            self._wrong("BAD_TRAILER", "the body is not the one the trailer was made for", line, digest, parts.digest)
        if total is not None:
            self._control(control, total, line)

    def _control(self, said: str, total: Decimal, line: int) -> None:
        scale = control_scale(self.declared) or 0
        digits = len(said.partition(".")[2])
        if _TOTAL.fullmatch(said) is None or digits > scale or Decimal(said) != total:
            self._wrong("BAD_TRAILER", "the control total is not the sum of the file", line, said, f"{total:f}")
        elif total >= _LARGEST_TOTAL:
            self._wrong(
                "BAD_TRAILER", "the control total is beyond what can be kept", line, said, f"{_LARGEST_TOTAL:f}"
            )
