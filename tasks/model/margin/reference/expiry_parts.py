"""The margins that go by expiry as parts of a reference model, with what stands for feeds that a book lacks.

Reference: docs/reference-models.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from tasks.model.margin.reference.holdings import Conditions, Cover, Holdings
from tasks.model.margin.reference.parts import Charge, Group, uncaused
from tasks.model.margin.reference.scenario_margin import ScenarioRules, scenario_margin
from tasks.model.margin.reference.standard_margin import StandardRules, standard_margin
from tasks.model.policy import Bound

_SURE = Bound(0.0, 1.0, "confidence")


@dataclass(frozen=True)
class Feeds:
    """Values declared in the place of feeds: full confidence and a currency at its peg charge nothing."""

    rate_per_year: Annotated[float, Bound(-1.0, 10.0, "per year, continuous")]
    quote_price_usd: Annotated[float, Bound(0.0, 10.0, "USD")]
    spot_confidence: Annotated[float, _SURE]
    forward_confidence: Annotated[float, _SURE]
    expiry_confidence: Annotated[float, _SURE]

    def conditions(self, group: Group) -> Conditions:
        """The values for an underlying and its expiries."""
        slices = len(group.contracts.slices.days)
        return Conditions(
            group.index_price,
            self.quote_price_usd,
            self.spot_confidence,
            self.forward_confidence,
            np.full(slices, self.expiry_confidence),
            np.full(slices, self.rate_per_year),
        )


@dataclass(frozen=True)
class ExpiryScenarioPart:
    """Scenarios read expiry by expiry."""

    rules: ScenarioRules
    feeds: Feeds


@dataclass(frozen=True)
class StandardPart:
    """Each position by itself, options of an expiry at most what they can lose."""

    rules: StandardRules
    feeds: Feeds


def expiry_scenario_charge(group: Group, part: ExpiryScenarioPart) -> Charge:
    """Initial margin, and the worst scenario, or BASIS where the basis costs more."""
    found = scenario_margin(holdings_of(group), part.feeds.conditions(group), part.rules)
    loss = 0.0 - found.scenario_pnl.min(axis=1)
    cause = np.where(found.basis_loss > loss, "BASIS", np.array(part.rules.ids)[found.worst])
    return Charge(found.margin.initial, cause)


def standard_charge(group: Group, part: StandardPart) -> Charge:
    """Initial margin; it comes from no scenario."""
    found = standard_margin(holdings_of(group), part.feeds.conditions(group), part.rules)
    return uncaused(found.margin.initial)


def holdings_of(group: Group) -> Holdings:
    """A product group as accounts, one for each row; collateral is valued elsewhere."""
    pointer = np.searchsorted(group.row, np.arange(group.rows + 1))
    return Holdings(group.contracts, pointer, group.contract_index, group.quantity, Cover.none())


EXPIRY_PARTS: Mapping[str, tuple[type, Callable[[Group, Any], Charge]]] = {
    "expiry_scenarios": (ExpiryScenarioPart, expiry_scenario_charge),
    "standard": (StandardPart, standard_charge),
}
