"""Guard rails of a policy change: how large a step may be, how long its notice is, and how significant it is.

The terms are data (data/reference/governance.toml), bounded like a policy's. Reference: METHODOLOGY 11.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from tasks.model.assurance.policy_change import Change
from tasks.model.errors import Finding
from tasks.model.policy import Bound

ROUTINE, STANDARD, ACCELERATED = "ROUTINE", "STANDARD", "ACCELERATED"
RISE_ALLOWED_FOR = 1e-9  # a share is a quotient of rounded sums


@dataclass(frozen=True)
class Rails:
    """Largest step of a number, and notice by the rise of margin: the first limit that holds it names its days."""

    largest_step_fraction: Annotated[float, Bound(0.01, 1.0, "fraction of the number")]
    decrease_notice_days: Annotated[int, Bound(0, 90, "days")]
    rise_at_most_fraction: Annotated[tuple[float, ...], Bound(0.0, 5.0, "fraction of margin")]
    rise_notice_days: Annotated[tuple[int, ...], Bound(0, 90, "days")]


@dataclass(frozen=True)
class Emergency:
    """Terms of a change that cannot wait."""

    notice_days: Annotated[int, Bound(0, 90, "days")]
    approvals: Annotated[int, Bound(2, 5, "persons besides who proposed")]
    review_within_days: Annotated[int, Bound(1, 90, "days after it acts")]


@dataclass(frozen=True)
class Approval:
    """Terms of any other change."""

    approvals: Annotated[int, Bound(1, 5, "persons besides who proposed and who reviewed")]
    open_days: Annotated[int, Bound(1, 90, "days an approval may be given")]
    review_within_days: Annotated[int, Bound(1, 365, "days after it acts")]


@dataclass(frozen=True)
class Significance:
    """What a routine change stays within."""

    routine_total_fraction: Annotated[float, Bound(0.0, 1.0, "fraction of all margin, up or down")]
    routine_member_fraction: Annotated[float, Bound(0.0, 1.0, "fraction of a member's margin, up or down")]


@dataclass(frozen=True)
class TestTerms:
    """What a policy is tested on before its impact is looked at."""

    days: Annotated[int, Bound(30, 5000, "days judged")]
    coverage_fraction: Annotated[float, Bound(0.9, 0.9999, "fraction of days")]


@dataclass(frozen=True)
class Governance:
    """All terms of a policy change."""

    rails: Rails
    emergency: Emergency
    approval: Approval
    significance: Significance
    test: TestTerms

    def approvals(self, emergency: bool) -> int:
        """Persons who must approve."""
        return self.emergency.approvals if emergency else self.approval.approvals

    def review_within(self, emergency: bool) -> timedelta:
        """From its first day until it is looked back at."""
        days = self.emergency.review_within_days if emergency else self.approval.review_within_days
        return timedelta(days=days)


@dataclass(frozen=True)
class Effect:
    """What a change does to margin, in fractions of what is asked now; rises > 0.

    groups: by `house`, `product BTC` or `liquidity group majors`. largest_member: the largest move of a member, either
    way, infinite where one without margin gets some.
    """

    groups: Mapping[str, float]
    largest_member: float

    @property
    def total(self) -> float:
        """Of all margin."""
        return self.groups["house"]

    @property
    def largest(self) -> tuple[str, float]:
        """The group that rises most, and by how much; of equals the first by name."""
        return max(sorted(self.groups.items()), key=lambda each: each[1])


@dataclass(frozen=True)
class Sizes:
    """An impact in the figures its approval hangs on; moves in fractions of what is asked now, rises > 0."""

    significance: str
    notice_days: int
    total: float
    largest_group: float
    largest_member: float


def steps_refused(changes: Sequence[Change], rails: Rails) -> Iterator[Finding]:
    """STEP_LIMIT for every number that moves further than one change may move it."""
    for each in changes:
        if each.step is not None and each.step > rails.largest_step_fraction + RISE_ALLOWED_FOR:
            yield Finding(
                "STEP_LIMIT",
                "a number moves further than one change may move it",
                where=each.rule_id,
                value=f"{each.before} to {each.after}: {each.step:.4f}",
                limit=f"{rails.largest_step_fraction}",
                action="write it in stages: `levee policy propose FILE --split DIR`; or propose it as an --emergency",
            )


def rise_refused(effect: Effect, rails: Rails) -> Iterator[Finding]:
    """STEP_LIMIT where margin rises by more than any notice allows."""
    group, rise = effect.largest
    if rise > rails.rise_at_most_fraction[-1] + RISE_ALLOWED_FOR:
        yield Finding(
            "STEP_LIMIT",
            "margin rises by more than one change may raise it",
            where=group,
            value=f"{rise:.4f}",
            limit=f"{rails.rise_at_most_fraction[-1]}",
            action="propose a part of it, and the rest after it acts; or propose it as an --emergency",
        )


def buffers_refused(effect: Effect, buffers: Mapping[str, tuple[str, float]]) -> Iterator[Finding]:
    """BUFFER_FIRST where the margin of an underlying rises while its buffer against procyclicality is not released.

    buffers: state and fraction by underlying; OFF is no buffer.
    """
    for underlying, (state, fraction) in sorted(buffers.items()):
        if (
            state not in ("OFF", "RELEASED")
            and fraction > 0.0
            and effect.groups.get(f"product {underlying}", 0.0) > 0.0
        ):
            yield Finding(
                "BUFFER_FIRST",
                "margin would rise while the buffer that is there for a rise is not released",
                where=underlying,
                value=f"{state} {fraction:.4f}",
                limit="RELEASED",
                action="wait for its release, or propose terms that release it first",
            )


def notice_days(effect: Effect, governance: Governance, emergency: bool) -> int:
    """Days from notice to effect. A rise beyond the last limit, which only an emergency may be, has the last days."""
    return governance.emergency.notice_days if emergency else notice_for(effect.largest[1], governance.rails)


def notice_for(rise: float, rails: Rails) -> int:
    """Days from notice to effect of a rise of margin, a fraction; not above zero: of a decrease."""
    if rise <= 0.0:
        return rails.decrease_notice_days
    limits = zip(rails.rise_at_most_fraction, rails.rise_notice_days, strict=True)
    return next((days for limit, days in limits if rise <= limit + RISE_ALLOWED_FOR), rails.rise_notice_days[-1])


def significance(
    effect: Effect, changes: Sequence[Change], governance: Governance, emergency: bool
) -> tuple[str, dict[str, str]]:
    """Class of a change, and the numbers that decided it beside their limits."""
    terms = governance.significance
    methods = [each.rule_id for each in changes if each.step is None]
    numbers = {
        "emergency": str(emergency),
        "total_fraction": f"{effect.total:.6f}",
        "routine_total_fraction": str(terms.routine_total_fraction),
        "largest_member_fraction": f"{effect.largest_member:.6f}",
        "routine_member_fraction": str(terms.routine_member_fraction),
        "changes_of_method": " ".join(methods) or "none",
    }
    small = abs(effect.total) <= terms.routine_total_fraction and effect.largest_member <= terms.routine_member_fraction
    if emergency:
        return ACCELERATED, numbers
    return (ROUTINE if small and not methods else STANDARD), numbers


def drifted(approved: Sizes, now: Sizes, governance: Governance) -> Iterator[tuple[str, str, str]]:
    """What, as it is now and as it was approved, where an impact is another one than the one that was approved.

    Its class and its notice are the same; what it moves has moved by no more since than a routine change does.
    """
    terms = governance.significance
    if now.significance != approved.significance:
        yield "significance", now.significance, approved.significance
    if now.notice_days > approved.notice_days:
        yield "days of notice", str(now.notice_days), str(approved.notice_days)
    for name, allowed in (
        ("total", terms.routine_total_fraction),
        ("largest_group", terms.routine_total_fraction),
        ("largest_member", terms.routine_member_fraction),
    ):
        before, after = getattr(approved, name), getattr(now, name)
        if before != after and not abs(after - before) <= allowed + RISE_ALLOWED_FOR:
            yield name.replace("_", " "), f"{after:.6f}", f"{before:.6f} within {allowed}"
