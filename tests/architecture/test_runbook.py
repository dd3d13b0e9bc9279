"""The runbook has one heading for every code that can be raised, and none for any other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tasks import codes, gate_checks, gate_suites

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("What", "Why", "Do", "Undo", "Owner")
CODE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|BUG|LEAK|USAGE|WAITING|FENCED")
RAISERS = {"Finding", "Fault", "Rule"}
FAMILY = "LATE_"  # a file of the roster that is late has a code of its own: LATE_ and the name of its dataset
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def sections() -> dict[str, str]:
    text = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    found = re.split(r"^### ([A-Z][A-Z0-9_]*)$", text, flags=re.MULTILINE)
    bodies = (re.split(r"^##? ", body, maxsplit=1, flags=re.MULTILINE)[0] for body in found[2::2])
    names = found[1::2]
    assert len(names) == len(set(names)), "a code has two headings"
    return dict(zip(names, bodies, strict=True))


@cache
def raised() -> dict[str, str]:
    """Every code and a module that raises it."""
    own = {rule.code: "tasks/gate_suites.py" for suite in gate_suites.rules().values() for rule in suite}
    rows = {check.code: f"sql/checks/{check.check_id}.sql" for check in gate_checks.row_checks()}
    modules = (path for top in ("flows", "tasks") for path in sorted((ROOT / top).rglob("*.py")))
    written = {code: path.relative_to(ROOT).as_posix() for path in modules for code in codes_of(path)}
    return {code: where for code, where in {**own, **rows, **written}.items() if not code.startswith(FAMILY)}


def codes_of(path: Path) -> Iterator[str]:
    """Codes of the findings a module makes: written at the finding, or handed to the function that makes it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield from found_at(tree, tree, {})
    for function in (node for node in ast.walk(tree) if isinstance(node, Function)):
        given = {argument.arg: at for at, argument in enumerate(function.args.args)}
        yield from found_at(function, tree, given)


def found_at(scope: ast.AST, tree: ast.Module, given: dict[str, int]) -> Iterator[str]:
    for call in (node for node in ast.walk(scope) if isinstance(node, ast.Call) and called(node) in RAISERS):
        code = next(iter(call.args), None) or next(
            (each.value for each in call.keywords if each.arg == "code"), ast.Constant("")
        )
        if isinstance(code, ast.Constant):
            yield str(code.value)
        elif isinstance(code, ast.Name) and code.id in constants(tree):
            yield constants(tree)[code.id]
        elif isinstance(scope, Function):
            yield from texts(scope)
            if isinstance(code, ast.Name) and code.id in given:
                yield from handed(tree, scope, given[code.id], code.id)


def constants(tree: ast.Module) -> dict[str, str]:
    """Texts that have a name in a module."""
    pairs = ((target, node.value) for node in tree.body if isinstance(node, ast.Assign) for target in node.targets)
    return {
        target.id: value.value
        for target, value in pairs
        if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str)
    }


def handed(tree: ast.Module, function: Function, position: int, name: str) -> Iterator[str]:
    """Texts the callers of a function hand it, as its argument or out of what they loop over."""
    bound = 1 if function.args.args and function.args.args[0].arg in {"self", "cls"} else 0
    callers = [node for node in ast.walk(tree) if isinstance(node, Function)]
    for caller in callers:
        for call in (node for node in ast.walk(caller) if isinstance(node, ast.Call) and called(node) == function.name):
            at = [*call.args[position - bound : position - bound + 1]]
            at += [each.value for each in call.keywords if each.arg == name]
            for argument in at:
                yield from texts(caller if isinstance(argument, ast.Name) else argument)


def texts(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and CODE.fullmatch(each.value):
            yield each.value


def called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def test_every_code_that_is_raised_has_a_heading():
    missing = {code: where for code, where in raised().items() if code not in sections()}
    assert missing == {}, "write What, Why, Do, Undo and Owner of each into docs/runbook.md"


def test_every_code_with_an_exit_code_has_a_heading():
    assert set(codes._EXACT) - set(sections()) == set()


def test_every_heading_is_of_a_code_that_can_be_raised():
    late = {code for code in sections() if code.startswith(FAMILY)}
    assert set(sections()) - set(raised()) - set(codes._EXACT) - late == set()


@pytest.mark.parametrize("code", sorted(sections()))
def test_a_heading_says_what_why_what_to_do_how_to_undo_it_and_who(code):
    found = re.findall(r"\*\*(\w+)\*\*", sections()[code])
    assert [part for part in PARTS if part not in found] == []
    owner = re.search(r"\*\*Owner\*\* (\w+)", sections()[code])
    assert owner
    assert owner[1].lower() == codes.owner(code)


def test_a_code_nobody_wrote_down_is_found(tmp_path):
    module = tmp_path / "some.py"
    module.write_text(
        "def one(what):\n    raise LeveeError(Finding('PLAIN_CODE', what))\n"
        "def two(code):\n    raise LeveeError(Finding(code, 'x'))\n"
        "def three():\n    two('HANDED_CODE')\n"
        "def four(full):\n    return Finding('FULL_CODE' if full else 'EMPTY_CODE', 'x')\n"
        "NAMED = 'NAMED_CODE'\ndef six():\n    return Finding(NAMED, 'x')\n"
        "def five():\n    for code in ('LOOP_CODE',):\n        two(code)\n",
        encoding="utf-8",
    )
    expected = {"PLAIN_CODE", "HANDED_CODE", "FULL_CODE", "EMPTY_CODE", "LOOP_CODE", "NAMED_CODE"}
    assert set(codes_of(module)) == expected
