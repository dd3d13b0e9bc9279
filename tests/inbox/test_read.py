"""Good files: what is read is what was delivered, and what is written reads the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import envelope, inbox, schema
from tasks.inbox import FileName, Place
from tasks.model.errors import DeliveryError, LeveeError
from tasks.schema import Column

DAY = date(2026, 1, 30)
PLACE = Place(DAY, "EOD", "DEMO")
AS_OF = datetime(2026, 1, 30, 8, tzinfo=UTC)
NAMES = "underlying,date,close,volume_usd"


def write(report: str, columns: tuple[str, ...], rows: list[list[Any]]) -> bytes:
    return envelope.write_csv(report, DAY, "EOD", 1, "HOUSE", AS_OF, AS_OF, "DEMO", "SYNTHETIC", columns, rows)


def test_the_example_of_the_contract_is_read(example: bytes) -> None:
    delivery = inbox.read("positions.csv", example, PLACE)
    assert delivery.file_id == "positions-HOUSE-20260130-EOD-v1"
    assert delivery.path == "2026-01-30/EOD/positions.csv"
    assert (delivery.records, delivery.control_total, delivery.warnings) == (2, Decimal(300), ())
    assert delivery.frame["clearing_member_id"].to_list() == ["M001", "007"]
    assert delivery.frame["qty_close"].to_list() == ["150.00000000", "-150.00000000"]
    assert delivery.frame["client_id"].to_list() == [None, None]
    assert delivery.frame["source_line"].to_list() == [3, 4]
    lines = example.split(b"\n")
    assert delivery.frame["row_sha256"].to_list() == [hashlib.sha256(line).hexdigest() for line in lines[2:4]]
    assert (delivery.sha256, delivery.bytes) == (hashlib.sha256(example).hexdigest(), len(example))
    assert delivery.header.as_of_ts == AS_OF


def test_the_writer_makes_the_bytes_of_the_example(example: bytes) -> None:
    fee, value = Decimal("0.000000300000"), Decimal("0.000600000000")
    full, half, close = Decimal("100.00000000"), Decimal("50.00000000"), Decimal("150.00000000")
    rows = [
        ["M001", "M001H", "HOUSE", None, "BTC-PERP.INV", full, half, 0, 0, 0, 0, close, value, 0, 0, fee, AS_OF],
        [
            "007",
            "007C",
            "CLIENT_OMNI_NET",
            "",
            "BTC-PERP.INV",
            -full,
            0,
            half,
            0,
            0,
            0,
            -close,
            0,
            value,
            0,
            fee,
            AS_OF,
        ],
    ]
    written = envelope.write_csv(
        "positions",
        DAY,
        "EOD",
        1,
        "HOUSE",
        datetime(2026, 1, 30, 8, 1, 10),
        AS_OF,
        "DEMO",
        "SYNTHETIC",
        schema.dataset("positions").names,
        rows,
    )
    assert written == example


def test_byte_order_mark_and_windows_line_ends_are_the_same_file(example: bytes) -> None:
    windows = b"\xef\xbb\xbf" + example.replace(b"\n", b"\r\n")
    plain, marked = (inbox.read("positions.csv", content, PLACE) for content in (example, windows))
    assert marked.frame.equals(plain.frame)
    assert marked.sha256 == hashlib.sha256(windows).hexdigest() != plain.sha256


@pytest.mark.parametrize("dataset", schema.DATASETS)
@pytest.mark.parametrize("total", ["0", "0.00"])
def test_a_file_without_records_is_valid(dataset: str, total: str, made: Callable[..., bytes]) -> None:
    content = made(dataset, ",".join(schema.dataset(dataset).names), [], total)
    if dataset == "accounts" and total != "0":
        with pytest.raises(DeliveryError, match="BAD_TRAILER"):
            inbox.read(f"{dataset}.csv", content, PLACE)
        return
    delivery = inbox.read(f"{dataset}.csv", content, PLACE)
    assert (delivery.records, delivery.frame.columns[:-2]) == (0, list(schema.dataset(dataset).names))


def test_extra_trailing_columns_are_ignored_with_a_warning(example: bytes, seal: Callable[..., bytes]) -> None:
    lines = example.decode().split("\n")
    lines[1:4] = [lines[1] + ",colour,note", lines[2] + ',red,"a, b"', lines[3] + ",blue,"]
    delivery = inbox.read("positions.csv", seal("\n".join(lines).encode()), PLACE)
    assert delivery.frame.columns == [*schema.dataset("positions").names, "source_line", "row_sha256"]
    assert delivery.frame["qty_close"].to_list() == ["150.00000000", "-150.00000000"]
    assert [(warning.code, warning.value) for warning in delivery.warnings] == [("SCHEMA_DRIFT", "colour, note")]


def test_quotes_are_read_as_the_standard_has_them(made: Callable[..., bytes]) -> None:
    names = ",".join(schema.dataset("members").names)
    tail = ",,,ACTIVE,,,,USD,,,,,,,,,,"
    rows = [
        'M001,"Müller, ""Söhne"" & Co"' + tail,
        "M002,Plain" + tail,
        '"M003","Quoted"' + tail,
        'M004,"a"",""b"' + tail,
    ]
    frame = inbox.read("members.csv", made("members", names, rows), PLACE).frame
    assert frame["legal_name"].to_list() == ['Müller, "Söhne" & Co', "Plain", "Quoted", 'a","b']
    assert frame["clearing_member_id"].to_list() == ["M001", "M002", "M003", "M004"]
    assert frame["source_line"].to_list() == [3, 4, 5, 6]
    assert frame["lei"].null_count() == 4


def test_a_mark_inside_a_record_is_no_trailer(made: Callable[..., bytes]) -> None:
    names = ",".join(schema.dataset("prices").names)
    row = "#T,BTC-USD,INDEX,80000,,,,,,,OK,,,,,"
    delivery = inbox.read("prices.csv", made("prices", names, [row, row], "160000"), PLACE)
    assert delivery.frame["price_set_id"].to_list() == ["#T", "#T"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("positions.csv", FileName("positions", "HOUSE", 1)),
        ("positions.HOUSE.csv", FileName("positions", "HOUSE", 1)),
        ("vol_quotes.v12.csv", FileName("vol_quotes", "HOUSE", 12)),
        ("prices.DERIBIT.csv", FileName("prices", "DERIBIT", 1)),
        ("prices.007.v3.csv", FileName("prices", "007", 3)),
    ],
)
def test_names(name: str, said: FileName) -> None:
    assert inbox.parse_name(name) == said


def test_file_names_are_read_back() -> None:
    for said in (FileName("prices", "HOUSE", 1), FileName("prices", "M001", 1), FileName("prices", "HOUSE", 4)):
        assert inbox.parse_name(envelope.file_name(said.dataset, said.sender, said.seq)) == said


@pytest.mark.parametrize("name", [".positions.csv", "positions.csv.tmp", ".x.tmp"])
def test_files_on_their_way_are_ignored(name: str) -> None:
    assert inbox.is_ignored(name)


@pytest.mark.parametrize("cycle", ["EOD", "SOD", "ITD1", "ITD12"])
def test_cycles(cycle: str) -> None:
    inbox.check_cycle(cycle)


@pytest.mark.parametrize("cycle", ["eod", "ITD", "ITD0", "ITD01", "EOD1", "", "INTRADAY"])
def test_a_name_that_is_no_cycle_is_usage(cycle: str) -> None:
    with pytest.raises(LeveeError, match="USAGE"):
        inbox.check_cycle(cycle)


def test_values_have_one_form() -> None:
    texts = [
        (Decimal("1E+5"), "100000"),
        (Decimal("1E-12"), "0.000000000001"),
        (Decimal("-0.00"), "0.00"),
        (1e-7, "0.0000001"),
        (1e22, "10000000000000000000000"),
        (-0.0, "0.0"),
        (0.1 + 0.2, "0.30000000000000004"),
        (7, "7"),
    ]
    assert [envelope.cell(value) for value, _ in texts] == [text for _, text in texts]
    assert [envelope.cell(value) for value in (True, False, None, DAY)] == ["TRUE", "FALSE", "", "2026-01-30"]
    berlin = datetime(2026, 1, 30, 9, 0, 0, 250000, tzinfo=timezone(timedelta(hours=1)))
    assert envelope.cell(berlin) == "2026-01-30T08:00:00.250000Z"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), "two\nlines", "a\rb", "a\0b", b"bytes"])
def test_a_value_without_a_form_is_not_written(value: Any) -> None:
    with pytest.raises(LeveeError, match="BAD_TYPE"):
        write("report", ("name",), [[value]])


def test_the_control_total_is_exact_where_floats_are_not() -> None:
    assert envelope.control_total(["0.1"] * 10 + ["-0.2", None, ""], 8) == Decimal("1.20000000")
    large = ["99999999999999999999.99999999", "-99999999999999999999.99999999", "0.00000001"]
    assert envelope.control_total(large, 8) == Decimal("199999999999999999999.99999999")


def test_the_total_of_doubles_is_rounded_once() -> None:
    """Three times 0.4e-12 is 1.2e-12: rounding each first would give nothing."""
    assert envelope.control_total(["4e-13", "4e-13", "-0.0000000000004"], 12) == Decimal("1e-12")


def values_of(column: Column) -> st.SearchStrategy[Any]:
    """Values of a column in the forms a sender may use."""
    if column.scale is not None:
        kept = st.decimals(min_value=-(10**9), max_value=10**9, places=min(column.scale, 12), allow_nan=False)
        return kept | st.integers(-(10**6), 10**6)
    if column.type.startswith("enum"):
        return st.sampled_from(column.type[5:-1].split(","))
    return {
        "id": st.from_regex(r"[A-Z0-9]{3,12}", fullmatch=True).filter(lambda text: text not in inbox.RESERVED_IDS),
        "contract": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{2,47}", fullmatch=True),
        "text": st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=20)
        .map(str.strip)
        .filter(bool),
        "integer": st.integers(-(10**17), 10**17),
        "double": st.floats(-1e15, 1e15),
        "date": st.dates(),
        "timestamp": st.datetimes(),
        "boolean": st.booleans(),
    }[column.type]


@st.composite
def files(draw: st.DrawFn) -> tuple[str, list[list[Any]]]:
    dataset = draw(st.sampled_from(schema.DATASETS))
    cells = [
        st.none() | values_of(column) if column.nullable else values_of(column)
        for column in schema.dataset(dataset).columns
    ]
    return dataset, draw(st.lists(st.tuples(*cells).map(list), max_size=4))


@settings(max_examples=120, deadline=None, derandomize=True)
@given(files())
def test_what_is_written_reads_the_same(file: tuple[str, list[list[Any]]]) -> None:
    dataset, rows = file
    columns = schema.dataset(dataset).columns
    delivery = inbox.read(f"{dataset}.csv", write(dataset, schema.dataset(dataset).names, rows), PLACE)
    assert delivery.records == len(rows)
    total = Decimal(0)
    for position, column in enumerate(columns):
        for row, text in zip(rows, delivery.frame[column.name], strict=True):
            assert same(row[position], text), (column, row[position], text)
            if column.control_scale is not None and column.scale is not None:
                total += abs(Decimal(text or 0))
    if dataset != "vol_quotes":
        assert delivery.control_total == total


def same(value: Any, text: str | None) -> bool:
    if value is None or text is None:
        return value is None and text is None
    if isinstance(value, bool | str):
        return text == (str(value).upper() if isinstance(value, bool) else value)
    if isinstance(value, datetime):
        return datetime.fromisoformat(text) == value.replace(tzinfo=UTC)
    return date.fromisoformat(text) == value if isinstance(value, date) else type(value)(text) == value


def test_any_flipped_bit_of_body_or_trailer_is_seen(example: bytes) -> None:
    """Every bit of every byte after the header: refused, and never an accepted file with other content."""
    start = example.index(b"\n") + 1
    for position in range(start, len(example)):
        for bit in range(8):
            spoiled = bytearray(example)
            spoiled[position] ^= 1 << bit
            with pytest.raises(DeliveryError):
                inbox.read("positions.csv", bytes(spoiled), PLACE)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_any_cut_is_seen(data: st.DataObject) -> None:
    content = write(
        "history", tuple(NAMES.split(",")), [["BTC", DAY - timedelta(days=n), 100 + n, n] for n in range(9)]
    )
    length = data.draw(st.integers(0, len(content) - 1))
    with pytest.raises(DeliveryError):
        inbox.read("history.csv", content[:length], PLACE)
