"""Scenario P&L of contracts and of portfolios."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import QuantLib

from tasks.model.arrays import COIN_OPTION, INVERSE_FORWARD, LINEAR_FORWARD, QUOTE_OPTION, ScenarioSet, TenorMoves
from tasks.model.errors import ModelInputError
from tasks.model.policy import ByName
from tasks.model.pricing.revaluation import Revaluation
from tasks.model.risk.profit import Positions, portfolio_pnl, unit_pnl
from tasks.model.risk.states import vol_moves

RETURNS = np.array([[-0.5, -0.1, 0.0, 0.2], [-0.3, 0.1, 0.0, 0.4]])  # BTC, ETH
SCORES = np.array([1.0, -2.0, 0.5, 0.0])


@pytest.fixture
def scenario_set():
    n = RETURNS.shape[1]
    return ScenarioSet(
        "FILTERED",
        tuple(f"F-{i}" for i in range(n)),
        ("BTC", "ETH"),
        np.arange(n).astype("M8[D]"),
        np.array([2, 2]),
        RETURNS,
        np.ones((2, n)),
        np.zeros((2, n), dtype=bool),
        SCORES,
        0,
        TenorMoves.none(2, n),
        TenorMoves.none(2, n),
    )


def slow_move(policy, name, days, r, score):
    proxy = policy.vol_proxy
    level = proxy.beta_down[name] * min(r, 0.0) + proxy.beta_up[name] * max(r, 0.0) + proxy.noise * score
    return max(-1.2, min(1.2, (30.0 / max(days, 2.0)) ** 0.62 * level))


@pytest.mark.parametrize("days", [0.5, 2.0, 30.0, 200.0])
@pytest.mark.parametrize("name", ["BTC", "ETH"])
def test_vol_moves_follow_the_formula_by_tenor_and_underlying(make_contracts, scenario_set, opening_policy, days, name):
    policy = replace(opening_policy, vol_proxy=replace(opening_policy.vol_proxy, beta_up=ByName({"default": 0.3})))
    option = {"form": QUOTE_OPTION, "strike": 100.0, "years_to_expiry": days / 365, "volatility": 0.5}
    contracts = make_contracts({**option, "underlying": "BTC"}, {**option, "underlying": "ETH"})
    row = contracts.underlyings.index(name)
    found = vol_moves(contracts, RETURNS, scenario_set, policy)[row]
    expected = [slow_move(policy, name, days, r, e) for r, e in zip(RETURNS[row], SCORES, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_a_move_never_passes_its_largest(make_contracts, scenario_set, opening_policy):
    contracts = make_contracts({"form": QUOTE_OPTION, "strike": 100.0, "years_to_expiry": 0.001, "volatility": 0.5})
    moves = vol_moves(contracts, RETURNS[:1], scenario_set, opening_policy)
    assert moves[0, 0] == opening_policy.vol_proxy.largest_move


def test_unit_pnl_of_a_future_and_an_option_by_hand(make_contracts, scenario_set, opening_policy):
    contracts = make_contracts(
        {"form": LINEAR_FORWARD, "underlying": "ETH", "multiplier": 2.0},
        {"form": INVERSE_FORWARD, "underlying": "ETH", "multiplier": 10.0},
        {"form": COIN_OPTION, "underlying": "ETH", "strike": 90.0, "years_to_expiry": 60 / 365, "volatility": 0.6},
    )
    found = unit_pnl(contracts, scenario_set, opening_policy)
    for column, (r, score) in enumerate(zip(RETURNS[1], SCORES, strict=True)):
        s = math.exp(r)
        sigma = 0.6 * math.exp(slow_move(opening_policy, "ETH", 60.0, r, score))
        values = [
            QuantLib.blackFormula(QuantLib.Option.Put, 90.0, 100.0 * factor, vol * math.sqrt(60 / 365))
            for factor, vol in ((s, sigma), (1.0, 0.6))
        ]
        expected = [200.0 * (s - 1), 10.0 * (s - 1), values[0] - values[1]]
        np.testing.assert_allclose(found[:, column], expected, rtol=1e-10, atol=1e-10)


def test_an_underlying_the_set_does_not_know_raises(make_contracts, scenario_set, opening_policy):
    with pytest.raises(ModelInputError, match=r"UNKNOWN_UNDERLYING.*SOL"):
        unit_pnl(make_contracts({"form": LINEAR_FORWARD, "underlying": "SOL"}), scenario_set, opening_policy)


OPTION = {"form": COIN_OPTION, "underlying": "ETH", "strike": 90.0, "years_to_expiry": 60 / 365, "volatility": 0.6}
BOTH = np.array([0, 2]), np.array([0, 1]), np.array([1.0, -3.0])


def test_positions_revalued_at_once_are_those_of_the_unit_pnl(make_contracts, scenario_set, opening_policy):
    contracts = make_contracts({"form": LINEAR_FORWARD, "underlying": "ETH", "multiplier": 2.0}, OPTION)
    found = Positions(*BOTH, 2).revalued(Revaluation(contracts), scenario_set, opening_policy)
    unit = unit_pnl(contracts, scenario_set, opening_policy)
    np.testing.assert_allclose(found[0, :4], unit[0] - 3.0 * unit[1], rtol=1e-13)
    np.testing.assert_allclose(found[0, 4:], 0.0, atol=1e-14)


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("NON_FINITE", {"spot_return": np.where(RETURNS == 0.2, math.nan, RETURNS)}),
        ("NON_FINITE", {"spot_return": 5_000.0 * RETURNS}),
        ("NON_FINITE", {"vol_score": np.array([1.0, math.inf, 0.0, 0.0])}),
        ("SHAPE", {"vol_observed": TenorMoves(np.array([30.0]), np.zeros((2, 1, 4)))}),
        ("SHAPE", {"basis_observed": TenorMoves(np.array([30.0]), np.zeros((2, 1, 4)))}),
    ],
)
def test_what_no_sum_may_be_made_of_is_refused(make_contracts, scenario_set, opening_policy, code, change):
    book = Revaluation(make_contracts({"form": LINEAR_FORWARD, "underlying": "BTC"}, OPTION))
    with pytest.raises(ModelInputError, match=code):
        Positions(*BOTH, 2).revalued(book, replace(scenario_set, **change), opening_policy)


def test_a_price_beyond_all_numbers_names_its_contract(make_contracts, scenario_set, opening_policy):
    contracts = make_contracts({"form": LINEAR_FORWARD, "underlying": "ETH", "multiplier": 1e308}, OPTION)
    with pytest.raises(ModelInputError, match=f"NON_FINITE.*{contracts.ids[0]}"):
        Positions(*BOTH, 2).revalued(Revaluation(contracts), scenario_set, opening_policy)


def random_book(seed=4, portfolios=60, contracts=40, scenarios=25):
    generator = np.random.default_rng(seed)
    sizes = generator.integers(0, 12, portfolios)
    pointer = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    index = np.concatenate([generator.choice(contracts, size, replace=False) for size in sizes]).astype(np.int64)
    return pointer, index, generator.normal(size=len(index)), generator.normal(size=(contracts, scenarios))


def test_portfolio_pnl_is_the_sum_over_its_positions():
    pointer, index, quantity, table = random_book()
    found = portfolio_pnl(pointer, index, quantity, table)
    for portfolio in range(len(pointer) - 1):
        held = range(pointer[portfolio], pointer[portfolio + 1])
        expected = [math.fsum(quantity[at] * table[index[at], column] for at in held) for column in range(25)]
        np.testing.assert_allclose(found[portfolio], expected, rtol=1e-12, atol=1e-13)
    empty = int(np.argmax(np.diff(pointer) == 0))
    assert (found[empty] == 0.0).all()


def test_rows_sorted_again_after_a_shuffle_give_the_same_bits():
    pointer, index, quantity, table = random_book()
    owner = np.repeat(np.arange(len(pointer) - 1), np.diff(pointer))

    def by_key(order):
        rows = order[np.lexsort((index[order], owner[order]))]
        return portfolio_pnl(pointer, index[rows], quantity[rows], table)

    plain = by_key(np.arange(len(index)))
    for seed in range(5):
        assert by_key(np.random.default_rng(seed).permutation(len(index))).tobytes() == plain.tobytes()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_missing_number_never_drops_out_of_a_sum(bad):
    pointer, index, quantity, table = random_book()
    with pytest.raises(ModelInputError, match="quantity"):
        portfolio_pnl(pointer, index, np.where(np.arange(len(quantity)) == 3, bad, quantity), table)
    table[7, 3] = bad
    with pytest.raises(ModelInputError, match="unit P&L"):
        portfolio_pnl(pointer, index, quantity, table)


def test_positions_must_fit_portfolios_and_contracts():
    pointer, index, quantity, table = random_book()
    for broken in (
        (pointer[:-1], index, quantity),
        (pointer, index + 1000, quantity),
        (pointer, index - 1000, quantity),
        (pointer[::-1].copy(), index, quantity),
        (pointer, index[:-1], quantity),
    ):
        with pytest.raises(ModelInputError, match="SHAPE"):
            portfolio_pnl(*broken, table)
