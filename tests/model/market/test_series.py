"""Series of a delivered history are told by their names."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.model.arrays import Closes
from tasks.model.market.series import split

DAYS = np.datetime64("2026-01-01") + np.arange(3)


def test_each_form_finds_its_place():
    names = ("BTC", "BTC.F30", "BTC.H06", "BTC.IV30", "BTC.IV7", "BTC.PERP", "ETH", "ETH.H22")
    values = np.arange(24.0).reshape(8, 3)
    closes, factors = split(Closes(names, DAYS, values))
    assert closes.underlyings == ("BTC", "ETH") and closes.close.tolist() == values[[0, 6]].tolist()
    assert {name: sorted(each) for name, each in factors.hourly.items()} == {"BTC": [6.0], "ETH": [22.0]}
    assert factors.volatility["BTC"][30.0].tolist() == values[3].tolist()
    assert factors.volatility["BTC"][7.0].tolist() == values[4].tolist()
    assert {days: each.tolist() for days, each in factors.forward["BTC"].items()} == {
        30.0: values[1].tolist(),
        np.inf: values[5].tolist(),
    }


@pytest.mark.parametrize(
    "name", ["BTC.", "BTC.H6", "BTC.H24", "BTC.IV0", "BTC.IV", "BTC.F0", "BTC.PERPS", "A.B.H06", ".H06"]
)
def test_what_is_no_series_stays_a_close(name):
    closes, factors = split(Closes((name,), DAYS, np.ones((1, 3))))
    assert closes.underlyings == (name,) and not (factors.hourly or factors.volatility or factors.forward)
