"""The asset a call is due in, and what a payment in it is worth (METHODOLOGY 7).

A payment is cut by the asset's haircut. A coin that is margined with the positions is cut by its liquidity haircut and
by its own margin besides: paid in, it moves the requirement, by at most that. So who pays what the notice asks is not
called for it again tomorrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from tasks.model import money
from tasks.model.margin.collateral import haircut_in_force
from tasks.model.margin.concentration import Cover, counted_values, to_cover
from tasks.model.policy import Policy

USD = "USD"
_ONE, _ZERO = Decimal(1), Decimal("0.00")


class Payment(NamedTuple):
    """Fractions of a payment that do not cover a call."""

    haircut: Decimal
    own_margin: Decimal = Decimal(0)  # what it may add to the requirement

    @property
    def taken(self) -> Decimal:
        """Fraction that covers nothing; 1 and more: all of it."""
        return self.haircut + self.own_margin


@dataclass(frozen=True)
class Held:
    """Collateral of an account in USD after haircut, its requirement, and that of its positions alone in joint mode."""

    values: dict[str, Decimal]
    own_margin: dict[str, Decimal]
    required: Decimal
    alone: Decimal | None = None

    def cover(self, asset: str, value: Decimal, own_margin: Decimal) -> Cover:
        """Collateral as the caps see it with more of an asset."""
        values = {**self.values, asset: self.values.get(asset, _ZERO) + value}
        if self.alone is None:
            return Cover(values, to_cover(values, self.required))
        own = {**self.own_margin, asset: self.own_margin.get(asset, _ZERO) + own_margin}
        return Cover(values, self.alone, own)


def payment(due: Mapping[str, Any], account: Mapping[str, Any], joint: Mapping[str, Any] | None) -> Payment:
    """What a payment of an asset is cut by. due: asset and its haircut; account: permitted_assets, related_parties.

    joint: the asset's row of result.joint_collateral, None where it is haircut.
    """
    if joint is not None:
        return Payment(joint["liquidity_haircut_fraction"], joint["own_margin_fraction"])
    return Payment(haircut_in_force({**account, **due, "quantity": _ONE})[0])


def due_asset(
    base_ccy: str, paid: Payment, amount: Decimal, held: Held, issuers: Mapping[str, str], policy: Policy
) -> str:
    """Asset a call is due in: the account's base currency where paying in it covers the call, else USD.

    paid: of a payment in base_ccy. amount: USD called. Caps may leave the base currency no room, and what is cut no
    worth: more of it would be asked for again tomorrow.
    """
    if paid.taken >= 1:
        return USD
    market = money.quantity_worth(amount, _ONE - paid.taken, money.CENT)
    own = money.round_up(money.product(market, paid.own_margin))
    covers = (held.cover(base_ccy, _ZERO, _ZERO), held.cover(base_ccy, amount + own, own))
    before, after = (money.total(counted_values(each, issuers, policy.collateral.cap).values()) for each in covers)
    return base_ccy if after - before - own >= amount else USD
