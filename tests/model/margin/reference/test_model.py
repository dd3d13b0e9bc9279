"""Reference models on small books worked by hand: every part, the composition, the shipped sets, and wrong files."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
import QuantLib

from tasks import reference_models
from tasks.model.arrays import COIN_OPTION, INVERSE_FORWARD, LINEAR_FORWARD, QUOTE_OPTION
from tasks.model.errors import ModelInputError, PolicyError
from tasks.model.margin.brackets import SizeRate
from tasks.model.margin.portfolio import Book
from tasks.model.margin.reference.model import less_option_value, parse, reference_margin
from tasks.model.margin.reference.parts import (
    ForwardPart,
    GridPart,
    GrossPart,
    Group,
    LargeDeltaPart,
    MinimumDeltaPart,
    RollPart,
    ShortOptionMinimumPart,
    ShortOptionPart,
    SpreadPart,
    forward_charge,
    grid_charge,
    gross_charge,
    large_delta_charge,
    minimum_delta_charge,
    roll_charge,
    short_option_charge,
    short_option_minimum_charge,
    spread_charge,
)
from tasks.model.margin.reference.standard_option import ShortOptionRates
from tasks.model.pricing.revaluation import sensitivities
from tasks.model.risk.grid import BasisShock, Point, ScenarioGrid, VolShock
from tasks.model.risk.spread import TierSpread

CALM = VolShock(0.0, 0.0)
OPTION = {"strike": 110.0, "is_call": True, "years_to_expiry": 0.25, "volatility": 0.8}


def black(strike, is_call, forward=100.0, sigma=0.8, years=0.25):
    side = QuantLib.Option.Call if is_call else QuantLib.Option.Put
    return QuantLib.blackFormula(side, strike, forward, sigma * math.sqrt(years))


@pytest.fixture
def group(make_contracts):
    """Rows of entries (row, terms, quantity) in one underlying at 100."""

    def build(*entries, rows=1):
        contracts = make_contracts(*(terms for _, terms, _ in entries))
        return Group(
            "BTC",
            contracts,
            rows,
            np.array([row for row, _, _ in entries]),
            np.arange(len(entries)),
            np.array([float(quantity) for _, _, quantity in entries]),
            sensitivities(contracts).delta,
        )

    return build


@pytest.fixture
def book(make_contracts):
    """A book of portfolios P0, P1 … from (portfolio, terms, quantity), sorted by portfolio and underlying."""

    def build(n, *entries):
        contracts = make_contracts(*(terms for _, terms, _ in entries))
        portfolio = np.array([each for each, _, _ in entries])
        rows, starts = np.unique(portfolio * 10 + contracts.underlying, return_index=True)
        names = [f"P{index}" for index in range(n)]
        frame = pl.DataFrame(
            {
                "clearing_member_id": names,
                "margin_account_id": names,
                "client_id": [""] * n,
                "account_type": ["HOUSE"] * n,
                "portfolio": range(n),
            }
        )
        return Book(
            portfolios=frame,
            positions=frame.clear(),
            contracts=contracts,
            row_portfolio=rows // 10,
            row_underlying=rows % 10,
            pointer=np.append(starts, len(entries)),
            contract_index=np.arange(len(entries)),
            quantity=np.array([float(quantity) for _, _, quantity in entries]),
            mark_uncertainty=np.zeros(len(entries)),
            has_smile=np.zeros(len(contracts.slices.days), dtype=np.bool_),
        )

    return build


def future(**terms):
    return {"form": LINEAR_FORWARD} | terms


def test_the_worst_point_counts_once_and_nothing_where_all_gain(group):
    grid = ScenarioGrid((Point("DOWN", share=-1.0), Point("UP", share=1.0)), 0.2, CALM)
    found = grid_charge(
        group((0, future(), 3), (1, future(), -2), (2, {"form": QUOTE_OPTION} | OPTION, 0), rows=3), GridPart(grid)
    )
    assert found.amount == pytest.approx([60.0, 40.0, 0.0])
    assert found.cause.tolist()[:2] == ["DOWN", "UP"]


def test_gains_paid_in_quote_offset_losses_paid_in_coin_at_a_fraction(group):
    grid = ScenarioGrid((Point("DOWN", share=-1.0),), 0.2, CALM, in_settlement_asset=True)
    held = group((0, {"form": INVERSE_FORWARD, "multiplier": 100.0}, 1), (0, future(), -1))
    # The coin contract loses 100 (1/0.8 - 1) = 25 at today's price; the linear one gains 20 of which 12 count, of 10 7.
    assert grid_charge(held, GridPart(grid)).amount == pytest.approx([5.0])
    assert grid_charge(held, GridPart(grid, 0.6)).amount == pytest.approx([25.0 - 12.0])
    assert grid_charge(held, GridPart(grid, 0.7, 10.0)).amount == pytest.approx([25.0 - 7.0])


def test_a_far_move_is_toned_down_by_how_far_it_is(group):
    grid = ScenarioGrid((Point("FAR", move=-0.6, damped=True),), 0.2, CALM, in_settlement_asset=True)
    part = GridPart(grid, toned_down_usd=2.0)
    # Damped to one range; 0.6 is two ranges beyond it: 2 x 2 USD, in coin at the price of one range.
    assert grid_charge(group((0, future(), 1)), part).amount == pytest.approx([20.0 - 4.0])
    coin = group((0, {"form": INVERSE_FORWARD, "multiplier": 100.0}, 1))
    assert grid_charge(coin, part).amount == pytest.approx([25.0 - 4.0 / 0.8])


def test_every_expiry_rolls_by_the_size_of_its_delta(group):
    held = group(
        (0, future(), 5),
        (0, future(years_to_expiry=0.5), -3),
        (0, future(years_to_expiry=0.5), 1),
        (1, future(), -1),
        rows=2,
    )
    found = roll_charge(held, RollPart(BasisShock(0.10, 0.01)))
    assert found.amount == pytest.approx([5.0 + 200 * math.expm1(0.05), 1.0])


def test_spreads_between_expiries_and_what_is_about_to_be_delivered(group):
    near, far = future(years_to_expiry=10 / 365), future(years_to_expiry=0.5)
    part = SpreadPart((90.0,), (TierSpread(0, 1, 0.02),), delivery_within_days=10.5, delivery_rate=0.03)
    found = spread_charge(group((0, near, 4), (0, far, -3), (1, future(), 2), (1, far, 1), rows=2), part)
    # Three spreads at 2; four units delivered at 3. A perpetual is near but never delivered, and longs make no spread.
    assert found.amount == pytest.approx([6.0 + 12.0, 0.0])


def test_least_charges_on_delta_and_on_options(group):
    put, call = {"form": QUOTE_OPTION} | OPTION | {"is_call": False}, {"form": QUOTE_OPTION} | OPTION
    held = group((0, future(), 3), (0, future(), -1))
    assert minimum_delta_charge(held, MinimumDeltaPart(0.02, 0.01)).amount == pytest.approx([4.0 + 1.0])
    options = group((0, put, -2), (0, call, -3), (0, call | {"strike": 120.0}, 4), (0, future(), -9))
    least = ShortOptionMinimumPart(0.05, 0.5, "MAX")
    assert short_option_minimum_charge(options, least).amount == pytest.approx([15.0 + 4.5])
    assert short_option_minimum_charge(options, ShortOptionMinimumPart(0.05, 0.0, "SUM")).amount == pytest.approx(
        [25.0]
    )


def test_short_options_one_by_one_and_long_ones_for_nothing(group):
    rates = ShortOptionRates(0.15, 0.10, 0.075, 0.075, 0.075, 1.0)
    call = {"form": COIN_OPTION} | OPTION
    held = group((0, call, -2), (0, call | {"strike": 90.0}, 7), (1, future(), -4), rows=2)
    # Out of the money by 10: the least, 10 % of 100, and the mark.
    assert short_option_charge(held, ShortOptionPart(rates)).amount == pytest.approx(
        [2 * (10.0 + black(110.0, True)), 0.0]
    )


def test_futures_by_net_size_and_by_gross_size(group):
    held = group((0, future(), 30), (0, future(), -10), (0, {"form": QUOTE_OPTION} | OPTION, 5))
    rate = SizeRate(0.02, 0.01, 0.0, 1.0, 0.001, whole_steps=False)
    assert forward_charge(held, ForwardPart(rate)).amount == pytest.approx([2000 * (0.02 + 0.02)])
    assert gross_charge(held, GrossPart(0.006)).amount == pytest.approx([24.0])


def test_a_large_delta_costs_a_rate_that_grows_and_ends(group):
    part = LargeDeltaPart(0.001, 1000.0, 0.03)
    held = group((0, future(), 10), (1, future(), -30), (2, future(), 100), rows=3)
    assert large_delta_charge(held, part).amount == pytest.approx([0.0, 3000 * 0.02, 10_000 * 0.03])


def span(credit=0.0):
    points = [{"id": "1", "vol": 1.0}, {"id": "2", "vol": -1.0}]
    points += [{"id": f"{s:+g}", "share": s, "vol": v} for s in (1.0, -1.0) for v in (1.0, -1.0)]
    scan = {"range_fraction": {"default": 0.25, "BTC": 0.125}, "vol": {"up": 0.25, "down": 0.25}, "points": points}
    legs = [{"underlying": "BTC", "ratio": 1.0, "side": 1}, {"underlying": "ETH", "ratio": 2.0, "side": -1}]
    return {
        "composition": {
            "alternatives": ["scan"],
            "additions": ["spreads"],
            "floor": ["least"],
            "factor": 1.0,
            "net_option_value": True,
        },
        "delta": {"grid": "scan", "shares": [0.0], "weights": [1.0]},
        "parts": {
            "scan": {"kind": "grid", "grid": scan},
            "spreads": {
                "kind": "spread",
                "tier_ends_days": [90.0],
                "spreads": [{"tier": 0, "other": 1, "rate": 0.03125}],
            },
            "least": {"kind": "short_option_minimum", "rate": 0.5, "per_contract_usd": 0.0, "sides": "SUM"},
        },
        "credits": [{"legs": legs, "credit": credit}] if credit else [],
    }


def margins(content, book, name="SPAN"):
    frame = reference_margin(book, parse(content, name, date(2026, 1, 1)))
    assert frame["margin_account_id"].to_list() == book.portfolios["margin_account_id"].to_list()
    return frame


def test_scan_and_spreads_add_up_and_a_portfolio_without_positions_costs_nothing(book):
    held = book(3, (0, future(), 4), (0, future(years_to_expiry=0.5), -3), (2, future(underlying="ETH"), -1))
    frame = margins(span(), held)
    assert frame["margin_usd"].to_list() == [Decimal("21.88"), Decimal("0.00"), Decimal("25.00")]
    assert frame["worst_scenario_id"].to_list() == ["-1", "", "+1"]
    parts = {each["part"]: each["amount_usd"] for each in frame["parts"][0]}
    assert parts == pytest.approx({"scan": 12.5, "spreads": 9.375, "least": 0.0})


def test_opposite_deltas_of_two_underlyings_save_their_share_of_price_risk(book):
    held = book(1, (0, future(), 1), (0, future(underlying="ETH"), -4))
    # One spread takes 1 BTC of price risk 12.5 and 2 of the 4 ETH of price risk 25, half of each.
    frame = margins(span(0.5), held)
    assert frame["margin_usd"].to_list() == [Decimal("81.25")]
    assert {each["part"]: each["amount_usd"] for each in frame["parts"][0]}["credit"] == pytest.approx(6.25 + 25.0)
    assert margins(span(), held)["margin_usd"].to_list() == [Decimal("112.50")]
    alone = book(1, (0, future(), 1))
    assert margins(span(0.5), alone)["margin_usd"].to_list() == [Decimal("12.50")]


def test_options_owed_come_on_top_and_options_held_pay_for_risk(book):
    far = {"form": QUOTE_OPTION, "strike": 300.0, "is_call": True, "years_to_expiry": 0.02, "volatility": 0.3}
    frame = margins(span(), book(1, (0, far, -2)))
    assert frame["margin_usd"].to_list() == [Decimal("100.00")]  # the least: half of the price of each unit short
    deep = {"form": QUOTE_OPTION, "strike": 1.0, "is_call": True, "years_to_expiry": 0.02, "volatility": 0.3}
    frame = margins(span(), book(1, (0, deep, 1), (0, future(), 2)))
    assert frame["net_option_value_usd"].to_list() == pytest.approx([99.0])
    assert frame["margin_usd"].to_list() == [Decimal("0.00")]
    content = span()
    content["composition"]["net_option_value"] = False
    assert margins(content, book(1, (0, deep, 1), (0, future(), 2)))["margin_usd"].to_list() == [Decimal("37.50")]


def test_what_is_to_be_covered_is_never_below_zero():
    assert less_option_value(np.array([5.0, 5.0]), np.array([-2.0, 9.0])).tolist() == [7.0, 0.0]


def test_who_else_is_in_the_book_leaves_no_trace_in_a_margin(book):
    legs = [
        (0, future(), 1.1),
        (0, {"form": COIN_OPTION} | OPTION, -0.7),
        (1, future(), 0.3),
        (1, future(underlying="ETH"), 9.7),
    ]
    whole = reference_margin(book(2, *legs), parse(span(0.5), "SPAN", date(2026, 1, 1)))
    alone = reference_margin(book(1, *legs[:2]), parse(span(0.5), "SPAN", date(2026, 1, 1)))
    assert whole["parts"][0].to_list() == alone["parts"][0].to_list()


def test_every_shipped_set_margins_a_mixed_book(book):
    option = {"form": COIN_OPTION} | OPTION
    names = set()
    held = book(2, (0, future(), 1), (0, option, -1), (1, future(underlying="SOL"), -5))
    for model in reference_models.in_force(date(2026, 2, 1)):
        frame = reference_margin(held, model)
        assert (frame["margin_usd"] > 0).all(), model.name
        names.add(model.name)
    assert {"SPAN", "TIMS", "DERIBIT_PM", "DERIBIT_SM", "PARADEX"} <= names


def test_the_set_of_a_day_is_the_latest_one_begun():
    dates = {
        day: {model.name: model.effective_date for model in reference_models.in_force(day)}
        for day in (date(2024, 5, 31), date(2025, 12, 31), date(2026, 1, 1))
    }
    assert "DERIBIT_PM" not in dates[date(2024, 5, 31)]
    assert dates[date(2025, 12, 31)]["DERIBIT_PM"] == date(2024, 6, 1)
    assert dates[date(2026, 1, 1)]["DERIBIT_PM"] == date(2026, 1, 1)


def test_ethereum_has_its_own_figures_from_2026():
    model = reference_models.load("deribit_pm", date(2026, 1, 1))
    assert model.grid("scan", "ETH").range_fraction == 0.18
    assert model.grid("scan", "BTC").range_fraction == model.grid("scan", "DOGE").range_fraction == 0.16
    assert model.grid("scan", "ETH").vol.up == 0.40


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda content: content["composition"]["additions"].append("nothing"), "nothing"),
        (lambda content: content["composition"]["floor"].clear(), "least"),
        (lambda content: content["parts"]["scan"].update(kind="magic"), "scan"),
        (lambda content: content["parts"]["scan"]["grid"].pop("vol"), "parts.scan.grid.vol"),
        (lambda content: content["parts"]["scan"]["grid"]["points"][0].update(shar=1.0), "shar"),
        (lambda content: content["parts"]["least"].update(rate=-1.0), "parts.least.rate"),
        (lambda content: content["composition"].update(factor="1"), "composition.factor"),
        (lambda content: content.pop("composition"), "composition"),
    ],
)
def test_a_wrong_file_is_refused_by_name(change, named):
    content = span()
    change(content)
    with pytest.raises(PolicyError, match=named):
        parse(content, "SPAN", date(2026, 1, 1))


def test_a_missing_number_of_the_book_is_refused(book):
    with pytest.raises(ModelInputError):
        reference_margin(book(1, (0, future(), np.nan)), parse(span(), "SPAN", date(2026, 1, 1)))
