"""What starts a review of the policy: an event for every kind of trigger that fired in a published cycle."""

from __future__ import annotations

from prefect.events import emit_event

from tasks import status
from tasks.home import Home
from tasks.key import CycleKey
from tasks.trigger_watch import fired_kinds

TRIGGER_FIRED = "levee.policy-trigger.fired"
HOME_RESOURCE = "levee.home"


def tell(home: Home, key: CycleKey) -> None:
    """Emit one event where triggers fired in the run. It names the run and the kinds: no member, account or amount."""
    kinds = fired_kinds(status.exported(home, key.run_id, "result.policy_trigger"))
    if kinds:
        emit_event(
            event=TRIGGER_FIRED,
            resource={"prefect.resource.id": f"{HOME_RESOURCE}.{home.root.name}", "home": str(home.root)},
            payload={"run_id": key.run_id, "kinds": kinds},
        )
