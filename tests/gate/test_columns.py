"""Rules of one column: each kind of rule on a spoiled value; a missing value and an empty table do not slip through."""

from __future__ import annotations

import pytest

from tasks import gate_suites

SPOILED = {
    "positions.qty_buy.out_of_range": ("positions", 3, {"qty_buy": "-1"}, "OUT_OF_RANGE", "qty_buy -1.0"),
    "contracts.strike.opt.empty_value": ("contracts", 5, {"strike": None}, "EMPTY_VALUE", "strike empty"),
    "contracts.expiry_ts.fut.empty_value": ("contracts", 4, {"expiry_ts": None}, "EMPTY_VALUE", "expiry_ts empty"),
    "accounts.base_ccy.not_in_set": ("accounts", 4, {"base_ccy": "DOGE"}, "NOT_IN_SET", "base_ccy DOGE"),
    "prices.price_set_id.bad_form": ("prices", 3, {"price_set_id": "S 1"}, "BAD_FORM", "price_set_id S 1"),
    "history.close.out_of_range": ("history", 3, {"close": "0"}, "OUT_OF_RANGE", "close 0.0"),
    "factor_history.series.bad_form": ("factor_history", 3, {"series": "IV030"}, "BAD_FORM", "series IV030"),
    "factor_history.level.out_of_range": ("factor_history", 4, {"level": "0"}, "OUT_OF_RANGE", "level 0.0"),
    "funding.funding_rate.out_of_range": ("funding", 4, {"funding_rate": "1.5"}, "OUT_OF_RANGE", "funding_rate 1.5"),
}


@pytest.fixture(scope="session")
def validator():
    return gate_suites.Validator()


@pytest.fixture
def columns_only(run, validator, monkeypatch):
    monkeypatch.setattr("tasks.gate.gate_suites.Validator", lambda: validator)
    monkeypatch.setattr("tasks.gate.check_rows", lambda context, validator, **_: ())
    monkeypatch.setattr("tasks.gate.quarantine", lambda *_: None)
    return run


def test_spoiled_values_are_found_each_by_its_rule(columns_only, book):
    for dataset, line, values, _, _ in SPOILED.values():
        book[dataset][line - 3].update(values)
    gated = columns_only(book)
    found = {
        row["check_id"]: (row["dataset"], row["source_line"], row["severity"], row["code"], row["value"])
        for row in gated.findings()
    }
    assert found == {
        check_id: (dataset, line, "critical", code, value)
        for check_id, (dataset, line, _, code, value) in SPOILED.items()
    }
    assert gated.state == "BLOCKED"
    assert {finding.code for finding in gated.closed} == {code for *_, code, _ in SPOILED.values()}


def test_an_empty_table_does_not_pass_unless_it_may_be_nil(columns_only, book):
    book["members"].clear()
    book["positions"].clear()
    gated = columns_only(book)
    assert [(row["check_id"], row["value"]) for row in gated.findings()] == [("members.row_count", "0 rows")]


def test_a_row_that_did_not_reach_the_book_is_missed(columns_only, book, monkeypatch):
    monkeypatch.setattr(gate_suites, "_delivered", lambda context, dataset: len(book[dataset]) + (dataset == "prices"))
    gated = columns_only(book)
    assert [(row["check_id"], row["limit_value"]) for row in gated.findings()] == [("prices.row_count", "value 10")]
