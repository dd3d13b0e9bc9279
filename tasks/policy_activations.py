"""Which policies were put in force, and the event that hands one over to a home of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from tasks.policy_states import ACTIVE, CONTENT, Event, History

_NO_TIME = datetime(1970, 1, 1)


@dataclass(frozen=True)
class Activation:
    """A policy that was put in force. content: its file as members were told it, empty where no event holds it."""

    policy_hash: str
    effective_date: date
    activated_ts: datetime
    content: str


def activations(found: Sequence[History]) -> list[Activation]:
    """Every policy that acts or acted, by its first day."""
    made = [
        Activation(event.policy_hash, event.effective_date, event.event_ts, _content(each))
        for each in found
        for event in each.events
        if event.state == ACTIVE
    ]
    return sorted(made, key=lambda each: (each.effective_date, each.activated_ts))


def _content(history: History) -> str:
    return next((str(each.evidence[CONTENT]) for each in history.events if CONTENT in each.evidence), "")


def handed_over(state: str, proposal_id: str, policy_hash: str, first: date, day: date | None, content: str) -> Event:
    """The event a home of its own is given of another one's policy; by whom and when is not what it reckons with."""
    return Event(
        proposal_id=proposal_id,
        event_no=1,
        state=state,
        policy_hash=policy_hash,
        base_policy_hash="",
        diff_hash="",
        effective_date=first,
        business_date=day,
        emergency=False,
        user_name="replay",
        reason="replay",
        decision_id="",
        evidence={CONTENT: content},
        event_ts=_NO_TIME,
    )
