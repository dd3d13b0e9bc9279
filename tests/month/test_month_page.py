"""The summary's page on days made up by hand."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

from tasks import month_page
from tasks.month import DayFigures, fall


def day(number: int, spot: float, **more: Any) -> DayFigures:
    flows = {"accounts": Decimal(2), "initial_margin_usd": Decimal(7_000_000), "deficit_amount_usd": Decimal(0)}
    told: dict[str, Any] = {
        "business_date": date(2026, 1, 1) + timedelta(days=number),
        "options": 1300,
        "accounts": 36,
        "initial_margin": Decimal(1_500_000_000 + number * 1_000_000),
        "paid_usd": {"BTC": Decimal("12345678.90"), "ETH": Decimal(0)},
        "called": Decimal(2_000_000),
        "largest_call": Decimal(1_500_000),
        "calls": 3,
        "warnings": 2,
        "seconds": 12.34,
        "spot": spot,
        "volatility": 0.4,
        "by_kind": {
            "HEDGER": {**flows, "variation_margin": Decimal(3_000_000), "margin_call_amount_usd": Decimal(0)},
            "DIRECTIONAL": {
                **flows,
                "variation_margin": Decimal(-3_000_000),
                "margin_call_amount_usd": Decimal(2_000_000),
            },
        },
    }
    return DayFigures(**{**told, **more})


DAYS = [day(number, spot) for number, spot in enumerate((99_000, 80_000, 85_000, 90_000, 89_000, 84_000))]


def test_the_fall_begins_at_the_highest_of_the_last_days() -> None:
    assert [each.spot for each in fall(DAYS)] == [90_000, 89_000, 84_000]
    assert len(fall(DAYS[:4])) == 4
    assert [each.spot for each in fall(DAYS[:3])] == [99_000, 80_000, 85_000]


def test_the_table_has_a_line_for_every_day() -> None:
    text = month_page.markdown(DAYS, "picture.svg")
    assert "| 2026-01-02 | 1300 | 36 | 1,501.0 | 12.3 | 0.0 | 0.0 | 2.0 | 3 | 1.5 | 2 | 12.3 |" in text
    assert len(re.findall(r"^\| 2026-01-", text, re.MULTILINE)) == len(DAYS)
    assert "](picture.svg)" in text


def test_the_reading_sums_the_days_after_the_top() -> None:
    text = "\n".join(month_page.reading(DAYS))
    assert "from 90,000 to 84,000 USD (-6.7%)" in text
    assert "directional paid most variation margin, 6.0 million USD" in text
    assert "hedger received most, 6.0 million" in text
    assert text.startswith("From 2026-01-04 to 2026-01-06")
    assert "4.0 million USD were called over the fall" in text


def test_without_a_fall_it_says_so() -> None:
    rising = [day(number, 80_000 + 1000 * number) for number in range(4)]
    assert "there was no fall" in month_page.reading(rising)[0]
    assert "there was no fall" in month_page.page(rising)


def test_the_drawing_keeps_the_order_of_values() -> None:
    drawn = ElementTree.fromstring(month_page.drawing(DAYS))
    lines = [each for each in drawn.iter() if each.tag.endswith("line")]
    assert len(lines) == 3 * (len(DAYS) - 1)
    spot = [float(each.attrib["y1"]) for each in lines[len(DAYS) - 1 : 2 * (len(DAYS) - 1)]]
    assert sorted(range(5), key=lambda at: spot[at]) == [0, 3, 4, 2, 1]


def test_a_day_without_volatility_breaks_the_line() -> None:
    holed = [*DAYS[:2], day(2, 85_000, volatility=None), *DAYS[3:]]
    drawn = ElementTree.fromstring(month_page.drawing(holed))
    assert sum(each.tag.endswith("line") for each in drawn.iter()) == 3 * 5 - 2


def test_the_page_stands_alone() -> None:
    page = month_page.page(DAYS)
    assert not re.search(r"(src|href)=|url\(|@import", page)
    assert page.count("<tr>") == 1 + len(DAYS) + 1 + 2
