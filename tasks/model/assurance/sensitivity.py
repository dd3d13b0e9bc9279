"""What the requirement of every account or portfolio becomes where one parameter of the policy is moved by one step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import polars as pl

from tasks.model.assurance.parameter_steps import Step
from tasks.model.errors import ModelInputError
from tasks.model.policy import Policy

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "rule_id": pl.String,
    "unit": pl.String,
    "before": pl.String,
    "after": pl.String,
    "subject": pl.String,
    "requirement": pl.Float64,
    "change": pl.Float64,
    "refused": pl.String,
}

Required = Callable[[Policy], Mapping[str, float]]


def sensitivities(required: Required, policy: Policy, moved: Iterable[Step]) -> pl.DataFrame:
    """One row for each step and subject (`SCHEMA`); change: of the requirement, in its unit, > 0 = more is asked.

    required: the requirement of every subject by its name under a policy. A step that the policy's rules, or the model
    on these data, refuse has one row without a subject, null figures and the reason: it is no change of zero.
    Raises ModelInputError where the policy itself cannot be margined.
    """
    base = required(policy)
    rows = [row for step in moved for row in _rows(step, required, base)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def summary(found: pl.DataFrame) -> pl.DataFrame:
    """One row for each step in their order: total change, the largest rise and fall, and how many subjects moved."""
    change = pl.col("change").sort_by("subject")
    return found.group_by("rule_id", "unit", "before", "after", "refused", maintain_order=True).agg(
        total_change=pl.when(pl.col("change").is_null().any()).then(None).otherwise(change.sum()),
        largest_rise=pl.col("change").max(),
        largest_fall=pl.col("change").min(),
        subjects_moved=(pl.col("change") != 0.0).sum(),
    )


def _rows(step: Step, required: Required, base: Mapping[str, float]) -> list[tuple[object, ...]]:
    told = (step.rule_id, step.unit, step.before, step.after)
    if step.policy is None:
        return [(*told, None, None, None, step.refused)]
    try:
        after = required(step.policy)
    except ModelInputError as error:
        return [(*told, None, None, None, str(error))]
    return [(*told, name, after[name], after[name] - base[name], "") for name in sorted(base)]
