"""Points where a crash test may kill the process, or learn which points a cycle passes.

LEVEE_CRASH_AT names a point (`publish:renamed`) or one of its passings (`file:before_replace#17`); `trace:PATH` kills
nobody and appends the name of every point that is passed to a file. A PROD home is prepared without the setting.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

SETTING = "LEVEE_CRASH_AT"
_TRACE = "trace:"
_passed: Counter[str] = Counter()


def crash_point(name: str) -> None:
    """Die here when a crash test asks for it."""
    asked = os.environ.get(SETTING)
    if not asked:
        return
    if asked.startswith(_TRACE):
        with Path(asked.removeprefix(_TRACE)).open("a", encoding="utf-8") as file:
            file.write(f"{name}\n")
        return
    _passed[name] += 1
    if asked in (name, f"{name}#{_passed[name]}"):
        os.kill(os.getpid(), signal.SIGKILL)
