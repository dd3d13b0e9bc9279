"""Running a cycle from the command line: under Prefect where one answers, with progress and a journal either way."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import date
from typing import Any

from flows import environment, printing
from flows.options import Common
from tasks.home import Home
from tasks.key import cycle_id


def run_cycle(
    common: Common, home: Home, business_date: date, cycle: str, orchestrate: bool, wait_seconds: float
) -> Mapping[str, Any]:
    """Run a cycle under Prefect, or plainly where asked or where the given server does not answer."""
    from tasks import journal
    from tasks.cycle import STAGES, Outcome
    from tasks.watch import watched

    if orchestrate and not environment.orchestrator_answers():
        print(
            f"warning: no orchestrator answers at {os.environ['PREFECT_API_URL']}; running without one", file=sys.stderr
        )
        orchestrate = False
    with (
        printing.progress(f"{cycle_id(business_date, cycle)}", len(STAGES), quiet=common.as_json) as bar,
        journal.written(home, f"{cycle_id(business_date, cycle)}-intake", bar),
    ):
        if orchestrate:
            from flows.clearing_cycle import clearing_cycle

            ended = clearing_cycle(home.root, business_date, cycle, home.inbox_override, wait_seconds)
            assert isinstance(ended, Outcome), "only a run by the clock can be skipped"
            outcome = ended
        else:
            with home.locked("cycle run", wait_seconds):
                outcome = watched(home, business_date, cycle, lambda step, *given: step(*given))
    return printing.summary(home, outcome.key, outcome.already_published)
