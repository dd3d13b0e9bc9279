"""Commands of those who keep the house running: where a figure comes from, the clock, the state of the machine."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

from flows.options import Common
from tasks import codes


def serve(port: int | None = None, inbox: Path | None = None, common: Common | None = None) -> int:
    """Run the cycles of data/reference/schedule.toml by the clock, until stopped.

    Parameters
    ----------
    port
        Loopback port of the server started here; a free one by default. Not used where PREFECT_API_URL is set.
    inbox
        Folder of delivered files instead of the home's own.
    """
    from flows import server

    common = common or Common()
    home = common.open(inbox).prepare()
    signal.signal(signal.SIGTERM, _stopped)
    try:
        with server.answering(home, port) as url:
            from flows.deployments import Service

            service = Service(home)
            _announce(common, url, service.next_runs())
            service.run()
    except KeyboardInterrupt:
        pass
    return codes.PUBLISHED


def _announce(common: Common, url: str, upcoming: dict[str, Any]) -> None:
    """One line per cycle and where to look, at once: whoever started this waits for it."""
    if common.as_json:
        print(json.dumps({"url": url, "next": {name: str(when) for name, when in upcoming.items()}}), flush=True)
        return
    for cycle, when in sorted(upcoming.items()):
        print(f"{cycle}: next run {when:%Y-%m-%d %H:%M} UTC")
    print(f"serving {url}; stop with Ctrl-C", flush=True)


def _stopped(_signal: int, _frame: Any) -> None:
    sys.exit(codes.PUBLISHED)
