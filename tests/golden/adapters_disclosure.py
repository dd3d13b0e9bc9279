"""Procyclicality and cost of a margin path, and the figures of the quantitative disclosure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from tasks.model.assurance.cost import relative_cost
from tasks.model.assurance.disclosure import margin_coverage
from tasks.model.assurance.procyclicality import largest_rise, peak_to_trough

Inputs = dict[str, Any]
Cases = Mapping[str, Inputs]


def procyclicality(given: Inputs, _: Cases) -> Inputs:
    if "tool" in given:
        base, tool = (np.array(given[name], dtype=np.float64) for name in ("base", "tool"))
        return {"mean_base": base.mean(), "mean_tool": tool.mean(), "cost": relative_cost(tool, base)}
    margin = np.array(given["margin"], dtype=np.float64)
    rises = {f"max_{days}d": largest_rise(margin, days) for days in range(1, len(margin))}
    return {"peak_to_trough": peak_to_trough(margin), **rises}


def pqd(given: Inputs, _: Cases) -> Inputs:
    accounts = given["accounts"].values()
    margin, loss = (np.concatenate([np.array(each[name], float) for each in accounts]) for name in ("margin", "loss"))
    found = margin_coverage(margin, loss)
    return asdict(found) | {"coverage": found.coverage, "avg_uncovered": found.average_uncovered}


ADAPTERS: dict[str, Callable[[Inputs, Cases], Mapping[str, Any]]] = {"procyclicality": procyclicality, "pqd": pqd}
