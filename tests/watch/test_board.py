"""The status board says what stands in the home, and a browser shows it without a server or a scroll bar."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import alerts, board, board_figures, overview
from tasks.home import Home
from tasks.model.errors import Finding

NOW = datetime(2026, 1, 30, 8, 20, tzinfo=UTC)
RUN = "20260130-EOD-r01"
SIZES = {"phone": (390, 844), "desktop": (1280, 900)}
MARGIN = ("total_initial_margin_usd", "margin_call_amount_usd")


@pytest.fixture
def accounts(home: Home) -> Callable[..., None]:
    """Export the margin results of a run: member, account, margin, call, and a payment of variation margin."""

    def write(run_id: str, *rows: tuple[str, str, str, str], status: str = "FINAL") -> None:
        folder = home.exports / run_id
        folder.mkdir(parents=True, exist_ok=True)
        pl.DataFrame(
            [
                {
                    "clearing_member_id": member,
                    "margin_account_id": account,
                    "total_initial_margin_usd": Decimal(margin),
                    "margin_call_amount_usd": Decimal(call),
                    "status": status,
                }
                for member, account, margin, call in rows
            ]
        ).write_parquet(folder / "result.margin_account.parquet")
        ledger = [
            {
                "clearing_member_id": member,
                "movement_type": kind,
                "margin_account_id": account,
                "asset": "BTC",
                "amount": Decimal(amount),
            }
            for kind, member, account, amount in (
                ("VM", "M1", "A1", "-0.75"),
                ("VM", "M1", "A1", "0.50"),
                ("VM", "M2", "A2", "0.25"),
                ("VM", "CCP", "", "-0.00000001"),
                ("FUNDING", "M1", "A1", "-9"),
            )
        ]
        pl.DataFrame(ledger).write_parquet(folder / "result.ledger.parquet")
        prices = pl.DataFrame([{"asset": "BTC", "price_usd": Decimal("80000.10")}])
        prices.write_parquet(folder / "result.asset_price.parquet")

    return write


def test_sums_are_margin_calls_and_what_members_paid_in(home: Home, accounts: Callable[..., None]) -> None:
    accounts(RUN, ("M1", "A1", "100.50", "40"), ("M2", "A2", "9.25", "0"))
    assert board_figures.sums(home, RUN) == {
        "initial_margin_usd": Decimal("109.75"),
        "variation_margin_usd": Decimal("20000.02"),
        "calls_usd": Decimal(40),
    }, "net a quarter of a bitcoin at 80,000.10, which is 20,000.025: half to even"


def test_a_run_that_has_not_come_so_far_has_no_sums(home: Home) -> None:
    assert board_figures.sums(home, RUN) == {}


def test_sums_stand_against_the_lowest_and_highest_of_the_cycles_before(
    home: Home, accounts: Callable[..., None], state: Callable[..., None]
) -> None:
    for day, margin in ((27, "50"), (28, "200"), (29, "80"), (30, "100")):
        accounts(f"202601{day}-EOD-r01", ("M1", "A1", margin, "0"))
        state(f"2026-01-{day}", {"land": 1.0}, "PUBLISHED")
    row = board.content(home, NOW)["sums"][0]
    assert (row["value"], row["lowest"], row["highest"]) == (100, 50, 200)
    assert row["series"] == [50, 200, 80, 100]
    assert row["drawing"].count("<circle") == 1


def test_the_ten_largest_calls_are_listed_largest_first(home: Home, accounts: Callable[..., None]) -> None:
    rows = [("M1", f"A{number:02d}", "1", str(number * 1000)) for number in range(13)]
    accounts(RUN, *rows)
    called = [int(row["margin_call_amount_usd"]) for row in board_figures.top_calls(home, RUN)]
    assert called == [number * 1000 for number in range(12, 2, -1)]


def test_files_are_those_of_the_roster_before_the_freeze_by_what_lies_in_the_inbox(
    home: Home, state: Callable[..., None]
) -> None:
    folder = home.inbox / "2026-01-30" / "EOD"
    folder.mkdir(parents=True)
    for name in ("positions.csv", "positions.M001.csv", "positions.v2.csv", "prices.csv.tmp", "nonsense.csv"):
        (folder / name).write_text("", encoding="utf-8")
    alerts.settle(home, "20260130-EOD", [Finding("WAITING", "prices is not there")])
    rows = {row["dataset"]: row for row in board.content(home, NOW)["files"]}
    assert rows["positions"]["files"] == 2, "two senders; a second version is no second file"
    assert rows["prices"] == {
        "dataset": "prices",
        "required": True,
        "optional_with_options": False,
        "files": 0,
        "records": 0,
    }
    assert not rows["book_depth"]["required"]


def test_stages_stand_against_their_budgets_also_those_to_come(home: Home, state: Callable[..., None]) -> None:
    state("2026-01-30", {"land": 45.0, "gate": 180.0})
    (view,) = overview.cycles(home, now=NOW)
    rows = {row["stage"]: row for row in board.stages(view)}
    assert (rows["land"]["share"], rows["land"]["kept"]) == (1.0, "WARN")
    assert (rows["gate"]["share"], rows["gate"]["kept"]) == (1.0, "BREACH")
    assert (rows["publish"]["state"], rows["publish"]["seconds"], rows["publish"]["budget"]) == ("", None, 180.0)


def test_members_are_done_when_they_have_a_pack(
    home: Home, accounts: Callable[..., None], state: Callable[..., None]
) -> None:
    accounts(RUN, ("M1", "A1", "1", "0"), ("M1", "A2", "1", "0"), ("M2", "A3", "1", "0"))
    state("2026-01-30", {"land": 1.0}, "PUBLISHED")
    (home.published / "20260130" / "EOD" / "v01" / "members" / "M1").mkdir(parents=True)
    assert board.content(home, NOW)["members"] == {"members": 2, "done": 1, "held": 0}


def test_what_waits_for_a_second_person_is_listed_until_it_is_answered(home: Home) -> None:
    asked = {
        "decision_id": "0123456789ab",
        "kind": "LARGE_CALL",
        "state": "OPEN",
        "requested_by": "ada",
        "reason": "1 call(s) above the threshold",
        "requested_ts": "2026-01-30 08:14:00",
        "expires_ts": "2999-01-31 08:14:00",
    }
    path = home.root / "approvals" / "0123456789ab.json"
    path.write_text(json.dumps(asked), encoding="utf-8")
    assert "0123456789ab" in board.write(home, NOW).read_text(encoding="utf-8")
    path.write_text(json.dumps(asked | {"state": "APPROVED"}), encoding="utf-8")
    assert "0123456789ab" not in board.write(home, NOW).read_text(encoding="utf-8")


def test_an_empty_home_has_a_board_that_says_so(home: Home) -> None:
    page = board.write(home, NOW).read_text(encoding="utf-8")
    assert "No cycle was started" in page


def test_the_board_of_the_shipped_day_says_what_was_published(published: Home) -> None:
    page = (published.site / "board.html").read_text(encoding="utf-8")
    for part in ("PUBLISHED", RUN, "4 of 4", "36,000.00", "007C", "Margin required", "GENESIS"):
        assert part in page
    assert "RUNNING" not in page.split("</style>")[1]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("LEVEE_REQUIRE_BROWSER") == "1":
            pytest.fail("chromium is required and not installed")
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        running = driver.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND"]
        )
        yield running
        running.close()


@pytest.fixture
def full(home: Home, accounts: Callable[..., None], state: Callable[..., None]) -> Path:
    """A board with a blocked cycle, overrides, marks in doubt, long texts and a week of sums."""
    for day in range(20, 30):
        accounts(f"202601{day}-EOD-r01", ("M1", "A1", str(day * 10**9), "1000"))
        state(f"2026-01-{day}", {"land": 1.0}, "PUBLISHED")
    accounts(RUN, *((f"M{number:03d}", f"M{number:03d}HOUSE", "1", str(10**9 + number)) for number in range(12)))
    state("2026-01-30", {"land": 41.0, "gate": 95.5}, "BLOCKED")
    marks = [
        {"contract_id": f"BTC-25DEC26-{strike}-C", "quality": "STALE", "age_seconds": 86400.0, "source": "VENUE_MARK"}
        for strike in range(100000, 120000, 1000)
    ]
    pl.DataFrame(marks).write_parquet(home.exports / RUN / "result.mark.parquet")
    override = {
        "override_id": "OV-20260128-0001",
        "clearing_member_id": "M001",
        "margin_account_id": "M001HOUSE",
        "client_id": "",
        "amount_usd": Decimal("25000000.00"),
        "reason": "<b>settlement bank on watch</b> " * 6,
        "requested_by": "ada",
        "approved_by": "grace",
        "first_date": date(2026, 1, 28),
        "last_date": date(2026, 2, 28),
        "review_date": date(2026, 2, 11),
    }
    pl.DataFrame([override]).write_parquet(home.exports / RUN / "result.override.parquet")
    for _ in range(3):
        alerts.settle(home, "20260130-EOD", [Finding("UNBALANCED_BOOK", "lines do not sum to zero", action="x " * 80)])
    return board.write(home, NOW)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", sorted(SIZES))
def test_a_browser_shows_the_board_alone_within_its_width_and_what_counts_first(
    browser: Any, full: Path, size: str, scheme: str
) -> None:
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, offline=True, color_scheme=scheme)
    page = context.new_page()
    requests: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(full.as_uri())
    assert requests == [full.as_uri()]
    assert errors == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    headline = page.locator("h1")
    assert headline.inner_text().strip() == "BLOCKED"
    assert headline.bounding_box()["y"] < height / 2
    assert "UNBALANCED_BOOK" in page.locator("#alerts").inner_text()
    assert "met 3 times" in page.locator("#alerts").inner_text()
    assert page.locator("#calls tbody tr").count() == 10
    assert page.locator("#marks").inner_text().count("STALE") > 1
    assert "20 STALE" in page.locator("#marks").inner_text()
    assert "<b>settlement bank on watch</b>" in page.locator("#overrides").inner_text(), "a reason is text, no markup"
    assert page.locator("#stages .BREACH .word, #stages .word.BREACH").count() == 1
    assert page.locator("svg.spark").count() == 3
    assert json.loads(page.evaluate("JSON.stringify([...document.querySelectorAll('th')].every(e => e.innerText))"))
    context.close()
