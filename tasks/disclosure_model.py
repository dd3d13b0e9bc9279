"""The margin model in words and parameters: items 6.4, read from the policy in force."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.disclosure_declared import FILE, declared
from tasks.disclosure_figures import Figure, reported, span_of
from tasks.disclosure_period import Period
from tasks.model.policy import Policy

ACCOUNT_TYPES = ("HOUSE", "CLIENT_OMNI_NET", "CLIENT_GROSS")


def model(period: Period, policy: Policy) -> Iterator[Figure]:
    """6.4.1 to 6.4.9."""
    span, said, base = span_of([period.latest]), declared(), policy.base_margin
    name = f"{said.model_name} {period.latest['model_version']}, policy {policy.policy_id}"
    yield reported("6.4.1", "", said.model_type, span, FILE)
    yield reported("6.4.2", "", policy.effective_date, span, "policy:effective_date")
    yield reported("6.4.3", "", name, span, FILE, "policy:policy_id")
    yield reported(
        "6.4.4", "", base.confidence_filtered_fraction, span, "policy:base_margin.confidence_filtered_fraction"
    )
    yield reported(
        "6.4.5", "", f"{base.lookback_scenarios} scenarios, one for each start day", span, _rule("lookback_scenarios")
    )
    scaled = (
        f"filtered history scaled to volatility of half-life {base.half_life_days:g} days ({base.scaling}); "
        f"weight {base.stressed_weight_fraction:g} on stressed scenarios at {base.confidence_stressed_fraction:g}"
    )
    rules = map(_rule, ("half_life_days", "scaling", "stressed_weight_fraction", "confidence_stressed_fraction"))
    yield reported("6.4.6", "", scaled, span, *rules)
    yield from _close_out(period, policy)
    yield reported("6.4.8", "", said.parameters_published, span, FILE)
    yield reported("6.4.9", "", said.parameter_review, span, FILE)


def _close_out(period: Period, policy: Policy) -> Iterator[Figure]:
    span = span_of([period.latest])
    underlyings = period.of_run("disclosure/margin_rate", period.latest["run_id"])["underlying"]
    for kind in ACCOUNT_TYPES:
        for name in underlyings:
            days = int(policy.base_margin.liquidation_period_days.of(kind)[name])
            yield reported("6.4.7", f"{kind} {name}", days, span, _rule("liquidation_period_days"))


def _rule(name: str) -> str:
    return f"policy:base_margin.{name}"
