"""Caps on what one kind of collateral may cover: cases by hand and properties."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.margin.concentration import Cover, counted_values, to_cover
from tasks.model.policy import ByName, CollateralCap, Policy

ISSUERS = {"USDC": "CIRCLE", "USDT": "TETHER"}
CAP = CollateralCap(ByName({"default": 1.0, "USDT": 0.25}), 0.5, ("BTC", "ETH"), 0.8)


@pytest.mark.parametrize(
    ("required", "values", "expected"),
    [
        ("100", {"BTC": "90"}, {"BTC": "80"}),
        ("100", {"BTC": "50", "ETH": "50"}, {"BTC": "50", "ETH": "30"}),
        ("100", {"USDT": "60", "USDC": "60"}, {"USDT": "25", "USDC": "50"}),
        ("100", {"USD": "500", "BTC": "80"}, {"USD": "500", "BTC": "80"}),
        ("0", {"BTC": "90", "USDT": "90"}, {"BTC": "90", "USDT": "90"}),
        ("0", {"BTC": "90", "USDC": "-10"}, {"BTC": "90", "USDC": "-10"}),
        # 100 and a debt of 50 must be covered: BTC for at most 120 of it. The debt counts whole.
        ("100", {"BTC": "200", "USDC": "-50"}, {"BTC": "120", "USDC": "-50"}),
        ("100.01", {"USDT": "99"}, {"USDT": "25.00"}),  # 25.0025 down to a cent
        ("100", {}, {}),
    ],
)
def test_caps_by_hand(required: str, values: dict[str, str], expected: dict[str, str]) -> None:
    held = {asset: Decimal(value) for asset, value in values.items()}
    found = counted_values(Cover(held, to_cover(held, Decimal(required))), ISSUERS, CAP)
    assert found == {asset: Decimal(value) for asset, value in expected.items()}


def test_the_opening_policy_holds_the_published_caps(opening: Policy) -> None:
    cap = opening.collateral.cap
    assert (cap.asset_fraction["USDT"], cap.asset_fraction["USD"], cap.issuer_fraction) == (0.25, 1.0, 0.5)
    assert (cap.group, cap.group_fraction) == (("BTC", "ETH"), 0.8)


@pytest.mark.parametrize(
    ("cap", "lowest", "highest"),
    [
        (
            lambda value: replace(CAP, asset_fraction=ByName({"default": value})),
            {"USD": "0", "BTC": "0"},
            {"USD": "70", "BTC": "70"},
        ),
        (lambda value: replace(CAP, issuer_fraction=value), {"USDC": "0", "USD": "70"}, {"USDC": "70", "USD": "70"}),
        (lambda value: replace(CAP, group_fraction=value), {"ETH": "0", "USD": "70"}, {"ETH": "70", "USD": "70"}),
    ],
)
def test_a_cap_at_its_bounds(cap, lowest, highest) -> None:
    held = dict.fromkeys(lowest, Decimal(70))
    for value, expected in ((0.0, lowest), (1.0, highest)):
        found = counted_values(Cover(held, Decimal(100)), ISSUERS, cap(value))
        assert found == {asset: Decimal(amount) for asset, amount in expected.items()}


money = st.decimals(-(10**6), 10**6, places=2)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.dictionaries(st.sampled_from(["BTC", "ETH", "USD", "USDC", "USDT"]), money), st.decimals(0, 10**6, places=2))
def test_nothing_counts_for_more_than_it_is_worth_or_its_cap(values: dict[str, Decimal], required: Decimal) -> None:
    counted = counted_values(Cover(values, to_cover(values, required)), ISSUERS, CAP)
    cover = required - sum(min(value, Decimal(0)) for value in values.values())
    assert counted.keys() == values.keys()
    for asset, value in values.items():
        assert counted[asset] <= value
        assert counted[asset] == value or counted[asset] >= 0
    if required > 0:
        above = {asset: max(value, Decimal(0)) for asset, value in counted.items()}
        assert above.get("BTC", 0) + above.get("ETH", 0) <= Decimal("0.8") * cover
        assert above.get("USDT", 0) <= Decimal("0.25") * cover
        assert above.get("USDC", 0) <= Decimal("0.5") * cover
    else:
        assert counted == values


def test_in_joint_mode_a_coin_has_room_for_its_own_margin() -> None:
    """Positions need 100: 80 of it may be BTC and ETH, and besides what each adds itself, 20 and 5."""
    held = {"BTC": Decimal(90), "ETH": Decimal(90), "USD": Decimal(-40)}
    cover = Cover(held, Decimal(100), {"BTC": Decimal(20), "ETH": Decimal(5)})
    assert counted_values(cover, ISSUERS, CAP) == {"BTC": 90, "ETH": 15, "USD": -40}
