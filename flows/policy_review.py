"""A review of the policy under Prefect, started by a person or by the event of a trigger: it ends before persons do."""

from __future__ import annotations

from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from tasks import policy_review as reviews
from tasks.home import Home

_COINS = ("BTC", "ETH")


@flow(name="policy_review", persist_result=False)
def policy_review(
    home: Path,
    market_data: Path,
    reason: str,
    coins: tuple[str, ...] = _COINS,
    user: str = "policy_review",
    wait_seconds: float = 0.0,
) -> str:
    """Calibrate, draft, test, assess; the id of the proposal, empty where data contradict nothing of the policy.

    Raises LeveeError as `tasks.policy_review`.
    """
    here = Home(home).prepare()
    drafting = task(name="draft", cache_policy=NO_CACHE, persist_result=False)(reviews.draft)
    made = drafting(here, market_data, coins)
    if made is None:
        return ""
    assessing = task(name="assess", cache_policy=NO_CACHE, persist_result=False)(reviews.assess)
    return assessing(here, made, reason, user, wait_seconds).proposal_id
