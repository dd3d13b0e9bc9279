"""Price at which the collateral behind one position falls to its maintenance margin, in closed form.

One equation per payoff; what venues call cross, isolated and tiered liquidation prices are its inputs. With maintenance
margin `rate x notional - deduction` and signed size q:

    linear    W + q (P - E) = rate |q| P - deduction     P = (W + deduction - q E) / (|q| rate - q)
    inverse   W + q (1/E - 1/P) = rate |q| / P           P = (q + |q| rate) / (W + q / E)

NaN where no price above zero solves it: a position that cannot be closed out by its own price. The house
revalues whole accounts (margin.liquidation_price); these are the prices venues print, to hold it against.
Reference: Binance, Kraken, Hyperliquid, docs of their liquidation prices.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tasks.model.arrays import Floats, require_finite
from tasks.model.margin.brackets import Brackets


class OtherPositions(NamedTuple):
    """Positions that share the collateral, k of them, held at their marks."""

    quantity: Floats  # (k,) underlying units, long > 0
    entry: Floats  # (k,) quote
    mark: Floats  # (k,) quote
    rate: Floats  # (k,) maintenance, fraction of notional
    deduction: Floats  # (k,) quote

    def free_collateral(self, wallet: float) -> float:
        """Quote left for one more position: the wallet, plus gains of these, less their maintenance margin.

        Raises ModelInputError NON_FINITE.
        """
        for name, values in self._asdict().items():
            require_finite(f"other position's {name}", values)
        gain = self.quantity * (self.mark - self.entry)
        maintenance = np.abs(self.quantity) * self.mark * self.rate - self.deduction
        return wallet + float(np.add.reduce(gain - maintenance))


def linear_liquidation_price(
    collateral: Floats, quantity: Floats, entry: Floats, rate: Floats, deduction: Floats
) -> Floats:
    """Quote per unit; arguments broadcast. NaN where no price above zero is one.

    collateral: quote, what stands behind the position when it is valued at `entry`; quantity: underlying units, long
    > 0; rate: maintenance, fraction of notional, with closing fees where they count; deduction: quote, of the tier; a
    maintenance margin fixed in quote enters as rate 0 and a deduction below 0. Raises ModelInputError NON_FINITE.
    """
    q = require_finite("quantity", np.asarray(quantity, dtype=np.float64))
    owed = require_finite("collateral", np.asarray(collateral + deduction - q * entry, dtype=np.float64))
    return _above_zero(owed, np.asarray(np.abs(q) * rate - q))


def tiered_liquidation_price(collateral: float, quantity: float, entry: float, brackets: Brackets) -> float:
    """Quote per unit where the tier of the notional at that very price applies, not the tier of today.

    Arguments as `linear_liquidation_price`. Rates rise, so maintenance margin is the largest of the tiers' lines and
    the account is closed out by the first of them that its equity meets: a long by the highest price, a short by the
    lowest.
    """
    prices = linear_liquidation_price(
        np.array(collateral), np.array(quantity), np.array(entry), np.array(brackets.mm_rates), brackets.mm.deductions
    )
    known = prices[np.isfinite(prices)]
    if not len(known):
        return float("nan")
    return float(known.max() if quantity > 0.0 else known.min())


def inverse_liquidation_price(collateral_coin: Floats, quantity: Floats, entry: Floats, rate: Floats) -> Floats:
    """Quote per coin of a contract worth quantity / price coins; arguments broadcast. NaN where there is none.

    collateral_coin: coins behind the position at `entry`; quantity: USD, long > 0; rate: maintenance, fraction of the
    present value in coin; 0 gives the price at which the collateral is used up. Raises ModelInputError NON_FINITE.
    """
    q = require_finite("quantity", np.asarray(quantity, dtype=np.float64))
    coins = require_finite("collateral", np.asarray(collateral_coin + q / entry, dtype=np.float64))
    return _above_zero(np.asarray(q + np.abs(q) * rate), coins)


def _above_zero(numerator: Floats, denominator: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        price = numerator / denominator
    return np.asarray(np.where(np.isfinite(price) & (price > 0.0), price, np.nan))
