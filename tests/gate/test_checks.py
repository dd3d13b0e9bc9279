"""A check, its file, its code and its heading in the runbook are one thing under one name."""

from __future__ import annotations

import re

import pytest

from tasks import gate_checks, gate_suites, resources

RUNBOOK = resources.root() / "docs" / "runbook.md"
PARTS = ("**What**", "**Why**", "**Do**")


def sections() -> dict[str, str]:
    text = RUNBOOK.read_text(encoding="utf-8").split("\n## Checks\n", 1)[1].split("\n## ", 1)[0]
    parts = re.split(r"^### (\S+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def codes() -> set[str]:
    columns = {rule.code for suite in gate_suites.rules().values() for rule in suite} | {"ROW_COUNT"}
    return columns | {check.code for check in gate_checks.row_checks()}


def test_every_code_has_a_heading_and_every_heading_a_code():
    assert set(sections()) == codes()


@pytest.mark.parametrize("code", sorted(sections()))
def test_a_heading_says_what_why_and_what_to_do(code):
    assert all(part in sections()[code] for part in PARTS)


def test_a_heading_says_how_severe_the_check_is():
    for check in gate_checks.row_checks():
        assert sections()[check.code].strip().startswith(f"{check.severity.capitalize()}, concerns the {check.scope}.")


@pytest.mark.parametrize("name", resources.sql_names("checks"))
def test_a_check_file_has_its_two_lines(name):
    text = resources.sql(name)
    check = gate_checks.parse(name.removeprefix("checks/"), text)
    assert check.code == name.removeprefix("checks/").upper()
    assert gate_checks.FIRST_LINE.fullmatch(text.splitlines()[0])
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("first", ["-- fatal · book · F18 · meaning", "-- critical · book · meaning", "SELECT 1"])
def test_another_first_line_is_refused(first):
    with pytest.raises(ValueError, match="first two lines"):
        gate_checks.parse("some", f"{first}\n-- Do: something.\nSELECT 1\n")


def test_every_limit_of_the_policy_is_used_by_a_check():
    from dataclasses import fields

    from tasks.model.policy import Gate

    texts = "".join(resources.sql(name) for name in resources.sql_names("checks"))
    assert [limit.name for limit in fields(Gate) if f"${limit.name}" not in texts] == []
