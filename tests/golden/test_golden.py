"""Every golden case of every file in LEVEE_GOLDEN_DIR, each through the production code of its topic.

An adapter (adapters_*.py beside this file) translates a case's inputs into calls of the model and nothing else.
A topic without an adapter fails unless it is listed as pending with a reason.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "docs/golden.md"
FOLDER = Path(os.environ.get("LEVEE_GOLDEN_DIR", HERE.parents[1] / "../shared/golden"))
Case = dict[str, Any]
Adapter = Callable[[dict[str, Any], Mapping[str, Case]], Mapping[str, Any]]


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"golden_{path.stem}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def adapters() -> dict[str, Adapter]:
    found: dict[str, Adapter] = {}
    for path in sorted(HERE.glob("adapters_*.py")):
        own = load(path).ADAPTERS
        twice = sorted(set(found) & set(own))
        assert not twice, f"{path.name} answers topics another file answers: {twice}"
        found |= own
    return found


def topic(case: Case) -> str:
    return str(case.get("topic") or case.get("model"))


def read_cases() -> list[Case]:
    return [case for path in sorted(FOLDER.glob("*.json")) for case in json.loads(path.read_text(encoding="utf-8"))]


CASES = read_cases() if FOLDER.is_dir() else []
BY_ID = {str(case["id"]): case for case in CASES}
ADAPTERS = adapters()
PENDING: dict[str, str] = load(HERE / "pending.py").PENDING


def agrees(actual: Any, expected: Any, tolerance: Any) -> bool:
    """Whether a figure is the expected one: a number as tolerance is absolute, {abs, rel} is abs + rel |expected|."""
    if isinstance(expected, bool | str) or expected is None:
        return bool(actual == expected)
    if isinstance(expected, Mapping):
        return set(expected) <= set(actual) and all(
            agrees(actual[name], value, of_field(tolerance, name)) for name, value in expected.items()
        )
    if isinstance(expected, list):
        return len(actual) == len(expected) and all(
            agrees(one, other, tolerance) for one, other in zip(actual, expected, strict=True)
        )
    wide = tolerance if isinstance(tolerance, Mapping) else {"abs": tolerance, "rel": 0.0}
    distance = abs(float(actual) - float(expected))
    return math.isfinite(float(actual)) and distance <= wide.get("abs", 0.0) + wide.get("rel", 0.0) * abs(expected)


def of_field(tolerance: Any, name: str) -> Any:
    """The tolerance of one field, where the case gives one for each."""
    if isinstance(tolerance, Mapping) and not set(tolerance) <= {"abs", "rel"}:
        return tolerance[name]
    return tolerance


def test_golden_topics_are_all_known() -> None:
    if not CASES:
        pytest.skip(f"no golden cases at {FOLDER}")
    unknown = sorted({topic(case) for case in CASES} - set(ADAPTERS) - set(PENDING) - {"dataset"})
    assert not unknown, f"golden topics without an adapter or a reason to wait: {unknown}"


def test_golden_topics_that_wait_have_no_adapter() -> None:
    assert not set(ADAPTERS) & set(PENDING), "an adapter exists: take its topic off the pending list"


def test_golden_table_in_the_docs_has_every_topic_and_its_count() -> None:
    if not CASES or "LEVEE_GOLDEN_DIR" in os.environ:
        pytest.skip("the table counts the shipped selection of cases alone")
    counts = Counter(topic(case) for case in CASES)
    rows = re.findall(r"^\|(?: [^|]+ \|)? (\w+) \| (\d+) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert {name: int(count) for name, count in rows} == {name: n for name, n in counts.items() if name != "dataset"}


@pytest.mark.golden
@pytest.mark.parametrize("case", [case for case in CASES if topic(case) in ADAPTERS], ids=lambda case: case["id"])
def test_golden_case(case: Case) -> None:
    actual = ADAPTERS[topic(case)](case["inputs"], BY_ID)
    wrong = {
        name: (actual.get(name), expected)
        for name, expected in case["expected"].items()
        if name not in actual or not agrees(actual[name], expected, of_field(case["tolerance"], name))
    }
    assert not wrong, f"{case['id']} ({case['source']}): actual, expected: {wrong}"
