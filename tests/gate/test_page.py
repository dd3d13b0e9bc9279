"""OV01: what failed comes first, with its address; the page needs nothing from outside and says no time."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import polars as pl
import pytest

from tasks import gate_page

HEADER = {"business_date": "2026-01-30", "cycle": "EOD", "run": "r01"}


@pytest.fixture
def spoiled(between_rows, book, pick):
    pick(book, "prices", contract_id="BTC-USD")["price"] = "0"
    pick(book, "prices", contract_id="BTC-20260327-90000-C.INV")["price"] = "-1"
    pick(book, "members", clearing_member_id="007")["status"] = "WATCH"
    return between_rows(book)


def report_of(gated):
    return gate_page.report(gated.table("control.check_result"), gated.table("control.finding"), HEADER)


def test_failed_checks_come_first_by_severity(spoiled):
    report = report_of(spoiled)
    names = [check["check_id"] for check in report["checks"]]
    assert names[:4] == ["non_positive_price", "genesis", "negative_option_price", "member_not_active"]
    assert names[4:] == sorted(names[4:], key=lambda name: (severity(report, name), name))
    assert [check["passed"] for check in report["checks"]] == [False] * 4 + [True] * (len(names) - 4)
    assert report["summary"] == {"checks": len(names), "failed": {"critical": 1, "warning": 2, "info": 1}}


def severity(report, name):
    [check] = [check for check in report["checks"] if check["check_id"] == name]
    return ("critical", "warning", "info").index(check["severity"])


def test_a_failed_check_says_where_what_and_which_limit(spoiled):
    check = report_of(spoiled)["checks"][0]
    where = f"prices-HOUSE-{spoiled.key.run_id}:3 BTC-USD"
    assert (check["code"], check["failed"], check["limit"]) == ("NON_POSITIVE_PRICE", 1, ["> 0"])
    assert check["sample_keys"] == [where]
    assert check["findings"] == [
        {
            "code": "NON_POSITIVE_PRICE",
            "where": where,
            "value": "0.0000000000",
            "limit": "> 0",
            "action": "correct the price; without it no position can be valued",
        }
    ]


def test_the_report_is_plain_json_in_any_order_of_rows(spoiled):
    checks, findings = spoiled.table("control.check_result"), spoiled.table("control.finding")
    once = json.dumps(gate_page.report(checks, findings, HEADER), allow_nan=False)
    assert once == json.dumps(gate_page.report(checks.reverse(), findings.reverse(), HEADER), allow_nan=False)


def test_findings_of_landing_are_listed_beside_the_checks(clean):
    findings = clean.table("control.finding")
    landed = findings.with_columns(check_id=pl.lit("extra_column"), code=pl.lit("EXTRA_COLUMN"))
    report = gate_page.report(clean.table("control.check_result"), pl.concat([findings, landed]), HEADER)
    assert [each["code"] for each in report["landing"]] == ["EXTRA_COLUMN"]
    assert "Reported at landing" in gate_page.page(report)


class Outside(HTMLParser):
    """Collects what a page would load or link to, and the tags left open."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.links += [value for name, value in attrs if name in {"src", "href", "srcset", "action"}]
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_stands_alone(spoiled):
    page = gate_page.page(report_of(spoiled))
    parser = Outside()
    parser.feed(page)
    assert parser.links == []
    assert parser.open == []
    assert not re.search(r"https?:|url\(|@import|<script", page)
    assert page.index("non_positive_price") < page.index("negative_option_price") < page.index("<details>")
    assert page.index("<details>") < page.index("unbalanced_book")
    assert "The gate is closed" in page


def test_what_was_delivered_is_never_markup(spoiled):
    findings = spoiled.table("control.finding").with_columns(value=pl.lit("<script>alert(1)</script>"))
    page = gate_page.page(gate_page.report(spoiled.table("control.check_result"), findings, HEADER))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
