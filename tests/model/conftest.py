"""Shared by the tests of the model: golden cases, the opening policy, and books of contracts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks import policy_store, resources
from tasks.model.arrays import COIN_OPTION, INVERSE_FORWARD, Contracts, slices_of
from tasks.model.policy import Policy

Case = dict[str, Any]


@pytest.fixture(scope="session")
def golden(golden_folder: Path) -> Callable[[str], list[Case]]:
    """All golden cases of a topic (ccp.json) or model (crypto.json); a topic without cases is a broken test."""
    names = {"ccp.json": "topic", "crypto.json": "model"}
    cases = {name: json.loads((golden_folder / name).read_text(encoding="utf-8")) for name in names}

    def of(topic: str, file: str = "ccp.json") -> list[Case]:
        found = [case for case in cases[file] if case[names[file]] == topic]
        assert found, f"no golden case of {topic} in {file}"
        return found

    return of


@pytest.fixture(scope="session")
def agrees() -> Callable[[Any, Any, Any], bool]:
    """Whether a figure is the expected one within a case's tolerance: absolute, or abs + rel |expected|."""

    def check(actual: Any, expected: Any, tolerance: Any) -> bool:
        wide = tolerance if isinstance(tolerance, dict) else {"abs": tolerance, "rel": 0.0}
        limit = wide["abs"] + wide["rel"] * np.abs(np.asarray(expected, dtype=float))
        return bool(np.all(np.abs(np.asarray(actual, dtype=float) - np.asarray(expected, dtype=float)) <= limit))

    return check


@pytest.fixture(scope="session")
def opening_policy() -> Policy:
    """The shipped opening policy."""
    return policy_store.load(resources.data("policy") / "2014-01-01.toml")


@pytest.fixture(scope="session")
def make_contracts() -> Callable[..., Contracts]:
    """Contracts from rows of named fields; what a form does not use is NaN, what a row leaves out is plain."""

    def build(*rows: dict[str, Any]) -> Contracts:
        plain = {
            "underlying": "BTC",
            "multiplier": 1.0,
            "index_price": 100.0,
            "forward": 100.0,
            "strike": np.nan,
            "is_call": False,
            "years_to_expiry": np.nan,
            "volatility": np.nan,
            "fixed_part": 0.0,
        }
        full = [{**plain, **row} for row in rows]
        for row in full:
            coin = row["form"] in (INVERSE_FORWARD, COIN_OPTION)
            row.setdefault("settle_price", row["index_price"] if coin else 1.0)
        names = tuple(sorted({row["underlying"] for row in full}))

        def floats(name: str) -> Any:
            return np.array([row[name] for row in full], dtype=np.float64)

        underlying = np.array([names.index(row["underlying"]) for row in full], dtype=np.int64)
        slice_of, slices = slices_of(underlying, np.nan_to_num(floats("years_to_expiry") * 365.0, nan=np.inf))
        return Contracts(
            ids=tuple(row.get("id", f"C{position:03d}") for position, row in enumerate(full)),
            underlyings=names,
            underlying=underlying,
            form=np.array([row["form"] for row in full], dtype=np.int64),
            multiplier=floats("multiplier"),
            index_price=floats("index_price"),
            forward=floats("forward"),
            settle_price=floats("settle_price"),
            strike=floats("strike"),
            is_call=np.array([row["is_call"] for row in full], dtype=np.bool_),
            years_to_expiry=floats("years_to_expiry"),
            volatility=floats("volatility"),
            fixed_part=floats("fixed_part"),
            slice_of=slice_of,
            slices=slices,
        )

    return build
