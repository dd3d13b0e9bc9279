"""Spoiled deliveries: exactly the declared outcome, seen from the command line.

Blocked: the exit code, one line per finding with file and line, nothing published, the database still usable.
Fallback: published, flagged, the model price used.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from tasks.gate import gate
from tasks.home import Home
from tasks.land import land

DAY = "2026-01-30"
Row = dict[str, str | None]
Spoil = Callable[[list[Row]], list[Row] | None]


@dataclass(frozen=True)
class Spoiled:
    """A spoiled dataset and the outcome it must have."""

    dataset: str
    spoil: Spoil
    code: str


def first(rows: list[Row], **match: str) -> Row:
    return next(row for row in rows if all(row[name] == value for name, value in match.items()))


def put(match: dict[str, str], **values: str | None) -> Spoil:
    def spoil(rows: list[Row]) -> None:
        first(rows, **match).update(values)

    return spoil


def duplicate(rows: list[Row]) -> list[Row]:
    return [*rows, dict(rows[0])]


def all_options(rows: list[Row], **change: Callable[[str], str]) -> None:
    for row in rows:
        for name, make in change.items():
            if row[name]:
                row[name] = make(str(row[name]))


def percent(rows: list[Row]) -> None:
    all_options(rows, iv_mark=lambda value: f"{float(value) * 100:.6f}")


def usd_premium(rows: list[Row]) -> None:
    for row in rows:
        if str(row["contract_id"]).endswith(("-C.INV", "-P.INV")) and row["price"]:
            row["price"] = f"{float(str(row['price'])) * 80000:.10f}"


def unbalance(rows: list[Row]) -> None:
    row = next(each for each in rows if each["qty_close"] and float(str(each["qty_close"])) > 0)
    for name in ("qty_buy", "qty_close"):
        row[name] = f"{float(str(row[name])) + 1:.8f}"


def second_price_set(rows: list[Row]) -> None:
    rows[-1]["price_set_id"] = "OTHER"


BLOCKED = {
    "unbalanced book": Spoiled("positions", unbalance, "UNBALANCED_BOOK"),
    "duplicate key": Spoiled("positions", duplicate, "DUPLICATE_KEY"),
    "future without a price": Spoiled("prices", put({"contract_id": "BTC-PERP.INV"}, price=None), "MISSING_PRICE"),
    "index at zero": Spoiled("prices", put({"contract_id": "BTC-USD"}, price="0"), "NON_POSITIVE_PRICE"),
    "index negative": Spoiled("prices", put({"contract_id": "BTC-USD"}, price="-80000"), "NON_POSITIVE_PRICE"),
    "price sets that differ": Spoiled("prices", second_price_set, "PRICE_SETS_DIFFER"),
    "implied vol in percent": Spoiled("vol_quotes", percent, "VOL_IN_PERCENT"),
    "premium in the wrong unit": Spoiled("prices", usd_premium, "PREMIUM_UNIT"),
    "non-finite price": Spoiled("prices", put({"contract_id": "BTC-PERP.INV"}, price="NaN"), "BAD_TYPE"),
    "decimal comma": Spoiled("prices", put({"contract_id": "BTC-PERP.INV"}, price="80000,5"), "BAD_TYPE"),
    "lost leading zero": Spoiled("positions", lambda rows: rows[0].update(clearing_member_id="7"), "BAD_TYPE"),
}
PUBLISHED_AFTER = {"unbalanced book", "decimal comma"}
"""One that landed and one that did not, whose corrected day is taken to its end; those of the others pass the gate."""

HELD = {
    "unknown contract": Spoiled(
        "positions", lambda rows: rows[0].update(contract_id="BTC-NONE.INV"), "UNKNOWN_CONTRACT"
    ),
    "position beyond open interest": Spoiled(
        "prices", put({"contract_id": "BTC-PERP.INV"}, open_interest="0.00000001"), "POSITION_BEYOND_OPEN_INTEREST"
    ),
}
"""Critical breaks of members, each of which holds their accounts; everybody is published."""


def deliver(inbox: Path, dataset: str) -> Path:
    return inbox / DAY / "EOD" / f"{dataset}.csv"


def run(levee: Callable[..., object], home: Path, inbox: Path) -> object:
    return levee("cycle", "run", "--date", DAY, "--no-orchestrator", "--home", home, "--inbox", inbox)


@pytest.fixture(autouse=True)
def _demo_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEVEE_ENV", "DEMO")


@pytest.mark.parametrize("name", sorted(BLOCKED))
def test_blocked(name: str, levee, edit, small_inbox: Path, tmp_path: Path) -> None:
    spoiled = BLOCKED[name]
    path = deliver(small_inbox, spoiled.dataset)
    clean = path.read_bytes()
    edit(path, spoiled.spoil)
    home = tmp_path / "home"
    ended = run(levee, home, small_inbox)
    lines = ended.err.splitlines()
    assert ended.code == 10, ended.err
    assert any(line.startswith(f"{spoiled.code}:") for line in lines), ended.err
    named = [line for line in lines if line.startswith(f"{spoiled.code}:")]
    assert any(f"{spoiled.dataset}" in line and ":" in line for line in named), ended.err
    assert "Traceback" not in ended.err
    assert not list((home / "published").rglob("*.*"))
    deliver_corrected(path, clean, spoiled)
    if name in PUBLISHED_AFTER:
        ended = run(levee, home, small_inbox)
        assert ended.code == 0, ended.err
        return
    corrected = Home(home, small_inbox)
    with corrected.locked("cycle run"):
        assert not gate(corrected, land(corrected, date.fromisoformat(DAY), "EOD").key).resumed


def test_held(levee, edit, small_inbox: Path, tmp_path: Path) -> None:
    for spoiled in HELD.values():
        edit(deliver(small_inbox, spoiled.dataset), spoiled.spoil)
    home = tmp_path / "home"
    ended = run(levee, home, small_inbox)
    assert ended.code == 0, ended.err
    assert " 0 held" not in ended.out.splitlines()[-1]
    members = home / "published" / "20260130" / "EOD" / "v01" / "members"
    reports = {path.parent.name: path.read_text("utf-8") for path in members.glob("*/*-MX02-*.csv")}
    told = {name: {each for each, text in reports.items() if HELD[name].code in text} for name in HELD}
    said = {path.parent.name for path in members.glob("*/*-MS01-*.json") if '"HELD"' in path.read_text("utf-8")}
    assert all(told.values()), told
    assert set().union(*told.values()) == said


def deliver_corrected(path: Path, clean: bytes, spoiled: Spoiled) -> None:
    """The corrected file comes as its next version where the first one landed, else under its own name."""
    landed = spoiled.code != "BAD_TYPE"
    path.unlink()
    target = path.with_name(f"{spoiled.dataset}.v2.csv") if landed else path
    fields = clean.split(b"\n", 1)[0].split(b",")
    fields[5] = b"2" if landed else b"1"
    target.write_bytes(b",".join(fields) + b"\n" + clean.split(b"\n", 1)[1])


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def shorter_row(content: bytes) -> bytes:
    lines = content.split(b"\n")
    lines[2] = lines[2].rsplit(b",", 1)[0]
    return b"\n".join(lines)


RAW = {
    "truncated": (truncated, "BAD_TRAILER"),
    "nul byte": (lambda content: content.replace(b"BTC", b"B\0C", 1), "BAD_TRAILER"),
    "wrong date": (lambda content: content.replace(b"2026-01-30", b"2026-01-29", 1), "BAD_BIZDATE"),
    "wrong environment": (lambda content: content.replace(b",DEMO,", b",PROD,", 1), "WRONG_ENV"),
    "zero bytes": (lambda content: b"", "ZERO_BYTE"),
    "renamed column": (lambda content: content.replace(b"qty_open", b"qty_begin", 1), "SCHEMA_DRIFT"),
    "changed digit": (lambda content: content.replace(b"1", b"2", 1), None),
}


@pytest.mark.parametrize("name", sorted(RAW))
def test_broken_bytes(name: str, levee, small_inbox: Path, tmp_path: Path) -> None:
    spoil, code = RAW[name]
    path = deliver(small_inbox, "positions")
    path.write_bytes(spoil(path.read_bytes()))
    ended = run(levee, tmp_path / "home", small_inbox)
    assert ended.code == 10, ended.err
    assert all("positions" in line for line in ended.err.splitlines())
    assert code is None or any(line.startswith(f"{code}:") for line in ended.err.splitlines()), ended.err
    assert not list((tmp_path / "home" / "published").rglob("*.*"))


def test_a_short_row_names_its_line(levee, small_inbox: Path, tmp_path: Path) -> None:
    path = deliver(small_inbox, "positions")
    path.write_bytes(shorter_row(path.read_bytes()))
    ended = run(levee, tmp_path / "home", small_inbox)
    assert ended.code == 10
    assert "positions.csv:3" in ended.err or "BAD_TRAILER" in ended.err


def test_a_missing_required_file_is_waited_for(levee, small_inbox: Path, tmp_path: Path) -> None:
    deliver(small_inbox, "positions").unlink()
    ended = run(levee, tmp_path / "home", small_inbox)
    assert ended.code == 20
    assert "positions" in ended.err


OPTIONS = ("BTC-20260327-70000-P.INV", "BTC-20260327-80000-C.INV", "BTC-20260327-80000-P.INV")
FALLBACK: dict[str, dict[str, dict[str, str | None]]] = {
    "prices": {
        "MISSING_OPTION_PRICE": {"price": None},
        "NEGATIVE_OPTION_PRICE": {"price": "-0.01"},
        "STALE_PRICE": {"obs_ts": "2026-01-29T08:00:00Z"},
    },
    "vol_quotes": {
        "VOL_OUT_OF_RANGE": {"iv_mark": "0.001"},
        "BID_ABOVE_ASK": {"bid_px": "2", "ask_px": "1"},
        "MARK_OUTSIDE_QUOTES": {"bid_px": "0.9", "ask_px": "0.95"},
    },
}
"""Values by dataset and the code each is found by, one for each of three options."""


@pytest.mark.parametrize("dataset", sorted(FALLBACK))
def test_fallback(dataset: str, levee, edit, small_inbox: Path, tmp_path: Path) -> None:
    for contract, values in zip(OPTIONS, FALLBACK[dataset].values(), strict=True):
        edit(deliver(small_inbox, dataset), put({"contract_id": contract}, **values))
    home = tmp_path / "home"
    ended = run(levee, home, small_inbox)
    assert ended.code == 0, ended.err
    report = next((home / "published" / "20260130" / "EOD" / "v01" / "ops").glob("*-OV01-*.json"))
    said = report.read_text(encoding="utf-8")
    failed = {check["check_id"] for check in json.loads(said)["checks"] if not check["passed"]}
    for code in FALLBACK[dataset]:
        assert code in said
        assert code.lower() in failed
