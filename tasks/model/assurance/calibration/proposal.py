"""Which estimates ask for another value of a policy, and which value: a proposal, never a decision.

A parameter whose present value lies within the interval is left alone, for the data do not tell the two apart. What is
proposed lies within the policy's bounds. Some move one way only: haircuts and costs of closing out are not lowered
because what was seen was calm, an offset limit is not raised because correlations held, and the slope of volatility on
falls is not made flatter by a month without one.
Reference: METHODOLOGY 8 and 11.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tasks.model.assurance.calibration.estimate import Estimate

CHECK = "check."
ONLY_UP = ("collateral.haircut_fraction.", "liquidity_concentration.")
ONLY_DOWN = ("base_margin.offset_limit_fraction", "vol_proxy.beta_down.")
_DIGITS = 3

Outcome = Literal["PROPOSED", "KEPT", "EVIDENCE"]


@dataclass(frozen=True)
class Decision:
    """What becomes of one estimate. present, proposed: None where the policy has no such parameter."""

    estimate: Estimate
    outcome: Outcome
    present: float | None
    proposed: float | None
    reason: str


def decide(
    estimate: Estimate, present: float | None, bounds: tuple[float, float], most: float | None = None
) -> Decision:
    """Outcome of an estimate beside the policy's value. most: a limit that other parameters set, None without one."""
    if present is None or estimate.parameter.startswith(CHECK):
        return Decision(estimate, "EVIDENCE", None, None, "tells about the model, sets no parameter")
    if estimate.figure.holds(present):
        return Decision(estimate, "KEPT", present, present, "the present value lies within the interval")
    wanted = float(f"{estimate.figure.value:.{_DIGITS}g}")
    if estimate.parameter.startswith(ONLY_UP) and wanted < present:
        return Decision(estimate, "KEPT", present, present, "a calm market does not loosen it")
    if estimate.parameter.startswith(ONLY_DOWN) and wanted > present:
        return Decision(estimate, "KEPT", present, present, "a calm market does not loosen it")
    low, high = bounds
    proposed = min(max(wanted, low), high if most is None else min(high, most))
    reason = "outside the interval" if proposed == wanted else "outside the interval; held at a bound"
    return Decision(estimate, "PROPOSED" if proposed != present else "KEPT", present, proposed, reason)


def changes(decisions: list[Decision]) -> Mapping[str, float]:
    """Proposed values by rule id."""
    return {
        each.estimate.parameter: each.proposed
        for each in decisions
        if each.outcome == "PROPOSED" and each.proposed is not None
    }
