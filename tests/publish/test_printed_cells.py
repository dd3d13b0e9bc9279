"""Cells say what a person would write, exactly, and rows are their form filled in."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.printed_cells import NONE, RowForm, flow, if_any, money, number, signed, whose, words

FIGURE = st.from_regex(r"-?(0|[1-9][0-9]{0,23})(\.[0-9]{1,12})?", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "plain", "cents"),
    [
        ("1234567.50", "1,234,567.5", "1,234,567.50"),
        ("-1000", "−1,000", "−1,000.00"),
        ("999", "999", "999.00"),
        ("0.00", "0", "0.00"),
        ("-0.001", "−0.001", "−0.001"),
        ("123456789012345678901234", "123,456,789,012,345,678,901,234", "123,456,789,012,345,678,901,234.00"),
    ],
)
def test_a_figure_is_grouped_and_loses_nothing_but_zeros(text: str, plain: str, cents: str) -> None:
    marked = '<span class="neg">{}</span>' if text[0] == "-" else "{}"
    assert (number(text), money(text)) == (plain, cents)
    assert (signed(text), flow(text)) == (marked.format(plain), marked.format(cents))


@settings(derandomize=True, deadline=None)
@given(text=FIGURE)
def test_a_figure_can_be_read_back_to_the_last_digit(text: str) -> None:
    for shown in (number(text), money(text)):
        assert Decimal(shown.replace(",", "").replace("−", "-")) == Decimal(text)


def test_nothing_said_is_a_dash_or_an_empty_cell_and_never_a_zero() -> None:
    assert number("") == money("") == signed("") == flow("") == NONE
    assert (if_any(money)(""), if_any(money)("1"), whose("")) == ("", "1.00", "")


def test_rows_are_filled_and_words_are_escaped() -> None:
    form = RowForm("[{a}|100%|{b}]", {"a": words, "b": flow})
    assert form.names == ("a", "b")
    assert form.rows({"b": ["1", "-2"], "a": ["<x>", "&"], "c": ["not", "asked"]}) == [
        "[&lt;x&gt;|100%|1.00]",
        '[&amp;|100%|<span class="neg">−2.00</span>]',
    ]
    assert form.rows({"a": [], "b": []}) == []
    assert whose("<C1>") == '<span class="id">&lt;C1&gt;</span> · '
