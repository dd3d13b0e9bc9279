"""Options by account and expiry: their rows, what they lose at expiry, what nothing covers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.arrays import LINEAR_FORWARD, QUOTE_OPTION
from tasks.model.errors import ModelInputError
from tasks.model.risk.expiries import at_expiry, naked_short, rows_by_expiry


@pytest.fixture(scope="module")
def options(make_contracts):
    """Calls and puts at 80, 90, ... 120 of two expiries, and a perpetual."""
    terms = [
        {"form": QUOTE_OPTION, "strike": strike, "is_call": call, "years_to_expiry": years, "volatility": 0.6}
        for years in (0.1, 0.5)
        for strike in (80.0, 90.0, 100.0, 110.0, 120.0)
        for call in (True, False)
    ]
    return make_contracts(*terms, {"form": LINEAR_FORWARD})


def single(options, *legs):
    """Rows of one account; legs: (strike, is_call, quantity) of the first expiry."""
    terms = list(zip(options.strike.tolist(), options.is_call.tolist(), strict=True))
    index = np.array([terms.index((strike, call)) for strike, call, _ in legs])
    quantity = np.array([quantity for *_, quantity in legs])
    return rows_by_expiry(np.zeros(len(legs), dtype=np.int64), index, quantity, options)


def test_rows_leave_out_what_is_no_option_and_split_expiries(options):
    account, index = np.array([1, 0, 1, 0, 1]), np.array([0, 12, 20, 3, 11])
    rows = rows_by_expiry(account, index, np.arange(1.0, 6.0), options)
    assert rows.account.tolist() == [0, 0, 1, 1]
    assert rows.contract_index.tolist() == [3, 12, 0, 11]
    assert rows.quantity.tolist() == [4.0, 2.0, 1.0, 5.0]
    assert rows.account_pointer(3).tolist() == [0, 2, 4, 4]


def test_a_call_spread_loses_its_width_and_a_naked_call_has_no_end(options):
    spread = at_expiry(single(options, (90.0, True, -2.0), (110.0, True, 2.0)))
    assert (spread.worst_payoff.tolist(), spread.net_short_calls.tolist()) == ([-40.0], [0.0])
    naked = at_expiry(single(options, (90.0, True, -2.0)))
    assert (naked.worst_payoff.tolist(), naked.net_short_calls.tolist()) == ([0.0], [2.0])


def test_a_short_put_loses_most_where_spot_is_worth_nothing(options):
    assert at_expiry(single(options, (90.0, False, -1.0), (80.0, False, 1.0))).worst_payoff.tolist() == [-10.0]
    assert at_expiry(single(options, (90.0, False, -1.0))).worst_payoff.tolist() == [-90.0]


def test_what_can_only_gain_loses_nothing(options):
    assert at_expiry(single(options, (90.0, True, 1.0), (100.0, False, 3.0))).worst_payoff.tolist() == [0.0]


def test_calls_and_puts_of_one_strike_cover_each_other_and_other_strikes_do_not(options):
    assert naked_short(single(options, (100.0, True, -3.0), (100.0, False, 2.0))).tolist() == [1.0]
    assert naked_short(single(options, (100.0, True, -3.0), (90.0, True, 3.0))).tolist() == [3.0]


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 19), st.integers(-5, 5)), min_size=1, max_size=40),
    st.randoms(use_true_random=False),
)
def test_rows_agree_with_a_loop_over_positions_whatever_their_order(options, legs, random):
    held = list({(account, index): quantity for account, index, quantity in legs}.items())
    random.shuffle(held)
    account, index = (np.array(each) for each in zip(*(key for key, _ in held), strict=True))
    rows = rows_by_expiry(account, index, np.array([float(quantity) for _, quantity in held]), options)
    final, naked = at_expiry(rows), naked_short(rows)
    for row in range(len(rows.account)):
        own = [
            (options.strike[i], options.is_call[i], quantity)
            for (a, i), quantity in held
            if a == rows.account[row] and options.slice_of[i] == rows.expiry[row]
        ]
        paid = [
            sum(q * max(final_price - k if call else k - final_price, 0.0) for k, call, q in own)
            for final_price in [0.0, *(k for k, _, _ in own)]
        ]
        net = {k: sum(q for other, _, q in own if other == k) for k, _, _ in own}
        assert final.worst_payoff[row] == pytest.approx(min(0.0, *paid), abs=1e-9)
        assert naked[row] == sum(max(-each, 0) for each in net.values())


def test_a_missing_quantity_is_refused(options):
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        rows_by_expiry(np.array([0]), np.array([0]), np.array([np.nan]), options)


def test_no_options_are_no_rows(options):
    rows = rows_by_expiry(np.array([0]), np.array([20]), np.array([1.0]), options)
    assert len(rows.account) == len(naked_short(rows)) == len(at_expiry(rows).worst_payoff) == 0
