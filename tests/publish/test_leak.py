"""No pack names another party; short and numeric ids give no false alarm; a poisoned pack stops everything."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tasks.home import Home
from tasks.key import CycleKey
from tasks.leak import Guard
from tasks.model.errors import LeveeError
from tasks.publish import publish

PARTIES = [
    ("M001", "M001", "id"),
    ("M001", "M001H", "id"),
    ("M001", "Alpha & Sons", "name"),
    ("007", "007", "id"),
    ("007", "007C", "id"),
    ("007", "100", "id"),
    ("007", "5493001KJTIIGC8Y1R12", "id"),
    ("007", "Alpha", "name"),
    ("BTC", "BTC", "id"),
    ("BTC", "Delta Clearing", "name"),
]
HEAD, TAIL = "#H,MR01\n", "#T,1,0,00\n"


def scan(member: str, name: str, text: str) -> list[str]:
    guard = Guard(PARTIES, {b"BTC", b"USD"})
    return [finding.value for finding in guard.scan({member: {name: text.encode()}})]


@pytest.mark.parametrize(
    "text",
    [
        "amount\n0.007\n1.00710\n1000.007\n",
        "amount\n100\n100.00\n",
        "contract_id\nBTC-20260327-90000-C.INV\n",
        "sha256\n5c007d7ba100ff\n",
        "obs_ts\n2026-01-30T08:00:07.007Z\n",
        "legal_name\nAlpha & Sons\n",
        "margin_account_id\nM001H\n",
    ],
)
def test_numbers_hashes_times_and_own_names_are_no_leak(text: str) -> None:
    assert scan("M001", "x.csv", HEAD + text + TAIL) == []


@pytest.mark.parametrize(
    ("name", "text", "leak"),
    [
        ("x.csv", f"{HEAD}value\n007\n{TAIL}", "007"),
        ("x.csv", f"{HEAD}a,b\n100,007\n{TAIL}", "007"),
        ("x.csv", f"{HEAD}value\nmoved to 007C\n{TAIL}", "007C"),
        ("x.csv", f"{HEAD}client_id\n100\n{TAIL}", "100"),
        ("x.csv", f"{HEAD}clearing_member_id\nBTC\n{TAIL}", "BTC"),
        ("x.csv", f"{HEAD}block,key1,key2,field,value\nrisk,100,BTC,x,1\n{TAIL}", "100"),
        ("x.csv", f"{HEAD}value\nDelta  Clearing\n{TAIL}", "Delta Clearing"),
        ("x.csv", f"{HEAD}value\nAlpha\n{TAIL}", "Alpha"),
        ("x.csv", f"{HEAD}value\n5493001KJTIIGC8Y1R12\n{TAIL}", "5493001KJTIIGC8Y1R12"),
        ("x.json", '{"client_id": "100"}', "100"),
        ("x.json", '{"note": "a\\n007C"}', "007C"),
        ("x.html", "<p>see 007.</p>", "007"),
        ("x.html", '<span class="id">100</span>', "100"),
        ("TEST-MS01-007-007C-20260130-EOD-v01.csv", "", "007C"),
        ("manifest.json", '{"files": [{"path": "TEST-MS01-007-100-20260130-EOD-v01.csv"}]}', "007"),
    ],
)
def test_another_party_is_found_wherever_it_stands(name: str, text: str, leak: str) -> None:
    assert leak in scan("M001", name, text)


def test_a_page_s_grouped_numbers_are_no_leak_but_a_field_of_a_file_is() -> None:
    assert scan("M001", "x.html", "<p>1,007.00 and 100,007</p>") == []
    assert scan("M001", "x.csv", f"{HEAD}a,b\n1,007\n{TAIL}") == ["007"]


def test_a_name_escaped_in_a_page_is_found() -> None:
    assert scan("007", "x.html", "<p>Alpha &amp; Sons</p>") == ["Alpha Sons"]


def test_a_public_file_may_name_nobody() -> None:
    assert scan("", "x.csv", f"{HEAD}value\nM001\n{TAIL}") == ["M001"]


@pytest.mark.parametrize("poison", ["007", "007C", "C01", "Flat Water SA", "213800WAVVOPS85N2205"])
def test_a_poisoned_pack_stops_the_release(make_home: Callable[..., Home], key: CycleKey, poison: str) -> None:
    home = make_home(rejected_value=poison)
    with pytest.raises(LeveeError) as stopped:
        publish(home, key)
    assert stopped.value.code == "LEAK"
    assert all("members/" not in finding.where and "M001" in finding.where for finding in stopped.value.findings)
    assert [path for path in home.published.rglob("*") if path.is_file()] == []
