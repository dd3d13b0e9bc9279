"""Short options by themselves: the worked figures of a call and a put, in and out of the money, in quote and coin."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.model.errors import ModelInputError
from tasks.model.margin.reference.standard_option import ShortOptionRates, short_option

RATES = ShortOptionRates(0.15, 0.10, 0.075, 0.075, 0.075, 1.05)


def one(spot, strike, mark, is_call, rates=RATES):
    margin = short_option(spot, np.array([strike]), np.array([mark]), np.array([is_call]), rates)
    return [float(margin.initial[0]), float(margin.maintenance[0])]


def test_a_call_at_the_money_pays_the_highest_share():
    assert one(1000.0, 1000.0, 50.0, True) == pytest.approx([150 + 50, 75 + 50])


def test_the_share_falls_out_of_the_money_down_to_the_lowest():
    assert one(1000.0, 1030.0, 20.0, True) == pytest.approx([120 + 20, 75 + 20])
    assert one(1000.0, 1500.0, 1.0, True) == pytest.approx([100 + 1, 75 + 1])
    assert one(1000.0, 900.0, 9.0, False) == pytest.approx([100 + 9, 75 + 9])


def test_a_deep_put_is_charged_on_its_mark_and_its_initial_margin_keeps_its_ratio():
    # The mark of 2,100 is above spot: 0.075 x 2,100 + 2,100 = 2,257.5, and 1.05 times that is above 150 + 2,100.
    assert one(1000.0, 3100.0, 2100.0, False) == pytest.approx([1.05 * 2257.5, 2257.5])


def test_in_coin_the_margin_is_the_quote_one_over_spot():
    quote = one(1000.0, 1030.0, 20.0, True)
    assert one(1.0, 1.03, 0.02, True) == pytest.approx([each / 1000.0 for each in quote])


@pytest.mark.parametrize("field", [0, 1, 2])
def test_a_missing_figure_is_refused(field):
    figures = [1000.0, 1000.0, 50.0]
    figures[field] = np.nan
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        one(*figures, True)
