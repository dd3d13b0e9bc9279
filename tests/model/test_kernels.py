"""Every compiled kernel against its slow twin, and the ways compiled code can go wrong behind one's back."""

from __future__ import annotations

import ast
import math
import os
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import ndtr

from tasks.model import kernels
from tasks.model.arrays import (
    COIN_OPTION,
    INVERSE_FORWARD,
    LINEAR_FORWARD,
    QUOTE_OPTION,
    States,
)
from tasks.model.errors import ModelInputError
from tasks.model.kernels import LARGEST_MONEYNESS
from tasks.model.pricing.cube import Cube
from tasks.model.pricing.revaluation import Revaluation, revalue, revalue_cube
from tasks.model.risk import tail
from tasks.model.risk.correlation import repaired_shortfall
from tasks.model.risk.profit import portfolio_pnl, sum_positions

quick = settings(deadline=None, derandomize=True, max_examples=150)
N_OPTIONS = 10_000


def random_market(make_contracts, n_options, n_forwards, n_scenarios, seed=21):
    """Contracts of all forms with real smiles, a running average on some, and states that move everything."""
    generator = np.random.default_rng(seed)
    rows = []
    for position in range(n_options + n_forwards):
        underlying, spot = (("BTC", 60_000.0), ("ETH", 2_500.0), ("XRP", 0.6))[position % 3]
        option = position < n_options
        coin = bool(generator.integers(2))
        years = float(generator.choice([1 / 365, 7 / 365, 0.1, 0.5, 2.0]))
        row = {
            "underlying": underlying,
            "form": (COIN_OPTION if coin else QUOTE_OPTION)
            if option
            else (INVERSE_FORWARD if coin else LINEAR_FORWARD),
            "multiplier": float(generator.choice([0.01, 1.0, 10.0])),
            "index_price": spot,
            "forward": spot * (1.0 + 0.06 * years),
            "settle_price": spot if coin else 0.998,
            "fixed_part": spot * 0.4 if position % 11 == 0 else 0.0,
            "years_to_expiry": years,
        }
        if option:
            width = max(1.0 * math.sqrt(years), 0.05)
            row |= {
                "strike": spot * math.exp(float(generator.normal(0.0, width))),
                "is_call": bool(generator.integers(2)),
                "volatility": float(generator.uniform(0.2, 1.6)),
            }
        rows.append(row)
    contracts = make_contracts(*rows)
    g, n, u = len(contracts.slices.days), n_scenarios, len(contracts.underlyings)
    variance = 0.36 * np.nan_to_num(contracts.slices.days, posinf=30.0) / 365.0
    smile = np.column_stack(
        [0.5 * variance, 0.4 * np.sqrt(variance), np.full(g, -0.3), 0.05 * np.sqrt(variance), 0.8 * np.sqrt(variance)]
    )
    states = States(
        spot_factor=np.exp(generator.normal(0.0, 0.15, (u, n))),
        basis_factor=np.exp(generator.normal(0.0, 0.01, (g, n))),
        level=np.exp(generator.normal(0.0, 0.4, (g, n))),
        shift=generator.normal(0.0, 0.02, (g, n)),
        skew=generator.normal(0.0, 0.03, (g, n)),
        curvature=generator.normal(0.0, 0.02, (g, n)),
        vol_floor=generator.uniform(0.0, 0.4, n),
    )
    return replace(contracts, slices=replace(contracts.slices, smile=smile)), states


def twin_forward(contracts, states):
    moved = states.spot_factor[contracts.underlying] * states.basis_factor[contracts.slice_of]
    fixed = contracts.fixed_part[:, None]
    return fixed + (contracts.forward[:, None] - fixed) * moved


def twin_volatility(contracts, states, forward):
    a, b, rho, mu, s = (each[:, None] for each in contracts.slices.smile[contracts.slice_of].T)

    def deviation(k):
        return np.sqrt(a + b * (rho * (k - mu) + np.sqrt((k - mu) ** 2 + s * s)))

    at, K = contracts.slice_of, contracts.strike[:, None]
    k, k_now = np.log(K / forward), np.log(K / contracts.forward[:, None])
    root = np.sqrt(np.maximum(contracts.years_to_expiry, 1.0 / (365.0 * 24.0)))[:, None]
    z = np.clip(k / root, -LARGEST_MONEYNESS, LARGEST_MONEYNESS)
    sigma = states.level[at] * contracts.volatility[:, None] * deviation(k) / deviation(k_now)
    return np.maximum(sigma + states.shift[at] + z * (states.skew[at] + z * states.curvature[at]), states.vol_floor)


def twin_black(forward, strike, total, is_call):
    """The out-of-the-money side by the textbook, the other by parity."""
    side = np.where(forward <= strike, 1.0, -1.0)
    d1 = np.log(forward / strike) / total + 0.5 * total
    otm = np.maximum(side * (forward * ndtr(side * d1) - strike * ndtr(side * (d1 - total))), 0.0)
    return otm + np.maximum(np.where(is_call, forward - strike, strike - forward), 0.0)


def twin_option_pnl(contracts, states):
    """P&L of options, straight from the formulas with NumPy and SciPy, all of them one by one."""
    K, years = contracts.strike[:, None], np.sqrt(np.maximum(contracts.years_to_expiry, 0.0))[:, None]
    coin = (contracts.form == COIN_OPTION)[:, None]
    usd = (contracts.multiplier * contracts.settle_price)[:, None]
    forward = twin_forward(contracts, states)
    sigma = twin_volatility(contracts, states, forward)
    call = contracts.is_call[:, None]
    after = twin_black(forward, K, np.maximum(sigma * years, 1e-9), call)
    now = contracts.forward[:, None]
    before = twin_black(now, K, np.maximum(contracts.volatility[:, None] * years, 1e-9), call)
    spot = states.spot_factor[contracts.underlying]
    return usd * (np.where(coin, after / forward * spot, after) - np.where(coin, before / now, before))


def twin_forward_pnl(contracts, states):
    forward, now = twin_forward(contracts, states), contracts.forward[:, None]
    usd = (contracts.multiplier * contracts.settle_price)[:, None]
    spot = states.spot_factor[contracts.underlying]
    inverse = (contracts.form == INVERSE_FORWARD)[:, None]
    return usd * np.where(inverse, (1 / now - 1 / forward) * spot, forward - now)


def usd_of_forward(contracts, states):
    """USD of one forward per contract in each scenario: what an error of a price is measured in."""
    forward = np.maximum(twin_forward(contracts, states), contracts.forward[:, None])
    spot = np.maximum(states.spot_factor[contracts.underlying], 1.0)
    coin = np.isin(contracts.form, (COIN_OPTION, INVERSE_FORWARD))[:, None]
    return (contracts.multiplier * contracts.settle_price)[:, None] * np.where(coin, spot, forward)


# -- Pricing


def test_ten_thousand_options_agree_with_the_twin(make_contracts):
    contracts, states = random_market(make_contracts, N_OPTIONS, 0, 70)
    error = np.abs(revalue(contracts, states) - twin_option_pnl(contracts, states))
    assert (error <= 1e-12 * usd_of_forward(contracts, states)).all()
    assert np.median(error / usd_of_forward(contracts, states)) < 1e-15


def test_ten_thousand_options_agree_with_quantlib(make_contracts):
    ql = pytest.importorskip("QuantLib", reason="QuantLib is not installed (extra `challengers`)")
    generator = np.random.default_rng(22)
    forward, years = np.exp(generator.uniform(-3.0, 12.0, N_OPTIONS)), generator.uniform(1 / 365, 3.0, N_OPTIONS)
    sigma = generator.uniform(0.05, 2.5, N_OPTIONS)
    strike = forward * np.exp(np.clip(generator.normal(0.0, 1.5, N_OPTIONS) * sigma * np.sqrt(years), -3.0, 3.0))
    is_call, moved = generator.integers(0, 2, N_OPTIONS).astype(bool), np.exp(generator.normal(0.0, 0.2, 3))
    shared = {"form": QUOTE_OPTION, "settle_price": 1.0}
    contracts = make_contracts(
        *(
            {**shared, "index_price": F, "forward": F, "strike": K, "volatility": v, "years_to_expiry": T, "is_call": c}
            for F, K, v, T, c in zip(forward, strike, sigma, years, is_call.tolist(), strict=True)
        )
    )
    found = revalue(contracts, replace(States.still(contracts, 3), spot_factor=moved[None, :]))
    for column, factor in enumerate([1.0, *moved]):
        value = [
            ql.blackFormula(
                ql.Option.Call if c else ql.Option.Put, float(K), float(F * factor), float(v * math.sqrt(T))
            )
            for F, K, v, T, c in zip(forward, strike, sigma, years, is_call, strict=True)
        ]
        if column == 0:
            before = np.array(value)
        else:
            error = np.abs(found[:, column - 1] - (np.array(value) - before))
            assert (error <= 1e-12 * forward * max(factor, 1.0)).all()


def test_forwards_agree_with_the_twin(make_contracts):
    contracts, states = random_market(make_contracts, 0, 300, 70)
    error = np.abs(revalue(contracts, states) - twin_forward_pnl(contracts, states))
    assert (error <= 1e-14 * usd_of_forward(contracts, states)).all()


@quick
@given(
    st.floats(1e-3, 1e6),
    st.floats(-3.0, 3.0),
    st.floats(0.0, 5.0),
    st.floats(-1.0, 5.0),
    st.floats(0.05, 20.0),
    st.sampled_from([COIN_OPTION, QUOTE_OPTION]),
)
def test_call_less_put_is_forward_less_strike(make_contracts, forward, distance, sigma, years, factor, form):
    option = {"form": form, "forward": forward, "index_price": forward, "volatility": sigma, "years_to_expiry": years}
    option |= {"strike": forward * math.exp(distance), "settle_price": forward if form == COIN_OPTION else 1.0}
    contracts = make_contracts({**option, "is_call": True}, {**option, "is_call": False})
    states = replace(States.still(contracts, 1), spot_factor=np.array([[factor]]))
    call, put = revalue(contracts, states)[:, 0]
    # Spot is the forward here, so USD per unit of Black price is 1 for both ways of paying.
    assert call - put == pytest.approx(forward * (factor - 1.0), abs=4e-15 * forward * max(factor, math.exp(distance)))


def test_an_expired_option_and_one_without_volatility_are_worth_their_payoff(make_contracts):
    option = {"form": QUOTE_OPTION, "is_call": True, "strike": 100.0, "forward": 100.0, "settle_price": 1.0}
    contracts = make_contracts(
        {**option, "volatility": 0.5, "years_to_expiry": 0.0},
        {**option, "volatility": 0.5, "years_to_expiry": -0.1},
        {**option, "volatility": 0.0, "years_to_expiry": 0.1},
    )
    moves = np.array([[0.5, 0.99, 1.0, 1.01, 3.0]])
    found = revalue(contracts, replace(States.still(contracts, 5), spot_factor=moves))
    np.testing.assert_allclose(found, np.tile([0.0, 0.0, 0.0, 1.0, 200.0], (3, 1)), atol=1e-7)


def test_exp_and_log_are_as_good_as_the_librarys_and_the_same_anywhere_in_an_array():
    generator = np.random.default_rng(23)
    for x in (generator.uniform(-600.0, 600.0, 50_001), generator.normal(0.0, 0.1, 50_001)):
        order = generator.permutation(len(x))
        np.testing.assert_allclose(kernels.exp(x), [math.exp(each) for each in x], rtol=5e-16)
        assert kernels.exp(x[order]).tobytes() == kernels.exp(x)[order].tobytes()
        y = kernels.exp(x)
        np.testing.assert_allclose(kernels.log(y), [math.log(each) for each in y], rtol=5e-16, atol=2e-17)
        assert kernels.log(y[order]).tobytes() == kernels.log(y)[order].tobytes()
    assert kernels.log(np.array([1.0]))[0] == 0.0
    assert kernels.exp(np.zeros((2, 3))).tolist() == [[1.0] * 3] * 2


def test_what_exp_and_log_are_not_made_for_is_left_to_the_library():
    with np.errstate(all="ignore"):
        for x in (math.nan, math.inf, -math.inf, 800.0, -800.0):
            np.testing.assert_array_equal(kernels.exp(np.array([0.5, x]))[1], np.exp(x))
        for x in (math.nan, math.inf, 0.0, -1.0, 1e-310):
            np.testing.assert_array_equal(kernels.log(np.array([0.5, x]))[1], np.log(x))


# -- Sums over positions


def test_no_contract_and_no_portfolio_sum_to_nothing():
    none = np.zeros(0, dtype=np.int64)
    assert portfolio_pnl(np.zeros(3, dtype=np.int64), none, np.zeros(0), np.zeros((0, 5))).tolist() == [[0.0] * 5] * 2
    assert portfolio_pnl(np.zeros(1, dtype=np.int64), none, np.zeros(0), np.zeros((4, 5))).shape == (0, 5)


def random_positions(n_contracts, n_rows, seed=24):
    generator = np.random.default_rng(seed)
    sizes = generator.integers(0, 40, n_rows)
    pointer = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    index = np.concatenate([np.sort(generator.choice(n_contracts, size, replace=False)) for size in sizes])
    return pointer, index.astype(np.int64), generator.normal(0.0, 10.0, len(index))


def test_sums_over_positions_agree_with_exact_sums():
    table = np.random.default_rng(25).normal(size=(90, 75))
    pointer, index, quantity = random_positions(90, 50)
    found = portfolio_pnl(pointer, index, quantity, table)
    for row in range(50):
        held = range(pointer[row], pointer[row + 1])
        for column in (0, 15, 16, 63, 64, 74):
            terms = [quantity[at] * table[index[at], column] for at in held]
            size = math.fsum(abs(term) for term in terms)
            assert found[row, column] == pytest.approx(math.fsum(terms), abs=1e-14 * size + 1e-300)


def test_beyond_the_scenarios_nothing_moves_and_rows_return_as_they_came():
    table = np.random.default_rng(26).normal(size=(5, 70))
    cube = Cube.of(table)
    assert cube.blocks.shape == (8, 5, 16)
    assert cube.blocks.ctypes.data % 4096 == 0
    assert cube.rows().tobytes() == table.tobytes()
    pointer, index, quantity = np.array([0, 2]), np.array([1, 4]), np.array([2.0, -3.0])
    assert (sum_positions(pointer, index, quantity, cube)[:, 70:] == 0.0).all()


# -- Tails


def twin_smallest(row, count):
    return np.sort(row)[:count]


LOSSES = hnp.arrays(
    np.float64, st.integers(1, 400), elements=st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, -1.0, 2.5]))
)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(LOSSES, st.floats(0.0, 1.0))
def test_the_smallest_numbers_are_exact_whatever_the_ties(row, share):
    count = max(1, math.ceil(share * len(row)))
    worst, position = np.empty((1, count)), np.empty(1, dtype=np.int64)
    kernels.smallest(0, 1, row[None, :], 0, len(row), worst, position)
    assert worst[0].tolist() == twin_smallest(row, count).tolist()
    assert position[0] == int(np.argmin(row))


@settings(deadline=None, derandomize=True, max_examples=300)
@given(LOSSES, st.sampled_from([0.01, 0.5, 0.9, 0.975, 0.99, 0.995]))
def test_a_shortfall_is_its_exact_twin_with_ties_and_a_fraction_at_the_boundary(losses, confidence):
    n = len(losses)
    k = round(n * (1 - confidence), 9)
    whole = min(math.floor(k), n - 1)
    ordered = sorted(losses, reverse=True)
    expected = (math.fsum(ordered[:whole]) + (k - whole) * ordered[whole]) / k
    size = max(map(abs, losses))
    assert tail.expected_shortfall(losses, confidence) == pytest.approx(expected, rel=1e-13, abs=1e-13 * size)
    read = tail.tails(0.0 - losses[None, :], n, confidence)
    assert read.shortfall[0] == tail.expected_shortfall(losses, confidence)
    assert read.worst[0] == int(np.argmax(losses))


@quick
@given(LOSSES, st.sampled_from([0.5, 0.9, 0.975, 0.99]))
def test_weights_of_a_tail_sum_to_one_and_give_the_shortfall(losses, confidence):
    weights = tail.tail_weights(losses, confidence)
    size = max(map(abs, losses))
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert weights @ losses == pytest.approx(float(tail.expected_shortfall(losses, confidence)), abs=1e-12 * size)
    k = round(len(losses) * (1 - confidence), 9)
    assert (weights >= 0.0).all()
    assert weights.max() <= 1.0 / min(k, 1.0) and (weights > 0).sum() <= math.floor(k) + 1


def test_long_rows_of_many_values_agree_with_sorting():
    generator = np.random.default_rng(27)
    for n in (95, 96, 97, 191, 1250, 1314, 3000):
        pnl = np.round(generator.standard_t(3, (40, n)), 1 if n % 2 else 9)
        for count in (1, 2, 13, 38, 95, min(97, n), n):
            worst, position = np.empty((40, count)), np.empty(40, dtype=np.int64)
            kernels.smallest(0, 40, pnl, 0, n, worst, position)
            assert np.array_equal(worst, np.sort(pnl, axis=1)[:, :count])
            assert np.array_equal(position, np.argmin(pnl, axis=1))
        worst, position = tail.smallest(pnl, n - 20, 7, begin=20)
        assert np.array_equal(worst, np.sort(pnl[:, 20:], axis=1)[:, :7])
        assert np.array_equal(position, np.argmin(pnl[:, 20:], axis=1))


def test_repaired_tails_agree_with_gathering_and_sorting():
    generator = np.random.default_rng(28)
    n, starts, place = 333, np.array([0, 2, 5, 6]), np.array([0, 1, 0, 1, 2, 2, 1, 2])
    pnl, moves = generator.normal(size=(8, n)), generator.normal(size=(3, n))
    found = repaired_shortfall(pnl, starts, place, moves, 0.97, 4)
    ranked, k = np.argsort(moves, axis=1, kind="stable"), 333 * 0.03
    orders = [ranked] + [(np.arange(n) + np.arange(3)[:, None] * (m * n // 5)) % n for m in range(1, 5)]
    for portfolio, (first, last) in enumerate(zip(starts, [*starts[1:], 8], strict=True)):
        figures = []
        for order in orders:
            total = sum(pnl[row][order[place[row]]] for row in range(first, last))
            worst = np.sort(-total)[::-1]
            figures.append((worst[:9].sum() + (k - 9) * worst[9]) / k)
        assert found.comonotone[portfolio] == pytest.approx(figures[0], rel=1e-12)
        assert found.independent[portfolio] == pytest.approx(np.mean(figures[1:]), rel=1e-12)


def test_a_what_if_is_the_account_with_the_trade_in_it():
    table = np.random.default_rng(29).normal(size=(30, 200))
    cube = Cube.of(table)
    pointer, index, quantity = np.array([0, 3]), np.array([2, 5, 9]), np.array([1.0, -2.0, 0.5])
    pnl = sum_positions(pointer, index, quantity, cube)
    worst, scratch = np.empty(6), np.empty_like(pnl[0])
    legs, sizes = np.array([5, 17], dtype=np.int64), np.array([4.0, -1.5])
    position = kernels.smallest_with(pnl[0], 200, cube.blocks, legs, sizes, scratch, worst)
    after = quantity @ table[index] + sizes @ table[legs]
    np.testing.assert_allclose(worst, np.sort(after)[:6], rtol=1e-13)
    assert position == np.argmin(after)


def test_a_variance_is_carried_by_its_recursion_over_what_is_there():
    returns = np.array([0.01, math.nan, -0.03, 0.02])
    found = np.empty(5)
    kernels.ewma_variance(returns, 0.9, 4e-4, found)
    expected = [4e-4]
    for each in returns.tolist():
        expected.append(expected[-1] if math.isnan(each) else 0.9 * expected[-1] + 0.1 * each * each)
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def random_proxy(contracts, n):
    """Moves of spot in n scenarios and what volatility makes of them: u underlyings, g slices."""
    generator = np.random.default_rng(33)
    u, g = len(contracts.underlyings), len(contracts.slices.days)
    return kernels.VolProxy(
        spot_return=generator.normal(0.0, 0.15, (u, n)),
        score=generator.normal(size=n),
        fall=generator.uniform(-2.0, 0.0, u),
        rise=generator.uniform(-0.5, 0.5, u),
        noise=0.05,
        underlying=contracts.slices.underlying,
        tenor=generator.uniform(0.3, 3.0, g),
        largest=0.4,
    )


def twin_vol_moves(proxy):
    spot = proxy.spot_return
    level = proxy.fall[:, None] * np.minimum(spot, 0.0) + proxy.rise[:, None] * np.maximum(spot, 0.0)
    level += proxy.noise * proxy.score
    return np.clip(level[proxy.underlying] * proxy.tenor[:, None], -proxy.largest, proxy.largest)


def test_sums_without_a_cube_agree_with_the_twins_and_are_those_of_the_cube_bit_for_bit(make_contracts):
    contracts, _ = random_market(make_contracts, 200, 40, 1)
    proxy, (pointer, index, quantity) = random_proxy(contracts, 192), random_positions(240, 50)
    moved = np.empty((len(contracts.slices.days), 192))
    kernels.vol_moves(0, proxy, moved)
    assert moved.tobytes() == twin_vol_moves(proxy).tobytes()
    assert (np.abs(moved) == 0.4).any() and (np.abs(moved) < 0.4).any()

    found = []
    for threads in (1, 2, 3):
        pnl = kernels.aligned(50, 192)
        held = kernels.Held(pointer, index.astype(np.int32), quantity)
        assert Revaluation(contracts).add_up(proxy, held, pnl, threads)
        found.append(pnl.tobytes())
    states = replace(States.still(contracts, 192), spot_factor=kernels.exp(proxy.spot_return), level=kernels.exp(moved))
    cube = revalue_cube(contracts, states)
    assert found == [sum_positions(pointer, index, quantity, cube).tobytes()] * 3

    option = contracts.is_option[:, None]
    with np.errstate(invalid="ignore"):  # a future has no strike
        unit = np.where(option, twin_option_pnl(contracts, states), twin_forward_pnl(contracts, states))
    size = usd_of_forward(contracts, states)
    for row in range(50):
        at = index[pointer[row] : pointer[row + 1]]
        own = quantity[pointer[row] : pointer[row + 1]]
        error = np.abs(pnl[row] - own @ unit[at])
        assert (error <= 1e-13 * (np.abs(own) @ size[at]) + 1e-300).all()


# -- The same bits


def test_one_thread_and_two_give_the_same_bits(make_contracts):
    contracts, states = random_market(make_contracts, 200, 40, 333)
    positions = random_positions(240, 300)
    starts, place = np.arange(0, 300, 3), np.tile([0, 1, 2], 100)
    found = []
    for threads in (1, 2, 3):
        cube = revalue_cube(contracts, states, threads)
        pnl = sum_positions(*positions, cube, threads)
        read = tail.tails(pnl, 333, 0.975, threads)
        repaired = repaired_shortfall(pnl, starts, place, np.log(states.spot_factor), 0.975, 8, threads)
        found.append([each.tobytes() for each in (cube.blocks, pnl, *read, *repaired)])
    assert found[0] == found[1] == found[2]


def test_shuffled_positions_give_the_same_bits(make_contracts):
    contracts, states = random_market(make_contracts, 200, 40, 100)
    pointer, index, quantity = random_positions(240, 300)
    owner = np.repeat(np.arange(300), np.diff(pointer))
    cube = revalue_cube(contracts, states)
    plain = tail.tails(sum_positions(pointer, index, quantity, cube), 100, 0.975)
    for seed in range(3):
        shuffled = np.random.default_rng(seed).permutation(len(index))
        rows = shuffled[np.lexsort((index[shuffled], owner[shuffled]))]
        again = tail.tails(sum_positions(pointer, index[rows], quantity[rows], cube), 100, 0.975)
        assert again.shortfall.tobytes() == plain.shortfall.tobytes()
        assert again.worst.tobytes() == plain.worst.tobytes()


# -- Hazards


BAD = st.sampled_from([math.nan, math.inf, -math.inf])


@quick
@given(
    BAD, st.sampled_from(["spot_factor", "basis_factor", "level", "shift", "skew", "curvature", "vol_floor"]), st.data()
)
def test_no_missing_number_of_a_state_is_swallowed(make_contracts, bad, name, data):
    contracts, states = random_market(make_contracts, 12, 4, 5)
    values = getattr(states, name).copy()
    values.reshape(-1)[data.draw(st.integers(0, values.size - 1))] = bad
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        revalue(contracts, replace(states, **{name: values}))


@quick
@given(BAD, st.integers(0, 4), st.integers(0, 4))
def test_no_missing_number_of_a_smile_is_swallowed(make_contracts, bad, parameter, place):
    contracts, states = random_market(make_contracts, 30, 0, 5)
    smile = contracts.slices.smile.copy()
    smile[place, parameter] = bad
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        revalue(replace(contracts, slices=replace(contracts.slices, smile=smile)), states)


@quick
@given(BAD, st.integers(0, 299), st.integers(0, 399), st.integers(1, 300))
def test_no_missing_number_lowers_a_tail(bad, row, column, wanted):
    """A comparison with NaN is false, so a search for the smallest would pass it by."""
    pnl = np.random.default_rng(30).normal(size=(300, 400))
    pnl[row, column] = bad
    worst, position = np.empty((300, wanted)), np.empty(300, dtype=np.int64)
    kernels.smallest(0, 300, pnl, 0, 400, worst, position)
    assert np.isnan(worst[row]).all() and position[row] == -1
    assert np.isfinite(np.delete(worst, row, axis=0)).all()
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        tail.tails(pnl, 400, 0.975)
    with pytest.raises(ModelInputError, match="NON_FINITE"):
        repaired_shortfall(pnl, np.array([0, 150]), np.zeros(300, dtype=np.int64), np.ones((1, 400)), 0.9, 2)


def test_a_missing_number_in_a_cube_names_its_contract():
    table = np.zeros((3, 40))
    table[1, 33] = math.nan
    with pytest.raises(ModelInputError, match="BTC-PERP"):
        Cube.of(table).require_finite("scenario P&L", ("A", "BTC-PERP", "C"))


def test_a_smile_whose_variance_falls_below_zero_is_refused(make_contracts):
    contracts, states = random_market(make_contracts, 5, 0, 3)
    smile = contracts.slices.smile.copy()
    smile[0, 0] = -1.0
    with pytest.raises(ModelInputError, match="NO_PRICE"):
        revalue(replace(contracts, slices=replace(contracts.slices, smile=smile)), states)


def test_a_smile_that_touches_zero_is_priced_there(make_contracts):
    """At its lowest point rounding takes this variance below zero, where a root would be no number."""
    row = {"strike": 110.0, "is_call": True, "years_to_expiry": 0.1, "volatility": 0.6, "form": QUOTE_OPTION}
    contracts = make_contracts(row)
    b, rho, mu, s = 0.5, 0.6, 0.1, 0.3
    a = -b * s * math.sqrt(1.0 - rho * rho)
    lowest = mu - rho * s / math.sqrt(1.0 - rho * rho)
    k = lowest + np.random.default_rng(8).normal(0.0, 1e-9, 2_000)
    assert (a + b * (rho * (k - mu) + np.sqrt((k - mu) ** 2 + s * s)) < 0.0).any()
    assert a + b * s * math.sqrt(1.0 - rho * rho) >= 0.0
    contracts = replace(contracts, slices=replace(contracts.slices, smile=np.array([[a, b, rho, mu, s]])))
    states = replace(States.still(contracts, len(k)), spot_factor=1.1 * np.exp(-k)[None, :])
    before = twin_black(np.array(100.0), np.array(110.0), np.array(0.6 * math.sqrt(0.1)), np.array(True))
    worth = np.maximum(100.0 * states.spot_factor[0] - 110.0, 0.0)
    assert revalue(contracts, states)[0] + before == pytest.approx(worth, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "places"),
    [("slice_of", [2, 1]), ("slice_of", [0, -1]), ("underlying", [0, 1]), ("underlying", [-1, 0])],
)
def test_a_contract_in_no_slice_or_underlying_is_never_priced(make_contracts, name, places):
    option = {"strike": 110.0, "is_call": True, "years_to_expiry": 0.1, "volatility": 0.6, "form": QUOTE_OPTION}
    contracts = make_contracts({"form": LINEAR_FORWARD}, option)
    states = States.still(contracts, 3)
    slices = replace(contracts.slices, smile=contracts.slices.smile[:1])
    for wrong in (replace(contracts, **{name: np.array(places)}), replace(contracts, slices=slices)):
        with pytest.raises(ModelInputError, match="SHAPE"):
            revalue(wrong, states)


def test_memory_that_no_vector_may_be_stored_to_is_refused():
    """A store to an address off a cache line, or of another kind of number, ends the process or leaves nonsense."""
    cube = Cube.of(np.ones((2, 3)))
    pointer, contract, quantity = np.array([0, 2]), np.array([0, 1]), np.ones(2)
    memory = kernels.aligned(65)
    for into in (memory[1:].reshape(1, 64), memory[:64].view(np.int64).reshape(1, 64)):
        with pytest.raises(ModelInputError, match="SHAPE"):
            sum_positions(pointer, contract, quantity, cube, into=into)
    moved = kernels.aligned(cube.blocks.size + 1)[1:].reshape(cube.blocks.shape)
    with pytest.raises(ModelInputError, match="SHAPE"):
        sum_positions(pointer, contract, quantity, replace(cube, blocks=moved))


@pytest.mark.parametrize("kind", [np.int64, np.float32])
def test_quantities_of_another_kind_of_number_are_the_same_quantities(kind):
    found = portfolio_pnl(np.array([0, 2]), np.array([0, 1]), np.array([2, -3], dtype=kind), np.array([[5.0], [7.0]]))
    assert found.tolist() == [[-11.0]]


@pytest.mark.parametrize(
    ("pointer", "contract"), [([], []), ([0, 1], [2]), ([0, 1], [-1]), ([0, 2], [0]), ([1, 1], [0]), ([0, 2, 1], [0])]
)
def test_positions_outside_the_book_are_refused(pointer, contract):
    places = np.array(pointer, dtype=np.int64), np.array(contract, dtype=np.int64)
    with pytest.raises(ModelInputError, match="SHAPE"):
        portfolio_pnl(*places, np.ones(len(contract)), np.ones((2, 3)))


@pytest.mark.parametrize(
    ("columns", "starts", "place", "shifts"),
    [
        (3, [0], [0, 2], 2),
        (3, [0], [0, -1], 2),
        (2, [0], [0, 1], 2),
        (3, [0, 3], [0, 1], 2),
        (3, [1], [0, 1], 2),
        (3, [0], [0], 2),
        (3, [0], [0, 1], 0),
        (3, [], [0, 1], 2),
    ],
)
def test_rows_that_fit_no_return_are_never_paired(columns, starts, place, shifts):
    rows = np.array(starts, dtype=np.int64), np.array(place, dtype=np.int64)
    with pytest.raises(ModelInputError, match="SHAPE"):
        repaired_shortfall(np.ones((2, columns)), *rows, np.ones((2, 3)), 0.9, shifts)


def test_a_tail_of_more_scenarios_than_there_are_is_refused():
    with pytest.raises(ModelInputError, match="SHAPE"):
        tail.tails(np.ones((2, 5)), 6, 0.9)
    with pytest.raises(ModelInputError, match="SHAPE"):
        tail.smallest(np.ones((2, 5)), 4, 1, begin=2)


def test_a_confidence_next_to_one_gives_the_largest_loss():
    losses = np.array([3.0, 5.0, 4.0])
    assert tail.expected_shortfall(losses, 1.0 - 1e-13) == 5.0
    assert tail.tail_weights(losses, 1.0 - 1e-13).tolist() == [0.0, 1.0, 0.0]


def test_threads_of_python_may_enter_the_kernels_together(make_contracts):
    contracts, states = random_market(make_contracts, 60, 20, 130)
    positions = random_positions(80, 60)
    expected = tail.tails(sum_positions(*positions, revalue_cube(contracts, states)), 130, 0.975).shortfall.tobytes()
    found = []

    def work():
        for _ in range(10):
            pnl = sum_positions(*positions, revalue_cube(contracts, states, 2), 2)
            found.append(tail.tails(pnl, 130, 0.975, 2).shortfall.tobytes() == expected)

    crowd = [threading.Thread(target=work) for _ in range(4)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    assert found == [True] * 40


def test_no_kernel_starts_threads_of_its_own_or_lets_sums_be_reordered():
    source = Path(kernels.__file__).read_text(encoding="utf-8")
    compiled = [each for each in vars(kernels).values() if hasattr(each, "targetoptions")]
    assert compiled and "prange" not in source
    for each in compiled:
        options = each.targetoptions
        assert not options.get("parallel")
        assert options.get("fastmath", False) is not True
        assert not {"reassoc", "fast"} & set(options.get("fastmath") or ())


def test_all_compiled_code_stands_in_one_module():
    """A change in one module leaves the compiled callers of another as they were."""
    root = Path(kernels.__file__).parents[1]
    strays = [
        path.name
        for path in sorted(root.rglob("*.py"))
        if path.name != "kernels.py" and "numba" in path.read_text(encoding="utf-8").replace("home/numba", "")
    ]
    assert strays == []


def test_every_constant_that_is_compiled_stands_beside_the_kernels():
    """Without a home Numba keeps kernels by the date of their own module: a constant from another would grow stale."""
    tree = ast.parse(Path(kernels.__file__).read_text(encoding="utf-8"))
    own = {name.id for node in tree.body for name in ast.walk(node) if isinstance(name, ast.Name)}
    foreign = {
        each.asname or each.name for node in tree.body if isinstance(node, ast.ImportFrom) for each in node.names
    }
    numbers = {name for name, value in vars(kernels).items() if isinstance(value, int | float)}
    assert {"LARGEST_MONEYNESS", "BLOCK"} <= numbers & own
    assert not numbers & foreign


def test_a_changed_kernel_never_meets_the_cache_of_the_old_one(tmp_path):
    """The cache is keyed by the source: another source, another folder."""
    from flows import environment

    kernel = tmp_path / "kernels.py"
    kernel.write_text("one", encoding="utf-8")
    first = environment.kernel_cache(tmp_path, kernel)
    assert environment.kernel_cache(tmp_path, kernel) == first
    kernel.write_text("two", encoding="utf-8")
    second = environment.kernel_cache(tmp_path, kernel)
    assert second != first
    assert first.parent == second.parent == tmp_path


def test_a_library_that_cannot_be_written_to_is_compiled_by_each_process():
    """Read-only package, no home: Numba then knows no place to keep compiled code, and says so at import."""
    program = """
        from numba.core import caching

        def refuse(self):
            raise OSError("read-only")

        caching._CacheLocator.ensure_cache_path = refuse
        import numpy as np
        from tasks.model import kernels
        print(kernels.all_finite(np.array([1.0, np.nan])), kernels.all_finite(np.ones(2)))
        """
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["False", "True"], done.stderr


def test_an_edit_is_seen_by_a_new_process(tmp_path):
    """As Numba caches today: the same folder of compiled code, a module edited between two processes."""
    module = tmp_path / "shape.py"
    program = "import shape; print(shape.area(2.0))"
    text = """
        from numba import njit

        @njit(cache=True)
        def side(x):
            return x + {extra}

        @njit(cache=True)
        def area(x):
            return side(x) * side(x)
        """

    def run(extra):
        module.write_text(textwrap.dedent(text.format(extra=extra)), encoding="utf-8")
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, cwd=tmp_path
        )
        return float(done.stdout)

    assert run(0.0) == 4.0
    assert run(1.0) == 9.0
