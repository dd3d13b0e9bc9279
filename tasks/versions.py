"""Installed distributions against constraints.txt: figures are proven on the pinned ones alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata

from tasks import resources
from tasks.model.errors import Finding, LeveeError

_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Installed:
    """How many distributions are the pinned ones, which differ (with both versions), which are needed and absent."""

    pinned: int
    differ: tuple[str, ...]
    absent: tuple[str, ...]

    @property
    def drifted(self) -> tuple[str, ...]:
        """One entry per distribution that is not as pinned."""
        return (*self.differ, *(f"{name} is not installed" for name in self.absent))


def installed() -> Installed:
    """What this interpreter finds."""
    pinned = dict(pins((resources.root() / "constraints.txt").read_text(encoding="utf-8").splitlines()))
    there = {_canonical(each.name): each.version for each in metadata.distributions()}
    needed = {
        _canonical(name)
        for line in metadata.requires("levee") or ()
        if "extra ==" not in line
        for name in _NAME.findall(line)[:1]
    }
    differ = (
        f"{name} {there[name]} (pinned {version})"
        for name, version in sorted(pinned.items())
        if name in there and there[name] != version
    )
    return Installed(len(pinned.keys() & there.keys()), tuple(differ), tuple(sorted(needed - there.keys())))


def require_pinned() -> None:
    """Raises LeveeError ENV_DRIFT listing every distribution that is not as pinned."""
    drifted = installed().drifted
    if drifted:
        raise LeveeError(
            Finding(
                "ENV_DRIFT",
                "other versions are installed than figures were proven on",
                value="; ".join(drifted),
                limit="constraints.txt",
                action="install with --constraint constraints.txt into a fresh environment, then run again",
            )
        )


def pins(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Canonical name and version of every line that pins one."""
    for line in lines:
        name, mark, version = line.split("#")[0].strip().partition("==")
        if mark:
            yield _canonical(name), version.split(";")[0].strip()


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
