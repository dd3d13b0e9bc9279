"""The procedure of a clearing cycle, written once: who runs a stage is the caller's choice, what runs is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tasks.approve import approve
from tasks.call import call
from tasks.gate import gate
from tasks.home import Home
from tasks.key import CycleKey
from tasks.land import land
from tasks.margin import margin
from tasks.mark import mark
from tasks.publish import publish
from tasks.settle import settle
from tasks.tie_out import tie_out

AFTER_LANDING = (gate, mark, settle, margin, call, tie_out, approve, publish)
STAGES = ("land", *(step.__name__ for step in AFTER_LANDING))

Do = Callable[..., Any]


@dataclass(frozen=True)
class Outcome:
    """How a cycle ended: its run, and whether it was out already."""

    key: CycleKey
    already_published: bool


TRIAL = AFTER_LANDING[: AFTER_LANDING.index(approve)]
"""What a trial goes through: nothing that approves or lets out."""


def procedure(
    home: Home, business_date: date, cycle: str, do: Do, steps: Sequence[Callable[..., Any]] = AFTER_LANDING
) -> Outcome:
    """Take a cycle from delivered files to published statements; `do(stage, *arguments)` runs one stage.

    A stage whose receipt stands returns it without running, so a run resumes where it stopped. Raises LeveeError.
    """
    landed = do(land, home, business_date, cycle)
    published = landed.state == "PUBLISHED"
    for step in (publish,) if published else steps:
        do(step, home, landed.key)
    return Outcome(landed.key, published)
