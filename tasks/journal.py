"""What a running command tells: one JSON line per event in home/logs, and whoever else listens (a progress bar)."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tasks.home import Home

_OWN_FIELDS = ("run_id", "stage", "rows", "code", "path", "findings")


class _Lines(logging.Handler):
    """Appends each record as a JSON line to the file of its run; what has no run goes to the cycle's intake file."""

    def __init__(self, folder: Path, before_run: str) -> None:
        super().__init__()
        self._folder = folder
        self._before_run = before_run

    def emit(self, record: logging.LogRecord) -> None:
        event = {name: getattr(record, name) for name in _OWN_FIELDS if hasattr(record, name)}
        event |= {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "event": record.getMessage(),
        }
        path = self._folder / f"{event.get('run_id', self._before_run)}.jsonl"
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(event, sort_keys=True, default=str) + "\n")


@contextmanager
def written(home: Home, before_run: str, *listeners: logging.Handler) -> Iterator[None]:
    """Journal all the body logs under `levee` and pass it to the listeners; inside another journal only the latter."""
    home.logs.mkdir(parents=True, exist_ok=True)
    logger = logging.getLogger("levee")
    inside = any(isinstance(handler, _Lines) for handler in logger.handlers)
    handlers = listeners if inside else (_Lines(home.logs, before_run), *listeners)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
