"""What a member sees in the tables of its statement."""

from __future__ import annotations

import re

from tasks import statement_rows, texts
from tasks.report_files import Record

FIELDS = {"binding_component": "", "worst_scenario_id": "FHS-2020-03-12", "rule_id": "base_margin"}
FIGURES = (
    "qty_open",
    "qty_close",
    "prev_settlement_price",
    "settlement_price",
    "variation_margin",
    "funding",
    "premium",
)
OTHERS = ("fees", "settlement", "option_value_usd", "delta", "gamma", "vega_usd", "mark_quality", "settle_asset")
POSITION = ("client_id", "contract_id", *FIGURES, *OTHERS)


def row(client: str, item: str, amount: str, row_type: str = "LINE") -> Record:
    return Record("requirement", client, item, {"row_type": row_type, "amount_usd": amount} | FIELDS)


def cells(rows: str) -> list[list[str]]:
    """Texts of the cells of rows."""
    return [
        [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line)]
        for line in rows.splitlines()
    ]


def test_lines_that_ask_for_nothing_are_named_and_a_figure_of_zero_is_shown() -> None:
    own = [row("", "X_MARGIN", "0.00"), row("", "X_CREDIT", "0.00"), row("", "X_ALL", "0.00", "PORTFOLIO")]
    asked, credit, nil = row("C1", "X_MARGIN", "0.01"), row("C1", "X_CREDIT", "-0.01"), row("C1", "X_OTHER", "0.00")
    rows = statement_rows.requirement([*own, asked, credit, nil])
    assert cells(rows) == [
        ["X_ALL", "0.00", "", "FHS-2020-03-12", "base_margin"],
        ["Nothing for", "", "X_MARGIN, X_CREDIT", ""],
        ["C1 · X_MARGIN", "0.01", "", "FHS-2020-03-12", "base_margin"],
        ["C1 · X_CREDIT", "−0.01", "", "FHS-2020-03-12", "base_margin"],
        ["C1 · Nothing for", "", "X_OTHER", ""],
    ]
    assert [line.startswith('<tr class="sum">') for line in rows.splitlines()] == [True, False, False, False, False]


def test_a_code_that_has_words_is_told_in_them() -> None:
    ((line, *_),) = cells(statement_rows.requirement([row("", "BASE_MARGIN", "1.00")]))
    assert line == "Base margin"


def test_positions_of_several_accounts_are_each_account_s_own() -> None:
    blank = ("0",) * (len(POSITION) - 2)
    books = [[("", "A<1>", *blank)], [], [("C7", "B", *blank), ("C7", "C", *blank)]]
    shown = statement_rows.positions([texts.table(POSITION, rows) for rows in books])
    assert [[first for first, *_ in cells(rows)] for rows in shown] == [["A&lt;1&gt;"], [], ["C7 · B", "C7 · C"]]
    assert cells(shown[0])[0][1:7] == ["0", "0", "0", "0", "0", "0.00"]


def test_balances_of_an_asset_end_with_what_closes_it() -> None:
    records = [Record("balances", "BTC", "", {"OPEN": "1.5", "CLOSE": "-0.00000001"})]
    rows = statement_rows.balances(records).splitlines()
    assert [line.startswith('<tr class="sum">') for line in rows] == [False, True]
    assert [(first, amount) for first, _, amount in cells("\n".join(rows))] == [("BTC", "1.50"), ("BTC", "−0.00000001")]
    assert statement_rows.balances([]) == ""
