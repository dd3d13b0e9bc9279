"""A review of the policy under Prefect, started by a person or by the event of a trigger: it ends before persons do.

However often it is started, a trigger is answered once: the ledger of reviews decides, not the orchestrator.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect import State, flow, runtime
from prefect.states import Completed

from flows.noted import as_task
from tasks import policy_review as reviews
from tasks.home import Home
from tasks.schedule import calibration_clock

BY_ITSELF = "policy_review"


def _run_name() -> str:
    return f"policy_review of {runtime.flow_run.parameters.get('run_id') or 'what is due'}"


@flow(name="policy_review", flow_run_name=_run_name, persist_result=False)
def policy_review(
    home: Path, market_data: Path, run_id: str = "", user: str = BY_ITSELF, wait_seconds: float = 0.0
) -> dict[str, Any] | State[None]:
    """Calibrate, draft, test, assess, report; Completed as Answered where no trigger is due any more.

    run_id: run whose event started it; every trigger that is due is answered with it. Raises LeveeError as
    `tasks.policy_review.answer`.
    """
    here = Home(home).prepare()
    found = reviews.answer(here, market_data, calibration_clock().coins, user, wait_seconds, _run_task)
    return found or Completed(name="Answered", message="no trigger is due: each was answered by a review before")


def _run_task(step: Callable[..., Any], *arguments: Any) -> Any:
    return as_task(step)(*arguments)
