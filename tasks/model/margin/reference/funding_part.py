"""What the perpetuals of an account are about to pay in funding, as a part of a reference model.

The present premium of each perpetual over its index is taken to last; what an account would receive counts for none.
Reference: funding provisions of Paradex and Vega.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from tasks.model.margin.reference.parts import Charge, Group, uncaused
from tasks.model.market import funding
from tasks.model.policy import Bound


@dataclass(frozen=True)
class FundingPart:
    """Hours provided for, and how a premium becomes a rate."""

    hours: Annotated[float, Bound(0.0, 240.0, "hours")]
    convergence_hours: Annotated[float, Bound(1.0, 240.0, "hours in which a premium is paid once")]
    cap_per_hour: Annotated[float, Bound(0.0, 1.0, "fraction of notional per hour")]


def funding_charge(group: Group, part: FundingPart) -> Charge:
    """Funding the account pays over the hours, its perpetuals together; none where it would receive."""
    contracts = group.contracts
    mark = np.where(np.isinf(contracts.slices.days[contracts.slice_of]), contracts.forward, contracts.index_price)
    premium = funding.premium(contracts.index_price, mark, mark)
    rate = funding.hourly_rate(premium, part.convergence_hours, part.cap_per_hour)
    paid = group.per_row(group.delta * rate[group.contract_index]) * group.index_price * part.hours
    return uncaused(np.maximum(paid, 0.0))


FUNDING_PARTS: Mapping[str, tuple[type, Callable[[Group, Any], Charge]]] = {"funding": (FundingPart, funding_charge)}
