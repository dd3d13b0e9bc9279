"""What one contract is worth in the asset it settles in. Inverse is decided here and nowhere else.

Four forms (tasks.model.arrays): a future or perpetual paid in quote or in coin, an option paid in coin or in quote.
Reference: METHODOLOGY 1.
"""

from __future__ import annotations

import numpy as np

from tasks.model.arrays import (
    COIN_OPTION,
    INVERSE_FORWARD,
    LINEAR_FORWARD,
    QUOTE_OPTION,
    Bools,
    Contracts,
    Floats,
    Ints,
    require_finite,
)
from tasks.model.errors import Finding, ModelInputError
from tasks.model.pricing import black76

_FORMS = {
    ("FUT", "LINEAR"): LINEAR_FORWARD,
    ("PERP", "LINEAR"): LINEAR_FORWARD,
    ("FUT", "INVERSE"): INVERSE_FORWARD,
    ("PERP", "INVERSE"): INVERSE_FORWARD,
    ("OPT", "INVERSE"): COIN_OPTION,
    ("OPT", "LINEAR"): QUOTE_OPTION,
}


def form_of(kind: str, payoff: str) -> int:
    """Form of a contract of kind FUT, PERP or OPT and payoff LINEAR or INVERSE. Raises ModelInputError UNKNOWN_FORM."""
    if (kind, payoff) not in _FORMS:
        raise ModelInputError(
            Finding("UNKNOWN_FORM", "no such kind of contract", value=f"{kind} {payoff}", action="correct contracts")
        )
    return _FORMS[kind, payoff]


def pays_coin(form: Ints) -> Bools:
    """Whether the underlying coin itself settles, so that the price of the settlement asset moves with spot."""
    return np.asarray((form == INVERSE_FORWARD) | (form == COIN_OPTION))


def forward_value(form: Ints, multiplier: Floats, reference: Floats, forward: Floats) -> Floats:
    """Settlement asset per future or perpetual long, entered at `reference` and marked at `forward` (quote, > 0)."""
    gain = forward - reference
    return np.asarray(multiplier * np.where(pays_coin(form), gain / (reference * forward), gain))


def quoted_option_price(form: Ints, black_price: Floats, forward: Floats) -> Floats:
    """Price as quoted: coin per underlying unit where the coin settles, quote per underlying unit otherwise."""
    return np.asarray(np.where(pays_coin(form), black_price / forward, black_price))


def option_payoff(form: Ints, final_price: Floats, strike: Floats, is_call: Bools) -> Floats:
    """Payoff at expiry per underlying unit, as quoted: a coin call pays max(0, 1 - K/S) coins. final_price > 0."""
    intrinsic = np.maximum(np.where(is_call, final_price - strike, strike - final_price), 0.0)
    return quoted_option_price(form, intrinsic, final_price)


def settlement_price_after(form: Ints, settle_price: Floats, spot_factor: Floats) -> Floats:
    """USD per settlement asset after spot moved by spot_factor; a stablecoin or currency is left where it is."""
    return np.asarray(np.where(pays_coin(form), settle_price * spot_factor, settle_price))


def option_value_usd(contracts: Contracts) -> Floats:
    """(n,) USD per contract long at the mark volatility: the unit of net option value. 0 for futures and perpetuals.

    Raises ModelInputError as `require_usable`.
    """
    require_usable(contracts)
    value = np.zeros(len(contracts.ids))
    at = np.flatnonzero(contracts.is_option)
    black = black76.price(
        contracts.forward[at],
        contracts.strike[at],
        contracts.volatility[at],
        contracts.years_to_expiry[at],
        contracts.is_call[at],
    )
    quoted = quoted_option_price(contracts.form[at], black, contracts.forward[at])
    value[at] = contracts.multiplier[at] * quoted * contracts.settle_price[at]
    return value


def require_usable(contracts: Contracts) -> None:
    """Raises ModelInputError NON_FINITE or NO_PRICE naming the first contract with a number missing or not above 0.

    Volatility may be zero; time to expiry may be below zero. What is fixed of a forward is within [0, forward].
    """
    for name in ("multiplier", "index_price", "forward", "settle_price"):
        _require_positive(name, getattr(contracts, name), contracts.ids)
    require_finite("fixed_part", contracts.fixed_part, contracts.ids)
    if ((contracts.fixed_part < 0.0) | (contracts.fixed_part > contracts.forward)).any():
        raise ModelInputError(
            Finding("NO_PRICE", "more is fixed of a forward than it is worth", action="check the fixing")
        )
    at = np.flatnonzero(contracts.is_option)
    ids = tuple(contracts.ids[position] for position in at)
    _require_positive("strike", contracts.strike[at], ids)
    require_finite("years_to_expiry", contracts.years_to_expiry[at], ids)
    require_finite("volatility", contracts.volatility[at], ids)


def _require_positive(name: str, values: Floats, ids: tuple[str, ...]) -> None:
    require_finite(name, values, ids)
    if (values <= 0.0).any():
        position = int(np.argmax(values <= 0.0))
        raise ModelInputError(
            Finding(
                "NO_PRICE",
                f"{name} is not above zero",
                where=ids[position],
                value=str(values[position]),
                action="correct the input",
            )
        )
