"""Inverse and linear, coin and quote: what one contract is worth where it settles."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import QuantLib

from tasks.model.arrays import COIN_OPTION, INVERSE_FORWARD, LINEAR_FORWARD, QUOTE_OPTION
from tasks.model.errors import ModelInputError
from tasks.model.pricing import payoff

FORMS = np.array([LINEAR_FORWARD, INVERSE_FORWARD, COIN_OPTION, QUOTE_OPTION])


def test_the_form_follows_kind_and_payoff():
    assert [payoff.form_of(kind, how) for kind in ("FUT", "PERP", "OPT") for how in ("LINEAR", "INVERSE")] == [
        LINEAR_FORWARD,
        INVERSE_FORWARD,
        LINEAR_FORWARD,
        INVERSE_FORWARD,
        QUOTE_OPTION,
        COIN_OPTION,
    ]
    with pytest.raises(ModelInputError, match="OPT QUANTO"):
        payoff.form_of("OPT", "QUANTO")


def test_only_inverse_futures_and_coin_options_pay_coin():
    assert payoff.pays_coin(FORMS).tolist() == [False, True, True, False]


def test_a_linear_future_gains_in_quote():
    value = payoff.forward_value(np.array([LINEAR_FORWARD]), np.array([0.001]), np.array([100.0]), np.array([130.0]))
    assert value[0] == pytest.approx(0.03, rel=1e-14)


def test_the_settlement_asset_moves_with_spot_only_where_it_is_the_coin():
    after = payoff.settlement_price_after(FORMS, np.array([0.98, 100.0, 100.0, 0.98]), np.full(4, 1.5))
    assert after.tolist() == [0.98, 150.0, 150.0, 0.98]


@pytest.mark.parametrize(
    ("form", "is_call", "final", "expected"),
    [
        (COIN_OPTION, True, 125.0, 1 - 100 / 125),
        (COIN_OPTION, False, 80.0, 100 / 80 - 1),
        (COIN_OPTION, True, 100.0, 0.0),
        (QUOTE_OPTION, True, 125.0, 25.0),
        (QUOTE_OPTION, False, 125.0, 0.0),
    ],
)
def test_payoff_at_expiry(form, is_call, final, expected):
    found = payoff.option_payoff(np.array([form]), np.array([final]), np.array([100.0]), np.array([is_call]))
    assert found[0] == pytest.approx(expected, abs=1e-15)


def test_the_value_of_an_option_in_usd_and_of_a_future_at_its_mark(make_contracts):
    option = {"strike": 110.0, "is_call": True, "years_to_expiry": 0.25, "volatility": 0.7, "forward": 104.0}
    contracts = make_contracts(
        {"form": COIN_OPTION, "multiplier": 0.1, **option},
        {"form": QUOTE_OPTION, "multiplier": 2.0, "settle_price": 0.99, **option},
        {"form": INVERSE_FORWARD, "multiplier": 10.0},
        {"form": LINEAR_FORWARD},
    )
    black = QuantLib.blackFormula(QuantLib.Option.Call, 110.0, 104.0, 0.7 * 0.5)
    expected = [0.1 * black / 104.0 * 100.0, 2.0 * black * 0.99, 0.0, 0.0]
    np.testing.assert_allclose(payoff.option_value_usd(contracts), expected, rtol=1e-13)


@pytest.mark.parametrize("field", ["multiplier", "index_price", "forward", "settle_price", "strike"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_a_contract_with_a_number_missing_is_named(make_contracts, field, value):
    contracts = make_contracts(
        {"id": "FIRST", "form": LINEAR_FORWARD},
        {
            "id": "SPOILED",
            "form": COIN_OPTION,
            "strike": 100.0,
            "years_to_expiry": 0.1,
            "volatility": 0.5,
            field: value,
        },
    )
    with pytest.raises(ModelInputError, match="SPOILED"):
        payoff.option_value_usd(contracts)


@pytest.mark.parametrize("field", ["years_to_expiry", "volatility"])
def test_an_option_needs_time_and_volatility(make_contracts, field):
    contracts = make_contracts(
        {"id": "SPOILED", "form": QUOTE_OPTION, "strike": 100.0, "years_to_expiry": 0.1, "volatility": 0.5}
    )
    with pytest.raises(ModelInputError, match=f"{field}.*SPOILED"):
        payoff.require_usable(replace(contracts, **{field: np.array([math.nan])}))
