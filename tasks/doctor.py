"""Whether a machine and a home are fit to clear: one check a line, each with what to do about it.

Reads what is there, writes nothing that stays. The database is opened by its own engine alone, and only while nobody
else holds the home.
"""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tasks import lock
from tasks import versions as versions_now
from tasks.home import Home
from tasks.model.errors import LeveeError, LockedError

OK, WARN, FAIL = "OK", "WARN", "FAIL"
ENOUGH_GIB, LITTLE_GIB = 10.0, 1.0
CLOCK_PROBE_SECONDS, CLOCK_TOLERANCE_SECONDS = 0.2, 0.1
_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Check:
    """One line: what was looked at, how it stands, what was found, what to do next (empty where nothing)."""

    name: str
    state: str
    found: str
    action: str = ""


def examine(home: Home, server: Callable[[], Check], telemetry: Callable[[], Check]) -> Iterator[Check]:
    """Every check in turn; those that need an orchestrator's own words are handed in."""
    environment = home.environment if (home.root / "environment").exists() else ""
    yield versions(environment)
    yield disk(home)
    yield clock()
    yield clock_against_releases(home)
    yield zones()
    yield folders(home)
    yield locks(home)
    yield database(home)
    yield server()
    yield telemetry()
    yield Check("browser", OK, "none is needed to clear: pages are files")


def versions(environment: str = "") -> Check:
    """Installed distributions against constraints.txt. In a PROD home a drift is a FAIL: figures are proven on them."""
    there = versions_now.installed()
    if not there.drifted:
        return Check("versions", OK, f"{there.pinned} distributions are the pinned ones")
    state = FAIL if there.absent or environment == "PROD" else WARN
    action = "install with --constraint constraints.txt into a fresh environment"
    return Check("versions", state, "; ".join(there.drifted), action)


def disk(home: Home) -> Check:
    """Room where the home lies, or will lie."""
    place = _existing(home.root)
    free = shutil.disk_usage(place).free / 2**30
    state = OK if free >= ENOUGH_GIB else WARN if free >= LITTLE_GIB else FAIL
    action = "" if state == OK else f"make room: below {LITTLE_GIB:g} GiB a release may not fit"
    return Check("disk", state, f"{free:.1f} GiB free at {place}", action)


def clock() -> Check:
    """The wall clock goes on as the monotonic one does, and is not of a year before this software."""
    wall, steady = time.time(), time.monotonic()
    time.sleep(CLOCK_PROBE_SECONDS)
    drift = (time.time() - wall) - (time.monotonic() - steady)
    now = datetime.now(UTC)
    found = f"{now:%Y-%m-%d %H:%M:%S} UTC, {drift * 1000:+.0f} ms against the monotonic clock"
    if now < _EARLIEST:
        return Check("clock", FAIL, found, "set the clock: it is before this software was made")
    if abs(drift) > CLOCK_TOLERANCE_SECONDS:
        return Check("clock", WARN, found, "see the time service: the clock is being moved")
    return Check("clock", OK, found)


def clock_against_releases(home: Home) -> Check:
    """Nothing was published in the future: else the clock went back since."""
    issued = [_published(path) for path in home.published.glob("*/*/v*/_COMPLETE.json")]
    if None in issued:
        return Check(
            "releases",
            FAIL,
            f"{issued.count(None)} of {len(issued)} markers cannot be read",
            f"run `levee publish verify {home.published}`",
        )
    latest = max(filter(None, issued), default=None)
    if latest is None:
        return Check("releases", OK, "nothing is published yet")
    ahead = latest - datetime.now(UTC)
    if ahead > timedelta(seconds=CLOCK_TOLERANCE_SECONDS):
        return Check("releases", FAIL, f"the latest was published {ahead} from now", "set the clock: it went back")
    return Check("releases", OK, f"{len(issued)} published, the latest at {latest:%Y-%m-%d %H:%M:%S} UTC")


def _published(marker: Path) -> datetime | None:
    """When a release was published; None where its marker does not say."""
    try:
        return datetime.fromisoformat(json.loads(marker.read_text(encoding="utf-8"))["published_ts"]).astimezone(UTC)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def zones() -> Check:
    """Statements tell due times in the member's own zone; everything else is UTC whatever the machine's zone is."""
    try:
        shift = datetime(2026, 7, 1, 12, tzinfo=UTC).astimezone(ZoneInfo("America/New_York")).utcoffset()
    except ZoneInfoNotFoundError:
        return Check("zones", FAIL, "no time zone data", "install the system's tzdata")
    local = datetime.now(UTC).astimezone().tzname()
    if shift != timedelta(hours=-4) or datetime.fromtimestamp(0, UTC).hour != 0:
        return Check("zones", FAIL, f"New York in July is UTC{shift}", "renew the system's tzdata")
    return Check("zones", OK, f"machine in {local}; times are kept and cut in UTC")


def folders(home: Home) -> Check:
    """Every folder of the home can be written; a home that does not exist yet can be made."""
    wanted = (
        home.root,
        home.inbox,
        home.frozen,
        home.exports,
        home.state,
        home.published,
        home.site,
        home.policy,
        home.logs,
    )
    closed = [str(folder) for folder in wanted if not _is_writable(_existing(folder))]
    if closed:
        return Check("folders", FAIL, "; ".join(closed), "give the user of this command write access")
    return Check("folders", OK, f"{home.root} can be written" if home.root.exists() else f"{home.root} can be made")


def _is_writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def locks(home: Home) -> Check:
    """The file system of the home keeps two holders of one lock apart: some that are shared over a network do not."""
    place = _existing(home.root)
    try:
        with tempfile.NamedTemporaryFile(dir=place) as first, Path(first.name).open("rb") as second:
            if lock.excludes(first.fileno(), second.fileno()):
                return Check("locks", OK, f"kept at {place}")
    except OSError as error:
        return Check("locks", FAIL, f"{error.strerror}: {place}", "put the home on a local disk that can be written")
    return Check(
        "locks", FAIL, f"not kept at {place}", "put the home on a local disk: two commands could write at once"
    )


def database(home: Home) -> Check:
    """The database opens and answers; left alone while another command holds the home, or where there is none."""
    if not home.database.exists():
        return Check("database", OK, "none yet: the first cycle makes it")
    try:
        with home.locked("doctor"):
            return _opened(home)
    except LockedError as busy:
        return Check("database", WARN, f"not opened: {busy.findings[0].value}", "ask again when the home is free")
    except OSError as error:
        return Check("database", FAIL, f"{error.strerror}: {error.filename}", "give the user of this command access")
    except LeveeError as broken:
        finding = broken.findings[0]
        return Check("database", FAIL, f"{finding.code}: {finding.what}", finding.action)


def _opened(home: Home) -> Check:
    from tasks.store import Store

    with Store(home.database) as store:
        runs = store.read("SELECT count(*) AS runs FROM control.cycle_run").item()
    return Check("database", OK, f"opens; {runs} runs")


def loopback() -> Check:
    """An embedded orchestrator needs a port of the loopback."""
    try:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
    except OSError as error:
        return Check("orchestrator", FAIL, f"no loopback port: {error.strerror}", "use --no-orchestrator, or allow it")
    return Check("orchestrator", OK, f"none given; an embedded one can listen (127.0.0.1:{port} was free)")


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder
