"""Option portfolios on recorded days against what the file itself says."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from tasks import policy_store, resources
from tasks.back_test_options import COLUMNS, recorded_days
from tasks.model.assurance.option_portfolios import OPTION_PORTFOLIOS


@pytest.fixture(scope="module")
def found(market_data):
    opening = policy_store.load(resources.data("policy") / "2014-01-01.toml")
    return recorded_days(market_data, opening, ("ETH",))


@pytest.fixture(scope="module")
def file(market_data):
    rows = pl.read_parquet(market_data / "deribit_options_eod.parquet").filter(pl.col("currency") == "ETH")
    return rows.with_columns(day=pl.col("timestamp").dt.date())


def test_every_portfolio_has_a_margin_every_day_and_a_loss_where_two_days_later_are_recorded(found):
    assert dict(found.schema) == COLUMNS
    assert found.height == 33 * len(OPTION_PORTFOLIOS)
    assert found["margin"].is_finite().all() and (found["margin"] > 0).all()
    assert found.filter(pl.col("loss").is_null())["date"].unique().sort().to_list() == [
        date(2026, 1, 30),
        date(2026, 1, 31),
    ]


def test_a_short_put_loses_what_the_marks_in_the_file_say(found, file):
    day = date(2026, 1, 28)
    today = file.filter(pl.col("day") == day, pl.col("option_type") == "put")
    days = (pl.col("expiry_datetime") - pl.col("timestamp")).dt.total_seconds() / 86_400
    month = today.with_columns(days=days).filter((pl.col("days") - 30).abs() == (pl.col("days") - 30).abs().min())
    money = month.with_columns(k=(pl.col("strike") / pl.col("underlying")).log()).sort(pl.col("k").abs())
    deviation = money["implied_volatility"][0] * (money["days"][0] / 365) ** 0.5
    put = money.sort((pl.col("k") + deviation).abs()).row(0, named=True)
    later = file.filter(
        pl.col("day") == day + timedelta(days=2), pl.col("instrument_name") == put["instrument_name"]
    ).row(0, named=True)
    spot = today["index_price"].median()
    expected = later["mark_price"] * later["index_price"] / spot - put["mark_price"]
    row = found.filter(pl.col("date") == day, pl.col("portfolio") == "short put 30d").row(0, named=True)
    assert row["loss"] == pytest.approx(expected, abs=0.002)  # the index moves within a snapshot
    assert expected > 0.01
