"""Commands of those who keep the house running: where a figure comes from, the clock, the state of the machine."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flows import environment, printing
from flows.options import Common, Inbox
from tasks import codes
from tasks.doctor import FAIL, OK, WARN, Check, examine, loopback
from tasks.model.errors import Finding, LeveeError


def explain(call: str | None = None, account: str | None = None, common: Common | None = None) -> int:
    """Follow a call back to result, lines, scenarios, marks and delivered lines; tell what adds how much, and why.

    Why it changed since the cycle before is told cause by cause. The home's database is never opened.

    Parameters
    ----------
    call
        Id of a call.
    account
        Instead of a call: an account, in the latest cycle that is out.
    """
    from flows import derivation
    from tasks import explain as path

    common = common or Common()
    if (call is None) == (account is None):
        raise LeveeError(Finding("USAGE", "name a call, or an account with --account", action="see --help"))
    home = common.open()
    found = path.call(home, call) if call else path.account(home, str(account))
    common.show(found, lambda: derivation.tree(found))
    return codes.PUBLISHED


def serve(port: int | None = None, inbox: Inbox = None, common: Common | None = None) -> int:
    """Run cycles and the calibration by the clock and reviews by their triggers, until stopped.

    Parameters
    ----------
    port
        Loopback port of the server started here; a free one by default. Not used where PREFECT_API_URL is set.
    """
    from flows import server

    common = common or Common()
    home = common.open(inbox).prepare()
    signal.signal(signal.SIGTERM, _stopped)
    try:
        with server.answering(home, port) as url:
            from flows.deployments import Service

            service = Service(home)
            _announce(common, url, service.next_runs(), service.take_up())
            service.run()
    except KeyboardInterrupt:
        pass
    return codes.PUBLISHED


def _announce(common: Common, url: str, upcoming: dict[str, Any], reviewed: str) -> None:
    """One line per cycle and where to look, at once: whoever started this waits for it."""
    if common.as_json:
        told = {"url": url, "next": {name: str(when) for name, when in upcoming.items()}, "review": reviewed}
        print(json.dumps(told), flush=True)
        return
    for name, when in sorted(upcoming.items()):
        print(f"{name}: next run {when:%Y-%m-%d %H:%M} UTC")
    if reviewed:
        print(f"a review of the policy begins: {reviewed}")
    print(f"serving {url}; stop with Ctrl-C", flush=True)


def _stopped(_signal: int, _frame: Any) -> None:
    sys.exit(codes.PUBLISHED)


def doctor(common: Common | None = None) -> int:
    """Look over the machine and the home: one line a check, OK, WARN or FAIL, with what to do next."""
    common = common or Common()
    checks = list(examine(common.open(), _orchestrator, _telemetry))
    common.show([asdict(check) for check in checks], lambda: printing.checks(checks))
    return codes.BROKEN if any(check.state == FAIL for check in checks) else codes.PUBLISHED


def _orchestrator() -> Check:
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        return loopback()
    if environment.orchestrator_answers():
        return Check("orchestrator", OK, f"answers at {url}")
    return Check("orchestrator", WARN, f"none answers at {url}", "start it; until then cycles run without one")


def _telemetry() -> Check:
    left_on = environment.telemetry_left_on()
    if left_on:
        return Check("telemetry", FAIL, f"left on: {' '.join(left_on)}", "unset what overrides it, or set it off")
    return Check("telemetry", OK, "off: nothing leaves the machine")


COMMANDS: tuple[Callable[..., int], ...] = (explain, serve, doctor)
