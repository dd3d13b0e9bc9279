"""No state of a proposed policy can be skipped, and what ended stays ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest

from tasks import codes, policy_states
from tasks.model.errors import LeveeError
from tasks.policy_states import Event, History
from tasks.store import Store

FORWARD = [
    ("DRAFT", "CALIBRATED"),
    ("CALIBRATED", "TESTED"),
    ("TESTED", "IMPACT_ASSESSED"),
    ("IMPACT_ASSESSED", "REVIEWED"),
    ("REVIEWED", "APPROVED"),
    ("APPROVED", "NOTICED"),
    ("NOTICED", "ACTIVE"),
    ("ACTIVE", "SUPERSEDED"),
    ("ACTIVE", "LOOKED_BACK"),
    ("SUPERSEDED", "LOOKED_BACK"),
]
# a judgement, a test or an impact may be made again before anybody has reviewed it
AGAIN = [
    ("CALIBRATED", "CALIBRATED"),
    ("TESTED", "CALIBRATED"),
    ("TESTED", "TESTED"),
    ("IMPACT_ASSESSED", "CALIBRATED"),
    ("IMPACT_ASSESSED", "TESTED"),
    ("IMPACT_ASSESSED", "IMPACT_ASSESSED"),
]
OPEN = ("DRAFT", "CALIBRATED", "TESTED", "IMPACT_ASSESSED", "REVIEWED", "APPROVED", "NOTICED")
ENDS = [(state, end) for state in OPEN for end in ("REJECTED", "WITHDRAWN")]
STATES = (*policy_states.ORDER, "REJECTED", "WITHDRAWN", "LOOKED_BACK")


def draft(state: str = "DRAFT") -> Event:
    return Event(
        proposal_id="P-1",
        event_no=1,
        state=state,
        policy_hash="b" * 64,
        base_policy_hash="a" * 64,
        diff_hash="d" * 64,
        effective_date=date(2026, 2, 3),
        business_date=None,
        emergency=False,
        user_name="ada",
        reason="why",
        decision_id="",
        evidence={"policy_id": "RAISED"},
        event_ts=datetime(2026, 1, 30, 9),
    )


@pytest.mark.parametrize("state", STATES[:-1])
@pytest.mark.parametrize("then", STATES)
def test_a_state_follows_the_one_before_it_and_no_other(state: str, then: str) -> None:
    assert policy_states.follows(state, then) == ((state, then) in {*FORWARD, *AGAIN, *ENDS})


def test_every_move_is_kept_and_one_that_skips_is_refused() -> None:
    with Store.in_memory() as store:
        history = policy_states.begin(store, draft())
        for _, state in FORWARD[:3]:
            history = policy_states.move(store, history, state, "ada", "done", evidence={"n": state})
        with pytest.raises(LeveeError, match="PARAM_STATE") as refused:
            policy_states.move(store, history, "APPROVED", "bob", "at once")
        assert codes.exit_code(refused.value.code) == 40
        kept = policy_states.history(store, "P-1")
        assert [each.state for each in kept.events] == ["DRAFT", "CALIBRATED", "TESTED", "IMPACT_ASSESSED"]
        assert [each.event_no for each in kept.events] == [1, 2, 3, 4]
        assert kept.of("TESTED").evidence == {"n": "TESTED"}
        with pytest.raises(LeveeError, match="USAGE"):
            policy_states.move(store, kept, "REVIEWED", "bob", "  ")
        with pytest.raises(LeveeError, match="UNKNOWN_ID"):
            policy_states.history(store, "P-2")


def test_what_was_looked_back_at_still_acts() -> None:
    looked = replace(draft("LOOKED_BACK"), event_no=2)
    assert History((draft("ACTIVE"), looked)).state == "ACTIVE"
