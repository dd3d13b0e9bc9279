"""The league on a home's book: margined once for each run, told on a page and on the board, by the clock after EOD."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import polars as pl
import pytest

from flows import deployments, nightly_league
from tasks import board, book_league, book_league_page
from tasks.home import Home
from tasks.model.assurance.book_league import NIGHT, book_table, night_table
from tasks.model.errors import Finding, LeveeError
from tasks.schedule import nightly, schedules

DAYS = (date(2026, 1, 29), date(2026, 1, 30))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Two ends of day out, each margined to a house of 100 and a challenger of 50; `asked` lists what was margined."""
    made = Home(tmp_path / "home").prepare()
    for day in DAYS:
        publish(made, day, f"{day:%Y%m%d}-EOD-r01")
    asked: list[str] = []

    def night(_: Home, business_date: date, run_id: str) -> pl.DataFrame:
        asked.append(run_id)
        if run_id.endswith("r09"):
            raise LeveeError(Finding("UNKNOWN_ID", "exports are gone"))
        rows = [(business_date, "M1", "A", "HOUSE", 100.0, 0.0), (business_date, "M1", "A", "<X>", 50.0, 0.0)]
        return pl.DataFrame(rows, schema=book_league._SCHEMA, orient="row")

    monkeypatch.setattr(book_league, "_night", night)
    losses = pl.DataFrame([(DAYS[0], "M1", "A", 75.0)], schema=[*NIGHT, "loss_usd"], orient="row")
    monkeypatch.setattr(book_league, "losses", lambda _: losses)
    return made, asked


def publish(home, day, run_id):
    folder = home.published / f"{day:%Y%m%d}" / "EOD"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "latest.json").write_text(json.dumps({"run_id": run_id, "version": 1}), encoding="utf-8")


def test_a_night_is_margined_once_for_each_run(home):
    made, asked = home
    assert [book_league_page.bring_up_to_date(made).asked.computed for _ in range(2)] == [2, 0]
    publish(made, DAYS[1], "20260130-EOD-r02")
    again = book_league_page.bring_up_to_date(made)
    assert again.asked.computed == 1 and asked[2:] == ["20260130-EOD-r02"]
    assert len(list((made.root / "league").glob("20260130-*.parquet"))) == 1, "the replaced run is told no more"
    assert again.models.select("model", "nights", "judged", "breaches").rows() == [("HOUSE", 2, 1, 0), ("<X>", 2, 1, 1)]


def test_a_night_that_cannot_be_margined_again_is_told_and_costs_no_other(home):
    made, _ = home
    publish(made, DAYS[0], "20260129-EOD-r09")
    told = book_league_page.bring_up_to_date(made)
    assert told.asked.left_out == ({"business_date": "2026-01-29", "run_id": "20260129-EOD-r09", "code": "UNKNOWN_ID"},)
    assert told.nights[NIGHT[0]].unique().to_list() == [DAYS[1]]
    assert "20260129-EOD-r09" in (made.site / "league.html").read_text(encoding="utf-8")


def test_page_and_board_say_what_was_asked_and_breached(home):
    made, _ = home
    now = datetime(2026, 1, 30, 9, tzinfo=UTC)
    assert board.content(made, now)["league"] is None
    book_league_page.bring_up_to_date(made)
    page = (made.site / "league.html").read_text(encoding="utf-8")
    assert "&lt;X&gt;" in page and "<X>" not in page and "1 of 1 breached" in page and "0.50 ×" in page
    shown = board.content(made, now)["league"]
    assert (shown["page"], shown["nights"], shown["last"]) == ("league.html", 2, "2026-01-30")
    assert [(row["model"], row["of_champion"], row["breaches"]) for row in shown["models"]] == [
        ("HOUSE", 1.0, 0),
        ("<X>", 0.5, 1),
    ]


def test_a_model_without_a_figure_has_a_dash_and_no_zero():
    margins = [(DAYS[0], "M1", "A", "HOUSE", 100.0, 0.0), (DAYS[1], "M1", "A", "HOUSE", 100.0, 0.0)]
    margins += [(DAYS[1], "M1", "A", "GARCH", 80.0, 0.0)]
    frame = pl.DataFrame(margins, schema=book_league._SCHEMA, orient="row")
    nothing = pl.DataFrame(schema={NIGHT[0]: pl.Date, NIGHT[1]: pl.String, NIGHT[2]: pl.String, "loss_usd": pl.Float64})
    nights = night_table(frame, nothing)
    found = book_league.Told(book_table(nights, "HOUSE"), nights, book_league.Asked(frame, (), 2))
    row = book_league_page.page(found).decode().split("<tr><th>2026-01-29</th>")[1].split("</tr>")[0]
    assert row == "<td>0.00</td><td>–</td>"
    assert found.models.row(1, named=True)["of_champion"] == pytest.approx(0.8), "over the nights it has a figure of"


def test_a_home_without_an_end_of_day_has_no_league(tmp_path):
    ended = nightly_league.book_league.fn(tmp_path / "empty")
    assert (ended.name, ended.type.value) == ("Skipped", "COMPLETED")


def test_the_league_follows_the_end_of_day_on_the_same_clock(tmp_path):
    made = deployments.league_deployment(Home(tmp_path / "a"))
    (schedule,) = made.schedules
    assert (schedule.schedule.cron, schedule.schedule.timezone) == (nightly().cron, schedules()["EOD"].zone)
    league, end_of_day = (each.cron.split() for each in (nightly(), schedules()["EOD"]))
    assert league[1] == end_of_day[1] and int(league[0]) > int(end_of_day[0])
    assert made.parameters == {"home": str(tmp_path / "a")}
