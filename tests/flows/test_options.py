"""Options that commands share."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from flows.options import Common, coins_of, number_of
from tasks.model.errors import LeveeError


@pytest.mark.parametrize("text", ["BTC,ETH", "eth, btc", " BTC ,,ETH,BTC"])
def test_coins_are_read_as_a_person_lists_them(text: str) -> None:
    assert coins_of(text) == ("BTC", "ETH")


def test_an_empty_list_names_no_coin() -> None:
    assert coins_of(" , ") == ()


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1,000", "", "ten"])
def test_what_is_no_finite_number_is_refused(text: str) -> None:
    with pytest.raises(LeveeError, match="USAGE"):
        number_of(text)


def test_a_number_is_read_exactly() -> None:
    assert number_of("-0.10") == Decimal("-0.10")


def test_json_has_null_for_what_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    figures = {"rows": [{"rate": float("nan"), "most": float("inf"), "days": 3}], "pair": (0.5, Decimal("0.10"))}
    Common(as_json=True).show(figures, str)
    told = json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert told == {"rows": [{"rate": None, "most": None, "days": 3}], "pair": [0.5, "0.10"]}
