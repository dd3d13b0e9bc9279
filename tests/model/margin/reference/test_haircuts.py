"""Collateral as other models count it: by hand, what must hold of any size, and the sets as they are shipped."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from tasks.model.errors import ModelInputError, PolicyError
from tasks.model.margin.reference.haircuts import TieredValue, WeightedValue, parse, reference_collateral
from tasks.reference_models import haircuts_in_force

SETS = {each.name: each for each in haircuts_in_force(date(2026, 1, 29))}


def holdings(*rows):
    return pl.DataFrame(
        [(member, f"{member}-H", asset, Decimal(quantity), Decimal(price)) for member, asset, quantity, price in rows],
        schema={
            "clearing_member_id": pl.String,
            "margin_account_id": pl.String,
            "asset": pl.String,
            "quantity": pl.Decimal(38, 18),
            "price_usd": pl.Decimal(28, 10),
        },
        orient="row",
    )


def test_tiers_in_coins_and_in_usd():
    quantity = np.array([0.0, 25.0, 80.0])
    coins = TieredValue("COIN", (0.0, 10.0, 20.0, 30.0, 40.0, 50.0), (0.98, 0.95, 0.9, 0.85, 0.8, 0.0))
    np.testing.assert_allclose(coins.counted(quantity, 100.0), [0.0, 2_380.0, 4_480.0], rtol=1e-12)
    usd = TieredValue("USD", (0.0, 1_000.0), (0.9, 0.5))
    np.testing.assert_allclose(usd.counted(quantity, 100.0), [0.0, 1_650.0, 4_400.0], rtol=1e-12)


def test_deposits_of_all_accounts_lower_the_weight_of_each():
    rule = WeightedValue(9_000, 0, 500_000)
    np.testing.assert_allclose(rule.counted(np.array([10_000.0, 10_000.0]), 25.0), [225_000.0] * 2, rtol=1e-12)
    # 60,000 at 25 are three times the start: 0.3 instead of 0.9.
    np.testing.assert_allclose(rule.counted(np.array([10_000.0, 50_000.0]), 25.0), [75_000.0, 375_000.0], rtol=1e-12)
    sized = WeightedValue(9_000, 10_000, 0)
    assert sized.counted(np.array([1_000.0]), 1.0)[0] == pytest.approx(835.7)


def test_an_account_is_the_sum_of_its_assets_and_what_it_owes_counts_whole():
    frame = holdings(("B", "BTC", "25", "100000"), ("A", "USD", "-70", "1"), ("A", "BTC", "1", "100000"))
    found = reference_collateral(frame, SETS["BYBIT"])
    assert found["clearing_member_id"].to_list() == ["A", "B"]
    np.testing.assert_allclose(found["counted_usd"], [98_000.0 - 70.0, 2_380_000.0], rtol=1e-12)
    assert reference_collateral(frame[::-1], SETS["BYBIT"]).equals(found)


@pytest.mark.parametrize("name", sorted(SETS))
def test_more_is_never_worth_less_than_what_others_leave_nor_more_than_whole(name):
    sizes = np.array([0.0, 1.0, 50.0, 1e3, 1e4, 1e6])
    for asset in ("BTC", "BETH", "NEW", "USD"):
        rule = SETS[name].rule(asset)
        alone = np.array([rule.counted(np.array([size]), 100.0)[0] for size in sizes])
        assert (alone >= 0.0).all() and (alone <= sizes * 100.0).all()
        rate = alone[1:] / sizes[1:]
        assert (np.diff(rate) <= 1e-9).all()
    assert SETS[name].rule("USD").counted(np.array([7.0]), 1.0)[0] == 7.0


def test_three_sets_are_shipped_and_none_before_its_date():
    assert sorted(SETS) == ["BYBIT", "DRIFT", "OKX"]
    assert haircuts_in_force(date(2020, 1, 1)) == []


@pytest.mark.parametrize(
    "assets",
    [
        {},
        {"BTC": {"kind": "tiers", "unit": "USD", "floors": [0], "rates": [1]}},
        {"default": {"kind": "other"}},
        {"default": {"kind": "tiers", "unit": "EUR", "floors": [0], "rates": [1]}},
        {"default": {"kind": "tiers", "unit": "USD", "floors": [0], "rates": [1.5]}},
        {"default": {"kind": "tiers", "unit": "USD", "floors": [1], "rates": [1]}},
    ],
)
def test_malformed_sets_are_refused(assets):
    with pytest.raises(PolicyError, match=r"PARAM_STATE|BRACKETS"):
        parse({"assets": assets}, "X", date(2026, 1, 1))


def test_a_missing_price_counts_nothing_in_silence_for_nobody():
    frame = holdings(("A", "BTC", "1", "100")).with_columns(price_usd=pl.lit(None, dtype=pl.Decimal(28, 10)))
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        reference_collateral(frame, SETS["OKX"])
