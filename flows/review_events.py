"""What starts a review of the policy: an event for every kind of trigger that fired in a published cycle."""

from __future__ import annotations

import hashlib

from prefect.events import emit_event

from tasks import status
from tasks.home import Home
from tasks.key import CycleKey
from tasks.trigger_watch import fired_kinds

TRIGGER_FIRED = "levee.policy-trigger.fired"
HOME_RESOURCE = "levee.home"


def resource(home: Home) -> dict[str, str]:
    """What the event is about, and what a deployment listens for: this home and no other."""
    return {"prefect.resource.id": f"{HOME_RESOURCE}.{hashlib.sha256(str(home.root).encode()).hexdigest()[:16]}"}


def tell(home: Home, key: CycleKey) -> None:
    """Emit one event where triggers fired in the run. It names the run and the kinds: no member, account or amount."""
    kinds = fired_kinds(status.exported(home, key.run_id, "result.policy_trigger"))
    if kinds:
        emit_event(
            event=TRIGGER_FIRED,
            resource=resource(home),
            payload={"run_id": key.run_id, "kinds": kinds},
        )
