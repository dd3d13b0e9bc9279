"""Cells made column by column say what the page's own filters say of one text, and what a person would write."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import printed_cells, rendering, texts

FIGURE = st.from_regex(r"-?(0|[1-9][0-9]{0,23})(\.[0-9]{1,12})?", fullmatch=True) | st.just("")


def shown(cell: printed_cells.Cell, values: list[str]) -> list[str]:
    return pl.DataFrame({"text": values}).select(cell(pl.col("text"))).to_series().to_list()


@pytest.mark.parametrize(
    ("text", "number", "money"),
    [
        ("1234567.50", "1,234,567.5", "1,234,567.50"),
        ("-1000", "−1,000", "−1,000.00"),
        ("999", "999", "999.00"),
        ("0.00", "0", "0.00"),
        ("-0.001", "−0.001", "−0.001"),
        ("123456789012345678901234", "123,456,789,012,345,678,901,234", "123,456,789,012,345,678,901,234.00"),
    ],
)
def test_a_figure_is_grouped_and_keeps_its_exact_text(text: str, number: str, money: str) -> None:
    assert shown(printed_cells.number, [text]) == [f'<data value="{text}">{number}</data>']
    cell = f'<data value="{text}">{money}</data>'
    assert shown(printed_cells.money, [text]) == [f'<span class="neg">{cell}</span>' if text[0] == "-" else cell]


@settings(derandomize=True, deadline=None)
@given(values=st.lists(FIGURE, min_size=1, max_size=20))
def test_a_column_says_what_the_filter_says_of_each(values: list[str]) -> None:
    assert shown(printed_cells.number, values) == [str(rendering.number(each)) for each in values]
    assert shown(printed_cells.money, values) == [str(rendering.signed(each, 2)) for each in values]


def test_rows_are_cut_where_a_table_ends_and_words_are_escaped() -> None:
    tables = [texts.table(("a", "b"), rows) for rows in ([("<x>", "1")], [], [("&", "-2"), ("y", "")])]
    cells = {"a": printed_cells.escaped, "b": printed_cells.by_value(lambda value: value * 2)}
    assert printed_cells.rows(tables, "[{a}|{b}]", cells) == ["[&lt;x&gt;|11]", "", "[&amp;|-2-2][y|]"]
