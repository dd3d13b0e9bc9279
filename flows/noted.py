"""A step as a task: nothing is cached or persisted, and an error of the step is known from one of the orchestrator."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from prefect import Task, task
from prefect.cache_policies import NO_CACHE

from tasks.model.errors import LeveeError

STAGE_FAILED = "raised by a stage, not by the orchestrator"


def as_task(step: Callable[..., Any]) -> Task[..., Any]:
    """The step as a task of its name."""

    @wraps(step)
    def noted(*arguments: Any) -> Any:
        try:
            return step(*arguments)
        except Exception as error:
            error.add_note(STAGE_FAILED)
            if isinstance(error, LeveeError):
                error.keep_values_back()  # an orchestrator stores the text of what a task raises
            raise

    return task(name=step.__name__, cache_policy=NO_CACHE, persist_result=False)(noted)
