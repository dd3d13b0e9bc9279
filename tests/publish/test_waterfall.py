"""The waterfall's steps lead from positions to call without a gap."""

from __future__ import annotations

from decimal import Decimal

from tasks.report_files import Record
from tasks.waterfall import Step, steps, svg

ZERO = "0.00"


def statement(result: dict[str, str], lines: dict[str, str], groups: dict[str, str]) -> dict[str, list[Record]]:
    empty = dict.fromkeys(
        (
            "initial_margin_usd",
            "net_option_value_usd",
            "total_initial_margin_usd",
            "collateral_post_haircut_value_usd",
            "collateral_counted_value_usd",
            "outstanding_calls_usd",
            "margin_call_amount_usd",
        ),
        ZERO,
    )
    return {
        "result": [Record("result", "", "", empty | result)],
        "requirement": [
            Record("requirement", "", name, {"row_type": "LINE", "amount_usd": amount})
            for name, amount in lines.items()
        ],
        "risk": [Record("risk", "", name, {"blended_es_usd": amount}) for name, amount in groups.items()],
    }


def climbed(drawn: list[Step]) -> None:
    """Every total is the sum of the steps above it."""
    level = Decimal(0)
    for step in drawn:
        if step.kind == "total":
            assert step.amount == level, step.label
        elif step.kind != "call":
            level += step.amount


def test_every_total_is_the_sum_of_the_steps_above() -> None:
    drawn = steps(
        statement(
            {
                "initial_margin_usd": "110.00",
                "net_option_value_usd": "30.00",
                "total_initial_margin_usd": "80.00",
                "collateral_post_haircut_value_usd": "35.50",
                "collateral_counted_value_usd": "25.50",
                "outstanding_calls_usd": "4.50",
                "margin_call_amount_usd": "50.00",
            },
            {"BASE_MARGIN": "100.00", "FLOOR_TOP_UP": "10.00"},
            {"BTC": "90.00", "ETH": "60.00", "ALL": "100.00"},
        )
    )
    climbed(drawn)
    assert [(step.label, str(step.amount)) for step in drawn] == [
        ("BTC positions", "90.00"),
        ("ETH positions", "60.00"),
        ("Offsets between groups", "-50.00"),
        ("Floor top-up", "10.00"),
        ("Initial margin", "110.00"),
        ("Net option value", "-30.00"),
        ("Must be covered", "80.00"),
        ("Collateral after haircut", "-35.50"),
        ("Beyond concentration caps", "10.00"),
        ("Outstanding calls", "-4.50"),
        ("Deficit", "50.00"),
        ("Margin call", "50.00"),
    ]


def test_option_value_that_a_portfolio_cannot_use_is_shown() -> None:
    drawn = steps(
        statement(
            {
                "initial_margin_usd": "10.00",
                "net_option_value_usd": "30.00",
                "total_initial_margin_usd": "0.00",
                "collateral_post_haircut_value_usd": "5.00",
                "collateral_counted_value_usd": "5.00",
            },
            {"BASE_MARGIN": "10.00"},
            {"BTC": "9.998", "ALL": "9.998"},
        )
    )
    climbed(drawn)
    assert ("Option value not usable", Decimal("20.00")) in [(step.label, step.amount) for step in drawn]
    assert drawn[0] == Step("BTC positions", Decimal("10.00"), "add"), "cents of rounding up belong to the group"
    assert drawn[-2] == Step("Excess", Decimal("-5.00"), "total")


def test_a_grid_above_expected_shortfall_is_its_own_step() -> None:
    drawn = steps(
        statement(
            {"initial_margin_usd": "100.00", "total_initial_margin_usd": "100.00"},
            {"BASE_MARGIN": "100.00"},
            {"BTC": "60.00"},
        )
    )
    climbed(drawn)
    assert ("Grid of hypothetical moves", Decimal("40.00")) in [(step.label, step.amount) for step in drawn]


def test_bars_stay_inside_the_drawing() -> None:
    import re

    drawing = svg(
        [Step("a", Decimal("5"), "add"), Step("b", Decimal("-50"), "credit"), Step("c", Decimal("-45"), "total")]
    )
    for x, width in re.findall(r'class="bar" x="([0-9.-]+)%" y="\d+" width="([0-9.]+)%"', drawing):
        assert 0 <= float(x) <= float(x) + float(width) <= 100.001
