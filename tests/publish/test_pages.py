"""Pages in a browser: nothing is fetched, nothing overflows, what counts is seen first and equals the CSV."""

from __future__ import annotations

import csv
import os
import re
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tasks.home import Home
from tasks.rendering import render

pytestmark = pytest.mark.browser
OFFLINE = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking"]
SIZES = {"phone": (390, 844), "desktop": (1280, 900)}
FIGURE = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
PAGES = [("M001", "M001H"), ("007", "007C"), ("FLT", "150")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("LEVEE_REQUIRE_BROWSER") == "1":
            pytest.fail("chromium is required and not installed")
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=chromium, args=OFFLINE)
        yield running
        running.close()


def path(home: Home, report: str, member: str, account: str, ending: str) -> Path:
    folder = home.published / "20260130/EOD/v01/members" / member
    return folder / f"TEST-{report}-{member}-{account}-20260130-EOD-v01.{ending}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", sorted(SIZES))
@pytest.mark.parametrize("report", ["MS01", "MC01"])
@pytest.mark.parametrize(("member", "account"), PAGES)
def test_a_page_stands_alone_and_fits(
    browser: Any, released: Home, member: str, account: str, report: str, size: str, scheme: str
) -> None:
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, offline=True, color_scheme=scheme)
    page = context.new_page()
    requests, errors = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    address = path(released, report, member, account, "html").as_uri()
    page.goto(address)
    assert requests == [address]
    assert errors == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    headline = page.locator("h1").bounding_box()
    assert headline["y"] + headline["height"] < height, "the headline is on the first screen"
    if report == "MS01":
        drawing = page.locator("svg.waterfall")
        assert drawing.is_visible()
        bars = drawing.locator("rect.bar").evaluate_all("bars => bars.map(bar => bar.getBoundingClientRect().right)")
        assert bars
        assert max(bars) <= width
    told = rows(released, "MS01", member, account) + rows(released, "MC01", member, account)
    exact = {Decimal(row["value"]) for row in told if FIGURE.fullmatch(row["value"])}
    cells = page.locator("td, .tiles dd").all_inner_texts()
    shown = {text.replace(",", "").replace("−", "-") for text in cells}
    assert {Decimal(text) for text in shown if FIGURE.fullmatch(text)} <= exact
    context.close()


def test_labels_of_the_waterfall_do_not_run_into_its_amounts(browser: Any, released: Home) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, offline=True)
    page = context.new_page()
    page.goto(path(released, "MS01", "M001", "M001H", "html").as_uri())
    overlaps = page.locator("svg.waterfall g").evaluate_all(
        "rows => rows.filter(row => { const [a, b] = row.querySelectorAll('text');"
        " return a.getBoundingClientRect().right > b.getBoundingClientRect().left; }).length"
    )
    assert overlaps == 0
    context.close()


def test_long_names_do_not_run_into_the_figures_of_an_impact_on_a_phone(browser: Any, tmp_path: Path) -> None:
    figures = dict.fromkeys(("current_usd", "proposed_usd", "change_usd"), "-1646606111.76")
    told = {"current_figure": "0.05", "proposed_figure": "0.057331160697", "text": "fraction"}
    names = {"CHANGE": "collateral.haircut_fraction.USDT", "LINE": "LIQUIDITY_CONCENTRATION", "TOTAL": "ALL"}
    rows = {kind: [{"item": name, "change_fraction": "-0.1", **figures, **told}] for kind, name in names.items()}
    header = {"business_date": "2026-01-30", "cycle": "EOD", "seq": "1"}
    file = tmp_path / "impact.html"
    file.write_bytes(render("policy_impact", header=header, rows=rows | {"DECISION": []}, refused=[]))
    context = browser.new_context(viewport={"width": 390, "height": 844}, offline=True)
    page = context.new_page()
    page.goto(file.as_uri())
    beyond = "all => all.filter(each => each.scrollWidth > each.clientWidth + 1).map(each => each.textContent)"
    assert page.locator("tbody th").evaluate_all(beyond) == []
    assert page.locator("tbody th").all_text_contents() == [*(names[kind] for kind in ("CHANGE", "TOTAL", "LINE"))]
    context.close()


def test_the_headline_is_the_call_of_the_notice(browser: Any, released: Home) -> None:
    page = browser.new_page()
    page.goto(path(released, "MS01", "M001", "M001H", "html").as_uri())
    notice = {row["field"]: row["value"] for row in rows(released, "MC01", "M001", "M001H") if row["block"] == "notice"}
    headline = page.locator("h1").inner_text().split()
    assert Decimal(headline[2].replace(",", "")) == Decimal(notice["due_amount"])
    text = page.locator(".headline").inner_text()
    assert "You owe" in text
    assert "30 Jan 2026, 10:25 UTC" in text
    assert "30 Jan 2026, 11:25 Europe/Zurich" in text
    page.close()


def rows(home: Home, report: str, member: str, account: str) -> list[dict[str, str]]:
    lines = path(home, report, member, account, "csv").read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(lines[1:-1]))
