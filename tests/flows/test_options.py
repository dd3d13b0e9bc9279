"""Options that commands share."""

from __future__ import annotations

import pytest

from flows.options import coins_of


@pytest.mark.parametrize("text", ["BTC,ETH", "eth, btc", " BTC ,,ETH,BTC"])
def test_coins_are_read_as_a_person_lists_them(text: str) -> None:
    assert coins_of(text) == ("BTC", "ETH")


def test_an_empty_list_names_no_coin() -> None:
    assert coins_of(" , ") == ()
