"""What the numbers of a proposal rest on, as a file a command wrote: read, named by its hash, held against them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from tasks.home import canonical_json
from tasks.model.assurance.policy_change import Change
from tasks.model.errors import Finding, LeveeError

_ID_DIGITS = 12
_ALLOWED_FOR = 1e-9  # of a number that was printed and read


def identify(told: Any) -> str:
    """Short hash of everything that is told."""
    return hashlib.sha256(canonical_json(told)).hexdigest()[:_ID_DIGITS]


def read(path: Path, faults: Callable[[Any], Iterator[str]], kind: str, action: str) -> dict[str, Any]:
    """Content of a file nothing is wrong with. Raises LeveeError USAGE with the first fault: it is no `kind`."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
        fault = next(faults(told), "")
    except (OSError, ValueError, RecursionError) as error:
        fault = f"{type(error).__name__}: {error}"
    if fault:
        raise LeveeError(Finding("USAGE", f"no {kind}: {fault}", where=str(path), action=action))
    return dict(told)


def is_on_the_way(change: Change, last: str) -> bool:
    """Whether a change ends at `last` or between it and where it begins; what is no number ends there."""
    try:
        before, after, end = float(change.before), float(change.after), float(last)
    except ValueError:
        return change.after == last
    least, most = sorted((before, end))
    allowed = _ALLOWED_FOR * max(abs(least), abs(most), 1.0)
    return least - allowed <= after <= most + allowed


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")
