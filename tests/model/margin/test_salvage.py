"""An account the model fails for is margined at its whole notional, and nobody else notices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import polars as pl
import pytest

from tasks.model.errors import ModelInputError
from tasks.model.margin import salvage
from tasks.model.margin.initial_margin import MarginInputs, initial_margin
from tasks.model.policy import Policy

AS_OF = datetime(2026, 1, 30, 8)
GOOD = [("M001", "M001H", "", "BTC-PERP.LIN.USDC", "3000"), ("M001", "M001H", "", "ETH-PERP.LIN.USDC", "-90")]
BROKEN = [("M001", "M001N", "", "BTC-PERP.INV", "-20"), ("M001", "M001N", "", "BTC-20260327-90000-C.INV", "2")]


def without_mark(found: MarginInputs) -> MarginInputs:
    """The second account's positions have lost their marks."""
    mark = pl.when(pl.col("margin_account_id") != "M001N").then(pl.col("settlement_price"))
    return replace(found, positions=found.positions.with_columns(settlement_price=mark))


@pytest.fixture(scope="module")
def inputs_of_two(inputs: Callable[..., MarginInputs]) -> MarginInputs:
    return inputs([*GOOD, *BROKEN])


def test_one_account_is_scanned_gross_and_the_others_are_margined_as_ever(
    inputs_of_two: MarginInputs, policy: Policy
) -> None:
    whole = initial_margin(inputs_of_two, AS_OF, policy)
    saved = salvage.margin(without_mark(inputs_of_two), AS_OF, policy)
    assert [(key, finding.code) for key, finding in saved.failed.items()] == [(("M001", "M001N"), "PRICE_MISSING")]
    others = pl.col("margin_account_id") != "M001N"
    for name in ("requirement", "portfolio"):
        kept = getattr(saved.result, name).filter(others).sort(pl.all())
        assert kept.equals(getattr(whole, name).filter(others).sort(pl.all()))
    # 20 contracts of 10 USD, and 2 options on a bitcoin at 90,000; the long option's value is no credit.
    own = saved.result.portfolio.filter(~others).row(0, named=True)
    assert own["total_initial_margin_usd"] == Decimal("180200.00")
    asked = whole.portfolio.filter(~others)["total_initial_margin_usd"].sum()
    assert own["total_initial_margin_usd"] > asked
    lines = saved.result.requirement.filter(~others)
    assert lines["amount_usd"].sum() == own["initial_margin_usd"]
    assert lines.filter(pl.col("amount_usd") > 0)["binding_component"].to_list() == ["GROSS_SCAN"]


def test_what_a_person_has_added_stands_where_the_model_fails(inputs_of_two: MarginInputs, policy: Policy) -> None:
    added = {
        "override_id": "OV-1",
        "clearing_member_id": "M001",
        "margin_account_id": "M001N",
        "client_id": "",
        "amount_usd": Decimal("500000.00"),
        "reason": "fraud inquiry",
        "requested_by": "ada",
        "approved_by": "grace",
        "first_date": inputs_of_two.business_date,
        "last_date": inputs_of_two.business_date,
        "review_date": inputs_of_two.business_date,
        "withdrawn_date": None,
    }
    overrides = pl.DataFrame([added], schema=inputs_of_two.overrides.schema)
    saved = salvage.margin(replace(without_mark(inputs_of_two), overrides=overrides), AS_OF, policy)
    own = saved.result.portfolio.filter(pl.col("margin_account_id") == "M001N").row(0, named=True)
    assert own["total_initial_margin_usd"] == Decimal("680200.00")  # 180,200 of positions
    assert own["initial_margin_without_override_usd"] == Decimal("180200.00")
    lines = saved.result.requirement.filter(pl.col("margin_account_id") == "M001N", pl.col("amount_usd") > 0)
    assert lines["component"].to_list() == ["BASE_MARGIN", "OVERRIDE"]


def test_what_fails_for_everybody_is_not_salvaged(inputs_of_two: MarginInputs, policy: Policy) -> None:
    listed = pl.DataFrame({"underlying": ["BTC", "ETH"], "held": [True, True]})
    short = replace(inputs_of_two, history=inputs_of_two.history.clear(), listed=listed)
    with pytest.raises(ModelInputError):
        salvage.margin(short, AS_OF, policy)


def test_without_a_size_there_is_no_scan(inputs_of_two: MarginInputs, policy: Policy) -> None:
    lost = without_mark(inputs_of_two)
    index = pl.when(pl.col("margin_account_id") != "M001N").then(pl.col("index_price"))
    with pytest.raises(ModelInputError, match="PRICE_MISSING"):
        salvage.margin(replace(lost, positions=lost.positions.with_columns(index_price=index)), AS_OF, policy)
