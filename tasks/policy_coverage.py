"""The test of a proposed policy: static portfolios under it and under the policy it takes the place of, day by day.

The closes are those the last published end of day was frozen on, so that the test comes out the same years later. A
longer look is what `levee backtest` is for; its figures may be given as the reason of a proposal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from tasks import back_test_history, policy_proposal, policy_states, status
from tasks.home import Home
from tasks.key import cycle_id
from tasks.model.arrays import Closes
from tasks.model.assurance.breaches import breaches_of
from tasks.model.assurance.procyclicality import peak_to_trough
from tasks.model.assurance.rate_path import RatePath
from tasks.model.assurance.rolling_margin import from_early_days, roll_policies
from tasks.model.assurance.static_portfolio import OUTRIGHT, static_portfolios
from tasks.model.errors import Finding, LeveeError, PolicyError
from tasks.policy_states import CURRENT, PROPOSED, TESTED, History
from tasks.store import Store

_DIGITS = 12


def test(home: Home, store: Store, proposal_id: str, user: str) -> History:
    """Test a proposal and keep what came out.

    Raises LeveeError TEST_FAILED where the worst portfolio is covered on fewer days than asked for and on fewer than
    now, PARAM_STATE, STALE_APPROVAL.
    """
    history = policy_states.history(store, proposal_id)
    history.require(TESTED)
    found = policy_proposal.unchanged(home, store, history)
    evidence = tested_on(home, found, policy_proposal.published_run(home))
    _require_coverage(proposal_id, evidence)
    day = policy_proposal.required_day(home)
    return policy_states.move(store, history, TESTED, user, "tested", business_date=day, evidence=evidence)


def tested_on(home: Home, found: policy_proposal.Proposal, run_id: str) -> dict[str, Any]:
    """Figures of every portfolio under both policies on a run's history, and the hash of the closes; fit for JSON."""
    closes, names = _closes(home, run_id, (*found.base.stress.anchors, *found.policy.stress.anchors))
    policies = [from_early_days(each) for each in (found.base, found.policy)]
    portfolios = [each for each in static_portfolios(names) if each.product == OUTRIGHT]
    last = closes.dates[-1]
    first = max(closes.dates[0], last - np.timedelta64(policy_proposal.terms().test.days - 1, "D"))
    current, proposed = roll_policies(closes, policies, portfolios, first, last)
    rows = [row for pair in zip(current, proposed, strict=True) if (row := _row(*pair))]
    lowest = {name: min((row[f"{name}_coverage"] for row in rows), default=None) for name in (CURRENT, PROPOSED)}
    return {
        "run_id": run_id,
        "first": str(first),
        "last": str(last),
        "closes_hash": _hash(closes),
        "portfolios": rows,
        "lowest_coverage": lowest,
        "asked_coverage": policy_proposal.terms().test.coverage_fraction,
    }


def _closes(home: Home, run_id: str, anchors: Sequence[str]) -> tuple[Closes, list[str]]:
    """Closes of what the house lists and of the anchors, and the names of the former that have any."""
    rows = status.exported(home, run_id, "book.history").select(
        pl.col("underlying").alias("coin"), "date", pl.col("close").cast(pl.Float64)
    )
    listed = set(status.exported(home, run_id, "book.contract")["underlying_asset"])
    held = sorted(listed & set(rows["coin"]))
    if not held:
        raise LeveeError(
            Finding(
                "PARAM_STATE", "no history of what is listed", where=cycle_id(policy_proposal.required_day(home), "EOD")
            )
        )
    return back_test_history.joint(rows.filter(pl.col("coin").is_in([*held, *anchors]))), held


def _row(current: RatePath, proposed: RatePath) -> dict[str, Any] | None:
    """Figures of one portfolio over the days both policies can be judged on; None where there are none."""
    judged = current.judged & proposed.judged
    if not judged.any():
        return None
    found: dict[str, Any] = {"portfolio": current.portfolio.name, "days": int(judged.sum())}
    for name, path in ((CURRENT, current), (PROPOSED, proposed)):
        breaches = int(breaches_of(path.loss[judged], path.rate[judged]).sum())
        found |= {
            f"{name}_breaches": breaches,
            f"{name}_coverage": round(1.0 - breaches / int(judged.sum()), _DIGITS),
            f"{name}_mean_rate": round(float(path.rate[judged].mean()), _DIGITS),
            f"{name}_peak_to_trough": round(peak_to_trough(path.rate[judged]), _DIGITS),
        }
    return found


def _require_coverage(proposal_id: str, evidence: dict[str, Any]) -> None:
    lowest = evidence["lowest_coverage"]
    before, after = lowest[CURRENT], lowest[PROPOSED]
    asked = evidence["asked_coverage"]
    if after is None or (after < asked and after < before):
        raise PolicyError(
            Finding(
                "TEST_FAILED",
                "the policy covers fewer days than it should and than the one in force"
                if after is not None
                else "nothing to judge",
                where=proposal_id,
                value=str(after),
                limit=f"{asked} or the {before} of now",
                action="propose other numbers; `levee backtest` tells what was not covered",
            )
        )


def _hash(closes: Closes) -> str:
    """sha256 over names, days and closes as doubles."""
    digest = hashlib.sha256()
    digest.update(f"{' '.join(closes.underlyings)} {closes.dates[0]} {closes.dates[-1]}".encode())
    digest.update(np.ascontiguousarray(closes.close, dtype="<f8").tobytes())
    return digest.hexdigest()
