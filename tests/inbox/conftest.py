"""Delivered files for the reader's tests, sealed by an implementation of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date

import pytest

from tasks.inbox import Place

# The positions file of the contract, byte for byte; its sha256 was printed there.
EXAMPLE = b"""\
#H,positions,1,2026-01-30,EOD,1,HOUSE,2026-01-30T08:01:10Z,2026-01-30T08:00:00Z,DEMO,SYNTHETIC
clearing_member_id,margin_account_id,account_type,client_id,contract_id,qty_open,qty_buy,qty_sell,qty_transfer,\
qty_exercise_assign,qty_expired,qty_close,buy_value,sell_value,premium_paid,fees,position_as_of_ts
M001,M001H,HOUSE,,BTC-PERP.INV,100.00000000,50.00000000,0,0,0,0,150.00000000,0.000600000000,0,0,0.000000300000,\
2026-01-30T08:00:00Z
007,007C,CLIENT_OMNI_NET,,BTC-PERP.INV,-100.00000000,0,50.00000000,0,0,0,-150.00000000,0,0.000600000000,0,\
0.000000300000,2026-01-30T08:00:00Z
#T,2,300.00000000,4c8d7ba270713af7c2a564945abd58fe98f245d6eb20dd02930c0f4b6fd23c41
"""


def sealed(content: bytes, total: str | None = None) -> bytes:
    """The file with count and sha256 of the trailer made anew from its body, so that only what was spoiled is wrong."""
    text = content.decode()
    header, rest = text.split("\n", 1)
    body, trailer = rest[: rest.rindex("#T,")], rest[rest.rindex("#T,") :]
    digest = hashlib.sha256(body.encode()).hexdigest()
    kept = trailer.rstrip("\n").split(",")[2]
    return f"{header}\n{body}#T,{body.count(chr(10)) - 1},{total or kept},{digest}\n".encode()


@pytest.fixture
def example() -> bytes:
    return EXAMPLE


@pytest.fixture
def place() -> Place:
    return Place(date(2026, 1, 30), "EOD", "DEMO")


@pytest.fixture
def seal() -> Callable[..., bytes]:
    return sealed


@pytest.fixture
def made() -> Callable[..., bytes]:
    """A sealed file of any dataset from its names, lines and control total."""

    def make(dataset: str, names: str, lines: list[str], total: str = "0", env: str = "DEMO") -> bytes:
        head = f"#H,{dataset},1,2026-01-30,EOD,1,HOUSE,2026-01-30T08:01:10Z,2026-01-30T08:00:00Z,{env},SYNTHETIC"
        return sealed("\n".join([head, names, *lines, f"#T,0,{total},x", ""]).encode())

    return make
