"""Kill a clearing cycle everywhere and run it again: `python -m benchmarks.crashes [--named all|first|none]
[--moments N] [--seed S] [--runners N] [--orchestrated] [--docs FILE]`.

Named points: the cycle kills itself at a point it passes, before and after every commit, before and after every file
that is replaced, between any two published files; which points there are is read off an undisturbed run. Random
moments: its process group is killed from outside. Then it is run again, and what it leaves is held against what the
undisturbed run left. Results are kept in FOLDER/results.jsonl, so that a campaign that was itself killed goes on.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import crash_report
from benchmarks.crash_cycle import BUSY, DAY, PUBLISHED, Cycle, Ended, differences, left, outcome
from tasks import resources

KILLED = -9
_KILLED_TWICE_SHARE = 0.25
_LATEST_MOMENT = 1.05  # of the seconds of an undisturbed run: some moments come when all is over


@dataclass(frozen=True)
class Trial:
    """One cycle that was disturbed: how, where it was at each kill, exit codes in order, and all that is not right."""

    name: str
    kind: str
    stages: tuple[str, ...]
    codes: tuple[int, ...]
    wrong: tuple[str, ...]
    seconds: float


def main() -> int:
    """Entry point; 1 where one trial left anything else than the undisturbed run."""
    said = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="levee-crashes-") as temporary:
        folder = said.folder or Path(temporary)
        cycle = Cycle(folder, said.inbox or resources.data("sample/inbox"), said.orchestrated)
        print(
            f"undisturbed: {cycle.seconds:.1f} s, root {cycle.left.root}, {len(cycle.points)} points", file=sys.stderr
        )
        trials = list(_campaign(cycle, _planned(cycle, said), folder / "results.jsonl", said.jobs))
    text = crash_report.text(trials, cycle, _command(said), platform.python_version())
    if said.docs:
        said.docs.write_text(text, encoding="utf-8")
    print(text)
    return int(any(trial.wrong for trial in trials))


def named(cycle: Cycle, point: str) -> Trial:
    """Die at a named point, then run again."""
    home = cycle.home(point.replace(":", "-").replace("#", "-"))
    died = cycle.run(home, asked=point)
    missed = [] if died.code == KILLED else [f"not killed: exit {died.code} {died.err.strip()[-200:]}"]
    return _finished(cycle, home, point, "named", [died], missed)


def moment(cycle: Cycle, seed: int, number: int) -> Trial:
    """Be killed from outside at a random moment, one in four twice, then run again. The seed gives the moments."""
    draw = random.Random(f"{seed} {number}")
    home = cycle.home(f"moment-{number}")
    again = draw.random() < _KILLED_TWICE_SHARE
    ended = [cycle.run(home, kill_after=draw.uniform(0.0, _LATEST_MOMENT) * cycle.seconds) for _ in range(1 + again)]
    return _finished(cycle, home, f"moment {seed}:{number}", "moment", ended, [])


def two_runners(cycle: Cycle, number: int) -> Trial:
    """Two at once: one publishes, the other is turned away, or finds it published when it comes late."""
    home = cycle.home(f"runners-{number}")
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: cycle.run(home), range(2)))
    wrong = _wrong_of_two(both)
    return _finished(cycle, home, f"runners {number}", "runners", both, wrong)


def _wrong_of_two(both: Sequence[Ended]) -> list[str]:
    fresh = [ended for ended in both if ended.code == PUBLISHED and not outcome(ended).get("already_published")]
    late = [ended for ended in both if ended.code == PUBLISHED and outcome(ended).get("already_published")]
    busy = [ended for ended in both if ended.code == BUSY and "LEASE_HELD" in ended.err]
    return [] if (len(fresh), len(late) + len(busy)) == (1, 1) else [f"exit codes {[each.code for each in both]}"]


def _finished(cycle: Cycle, home: Path, name: str, kind: str, ended: Sequence[Ended], wrong: list[str]) -> Trial:
    """Run the cycle again, undisturbed, and compare. The home is kept where something is wrong."""
    last = cycle.run(home)
    if last.code == PUBLISHED:
        wrong = [*wrong, *differences(left(home), cycle.left)]
    else:
        wrong = [*wrong, f"run again: exit {last.code} {last.err.strip()[-300:]}"]
    if not wrong:
        shutil.rmtree(home)
    stages = tuple(each.stage for each in ended if each.code == KILLED)
    codes = (*(each.code for each in ended), last.code)
    return Trial(name, kind, stages, codes, tuple(wrong), sum(each.seconds for each in (*ended, last)))


def _planned(cycle: Cycle, said: argparse.Namespace) -> list[tuple[str, Callable[[], Trial]]]:
    """Name of every trial and how it is made."""
    return [
        *((point, partial(named, cycle, point)) for point in passings(cycle.points, said.named)),
        *((f"moment {said.seed}:{each}", partial(moment, cycle, said.seed, each)) for each in range(said.moments)),
        *((f"runners {each}", partial(two_runners, cycle, each)) for each in range(said.runners)),
    ]


def passings(points: Sequence[str], which: str) -> list[str]:
    """Every passing of every point, the first of each, or none."""
    seen: Counter[str] = Counter()
    every = []
    for point in points if which != "none" else ():
        seen[point] += 1
        if which == "all" or seen[point] == 1:
            every.append(f"{point}#{seen[point]}")
    return every


def _campaign(
    cycle: Cycle, plan: Sequence[tuple[str, Callable[[], Trial]]], results: Path, jobs: int
) -> Iterator[Trial]:
    """All trials; those of an earlier campaign in the same folder that met the same root are read off its file."""
    known = {trial.name: trial for trial in _known(results, cycle.left.root)}
    lock = threading.Lock()

    def tried(planned: tuple[str, Callable[[], Trial]]) -> Trial:
        name, make = planned
        if name in known:
            return known[name]
        trial = make()
        with lock, results.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"root": cycle.left.root} | asdict(trial)) + "\n")
            told = "; ".join(trial.wrong) or "as undisturbed"
            print(f"{trial.name}: killed in {' '.join(trial.stages) or '-'}: {told}", file=sys.stderr, flush=True)
        return trial

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(tried, plan)


def _known(results: Path, root: str) -> Iterator[Trial]:
    for line in results.read_text(encoding="utf-8").splitlines() if results.exists() else ():
        found: dict[str, Any] = json.loads(line)
        if found.pop("root") == root:
            yield Trial(**found | {name: tuple(found[name]) for name in ("stages", "codes", "wrong")})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crashes", description=__doc__)
    parser.add_argument("--named", choices=("all", "first", "none"), default="all", help="passings of named points")
    parser.add_argument("--moments", type=int, default=0, help="random moments to kill the process group at")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--runners", type=int, default=0, help="how often two run at once")
    parser.add_argument("--orchestrated", action="store_true", help="under Prefect instead of plainly")
    parser.add_argument("--jobs", type=int, default=1, help="trials at a time")
    parser.add_argument("--inbox", type=Path, help=f"delivered files of {DAY} for DEMO, not the shipped ones")
    parser.add_argument("--folder", type=Path, help="keep homes that went wrong and the results here")
    parser.add_argument("--docs", type=Path, help="write the table there too")
    return parser


def _command(said: argparse.Namespace) -> str:
    """What gives these trials again."""
    parts = ["python -m benchmarks.crashes", f"--named {said.named} --moments {said.moments} --seed {said.seed}"]
    return " ".join([*parts, f"--runners {said.runners}", *(["--orchestrated"] if said.orchestrated else [])])


if __name__ == "__main__":
    sys.exit(main())
