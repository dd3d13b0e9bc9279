"""Delivered texts become the decimals they say, by the short way and by the long one."""

from __future__ import annotations

from decimal import Context, Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.store import Store

WIDE = Context(prec=80)
TYPES = {"decimal_28_8": (20, 8), "decimal_38_12": (26, 12), "decimal_38_18": (20, 18)}


def taken(macro: str, texts: list[str | None]) -> list[Decimal | None]:
    with Store.in_memory() as store:
        return [store.read(f"SELECT {macro}($text) AS taken", {"text": text}).item() for text in texts]


@pytest.mark.parametrize("macro", sorted(TYPES))
@settings(derandomize=True, deadline=None, max_examples=20)
@given(data=st.data())
def test_every_figure_of_the_type_is_taken_to_its_last_digit(macro: str, data: st.DataObject) -> None:
    whole, places = TYPES[macro]
    form = rf"-?(0|[1-9][0-9]{{0,{whole - 1}}})(\.[0-9]{{1,{places}}})?"
    texts = data.draw(st.lists(st.from_regex(form, fullmatch=True), min_size=1, max_size=8))
    assert taken(macro, [*texts, None]) == [*map(Decimal, texts), None]


@pytest.mark.parametrize("macro", sorted(TYPES))
def test_the_edges_between_the_two_ways_are_taken(macro: str) -> None:
    whole, places = TYPES[macro]
    texts = [
        "9" * (18 - places) + "." + "9" * places,
        "1" + "0" * (18 - places),
        "9999999999.99999999",
        "10000000000",
        "0." + "0" * (places - 1) + "1",
        "-" + "9" * whole + "." + "9" * places,
        "1e3",
    ]
    assert taken(macro, texts) == [WIDE.create_decimal(text) for text in texts]


@pytest.mark.parametrize("macro", sorted(TYPES))
@pytest.mark.parametrize("text", ["", "abc", "1,5", "NaN"])
def test_what_is_no_figure_is_refused(macro: str, text: str) -> None:
    with Store.in_memory() as store, pytest.raises(duckdb.ConversionException, match="Could not convert string"):
        store.read(f"SELECT {macro}($text) AS taken", {"text": text})
