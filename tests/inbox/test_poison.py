"""One case per sentence of the file contract: what is spoiled, the code it must get, and what the finding must name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import pytest

from tasks import inbox
from tasks.inbox import Place
from tasks.model.errors import DeliveryError, Finding

Spoil = Callable[[bytes], bytes]
FIRST = b"M001,M001H,HOUSE,,BTC-PERP.INV,100.00000000,50.00000000,0,0,0,0,150.00000000,"


@dataclass(frozen=True)
class Case:
    """A way to spoil the example; `resealed` where the sender's own trailer agrees with what was spoiled."""

    spoil: Spoil
    code: str
    names: str = ""
    resealed: bool = False


def swap(old: bytes, new: bytes) -> Spoil:
    def spoil(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new, 1)

    return spoil


def record(new: bytes) -> Spoil:
    """Change the start of the first record: line 3."""
    return swap(FIRST, new)


def reorder(content: bytes) -> bytes:
    return content.replace(b"qty_buy,qty_sell", b"qty_sell,qty_buy", 1)


def without_column(content: bytes) -> bytes:
    lines = content.split(b"\n")
    lines[1:4] = [b",".join(line.split(b",")[:-1]) for line in lines[1:4]]
    return b"\n".join(lines)


def column_inside(content: bytes) -> bytes:
    lines = content.split(b"\n")
    for at, value in ((1, b"colour"), (2, b"red"), (3, b"blue")):
        fields = lines[at].split(b",")
        lines[at] = b",".join([*fields[:5], value, *fields[5:]])
    return b"\n".join(lines)


ENVELOPE = {
    "zero bytes": Case(lambda content: b"", "ZERO_BYTE", "0 bytes"),
    "a byte order mark alone": Case(lambda content: b"\xef\xbb\xbf", "ZERO_BYTE"),
    "cut inside a line": Case(lambda content: content[:-90], "BAD_TRAILER", ":4"),
    "cut after a line": Case(lambda content: content[: content.rindex(b"#T")], "BAD_TRAILER", "no trailer"),
    "header alone": Case(lambda content: content[: content.index(b"\n") + 1], "BAD_TRAILER"),
    "lone carriage return": Case(swap(b"007,007C", b"007\r,007C"), "BAD_TRAILER", ":4"),
    "carriage return twice": Case(lambda content: content.replace(b"\n", b"\r\r\n"), "BAD_TRAILER", ":1"),
    "NUL": Case(swap(b"BTC-PERP", b"BTC\0PERP"), "BAD_TRAILER", "NUL"),
    "final line feed missing": Case(lambda content: content[:-1], "BAD_TRAILER", "final line feed"),
    "bytes after the trailer": Case(lambda content: content + b"M009\n", "BAD_TRAILER", "after the trailer of line 5"),
    "empty line after the trailer": Case(lambda content: content + b"\n", "BAD_TRAILER", "after the trailer"),
    "trailer twice": Case(lambda content: content + content[content.rindex(b"#T") :], "BAD_TRAILER", "counts"),
    "fewer records than counted": Case(swap(b"#T,2,", b"#T,3,"), "BAD_TRAILER", "value 3 · limit 2"),
    "count with a leading zero": Case(swap(b"#T,2,", b"#T,02,"), "BAD_TRAILER", "value 02"),
    "another hash": Case(swap(b"4c8d7ba2", b"4c8d7ba3"), "BAD_TRAILER", "body"),
    "hash in capitals": Case(swap(b"4c8d7ba2", b"4C8D7BA2"), "BAD_TRAILER", "body"),
    "another control total": Case(swap(b",300.00000000,4c", b",300.00000001,4c"), "BAD_TRAILER", "300.00000001"),
    "control total with a sign": Case(swap(b",300.00000000,4c", b",+300,4c"), "BAD_TRAILER", "+300"),
    "control total too long": Case(swap(b",300.00000000,4c", b",300.000000000,4c"), "BAD_TRAILER", "300.000000000"),
    "trailer of three fields": Case(swap(b"#T,2,", b"#T,"), "BAD_TRAILER", "value 3 · limit 4"),
    "a truncated number that still parses": Case(swap(b"150.00000000,0.0006", b"15,0.0006"), "BAD_TRAILER", "body"),
    "a truncated number, hash made anew": Case(
        swap(b"150.00000000,0.0006", b"15,0.0006"), "BAD_TRAILER", "limit 165.00000000", resealed=True
    ),
    "a record lost": Case(
        lambda content: b"".join(content.splitlines(True)[:3] + content.splitlines(True)[4:]),
        "BAD_TRAILER",
        "value 2 · limit 1",
    ),
    "not UTF-8": Case(swap(b"007C", b"00\xfcC"), "BAD_TYPE", ":4"),
}
HEADER = {
    "no header": Case(lambda content: content[content.index(b"\n") + 1 :], "BAD_HEADER", ":1"),
    "two byte order marks": Case(lambda content: b"\xef\xbb\xbf\xef\xbb\xbf" + content, "BAD_HEADER"),
    "ten fields": Case(swap(b",DEMO,SYNTHETIC", b",DEMO"), "BAD_HEADER", "value 10 · limit 11"),
    "another dataset": Case(swap(b"#H,positions", b"#H,prices"), "BAD_HEADER", "prices"),
    "another schema version": Case(swap(b"positions,1,", b"positions,2,"), "BAD_HEADER", "schema_version"),
    "another version than the name": Case(swap(b"EOD,1,HOUSE", b"EOD,2,HOUSE"), "BAD_HEADER", "seq"),
    "another sender than the name": Case(swap(b"EOD,1,HOUSE", b"EOD,1,VENUE"), "BAD_HEADER", "sender"),
    "no time": Case(swap(b"2026-01-30T08:01:10Z", b"2026-01-30 08:01:10"), "BAD_HEADER", "created_ts"),
    "a time that does not exist": Case(swap(b"2026-01-30T08:01:10Z", b"2026-01-30T24:01:10Z"), "BAD_HEADER"),
    "unknown origin": Case(swap(b"SYNTHETIC", b"INVENTED"), "BAD_HEADER", "INVENTED"),
    "unknown environment": Case(swap(b"DEMO", b"LIVE"), "BAD_HEADER", "LIVE"),
    "another date": Case(swap(b"2026-01-30,EOD", b"2026-01-29,EOD"), "BAD_BIZDATE", "value 2026-01-29"),
    "another cycle": Case(swap(b"2026-01-30,EOD", b"2026-01-30,SOD"), "BAD_BIZDATE", "value SOD"),
    "another environment": Case(swap(b"DEMO", b"PROD"), "WRONG_ENV", "value PROD · limit DEMO"),
}
COLUMNS = {
    "renamed": Case(swap(b"qty_open", b"qty_begin"), "SCHEMA_DRIFT", "qty_open is called qty_begin", True),
    "missing": Case(without_column, "SCHEMA_DRIFT", "missing: position_as_of_ts", True),
    "reordered": Case(reorder, "SCHEMA_DRIFT", "in another order", True),
    "one more inside": Case(column_inside, "SCHEMA_DRIFT", "unknown: colour", True),
    "one twice": Case(swap(b"_as_of_ts\n", b"_as_of_ts,fees\n"), "SCHEMA_DRIFT", "twice: fees", True),
    "other case": Case(swap(b"qty_open", b"QTY_OPEN"), "SCHEMA_DRIFT", "QTY_OPEN", True),
    "a blank in a name": Case(swap(b",qty_open", b", qty_open"), "SCHEMA_DRIFT", "qty_open", True),
}


def value(column: int, new: bytes) -> Spoil:
    """Another value in the first record; columns count from 0."""

    def spoil(content: bytes) -> bytes:
        lines = content.split(b"\n")
        fields = lines[2].split(b",")
        fields[column] = new
        lines[2] = b",".join(fields)
        return b"\n".join(lines)

    return spoil


LINES = {
    "short row": Case(swap(b"0,0,0,0,150", b"0,0,0,150"), "BAD_FIELD_COUNT", ":3 · value '16' · limit 17", True),
    "long row": Case(swap(b"0,0,0,0,150", b"0,0,0,0,0,150"), "BAD_FIELD_COUNT", "value '18' · limit 17", True),
    "decimal comma": Case(value(6, b"50,5"), "BAD_FIELD_COUNT", ":3", True),
    "decimal comma in quotes": Case(value(6, b'"50,5"'), "BAD_TYPE", "qty_buy", True),
    "empty line": Case(swap(b"\n007,", b"\n\n007,"), "BAD_FIELD_COUNT", ":4", True),
    "quote not closed": Case(value(3, b'"C01'), "BAD_FIELD_COUNT", "quote", True),
    "quote inside a bare value": Case(value(3, b'C"01'), "BAD_FIELD_COUNT", "quote", True),
    "quoted value over two lines": Case(value(3, b'"C\n01"'), "BAD_FIELD_COUNT", "quote", True),
    "comment in the body": Case(swap(b"\n007,", b"\n# nothing\n007,"), "BAD_FIELD_COUNT", ":4", True),
    "NaN": Case(value(11, b"NaN"), "BAD_TYPE", "column qty_close", True),
    "Infinity": Case(value(11, b"Infinity"), "BAD_TYPE", "'Infinity' · limit decimal(28,8)", True),
    "exponent in a decimal": Case(value(6, b"1e3"), "BAD_TYPE", "'1e3' · limit decimal(28,8)", True),
    "plus sign": Case(value(6, b"+3"), "BAD_TYPE", "'+3'", True),
    "leading zero": Case(value(6, b"007"), "BAD_TYPE", "'007'", True),
    "no digit before the point": Case(value(6, b".5"), "BAD_TYPE", "'.5'", True),
    "no digit after the point": Case(value(6, b"5."), "BAD_TYPE", "'5.'", True),
    "thousands": Case(value(6, b"1_000"), "BAD_TYPE", "'1_000'", True),
    "arabic digits": Case(value(6, "٣".encode()), "BAD_TYPE", "qty_buy", True),
    "one digit too many": Case(value(6, b"0.123456789"), "BAD_TYPE", "'0.123456789' · limit decimal(28,8)", True),
    "too large": Case(value(6, b"1" + b"0" * 20), "BAD_TYPE", "decimal(28,8)", True),
    "leading blank": Case(value(6, b" 50"), "BAD_TYPE", "' 50'", True),
    "trailing blank": Case(value(6, b"50 "), "BAD_TYPE", "'50 '", True),
    "blank for null": Case(value(3, b" "), "BAD_TYPE", "client_id", True),
    "null where none may be": Case(value(6, b""), "BAD_TYPE", "column qty_buy is empty", True),
    "lower case id": Case(value(0, b"m001"), "BAD_TYPE", "clearing_member_id", True),
    "id too short": Case(value(0, b"7"), "BAD_TYPE", "value '7' · limit id", True),
    "id too long": Case(value(0, b"A234567890123"), "BAD_TYPE", "limit id", True),
    "reserved id": Case(value(0, b"PUBLIC"), "BAD_TYPE", "'PUBLIC'", True),
    "unknown word": Case(value(2, b"CLIENT"), "BAD_TYPE", "enum(HOUSE,CLIENT_OMNI_NET,CLIENT_GROSS)", True),
    "30 February": Case(value(16, b"2026-02-30T08:00:00Z"), "BAD_TYPE", "position_as_of_ts", True),
    "25 o'clock": Case(value(16, b"2026-01-30T25:00:00Z"), "BAD_TYPE", "position_as_of_ts", True),
    "no zone": Case(value(16, b"2026-01-30T08:00:00"), "BAD_TYPE", "limit timestamp", True),
    "seven digits of a second": Case(value(16, b"2026-01-30T08:00:00.1234567Z"), "BAD_TYPE", "limit timestamp", True),
}
CASES = {**ENVELOPE, **HEADER, **COLUMNS, **LINES}
assert len(CASES) == len(ENVELOPE) + len(HEADER) + len(COLUMNS) + len(LINES)


def refused(content: bytes, place: Place, name: str = "positions.csv") -> tuple[Finding, ...]:
    with pytest.raises(DeliveryError) as caught:
        inbox.read(name, content, place)
    return caught.value.findings


@pytest.mark.parametrize("name", CASES)
def test_a_spoiled_file_is_refused(name: str, example: bytes, place: Place, seal: Callable[..., bytes]) -> None:
    case = CASES[name]
    spoiled = case.spoil(example)
    findings = refused(seal(spoiled) if case.resealed else spoiled, place)
    lines = [finding.line() for finding in findings]
    assert any(line.startswith(f"{case.code}:") and case.names in line for line in lines), lines
    assert all("2026-01-30/EOD/positions.csv" in line and "next:" in line for line in lines)


@pytest.mark.parametrize("name", [name for name, case in LINES.items() if case.code in {"BAD_TYPE", "BAD_FIELD_COUNT"}])
def test_a_line_that_is_sealed_as_it_stands_is_refused_for_itself(
    name: str, example: bytes, place: Place, seal: Callable[..., bytes]
) -> None:
    """Nothing but the spoiled line is reported: no finding of the envelope hides what is wrong."""
    assert {finding.code for finding in refused(seal(LINES[name].spoil(example)), place)} == {LINES[name].code}


@pytest.mark.parametrize(
    "name",
    [
        "position.csv",
        "positions.csv.bak",
        "positions.v0.csv",
        "positions.v01.csv",
        "Positions.csv",
        "positions.ALL.csv",
        "positions.house.csv",
        "positions.AB.csv",
        "positions-2026.csv",
        "README",
        "positions.v2.HOUSE.csv",
    ],
)
def test_a_name_that_fits_no_dataset_is_said(name: str, example: bytes, place: Place) -> None:
    (finding,) = refused(example, place, name)
    assert finding.code == "BAD_HEADER"
    assert name in finding.where


def test_synthetic_data_is_refused_in_production(example: bytes) -> None:
    production = Place(date(2026, 1, 30), "EOD", "PROD")
    findings = refused(example.replace(b",DEMO,", b",PROD,"), production)
    assert [(finding.code, finding.value) for finding in findings] == [("WRONG_ENV", "SYNTHETIC")]
    assert "deliver" not in findings[0].action and "--home" in findings[0].action
    real = example.replace(b",DEMO,SYNTHETIC", b",PROD,REAL")
    assert inbox.read("positions.csv", real, production).header.origin == "REAL"


def test_everything_that_is_wrong_is_said_at_once(example: bytes, place: Place) -> None:
    spoiled = (
        example.replace(b"2026-01-30,EOD", b"2026-01-29,SOD").replace(b"DEMO", b"TEST").replace(b",50.0", b",x50.0")
    )
    findings = refused(spoiled, place)
    assert [finding.code for finding in findings] == [
        "BAD_BIZDATE",
        "BAD_BIZDATE",
        "WRONG_ENV",
        "BAD_TRAILER",
        "BAD_TYPE",
        "BAD_TYPE",
    ]
    assert [finding.where[-1] for finding in findings[-2:]] == ["3", "4"]


def test_every_bad_value_of_a_line_is_said(example: bytes, place: Place, seal: Callable[..., bytes]) -> None:
    spoiled = seal(value(6, b"+1")(value(12, b"NaN")(value(16, b"now")(example))))
    columns = [finding.what.split()[1] for finding in refused(spoiled, place)]
    assert columns == ["qty_buy", "buy_value", "position_as_of_ts"]


def test_bad_lines_are_all_counted_and_the_first_twenty_listed(made: Callable[..., bytes], place: Place) -> None:
    good = [f"BTC,2020-01-{day:02d},100.5,1" for day in range(1, 31)]
    bad = [f"BTC,2021-02-{day:02d},100.5,1" for day in range(1, 29)] + ["BTC,2021-02-30,1,1"] * 25
    content = made("history", "underlying,date,close,volume_usd", good + bad)
    findings = refused(content, place, "history.csv")
    assert [finding.where for finding in findings[:-1]] == [f"2026-01-30/EOD/history.csv:{61 + n}" for n in range(20)]
    assert (findings[-1].code, findings[-1].value) == ("BAD_TYPE", "25")


def test_a_total_beyond_what_can_be_kept_is_refused(example: bytes, place: Place, seal: Callable[..., bytes]) -> None:
    huge = b"9" * 20
    spoiled = example.replace(b"150.00000000,0.0006", huge + b",0.0006").replace(b"-150.00000000", b"-" + huge)
    (finding,) = refused(seal(spoiled, total="199999999999999999998"), place)
    assert finding.code == "BAD_TRAILER"
    assert "kept" in finding.what
