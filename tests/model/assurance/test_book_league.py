"""The league on real accounts: counts and ratios by eye, unknown losses judged by nobody."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from tasks.model.assurance.book_league import NIGHT, book_table, night_table

FIRST, SECOND = date(2026, 1, 29), date(2026, 1, 30)


@pytest.fixture
def nights() -> pl.DataFrame:
    margins = [
        (FIRST, "M1", "A", "HOUSE", 100.0, 20.0),
        (FIRST, "M1", "A", "SPAN", 50.0, 20.0),
        (FIRST, "M2", "B", "HOUSE", 0.0, 30.0),
        (FIRST, "M2", "B", "SPAN", 10.0, 30.0),
        (SECOND, "M1", "A", "HOUSE", 200.0, -40.0),
        (SECOND, "M1", "A", "SPAN", 150.0, -40.0),
    ]
    losses = [(FIRST, "M1", "A", 75.0), (FIRST, "M2", "B", float("nan")), (SECOND, "M1", "A", 165.0)]
    return night_table(
        pl.DataFrame(margins, schema=[*NIGHT, "model", "margin_usd", "option_value_usd"], orient="row"),
        pl.DataFrame(losses, schema=[*NIGHT, "loss_usd"], orient="row"),
    )


def test_margin_and_the_options_held_stand_against_the_loss(nights: pl.DataFrame) -> None:
    beyond = {
        (row["business_date"], row["model"]): row["beyond_usd"]
        for row in nights.filter(pl.col("margin_usd") > 20).to_dicts()
    }
    assert beyond == {(FIRST, "HOUSE"): -45.0, (FIRST, "SPAN"): 5.0, (SECOND, "HOUSE"): 5.0, (SECOND, "SPAN"): 55.0}


def test_a_loss_nobody_knows_is_judged_by_nobody(nights: pl.DataFrame) -> None:
    unknown = nights.filter(clearing_member_id="M2")
    assert unknown["loss_usd"].is_null().all() and unknown["breached"].is_null().all()


def test_models_are_told_beside_the_champion(nights: pl.DataFrame) -> None:
    house, span = book_table(nights, "HOUSE").iter_rows(named=True)
    assert (house["model"], house["nights"], house["judged"], house["breaches"]) == ("HOUSE", 3, 2, 1)
    assert (house["uncovered_usd"], house["of_champion"], house["median_of_champion"]) == (5.0, 1.0, 1.0)
    assert (span["breaches"], span["uncovered_usd"], span["margin_usd"]) == (2, 60.0, 210.0)
    assert span["of_champion"] == pytest.approx(210.0 / 300.0)
    assert span["median_of_champion"] == pytest.approx((0.5 + 0.75) / 2.0), "where the champion asks nothing: no ratio"
