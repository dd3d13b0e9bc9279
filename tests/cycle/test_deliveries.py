"""What is wrong with a delivery is refused with its code and exit status, whole: nothing is lost or half loaded."""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tasks.home import Home
from tasks.store import Store

DAY = "2026-01-30"
Spoil = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Desk:
    """A home and the day's delivered files but the prices: a cycle takes them in and computes nothing."""

    home: Home
    levee: Callable[..., Any]

    def path(self, name: str = "positions.csv") -> Path:
        return self.home.inbox / DAY / "EOD" / name

    def run(self) -> Any:
        words = ("cycle", "run", "--date", DAY, "--no-orchestrator", "--home", self.home.root)
        return self.levee(*words)

    def rows(self, dataset: str, version: int = 1) -> list[tuple[Any, ...]]:
        """Delivered values of a version that was taken in, in order of its lines."""
        query = (
            f"SELECT * EXCLUDE (row_sha256, file_id, source_line) FROM raw.{dataset} "
            f"WHERE file_id LIKE '%-v{version}' ORDER BY source_line"
        )
        with Store(self.home.database) as store:
            return store.read(query).rows()

    def landed(self) -> set[str]:
        with Store(self.home.database) as store:
            return set(store.read("SELECT file_id FROM raw.file")["file_id"])

    def wait(self) -> None:
        """Take in what is there; the cycle waits for its prices."""
        assert self.run().code == 20


@pytest.fixture
def desk(tmp_path: Path, small_inbox: Path, levee: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("LEVEE_ENV", "DEMO")
    home = Home(tmp_path / "home").prepare()
    shutil.copytree(small_inbox, home.inbox, dirs_exist_ok=True)
    (home.inbox / DAY / "EOD" / "prices.csv").unlink()
    return Desk(home, levee)


def sealed(change: Callable[[list[bytes]], list[bytes]]) -> Spoil:
    """Change the body's lines and give it a true count and hash: only what the lines say can be wrong."""

    def spoil(content: bytes) -> bytes:
        header, *body, trailer, _ = content.split(b"\n")
        changed = b"".join(line + b"\n" for line in change(body))
        fields = trailer.split(b",")
        count = str(changed.count(b"\n") - 1).encode()
        total = fields[2]
        return header + b"\n" + changed + b",".join([b"#T", count, total, _digest(changed)]) + b"\n"

    return spoil


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


def in_first_record(column: int, value: bytes) -> Callable[[list[bytes]], list[bytes]]:
    def change(lines: list[bytes]) -> list[bytes]:
        fields = lines[1].split(b",")
        fields[column] = value
        return [lines[0], b",".join(fields), *lines[2:]]

    return change


def without_last_record(content: bytes) -> bytes:
    lines = content.split(b"\n")
    return b"\n".join([*lines[:-3], *lines[-2:]])


SPOILT: dict[str, tuple[Spoil, str]] = {
    "a record lost on the way": (without_last_record, "BAD_TRAILER"),
    "cut in the middle": (lambda content: content[: len(content) // 2], "BAD_TRAILER"),
    "no byte at all": (lambda content: b"", "ZERO_BYTE"),
    "of another date": (lambda content: content.replace(b",2026-01-30,EOD", b",2026-01-29,EOD", 1), "BAD_BIZDATE"),
    "of another environment": (lambda content: content.replace(b",DEMO,", b",TEST,", 1), "WRONG_ENV"),
    "a column renamed": (
        sealed(lambda lines: [lines[0].replace(b"qty_open", b"qty_begin"), *lines[1:]]),
        "SCHEMA_DRIFT",
    ),
    "a column removed": (sealed(lambda lines: [line.rpartition(b",")[0] for line in lines]), "SCHEMA_DRIFT"),
    "a decimal comma": (sealed(in_first_record(6, b'"1,5"')), "BAD_TYPE"),
    "an id without its zeros": (sealed(in_first_record(0, b"7")), "BAD_TYPE"),
    "a short row": (sealed(lambda lines: [lines[0], lines[1].rpartition(b",")[0], *lines[2:]]), "BAD_FIELD_COUNT"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_file_is_refused_whole_and_its_good_version_lands(name: str, desk: Desk) -> None:
    spoil, code = SPOILT[name]
    good = desk.path().read_bytes()
    desk.path().write_bytes(spoil(good))
    ended = desk.run()
    assert ended.code == 10, ended.err
    codes = {line.split(":")[0] for line in ended.err.splitlines() if "positions" in line}
    assert code in codes, ended.err
    assert desk.rows("positions") == []
    assert len(desk.rows("accounts")) > 0
    assert list(desk.home.published.iterdir()) == []
    assert (desk.home.frozen / hashlib.sha256(spoil(good)).hexdigest()).read_bytes() == spoil(good)
    desk.path().write_bytes(good)
    desk.wait()
    delivered = csv.reader(good.decode().splitlines()[2:-1])
    assert desk.rows("positions") == [tuple(value or None for value in record) for record in delivered]


def test_a_bad_line_is_named(desk: Desk) -> None:
    spoil, _ = SPOILT["a short row"]
    desk.path().write_bytes(spoil(desk.path().read_bytes()))
    assert "positions.csv:3" in desk.run().err


def test_other_line_ends_a_mark_and_a_further_column_change_no_value(desk: Desk) -> None:
    desk.wait()
    before = desk.rows("accounts")
    good = desk.path("accounts.csv").read_bytes()
    header, names, *records = good.split(b"\n")
    body = [names + b",colour", *(line + b",red" for line in records[:-2])]
    changed = sealed(lambda _: body)(good).replace(b",EOD,1,", b",EOD,2,", 1)
    assert header.split(b",")[5] == b"1"
    desk.path("accounts.v2.csv").write_bytes(b"\xef\xbb\xbf" + changed.replace(b"\n", b"\r\n"))
    desk.wait()
    assert "accounts-HOUSE-20260130-EOD-v2" in desk.landed()
    assert desk.rows("accounts", 2) == before


def test_a_nil_file_is_no_empty_file(desk: Desk) -> None:
    good = desk.path("funding.csv").read_bytes()
    _, mark, *_ = good.split(b"\n")
    header = good.split(b"\n")[0]
    assert mark.startswith(b"contract_id")
    nil = mark + b"\n"
    desk.path("funding.csv").write_bytes(header + b"\n" + nil + b"#T,0,0," + _digest(nil) + b"\n")
    desk.wait()
    assert "funding-HOUSE-20260130-EOD-v1" in desk.landed()
    assert desk.rows("funding") == []


def test_leading_zeros_of_an_id_are_kept(desk: Desk) -> None:
    desk.wait()
    assert "007" in {row[0] for row in desk.rows("positions")}


def test_the_same_file_again_changes_nothing(desk: Desk) -> None:
    desk.wait()
    rows, landed = desk.rows("positions"), desk.landed()
    shutil.copyfile(desk.path(), desk.path("positions.HOUSE.csv"))
    desk.wait()
    assert (desk.rows("positions"), desk.landed()) == (rows, landed)
    told = "".join(path.read_text(encoding="utf-8") for path in desk.home.logs.glob("*.jsonl"))
    assert "DUP_SAME" in told


def test_the_same_version_with_other_content_is_refused(desk: Desk, edit: Callable[..., Path]) -> None:
    desk.wait()
    rows = desk.rows("positions")
    edit(desk.path(), lambda records: [record | {"fees": "0.5"} for record in records])
    refused = desk.run()
    assert (refused.code, refused.err.split(":")[0]) == (10, "DUP_CONFLICT")
    assert desk.rows("positions") == rows
    assert "version 2" in refused.err


def test_a_lower_version_after_a_higher_one_is_refused(desk: Desk, edit: Callable[..., Path]) -> None:
    good = desk.path().read_bytes()
    edit(desk.path(), lambda records: records, seq=2)
    desk.path().unlink()
    desk.wait()
    rows = desk.rows("positions", 2)
    desk.path().write_bytes(good)
    refused = desk.run()
    assert (refused.code, refused.err.split(":")[0]) == (10, "OUT_OF_ORDER")
    assert (desk.rows("positions", 2), desk.rows("positions")) == (rows, [])
