"""Credit step: a published share on top of the other lines by the member's rating (METHODOLOGY 5, line 10).

The rating is the surveillance level, or the credit score where that is worse: a score below the k-th threshold stands
at step k. Either is enough. A member with neither takes the declared step of the unrated, and so does one with a figure
that is no rating (a level below zero, a score that is not finite) unless the other stands at a higher step. So a rating
that is lost never makes margin cheaper, and the accounts of a member with neither are flagged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tasks.model import money
from tasks.model.arrays import Ints
from tasks.model.margin.lines import Line, line
from tasks.model.margin.portfolio import ACCOUNT, Book
from tasks.model.policy import Credit, Policy

UNRATED = -1


def step_of(surveillance_level: int | None, credit_score: float | None, rule: Credit) -> int:
    """Step of a rating, the worst known one; UNRATED without any. A level beyond the last step stands at the last."""
    steps = []
    if surveillance_level is not None and 0 <= surveillance_level < np.inf:
        steps.append(int(min(surveillance_level, len(rule.step_fraction) - 1)))
    if credit_score is not None and np.isfinite(credit_score):
        steps.append(sum(credit_score < least for least in rule.score_at_least))
    known = max(steps, default=UNRATED)
    spoiled = len(steps) < sum(figure is not None for figure in (surveillance_level, credit_score))
    if spoiled and (known == UNRATED or rule.step_fraction[known] <= rule.unrated_step_fraction):
        return UNRATED
    return known


def fraction(surveillance_level: int | None, credit_score: float | None, rule: Credit) -> float:
    """Share that a rating puts on top of the other lines."""
    step = step_of(surveillance_level, credit_score, rule)
    return rule.unrated_step_fraction if step == UNRATED else rule.step_fraction[step]


def credit_line(book: Book, lines: Ints, ratings: Mapping[tuple[str, str], Mapping[str, Any]], policy: Policy) -> Line:
    """CREDIT of each portfolio. lines: (n,) cents of lines 1 to 9; ratings: row of each account, see MarginInputs."""
    rule = policy.credit
    step = np.array(
        [
            step_of(ratings[account]["surveillance_level"], ratings[account]["credit_score"], rule)
            for account in book.portfolios.select(ACCOUNT).iter_rows()
        ],
        dtype=np.int64,
    )
    cents = np.zeros(len(step), dtype=np.int64)
    for each, fraction in [(UNRATED, rule.unrated_step_fraction), *enumerate(rule.step_fraction)]:
        cents[step == each] = money.share_up(lines[step == each], fraction)
    unrated = step == UNRATED
    return line(
        "CREDIT",
        cents,
        np.where(unrated, "UNRATED", np.char.add("CREDIT_STEP_", step.astype(np.str_))),
        rule_id=np.where(unrated, "credit.unrated_step_fraction", "credit.step_fraction"),
    )
