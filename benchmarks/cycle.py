"""The whole cycle, land to publish, at three sizes: `python -m benchmarks.cycle [--json] [--plain] [--size A:K ...]`.

Every size has a fresh home and a synthetic inbox, and is run as a user runs it: by `levee cycle run` in a process of
its own. Stages are read off the state file, memory and CPU off the process and its children while it runs. Kernels are
compiled before, by a cycle of a few accounts in a home of its own: that is paid once per home and release of Levee.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

DAY = "2026-01-30"
SIZES = ("500:1000", "1500:3000", "5000:3000")
WARM_UP = "20:200"
ACCOUNTS_PER_SIX_MEMBERS = 11  # what tasks/sample_members.py gives of itself
_LEVEE = (sys.executable, "-m", "flows.cli")
_POLL_SECONDS = 0.05
_MEGABYTE = 1024.0 * 1024.0


@dataclass(frozen=True)
class Reading:
    """The process at a moment: CPU seconds so far, resident megabytes."""

    at: float
    cpu_s: float
    memory_mb: float


@dataclass(frozen=True)
class Span:
    """A stage from its start to the start of the next: wall and CPU seconds, the most megabytes resident in it."""

    stage: str
    wall_s: float
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True)
class Measured:
    """A cycle of one size."""

    accounts: int
    positions: int
    contracts: int
    files: int
    sample_s: float
    wall_s: float
    cpu_s: float
    peak_mb: float
    stages: tuple[Span, ...]


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cycle", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one object per size instead of the tables")
    parser.add_argument("--plain", action="store_true", help="without an orchestrator")
    parser.add_argument("--size", action="append", metavar="ACCOUNTS:CONTRACTS", help="instead of the three sizes")
    parser.add_argument("--folder", type=Path, help="where inboxes and homes are made, instead of a temporary folder")
    said = parser.parse_args()
    measured = []
    with tempfile.TemporaryDirectory(prefix="levee-", dir=said.folder) as folder:
        compiled = Path(folder) / "warm-up"
        measure(compiled, WARM_UP, said.plain)
        for size in said.size or SIZES:
            measured.append(measure(Path(folder) / size.replace(":", "-"), size, said.plain, compiled / "home/numba"))
            if not said.json:
                print(table(measured[-1]), flush=True)
    print(json.dumps([asdict(each) for each in measured], indent=1) if said.json else growth(measured))
    return 0


def measure(folder: Path, size: str, plain: bool, kernels: Path | None = None) -> Measured:
    """Sample an inbox of ACCOUNTS:CONTRACTS and run its cycle in a fresh home that is given compiled kernels."""
    inbox, home = folder / "inbox", folder / "home"
    accounts, contracts = map(int, size.split(":"))
    if kernels:
        shutil.copytree(kernels, home / "numba")
    started = time.time()
    members = accounts * 6 // ACCOUNTS_PER_SIX_MEMBERS
    sizes = ("--members", str(members), "--accounts", str(accounts), "--contracts", str(contracts))
    subprocess.run([*_LEVEE, "sample", "--out", str(inbox), "--end-date", DAY, *sizes], check=True, stdout=sys.stderr)
    sampled = time.time() - started
    command = [*_LEVEE, "cycle", "run", "--date", DAY, "--inbox", str(inbox), "--home", str(home), "--json"]
    outcome, readings = _watched([*command, "--no-orchestrator"] if plain else command)
    state = json.loads((home / "state" / f"{DAY}-EOD.json").read_text(encoding="utf-8"))
    complete = json.loads((Path(outcome["release"]) / "_COMPLETE.json").read_text(encoding="utf-8"))
    rows = {table: count for stage in state["stages"] for table, count in stage["rows"].items()}
    return Measured(
        accounts=outcome["accounts"],
        positions=rows["book.position"],
        contracts=rows["book.contract"],
        files=complete["files"],
        sample_s=sampled,
        wall_s=readings[-1].at - readings[0].at,
        cpu_s=readings[-1].cpu_s,
        peak_mb=max(each.memory_mb for each in readings),
        stages=tuple(_spans(state["stages"], readings)),
    )


def _watched(command: Sequence[str]) -> tuple[dict[str, Any], list[Reading]]:
    """What a command printed, and the process as it was from start to end."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    readings = [Reading(time.time(), 0.0, 0.0)]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_POLL_SECONDS):
            readings.extend(_reading(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    printed, _ = process.communicate()
    over.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"the cycle ended with exit code {process.returncode}")
    return json.loads(printed), [*readings, Reading(time.time(), readings[-1].cpu_s, 0.0)]


def _reading(pid: int) -> Iterator[Reading]:
    """The process and its children now; nothing once it has ended. What children share is counted with the parent."""
    process = _process(pid)
    if process:
        children = [child for child in map(_process, _processes()) if child and child.parent == pid]
        memory = process.resident_mb + sum(child.resident_mb - child.shared_mb for child in children)
        yield Reading(time.time(), process.cpu_s + sum(child.cpu_s for child in children), memory)


@dataclass(frozen=True)
class _Process:
    parent: int
    cpu_s: float  # with those of its children that have ended
    resident_mb: float
    shared_mb: float


def _processes() -> Iterator[int]:
    yield from (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())


def _process(pid: int) -> _Process | None:
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        _, resident, shared, *_ = map(int, Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split())
    except (FileNotFoundError, ProcessLookupError):
        return None
    page = os.sysconf("SC_PAGE_SIZE") / _MEGABYTE
    ticks = sum(map(int, after_name[11:15]))
    return _Process(int(after_name[1]), ticks / os.sysconf("SC_CLK_TCK"), resident * page, shared * page)


def _spans(stages: Sequence[dict[str, Any]], readings: Sequence[Reading]) -> Iterator[Span]:
    """The time of the process cut at the starts of its stages; what comes before the first is its own start."""
    begun = [(stage["stage"], datetime.fromisoformat(stage["started"]).replace(tzinfo=UTC)) for stage in stages]
    cuts = [("start", readings[0].at), *((name, at.timestamp()) for name, at in begun), ("", readings[-1].at + 1.0)]
    for (name, start), (_, end) in pairwise(cuts):
        own = [each for each in readings if start <= each.at < end] or [_last_before(readings, start)]
        cpu = own[-1].cpu_s - _last_before(readings, start).cpu_s
        yield Span(name, min(end, readings[-1].at) - start, cpu, max(each.memory_mb for each in own))


def _last_before(readings: Sequence[Reading], moment: float) -> Reading:
    return max((each for each in readings if each.at <= moment), key=lambda each: each.at, default=readings[0])


def table(measured: Measured) -> str:
    """One size as text."""
    size = f"{measured.accounts:,} accounts, {measured.positions:,} positions, {measured.contracts:,} contracts"
    lines = [f"{size}; {measured.files:,} files; sampled in {measured.sample_s:.1f} s"]
    lines.append(f"{'stage':<10}{'wall s':>9}{'CPU s':>9}{'peak MB':>10}")
    lines += [f"{each.stage:<10}{each.wall_s:>9.2f}{each.cpu_s:>9.2f}{each.peak_mb:>10.0f}" for each in measured.stages]
    lines.append(f"{'all':<10}{measured.wall_s:>9.2f}{measured.cpu_s:>9.2f}{measured.peak_mb:>10.0f}\n")
    return "\n".join(lines)


def growth(measured: Sequence[Measured]) -> str:
    """How CPU seconds grow with positions from the smallest to the largest size: 1 is in proportion, 0 not at all."""
    small, large = measured[0], measured[-1]
    if large.positions <= small.positions:
        return ""
    more = math.log(large.positions / small.positions)
    at_small = {each.stage: each.cpu_s for each in small.stages}
    powers = [
        f"{each.stage} {math.log(each.cpu_s / at_small[each.stage]) / more:.2f}"
        for each in large.stages
        if min(each.cpu_s, at_small[each.stage]) > _POLL_SECONDS
    ]
    return f"CPU time grows with positions to the power of: {', '.join(powers)}"


if __name__ == "__main__":
    sys.exit(main())
