"""How long a cycle may take: budgets by stage, how long it will still take, and when somebody is to be woken."""

from __future__ import annotations

import statistics
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from tasks import resources, schedule

WITHIN, WARN, BREACH = "WITHIN", "WARN", "BREACH"
_RECENT_RUNS = 5


@dataclass(frozen=True)
class Objectives:
    """Objectives of data/reference/slo.toml. Budgets in seconds by stage; `publish_minutes` after the snapshot."""

    budget_seconds: Mapping[str, float]
    warn_fraction: float
    publish_minutes: float
    page_minutes: float
    page_codes: frozenset[str]

    def warn_seconds(self, stage: str) -> float:
        """When the early warning of a stage is due, in seconds after it began."""
        return self.budget_seconds[stage] * self.warn_fraction

    def kept(self, stage: str, seconds: float) -> str:
        """WITHIN, WARN or BREACH: how a stage stands against its budget after so many seconds."""
        if seconds > self.budget_seconds[stage]:
            return BREACH
        return WARN if seconds >= self.warn_seconds(stage) else WITHIN

    def pages(self, code: str, business_date: date, cycle: str, now: datetime) -> bool:
        """Whether a cycle that stands still for this code is to wake somebody now."""
        taken = schedule.snapshot(business_date, cycle)
        if code in self.page_codes or taken is None:
            return code in self.page_codes
        return now >= taken.replace(tzinfo=UTC) + timedelta(minutes=self.publish_minutes - self.page_minutes)


@cache
def objectives() -> Objectives:
    """Objectives as shipped."""
    content = tomllib.loads(resources.data("reference/slo.toml").read_text(encoding="utf-8"))
    return Objectives(
        {stage: float(seconds) for stage, seconds in content["budget_seconds"].items()},
        float(content["warn_fraction"]),
        float(content["publish_minutes"]),
        float(content["page_minutes"]),
        frozenset(content["page"]["codes"]),
    )


def usual_seconds(stage: str, earlier: Iterable[Mapping[str, Any]]) -> float:
    """What a stage took lately: the median over the last published states given, its budget where there is none."""
    published = [state for state in earlier if state["state"] == "PUBLISHED"][-_RECENT_RUNS:]
    taken = [each["seconds"] for state in published for each in state["stages"] if each["stage"] == stage]
    return float(statistics.median(taken)) if taken else objectives().budget_seconds[stage]


def seconds_left(done: Sequence[str], spent: float, earlier: Sequence[Mapping[str, Any]]) -> float:
    """Seconds until a run is out, given its finished stages and what it has spent on the one under way."""
    left = [usual_seconds(stage, earlier) for stage in objectives().budget_seconds if stage not in done]
    return max(0.0, left[0] - spent) + sum(left[1:]) if left else 0.0
