"""Running a cycle from the command line: under Prefect where one answers, with progress and a journal either way."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flows import environment, printing
from flows.options import Common
from tasks.home import Home
from tasks.key import cycle_id
from tasks.model.errors import LeveeError

if TYPE_CHECKING:
    from tasks.cycle import Outcome

_Ended = TypeVar("_Ended")


def run_cycle(
    common: Common, home: Home, business_date: date, cycle: str, orchestrate: bool, wait_seconds: float
) -> Mapping[str, Any]:
    """Run a cycle under Prefect, or plainly where asked or where no orchestrator serves."""
    from tasks import journal
    from tasks.cycle import STAGES
    from tasks.watch import watched

    with (
        printing.progress(f"{cycle_id(business_date, cycle)}", len(STAGES), quiet=common.as_json) as bar,
        journal.written(home, f"{cycle_id(business_date, cycle)}-intake", bar),
    ):
        outcome = _under_prefect(home, business_date, cycle, wait_seconds) if orchestrate else None
        if outcome is None:
            with home.locked("cycle run", wait_seconds):
                outcome = watched(home, business_date, cycle, lambda step, *given: step(*given))
    return printing.summary(home, outcome.key, outcome.already_published)


def ask_to_restate(home: Home, business_date: date, cycle: str, user: str, reason: str, wait_seconds: float) -> None:
    """Ask a second person for the restatement of a closed cycle, where what it was computed from has changed."""
    from tasks import decisions, freeze, ledgers, reissue
    from tasks.land import intake
    from tasks.store import Store

    with home.locked("cycle run", wait_seconds):
        intake(home, business_date, cycle)
        with Store(home.database) as store:
            published = reissue.standing(freeze.runs_of(store, business_date, cycle))
            if published:
                reissue.ask_to_restate(home, store, published, decisions.asking(user), reason)
            ledgers.show(home, store)


def ask_for_prior_positions(
    home: Home, business_date: date, cycle: str, user: str, reason: str, wait_seconds: float
) -> None:
    """Ask a second person for the positions of the end of day before, where today's are late and nobody delivered."""
    from tasks import decisions, fallback, ledgers
    from tasks.inbox import Place
    from tasks.land import intake
    from tasks.store import Store

    with home.locked("cycle run", wait_seconds):
        intake(home, business_date, cycle)
        with Store(home.database) as store:
            place = Place(business_date, cycle, home.environment)
            fallback.ask(home, store, place, decisions.asking(user), reason)
            ledgers.show(home, store)


def _under_prefect(home: Home, business_date: date, cycle: str, wait_seconds: float) -> Outcome | None:
    """Outcome of the cycle as a flow; None where the orchestrator, not the cycle, failed: what it did stands."""

    def ended() -> Outcome:
        from flows.clearing_cycle import clearing_cycle

        # only a run by the clock can be skipped
        return cast("Outcome", clearing_cycle(home.root, business_date, cycle, home.inbox_override, wait_seconds))

    return orchestrated(ended)


def orchestrated(run: Callable[[], _Ended]) -> _Ended | None:
    """What a flow ends with; None where the orchestrator, not the work, failed: it is then done without one.

    A server that is down, slow to start or gone half-way is no reason not to clear: the ledger of stages says where to
    go on without one.
    """
    if not environment.orchestrator_answers():
        _warn(f"no orchestrator answers at {os.environ['PREFECT_API_URL']}")
        return None
    try:
        from flows.noted import STAGE_FAILED

        return run()
    except LeveeError:
        raise
    except Exception as error:
        if STAGE_FAILED in getattr(error, "__notes__", ()):
            raise
        _warn(f"the orchestrator failed ({type(error).__name__}: {' '.join(str(error).split())[:200]})")
        return None


def _warn(what: str) -> None:
    print(f"warning: {what}; running without one", file=sys.stderr)
