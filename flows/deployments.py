"""What the clock and events run: the clearing cycle by its timetable, a weekly calibration, the review of a trigger."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.deployments.runner import RunnerDeployment
from prefect.events import DeploymentEventTrigger, ResourceSpecification
from prefect.runner import Runner
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

from flows import review_events
from flows.calibration import calibration
from flows.clearing_cycle import clearing_cycle
from flows.nightly_league import book_league
from flows.policy_review import policy_review
from tasks import convert, fired_triggers
from tasks.home import Home
from tasks.model.errors import Finding, LeveeError
from tasks.schedule import CalibrationClock, Schedule, calibration_clock, nightly, schedules

SCHEDULED_WITHIN_SECONDS = 60.0
REVIEW_WAIT_SECONDS = 600.0  # for the cycle that told of the trigger to let go of the home
AT_ONCE = 2  # a review or a calibration of minutes keeps no cycle waiting
CALIBRATION, LEAGUE = "CALIBRATION", "NIGHT"


def deployment(home: Home, schedule: Schedule) -> RunnerDeployment:
    """Deployment `clearing_cycle/<cycle>`: by cron on its zone's clock, one run at a time, without a business date."""
    return RunnerDeployment.from_flow(
        clearing_cycle,
        name=schedule.cycle,
        schedule=Cron(schedule.cron, timezone=schedule.zone),
        parameters={"home": str(home.root), "cycle": schedule.cycle, "wait_seconds": schedule.wait_seconds}
        | ({"inbox": str(home.inbox_override)} if home.inbox_override else {}),
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


def review_deployment(home: Home, market_data: Path) -> RunnerDeployment:
    """Deployment `policy_review/TRIGGER`: started by the event of a trigger that fired in this home, not by a clock."""
    given = {"home": str(home.root), "market_data": str(market_data), "wait_seconds": REVIEW_WAIT_SECONDS}
    fired = DeploymentEventTrigger(
        name=f"policy trigger fired {home.root}",
        expect={review_events.TRIGGER_FIRED},
        match=ResourceSpecification({**review_events.resource(home)}),
        parameters=given | {"run_id": {"__prefect_kind": "jinja", "template": "{{ event.payload.run_id }}"}},
    )
    return RunnerDeployment.from_flow(
        policy_review, name="TRIGGER", triggers=[fired], parameters=given, entrypoint_type=EntrypointType.MODULE_PATH
    )


def calibration_deployment(home: Home, market_data: Path, clock: CalibrationClock) -> RunnerDeployment:
    """Deployment `calibration/WEEKLY`: by cron on its zone's clock, as of the last day that is over."""
    return RunnerDeployment.from_flow(
        calibration,
        name="WEEKLY",
        schedule=Cron(clock.cron, timezone=clock.zone),
        parameters={"home": str(home.root), "market_data": str(market_data), "coins": list(clock.coins)},
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


def league_deployment(home: Home) -> RunnerDeployment:
    """Deployment `book_league/NIGHT`: by cron, after the end of day. What a night missed, the next one catches up."""
    night = nightly()
    return RunnerDeployment.from_flow(
        book_league,
        name=LEAGUE,
        schedule=Cron(night.cron, timezone=night.zone),
        parameters={"home": str(home.root)},
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


class Service:
    """Deployments registered with the server, and the runner that takes up their runs, two at a time.

    Schedules are not paused when the runner stops: what fell due meanwhile is Late and is run when it is back.
    """

    def __init__(self, home: Home) -> None:
        self._runner = Runner(name="levee", limit=AT_ONCE, pause_on_shutdown=False)
        market_data = convert.market_data_folder()
        self._ids = {cycle: self._add(deployment(home, each)) for cycle, each in schedules().items()}
        self._ids[LEAGUE] = self._add(league_deployment(home))
        self._ids[CALIBRATION] = self._add(calibration_deployment(home, market_data, calibration_clock()))
        self._review = self._add(review_deployment(home, market_data))
        self._home = home

    def _add(self, made: RunnerDeployment) -> UUID:
        added: Any = self._runner.add_deployment(made)
        return UUID(str(added))

    def take_up(self) -> str:
        """Start a review of triggers that fired while nobody served; what is due, empty where nothing is."""
        due = fired_triggers.due(self._home)
        if due.is_empty():
            return ""
        last = str(due["run_id"].max())
        with get_client(sync_client=True) as client:
            client.create_flow_run_from_deployment(
                self._review, parameters={"run_id": last}, idempotency_key=f"policy_review-{last}-{due.height}"
            )
        return fired_triggers.told(due)

    def next_runs(self) -> dict[str, datetime]:
        """Scheduled time of the next run of each cycle, of the league and of the calibration.

        Raises LeveeError NOT_SCHEDULED where the server made none.
        """
        deadline = time.monotonic() + SCHEDULED_WITHIN_SECONDS
        while True:
            found = {cycle: _next(each) for cycle, each in self._ids.items()}
            scheduled = {cycle: when for cycle, when in found.items() if when}
            if len(scheduled) == len(found):
                return scheduled
            if time.monotonic() > deadline:
                raise LeveeError(
                    Finding(
                        "NOT_SCHEDULED",
                        "the server answers but schedules nothing",
                        value=" ".join(sorted(found.keys() - scheduled.keys())),
                        limit=f"{SCHEDULED_WITHIN_SECONDS:.0f} s",
                        action="read logs/server.log; `levee doctor` compares the installed versions",
                    )
                )
            time.sleep(0.5)

    def run(self) -> None:
        """Take up runs until stopped."""
        asyncio.run(self._runner.start())


def _next(deployment_id: UUID) -> datetime | None:
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id])),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
            ),
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=1,
        )
    return runs[0].expected_start_time if runs else None
