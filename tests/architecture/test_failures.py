"""Every failure of the catalogue has an answer and a test that tries it, or a reason why it does not apply."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tasks import codes

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "failures.md"
NUMBERS = [f"F{number:02d}" for number in range(1, 91)]
DOES_NOT_APPLY = "does not apply:"
TEST = re.compile(r"(tests/[\w/]+\.py)::(\w+)")
EXITS = {str(value) for name, value in vars(codes).items() if name.isupper() and isinstance(value, int)}


@cache
def rows() -> dict[str, list[str]]:
    """Cells of each row after its number: failure, answer, exit, test."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if re.match(r"\| F\d\d ", line)]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return {number: rest for number, *rest in cells}


@cache
def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.Module([], [])
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_the_catalogue_is_whole_and_in_order():
    assert list(rows()) == NUMBERS


@pytest.mark.parametrize("number", NUMBERS)
def test_a_row_says_what_goes_wrong_what_answers_it_and_which_test_tries_it(number):
    failure, answer, exits, test = rows()[number]
    assert failure, "the failure in words"
    assert answer, "the check, code or behaviour"
    if answer.startswith(DOES_NOT_APPLY) or test.startswith(DOES_NOT_APPLY):
        assert len(f"{answer} {test}") > len(DOES_NOT_APPLY) + 20, "say why it does not apply"
        return
    assert set(re.findall(r"\d+", exits)) <= EXITS, "exit codes are those of the contract"
    named = TEST.findall(test)
    assert named, "name a test as path::function"
    absent = [f"{path}::{name}" for path, name in named if name not in functions(ROOT / path)]
    assert absent == [], "no such test"
