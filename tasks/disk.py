"""What a disk that is full or closed to writing says, told as a finding."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.model.errors import Finding, LeveeError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_CLOSED = {errno.EROFS, errno.EACCES, errno.EPERM}
# Engines hand on the system's words without its number.
_FULL_WORDS = ("no space left", "quota exceeded")
_CLOSED_WORDS = ("read-only file system", "permission denied", "operation not permitted", "read-only mode")
_ACTIONS = {
    "DISK_FULL": "make room on the disk of the home, then run the same command again: it resumes",
    "READ_ONLY": "give the user of this command write access to the home, then run the same command again",
}


def code_of(error: Exception) -> str | None:
    """DISK_FULL or READ_ONLY where a failure means that, else None."""
    number, words = getattr(error, "errno", None), str(error).lower()
    if number in _FULL or any(each in words for each in _FULL_WORDS):
        return "DISK_FULL"
    if number in _CLOSED or any(each in words for each in _CLOSED_WORDS):
        return "READ_ONLY"
    return None


def refusal(error: Exception, what: str, where: str) -> LeveeError | None:
    """The failure as LeveeError DISK_FULL or READ_ONLY; None where it is neither."""
    code = code_of(error)
    if code is None:
        return None
    said = str(getattr(error, "strerror", None) or error).splitlines()[0]
    return LeveeError(Finding(code, f"{what}: {said}", where=where, action=_ACTIONS[code]))


@contextmanager
def writing(place: Path, what: str = "the home cannot be written") -> Iterator[None]:
    """Tell a full or closed disk as LeveeError DISK_FULL or READ_ONLY; any other failure passes as it is."""
    try:
        yield
    except OSError as error:
        refused = refusal(error, what, str(error.filename or place))
        if refused is None:
            raise
        raise refused from error
