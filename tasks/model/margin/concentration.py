"""How much of an account's collateral counts as cover: caps per asset, issuer and group (METHODOLOGY 6).

    to cover = total initial margin + what the account owes in other assets (Σ |values below zero|, after haircut)
    counted, over each capped set of assets: Σ ≤ floor_cent(cap · to cover)

Caps act in this order: asset, issuer, group; within a set the assets fill the cap in the order of their names, and
what a cap cuts off one asset stays cut off. What is owed counts whole, whatever its asset. An account without a
requirement has nothing to concentrate: its collateral counts whole. A cap of 1 or more cuts off nothing, for cover
beyond what must be covered is excess. A cap never touches what the account may take back: see call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from tasks.model import money
from tasks.model.policy import CollateralCap

_ZERO = Decimal("0.00")


def counted_values(
    values: Mapping[str, Decimal], required: Decimal, issuers: Mapping[str, str], cap: CollateralCap
) -> dict[str, Decimal]:
    """USD that counts of each asset's value after haircut, of one account; exact, to the cent.

    values: by asset, below zero where the account owes it. required: total initial margin. issuers: by asset, an
    asset that is not listed having none.
    """
    counted = dict(values)
    if required <= 0:
        return counted
    to_cover = required + money.total(-min(value, _ZERO) for value in values.values())
    held = sorted(asset for asset, value in values.items() if value > 0)
    for assets, fraction in _capped_sets(held, issuers, cap):
        room = money.round_down(money.product(money.exact(fraction), to_cover))
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
