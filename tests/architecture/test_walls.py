"""The walls of the house: who may import whom. Each message names the remedy."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("market", "pricing", "risk", "margin", "assurance")
SHARED_BY_ROOMS = {"arrays", "money", "policy", "policy_file", "errors", "kernels"}
MODEL_MAY_IMPORT = {
    "__future__",
    "abc",
    "collections",
    "concurrent",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "itertools",
    "json",
    "llvmlite",
    "math",
    "numba",
    "numpy",
    "polars",
    "scipy",
    "tasks",
    "types",
    "typing",
}
ONLY_HOME = {
    "prefect": "flows/",
    "duckdb": "tasks/store.py",
    "great_expectations": "tasks/gate",
    "pandas": "tasks/gate",
}
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time")}


def modules() -> list[Path]:
    return sorted(path for top in ("flows", "tasks") for path in (ROOT / top).rglob("*.py"))


def imported(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("package", sorted(ONLY_HOME))
def test_a_package_has_one_home(package: str) -> None:
    strays = [
        f"{name(path)}:{line}"
        for path in modules()
        for target, line in imported(path)
        if target.split(".")[0] == package and not name(path).startswith(ONLY_HOME[package])
    ]
    assert not strays, (
        f"{package} belongs to {ONLY_HOME[package]} alone: move the call there and pass its result: {strays}"
    )


def test_tasks_never_import_flows() -> None:
    strays = [
        f"{name(path)}:{line}"
        for path in modules()
        if name(path).startswith("tasks/")
        for target, line in imported(path)
        if target.split(".")[0] == "flows"
    ]
    assert not strays, f"flows import tasks, never back: pass what is needed as an argument: {strays}"


def test_flows_never_reach_into_the_rooms_of_the_model() -> None:
    strays = [
        f"{name(path)}:{line}"
        for path in modules()
        if name(path).startswith("flows/")
        for target, line in imported(path)
        if target.startswith("tasks.model.") and target.split(".")[2] != "errors"
    ]
    assert not strays, f"flows call stages and queries: put the finance behind one of them: {strays}"


def test_the_model_imports_only_numbers() -> None:
    strays = [
        f"{name(path)}:{line} {target}"
        for path in modules()
        if name(path).startswith("tasks/model/")
        for target, line in imported(path)
        if target.split(".")[0] not in MODEL_MAY_IMPORT
        or (target.startswith("tasks.") and not target.startswith("tasks.model"))
    ]
    assert not strays, f"the model knows no shell: hand it arrays or frames instead: {strays}"


def test_rooms_import_only_to_their_left() -> None:
    strays = []
    for path in modules():
        parts = path.relative_to(ROOT).parts
        if parts[:2] != ("tasks", "model"):
            continue
        room = parts[2] if parts[2] in ROOMS else None
        for target, line in imported(path):
            words = target.split(".")
            if words[:2] != ["tasks", "model"] or len(words) < 3 or words[2] in SHARED_BY_ROOMS:
                continue
            if room is None or words[2] not in ROOMS[: ROOMS.index(room) + 1]:
                strays.append(f"{name(path)}:{line} {target}")
    order = " <- ".join(ROOMS)
    assert not strays, f"rooms import one way, {order}: move the shared concept to the left: {strays}"


def test_the_house_is_margined_without_the_reference_models() -> None:
    room = "tasks.model.margin.reference"
    strays = [
        f"{name(path)}:{line} {target}"
        for path in modules()
        if name(path).startswith("tasks/model/") and not name(path).startswith(room.replace(".", "/") + "/")
        for target, line in imported(path)
        if target.startswith(room)
    ]
    assert not strays, f"what the house needs of another's model stands in margin/: move it there: {strays}"


def test_the_model_reads_no_clock_file_or_environment() -> None:
    strays = []
    for path in modules():
        if not name(path).startswith("tasks/model/"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            owner = getattr(getattr(node, "value", None), "id", "") if isinstance(node, ast.Attribute) else ""
            if owner and ((owner, node.attr) in CLOCKS or owner in {"os", "logging", "random"}):
                strays.append(f"{name(path)}:{node.lineno} {owner}.{node.attr}")
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"open", "print"}:
                strays.append(f"{name(path)}:{node.lineno} {node.func.id}()")
    assert not strays, f"the model is a pure function: business_date and data are arguments: {strays}"


def test_no_room_for_leftovers() -> None:
    banned = {"utils", "helpers", "common", "misc", "util", "helper"}
    strays = [name(path) for path in modules() if path.stem in banned or path.stem.endswith("_v2")]
    assert not strays, f"name the concept and give it its room: {strays}"


def test_modules_and_functions_stay_readable() -> None:
    # The kernels stay in one module, whatever its length: a compiled caller keeps a stale copy of another's code.
    long_modules = [
        name(path)
        for path in modules()
        if len(path.read_text(encoding="utf-8").splitlines()) > 420 and path.stem != "kernels"
    ]
    long_functions = [
        f"{name(path)}:{node.lineno} {node.name} ({node.end_lineno - node.lineno + 1} lines)"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno > 75
    ]
    assert not long_modules, f"split by concept: {long_modules}"
    assert not long_functions, f"name the steps and make them functions: {long_functions}"
