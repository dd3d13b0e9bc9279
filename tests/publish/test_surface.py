"""PP02 and PP03: prices with their cause, the surface with its grid, and the page of it."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import shutil
from pathlib import Path

import pytest

from tasks.home import Home

NAME = "TEST-{}-PUBLIC-ALL-20260130-EOD-v01.{}"


def public(home: Home, report: str, ending: str) -> Path:
    return home.published / "20260130/EOD/v01/public" / NAME.format(report, ending)


def records(home: Home, report: str) -> list[dict[str, str]]:
    lines = public(home, report, "csv").read_text(encoding="utf-8").splitlines()
    found = list(csv.DictReader(lines[1:-1]))
    assert json.loads(public(home, report, "json").read_bytes())["records"] == found
    return found


def test_every_mark_is_published_with_method_and_quality(released: Home) -> None:
    found = {row["contract_id"]: row for row in records(released, "PP02")}
    assert len(found) == 3
    for row in found.values():
        assert (row["method"], row["source"], row["obs_ts"]) == ("DELIVERED", "VENUE", "2026-01-30T08:05:00Z")
        assert float(row["settlement_price"]) > 0 and float(row["mark_uncertainty_usd"]) >= 0
    assert sorted(row["quality"] for row in found.values()) == ["OK", "OK", "STALE"]


def test_the_grid_is_what_the_published_parameters_say(released: Home) -> None:
    found = records(released, "PP03")
    assert [row["method"] for row in found] == ["SVI", "PRIOR"]
    for row in found:
        a, b, rho, mu, s, years = (
            float(row[name]) for name in ("svi_a", "svi_b", "svi_rho", "svi_mu", "svi_s", "years_to_expiry")
        )
        grid = {name: value for name, value in row.items() if name.startswith("vol_")}
        assert len(grid) == 17
        for name, value in grid.items():
            k = int(name[4:].replace("m", "-").replace("p", "")) / 100
            variance = a + b * (rho * (k - mu) + math.hypot(k - mu, s))
            assert float(value) == pytest.approx(math.sqrt(variance / years), abs=1e-7)


def test_the_page_tells_what_the_table_tells(released: Home) -> None:
    page = public(released, "PP03", "html").read_text(encoding="utf-8")
    assert "All 2 expiries pass" in page
    assert "1 is" in re.sub(r"\s+", " ", page), "a borrowed slice is not passed over"
    assert page.count('class="chart"') == 1 and page.count('class="smile"') == 2
    assert "nan" not in re.findall(r'(?:points|cx|cy|x|y)="([^"]*)"', page)
    assert not re.search(r"(?:src|href)=", page), "nothing is fetched"


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_and_its_drawings_stay_in_their_boxes(released: Home, width: int) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("LEVEE_REQUIRE_BROWSER") == "1":
            pytest.fail("chromium is required and not installed")
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND"]
        )
        page = browser.new_context(viewport={"width": width, "height": 900}, offline=True).new_page()
        page.goto(public(released, "PP03", "html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        outside = page.evaluate(
            "[...document.querySelectorAll('svg')].flatMap(svg => { const box = svg.getBoundingClientRect();"
            " return [...svg.querySelectorAll('polyline, circle, text')].map(each => each.getBoundingClientRect())"
            " .filter(each => each.left < box.left - 1 || each.right > box.right + 1 || each.top < box.top - 1"
            " || each.bottom > box.bottom + 1); }).length"
        )
        assert outside == 0
        browser.close()
