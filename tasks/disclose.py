"""PQ01, the quantitative disclosure of a quarter: generated from published runs, checked, and kept by version.

A version lies in home/disclosures/<quarter>/v<NN>/public with a manifest, so that `levee publish verify` reads it like
any pack. Where the figures are those of the latest version nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from tasks import disclosure_margin, disclosure_resources, pack, policy_store, resources, texts
from tasks.disclosure_check import check
from tasks.disclosure_coverage import coverage
from tasks.disclosure_declared import FILE, declared
from tasks.disclosure_figures import REPORTED, Figure
from tasks.disclosure_items import ITEMS
from tasks.disclosure_model import model
from tasks.disclosure_operation import operation
from tasks.disclosure_period import Period, Quarter, opened
from tasks.home import Home, write_atomically
from tasks.leak import Guard, words
from tasks.model.errors import Finding, LeveeError, ReconciliationError
from tasks.model.policy import Policy
from tasks.pack import Edition, Entry
from tasks.printed_rows import csv_lines
from tasks.report_files import Header
from tasks.reports import PQ01

FOLDER = "disclosures"
_ORDER = {item.reference: place for place, item in reversed(list(enumerate(ITEMS)))}


@dataclass(frozen=True)
class Disclosed:
    """Where a quarter's disclosure lies, whether it was written now, and its figures in the order of the items."""

    quarter: str
    file: Path
    version: int
    written: bool
    days: int
    figures: Sequence[Figure]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        names = PQ01.columns
        rows = [dict(zip(names, figure.row(declared().service), strict=True)) for figure in self.figures]
        told = {"quarter": self.quarter, "file": str(self.file), "version": self.version, "written": self.written}
        return told | {"days": self.days, "reported": self.reported, "figures": rows}

    @property
    def reported(self) -> int:
        """Figures that have a value."""
        return sum(figure.status == REPORTED for figure in self.figures)


def disclose(home: Home, asked: Quarter) -> Disclosed:
    """Make a quarter's disclosure, and write it as the next version unless it says what the latest one does.

    Raises LeveeError UNKNOWN_ID where nothing of the quarter is published, ReconciliationError DISCLOSURE where the
    validator rejects the file, LEAK where it names a participant.
    """
    with opened(home, asked) as period:
        found = figures(period)
        latest = _latest(home, asked)
        standing = _path(home, asked, latest)
        if latest and standing.read_bytes() == _file(period, found, latest):
            return Disclosed(asked.name, standing, latest, False, len(period.quarter_runs), found)
        content = _file(period, found, latest + 1)
        _require_fit(period, content)
        written = _path(home, asked, latest + 1)
        _write(written, _edition(home, asked, latest + 1), content)
        return Disclosed(asked.name, written, latest + 1, True, len(period.quarter_runs), found)


def figures(period: Period) -> list[Figure]:
    """Every figure of the quarter, in the order of the items, names of parts in theirs."""
    policy = _policy(period)
    found = chain(
        disclosure_resources.default_resources(period),
        disclosure_resources.cover(period, policy),
        disclosure_resources.haircuts(period, policy),
        _of_margin(period),
        model(period, policy),
        coverage(period, policy),
        operation(period),
    )
    return sorted(found, key=lambda figure: (_ORDER[figure.item.reference], ITEMS.index(figure.item), figure.part))


def _of_margin(period: Period) -> Iterator[Figure]:
    steps = ("required", "held", "rates", "variation", "called", "responsive")
    return chain.from_iterable(getattr(disclosure_margin, step)(period) for step in steps)


def _policy(period: Period) -> Policy:
    """The policy the quarter's last run was margined by. Raises LeveeError PARAM_STATE where the home has another."""
    found = policy_store.in_force(period.home, period.latest["business_date"])
    if found.policy_hash != period.latest["policy_hash"]:
        raise LeveeError(
            Finding(
                "PARAM_STATE",
                "the policy in force is not the one the quarter's last run was margined by",
                where=period.latest["run_id"],
                value=found.policy_hash[:16],
                limit=period.latest["policy_hash"][:16],
                action="restore home/policy from a backup",
            )
        )
    return found


def _file(period: Period, found: Sequence[Figure], version: int) -> bytes:
    origins = {run["origin"] for run in period.runs}
    origin = "REAL" if origins == {"REAL"} else "SYNTHETIC"
    header = Header(_edition(period.home, period.quarter, version), period.latest["as_of_ts"], origin)
    table = texts.table(PQ01.columns, [figure.row(declared().service) for figure in found])
    return header.csv(PQ01, csv_lines(table), table.size(PQ01.control))


def _require_fit(period: Period, content: bytes) -> None:
    """Raises ReconciliationError where the validator rejects the file or it names somebody."""
    wrong = check(content)
    parties = period.of_run("out/party", period.latest["run_id"]).rows()
    leaks = Guard(parties, _house_words()).scan({"": {f"{PQ01.code}.csv": content}})
    if wrong or leaks:
        raise ReconciliationError(*wrong, *leaks)


def _house_words() -> set[bytes]:
    """Words of the form itself, which may be somebody's name too."""
    told = (*PQ01.columns, *(f"{item.title} {item.part} {item.unit}" for item in ITEMS))
    return set(words("\n".join((*told, resources.root().joinpath(FILE).read_text(encoding="utf-8"))).encode()))


def _write(path: Path, edition: Edition, content: bytes) -> None:
    """The file, then the manifest that makes a version of it."""
    write_atomically(path, content)
    manifest = pack.manifest(pack.PUBLIC, edition, [Entry.of(path.name, content)])
    write_atomically(path.with_name(pack.MANIFEST), manifest)


def _edition(home: Home, asked: Quarter, version: int) -> Edition:
    return Edition(home.environment, asked.last, "EOD", version)


def _path(home: Home, asked: Quarter, version: int) -> Path:
    name = _edition(home, asked, version).file_name(PQ01.code, "PUBLIC", "ALL", "csv")
    return home.root / FOLDER / asked.name / pack.version_name(version) / pack.PUBLIC / name


def _latest(home: Home, asked: Quarter) -> int:
    """The latest version that has its manifest, 0 where there is none."""
    found = (home.root / FOLDER / asked.name).glob(f"v*/{pack.PUBLIC}/{pack.MANIFEST}")
    return max((int(path.parents[1].name.removeprefix("v")) for path in found), default=0)
