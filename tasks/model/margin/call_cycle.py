"""The calls of one cycle against the ledger of all: earlier calls aged, its own as next versions of what stands."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from tasks.model.margin.ageing import CollectionTerms, age_calls
from tasks.model.margin.call import CallInputs, CallResult, call
from tasks.model.margin.call_versions import frozen, like, next_versions
from tasks.model.policy import Policy


@dataclass(frozen=True)
class CallLedger:
    """What the ledger held when the run was frozen.

    standing: calls of this cycle that were issued, see call_versions. versions, responses: see ageing. defaulted:
    members the default procedure has taken over.
    """

    standing: pl.DataFrame
    versions: pl.DataFrame
    responses: pl.DataFrame
    defaulted: Collection[str]


@dataclass(frozen=True)
class CallTimes:
    """cycle_id; as_of: the cycle's snapshot; issued: when its calls are issued by the timetable. UTC."""

    cycle_id: str
    as_of: datetime
    issued: datetime


def call_cycle(
    inputs: CallInputs, ledger: CallLedger, times: CallTimes, policy: Policy, terms: CollectionTerms
) -> CallResult:
    """Tables of the call stage; `calls` are the rows to add to the ledger. Raises as tasks.model.margin.call.call."""
    made = call(inputs, times.cycle_id, times.issued, policy)
    accounts, drafts = frozen(made.accounts, made.calls, ledger.standing, ledger.defaulted)
    aged = age_calls(made.outstanding, ledger.versions, ledger.responses, ledger.defaulted, times.as_of, terms)
    standing = like(ledger.standing, drafts)
    return replace(made, accounts=accounts, outstanding=aged, calls=next_versions(drafts, standing, times.issued))
