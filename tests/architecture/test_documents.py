"""What documents and messages name is there: commands, their options, linked files, paths of the tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

from flows import cli

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("data/**/*.md")])
SPEAKING = sorted([*DOCUMENTS, *ROOT.glob("tasks/**/*.py"), *ROOT.glob("flows/*.py"), *ROOT.glob("tasks/pages/*")])
COMMAND = re.compile(r"(?:`|\$ |^ {4})levee ([a-z][a-z0-9-]*)(?: ([a-z][a-z0-9-]*))?([^`\n]*)", re.MULTILINE)
PATH = re.compile(r"`((?:tasks|flows|tests|sql|data|benchmarks|docs)/[\w./-]+)`")
MODULE = re.compile(r"python -m (benchmarks[\w.]*\w)")
LINK = re.compile(r"\]\((?!http)([^)#]+)")


def wrong(text: str) -> Iterator[str]:
    """Commands of a text that do not exist, or not with these options."""
    for first, second, rest in COMMAND.findall(text):
        if first not in cli.app:
            yield f"levee {first}"
            continue
        app: App = cli.app[first]
        if second and second in app:
            app = app[second]
        elif app.default_command is None:
            yield from [f"levee {first} {second}"] if second else []
            continue
        known = {name for argument in app.assemble_argument_collection() for name in argument.names} | {"--help"}
        said = re.findall(r"--[a-z][a-z-]*", re.split(r" · |; |…", rest)[0])
        yield from (f"levee {first} {second} {each}" for each in said if each not in known)


@pytest.mark.parametrize("text", ["`levee cycle flop`", "`levee flop`", "$ levee cycle run --datum D"])
def test_a_command_that_is_none_is_found(text: str) -> None:
    assert list(wrong(text))


def test_every_command_that_is_named_exists() -> None:
    strays = [f"{path.relative_to(ROOT)}: {each}" for path in SPEAKING for each in wrong(path.read_text("utf-8"))]
    assert not strays, f"name the command as `levee --help` does: {strays}"


def test_every_file_that_is_named_exists() -> None:
    strays = []
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        modules = [f"{each.replace('.', '/')}" for each in MODULE.findall(text)]
        named = [ROOT / each for each in PATH.findall(text)] + [path.parent / each for each in LINK.findall(text)]
        named += [ROOT / each if (ROOT / each).is_dir() else ROOT / f"{each}.py" for each in modules]
        strays += [f"{path.name}: {each}" for each in named if not each.exists()]
    assert not strays, f"name what is there, or take it out: {strays}"
