"""A page of docs/ that a simulation gives: printed, or written in its place."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path


def command(program: str, said_of_it: str | None, page: Callable[[int, int], str], target: Path, paths: int) -> int:
    """Parse --paths, --seed and --write, make the page of that many paths and that seed; returns the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{program}", description=said_of_it)
    parser.add_argument("--paths", type=int, default=paths, help="paths for each number of days")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help=f"write {target.name} instead of printing it")
    said = parser.parse_args()
    text = page(said.paths, said.seed)
    if said.write:
        target.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0
