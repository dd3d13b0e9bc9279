"""What a member sees of its requirement."""

from __future__ import annotations

from tasks.report_files import Record
from tasks.statement_page import requirement


def row(client: str, item: str, amount: str, row_type: str = "LINE") -> Record:
    return Record("requirement", client, item, {"row_type": row_type, "amount_usd": amount})


def test_lines_that_ask_for_nothing_are_named_and_a_figure_of_zero_is_shown() -> None:
    figure = row("", "INITIAL_MARGIN", "0.00", "PORTFOLIO")
    own = [row("", "BASE_MARGIN", "0.00"), row("", "CREDIT", "0.00"), figure]
    asked, credit = row("C1", "BASE_MARGIN", "0.01"), row("C1", "CREDIT", "-0.01")
    assert requirement([*own, asked, credit, row("C1", "OVERRIDE", "0.00")]) == [
        {"client": "", "rows": [figure], "nil": ["BASE_MARGIN", "CREDIT"]},
        {"client": "C1", "rows": [asked, credit], "nil": ["OVERRIDE"]},
    ]
