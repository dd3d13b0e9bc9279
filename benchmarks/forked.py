"""Cycles forked from a process that has imported what they need: a campaign of a thousand runs imports it once.

Apart from its imports a forked cycle is `levee cycle run`: the same command, in a process group and an environment of
its own, killed in the same way.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp

_IMPORTED = ("great_expectations", "tasks.watch", "tasks.journal", "tasks.model.kernels", "flows.running", "flows.cli")


def begin(kernels: Path) -> None:
    """Start the process all later cycles are forked from; its kernels are those of the folder."""
    os.environ["NUMBA_CACHE_DIR"] = str(kernels)
    multiprocessing.set_forkserver_preload(list(_IMPORTED))


class Forked:
    """A command in a process of its own, with as much of `subprocess.Popen` as a campaign uses."""

    def __init__(self, arguments: Sequence[str], surroundings: Mapping[str, str]) -> None:
        folder = Path(mkdtemp(prefix="levee-forked-"))
        self._out, self._err = folder / "out", folder / "err"
        given = (tuple(arguments), dict(surroundings), str(self._out), str(self._err))
        self._process = multiprocessing.get_context("forkserver").Process(target=_command, args=given)
        self._process.start()
        self.pid = int(self._process.pid or 0)

    @property
    def returncode(self) -> int:
        """Exit code; the number of a signal, negative."""
        return int(self._process.exitcode or 0)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Output of the ended process. Raises TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("levee", timeout or 0.0)
        found = tuple(path.read_text(encoding="utf-8") if path.exists() else "" for path in (self._out, self._err))
        return found[0], found[1]


def _command(arguments: tuple[str, ...], surroundings: dict[str, str], out: str, err: str) -> None:
    os.setsid()
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.environ.clear()
    os.environ.update(surroundings)
    from flows.cli import main

    main(list(arguments))
