"""How much of an account's collateral counts as cover: caps per asset, issuer and group (METHODOLOGY 6).

    to cover = total initial margin + what the account owes in other assets (Σ |values below zero|, after haircut)
    counted, over each capped set of assets: Σ ≤ floor_cent(cap · to cover) + Σ own margin of the set's coins

Caps act in this order: asset, issuer, group; within a set the assets fill the cap in the order of their names, and
what a cap cuts off one asset stays cut off. What is owed counts whole, whatever its asset. An account without a
requirement has nothing to concentrate: its collateral counts whole. A cap of 1 or more cuts off nothing, for cover
beyond what must be covered is excess. A cap never touches what the account may take back: see call.

In joint mode a coin is in the requirement itself. There *to cover* is the requirement of the positions alone, so that
what is posted never moves its own cap, and a coin has room besides for what it adds to the requirement at most (its own
margin, see coin_collateral): it may cover its own risk, and of everybody else's no more than the caps allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from tasks.model import money
from tasks.model.policy import CollateralCap

_ZERO = Decimal("0.00")


class Cover(NamedTuple):
    """Collateral of one account, USD: values after haircut, below zero where owed, and what caps are measured on."""

    values: Mapping[str, Decimal]
    to_cover: Decimal  # not above zero: no cap acts
    own_margin: Mapping[str, Decimal] = MappingProxyType({})


def to_cover(values: Mapping[str, Decimal], required: Decimal) -> Decimal:
    """USD that must be covered: total initial margin and debts; nothing without a requirement."""
    if required <= 0:
        return _ZERO
    return required + money.total(-min(value, _ZERO) for value in values.values())


def counted_values(cover: Cover, issuers: Mapping[str, str], cap: CollateralCap) -> dict[str, Decimal]:
    """USD that counts of each asset's value after haircut, exact, to the cent.

    issuers: by asset, an asset that is not listed having none.
    """
    counted = dict(cover.values)
    if cover.to_cover <= 0:
        return counted
    held = sorted(asset for asset, value in counted.items() if value > 0)
    for assets, fraction in _capped_sets(held, issuers, cap):
        room = money.round_down(money.product(money.exact(fraction), cover.to_cover))
        room += money.total(cover.own_margin.get(asset, _ZERO) for asset in assets)
        for asset in assets:
            counted[asset] = min(counted[asset], room)
            room -= counted[asset]
    return counted


def _capped_sets(held: list[str], issuers: Mapping[str, str], cap: CollateralCap) -> Iterator[tuple[list[str], float]]:
    """Sets of the assets held and their caps, in the order they act; those that never bind are left out."""
    by_issuer = [[asset for asset in held if issuers.get(asset) == issuer] for issuer in sorted(set(issuers.values()))]
    sets = [
        *(([asset], cap.asset_fraction[asset]) for asset in held),
        *((assets, cap.issuer_fraction) for assets in by_issuer),
        ([asset for asset in held if asset in cap.group], cap.group_fraction),
    ]
    return ((assets, fraction) for assets, fraction in sets if fraction < 1.0)
