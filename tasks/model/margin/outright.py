"""What one USD of each underlying loses, held long or short: the rates that stand for a market as a whole.

The tails are those of base margin, on the same scenarios. Reference: METHODOLOGY 5, lines 1, 4 and 9.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.model.arrays import Floats, ScenarioSet
from tasks.model.margin.requirement import blend
from tasks.model.margin.tails import ScenarioSets
from tasks.model.policy import Policy
from tasks.model.risk import tail


@dataclass(frozen=True)
class Outright:
    """Blended expected shortfall of one USD of each underlying, fraction of the notional; a gain is below zero."""

    underlyings: tuple[str, ...]
    long: Floats  # (u,)
    short: Floats  # (u,)

    def margin_rate(self, policy: Policy) -> Floats:
        """(u,) base margin of the dearer side per USD: the grid's price range where that is more."""
        grid = np.array([policy.grid.range_fraction[name] for name in self.underlyings])
        return np.asarray(np.maximum(np.maximum(self.long, self.short), grid), dtype=np.float64)


def outright(sets: ScenarioSets, policy: Policy) -> Outright:
    """Rates of every underlying of the scenario sets. Raises ModelInputError as `tail.expected_shortfall`."""
    base = policy.base_margin
    calm = _shortfalls(sets.filtered, base.confidence_filtered_fraction)
    stress = _shortfalls(sets.stressed, base.confidence_stressed_fraction)
    long, short = (blend(*each, base.stressed_weight_fraction) for each in zip(calm, stress, strict=True))
    return Outright(sets.filtered.underlyings, long, short)


def _shortfalls(scenario_set: ScenarioSet, confidence: float) -> tuple[Floats, Floats]:
    gain = np.expm1(scenario_set.spot_return)
    return tail.expected_shortfall(0.0 - gain, confidence), tail.expected_shortfall(gain, confidence)
