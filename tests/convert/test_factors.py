"""What the market data have beside daily closes, worked by hand from a tiny folder; and the real one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tasks import convert_chain, convert_factors, convert_history
from tasks.convert_factors import FactorHistory

FIRST, SECOND = date(2026, 3, 9), date(2026, 3, 10)
AS_OF = datetime(2026, 3, 10, 21, 20, 0, 250_000, tzinfo=UTC)
NEAR, FAR = datetime(2026, 3, 20, 8, tzinfo=UTC), datetime(2026, 3, 27, 8, tzinfo=UTC)


def factors(folder: Path, day: date = SECOND) -> FactorHistory:
    options = convert_chain.options_until(folder, day)
    return convert_factors.factors_of(folder, options, convert_history.history_of(folder, options, day).closes, day)


def days_to(expiry: datetime) -> float:
    return (expiry - AS_OF).total_seconds() / 86_400


def forward(expiry: datetime, spot: float = 84_000.0) -> float:
    return spot * (1 + 0.05 * days_to(expiry) / 365)


def money(expiry: datetime) -> float:
    """0.55 at 80,000 and 0.56 at 90,000, read at the forward in the logarithm of the strike."""
    share = math.log(forward(expiry) / 80_000) / math.log(90_000 / 80_000)
    return 0.55 + 0.01 * share


def test_volatility_at_fourteen_days_lies_between_its_two_expiries(market: Callable[..., Path]) -> None:
    levels = factors(market()).levels
    near, far = days_to(NEAR), days_to(FAR)
    share = (14 - near) / (far - near)
    variance = (1 - share) * money(NEAR) ** 2 * near + share * money(FAR) ** 2 * far
    assert float(levels["BTC", "IV14", SECOND]) == pytest.approx(math.sqrt(variance / 14), abs=1e-10)
    # The day before, at 90,000 USD, no call is above the money: nothing is made up of the strikes below.
    assert {(series, day) for coin, series, day in levels if coin == "BTC" and series.startswith("IV")} == {
        ("IV14", SECOND)
    }


def test_a_forward_keeps_its_ratio_to_the_index_of_its_own_row(market: Callable[..., Path]) -> None:
    levels = factors(market()).levels
    near, far = days_to(NEAR), days_to(FAR)
    share = (14 - near) / (far - near)

    def log_basis(expiry: datetime) -> float:
        # Calls carry an index half a dollar high, puts half a dollar low: the median of four rows is their mean.
        ratios = [math.log(forward(expiry) / index) for index in (84_000.5, 83_999.5)]
        return sum(ratios) / 2

    expected = 84_000 * math.exp((1 - share) * log_basis(NEAR) + share * log_basis(FAR))
    assert float(levels["BTC", "F14", SECOND]) == pytest.approx(expected, abs=1e-6)
    # An expiry of half a day is listed on the first day alone: seven days lie between two expiries there.
    assert {(series, day) for coin, series, day in levels if coin == "ETH" and series.startswith("F")} == {
        ("F7", FIRST),
        ("F14", FIRST),
        ("F14", SECOND),
    }


def test_a_perpetual_is_the_candle_of_the_snapshot_and_none_without(market: Callable[..., Path]) -> None:
    levels = factors(market()).levels
    assert {(coin, day): price for (coin, series, day), price in levels.items() if series == "PERP"} == {
        ("BTC", FIRST): Decimal("90090.0"),
        ("ETH", FIRST): Decimal("3003.0"),
        ("BTC", SECOND): Decimal("84084.0"),
        ("ETH", SECOND): Decimal("2702.7"),
    }
    without = factors(
        market("other", candles=lambda rows: [row.update(candle_open=None) for row in rows] and None)
    ).levels
    assert not [series for _, series, _ in without if series == "PERP"]


def test_hours_are_when_bars_end_and_quiet_bars_are_named(market: Callable[..., Path]) -> None:
    quiet = datetime(2017, 12, 30, 4, tzinfo=UTC)
    found = factors(
        market(bars=lambda rows: [row.update(volume=0.0) for row in rows if row["ts_utc"] == quiet] and None)
    )
    hours = {(series, day): level for (_, series, day), level in found.levels.items() if series.startswith("H")}
    assert hours["H06", date(2017, 12, 31)] == Decimal("13104.0")  # the bar that began at 04:00
    assert hours["H00", date(2018, 1, 1)] == Decimal("13122.0")  # the bar of the evening before
    assert ("H06", date(2017, 12, 30)) not in hours
    assert found.remarks.noted["NO_TRADE_IN_BARS"] == ["BTC 2017-12-30 06:00"]
    assert {series for series, _ in hours} == {f"H{hour:02d}" for hour in range(0, 24, 2)} - {"H22"}


def write(folder: Path, name: str, rows: Sequence[Mapping[str, object]]) -> Path:
    pl.DataFrame(rows).write_parquet(folder / f"{name}.parquet")
    return folder


def test_a_vol_index_in_per_cent_becomes_a_fraction_and_only_of_days_before(market: Callable[..., Path]) -> None:
    rows = [
        {"date": day, "currency": "BTC", "dvol_close": value}
        for day, value in ((date(2022, 11, 9), 114.72), (date(2022, 11, 10), math.nan), (SECOND, 50.0))
    ]
    levels = factors(write(market(), "dvol_btc_daily_close", rows)).levels
    assert {(day, level) for (_, series, day), level in levels.items() if series == "IV30"} == {
        (date(2022, 11, 9), Decimal("1.1472"))
    }


def test_a_smile_is_read_at_spot_and_between_its_expiries(market: Callable[..., Path]) -> None:
    day = date(2020, 3, 13)
    rows = [
        {"date": day, "tenor_days": tenor, "moneyness_return": k, "implied_vol": volatility}
        for tenor, volatilities in ((7, (1.8, 1.6)), (14, (None, None)), (42, (1.3, 1.1)))
        for k, volatility in zip((-0.02, 0.02), volatilities, strict=True)
    ]
    found = factors(write(market(), "btc_iv_smile_crash_dates", rows))
    share = math.log(1 / 0.98) / math.log(1.02 / 0.98)
    at = {tenor: (1 - share) * high + share * low for tenor, high, low in ((7, 1.8, 1.6), (42, 1.3, 1.1))}
    at_30 = math.sqrt((at[7] ** 2 * 7 * 12 / 35 + at[42] ** 2 * 42 * 23 / 35) / 30)
    levels = {series: float(level) for (_, series, on), level in found.levels.items() if on == day}
    assert levels.keys() == {"IV7", "IV14", "IV30"}
    assert (levels["IV7"], levels["IV30"]) == pytest.approx((at[7], at_30), abs=1e-9)
    assert found.remarks.noted["NO_SMILE"] == ["BTC 2020-03-13 14 days"]


@pytest.mark.market_data
def test_the_real_levels_are_those_of_the_files(market_data: Path) -> None:
    day = date(2026, 1, 29)
    levels = factors(market_data, day).levels
    bars = pl.read_parquet(market_data / "btc_usd_bitstamp_2h.parquet")
    crash = bars.filter(pl.col("ts_utc").dt.strftime("%F %H") == "2020-03-13 00")["close"].item()
    assert float(levels["BTC", "H02", date(2020, 3, 13)]) == crash < 4500
    assert levels["BTC", "IV30", date(2022, 11, 9)] == Decimal("1.1472")
    assert sum(series == "IV30" and day.year == 2022 for _, series, day in levels) == 56
    # From 60 to 120 per cent of volatility in two days, the short end further than the long one.
    at = {
        series: levels["BTC", series, date(2020, 3, 13)] / levels["BTC", series, date(2020, 3, 11)]
        for series in ("IV14", "IV30")
    }
    assert Decimal("1.9") < at["IV30"] < at["IV14"] < Decimal("2.5")
    snapshots = {on for _, series, on in levels if series == "F90"}
    assert len(snapshots) == 31 and max(snapshots) == day
    for coin, spot in (("BTC", 84_500), ("ETH", 2_820)):
        ratios = [float(levels[coin, series, day]) / spot for series in ("PERP", "F7", "F14", "F30", "F90", "F180")]
        assert all(0.98 < ratio < 1.04 for ratio in ratios)
