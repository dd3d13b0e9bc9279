"""Kill every step of a margin policy and give it again; give two steps at once: `python -m benchmarks.policy_crashes
[--named all|first|none] [--moments N] [--seed S] [--pairs N] [--folder DIR]`.

A small sampled market, a policy proposed, tested, assessed, reviewed, approved, noticed and activated by its persons.
Each step dies at every point it passes, and at random moments; then a reader is asked where the proposal stands, which
must be what the database holds, and the step is given again: events, decisions and files must be those of the step
nobody disturbed. Two steps at once: each event once, and whoever came too late is told so.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.crashes import passings
from benchmarks.policy_market import FIRST_DAY, STEPS, TABLES, Market, Words, ended, left
from tasks.store import Store

_KILLED, _REFUSED, _BUSY = -9, 40, 75
_WITHDRAW = ("policy", "withdraw", "ID", "--reason", "no", "--user", "ada")
_NEXT_DAY = ("cycle", "run", "--date", FIRST_DAY, "--no-orchestrator")
_BY_ANOTHER = {"propose": "bob", "approve": "fay"}
_PAIRS: dict[str, tuple[str, Words, Words]] = {  # where it stands, and two commands at once
    **{f"{name} twice": (name, words, words) for name, words in STEPS.items() if name != "cycle"},
    **{f"{name} by two": (name, STEPS[name], (*STEPS[name][:-1], by)) for name, by in _BY_ANOTHER.items()},
    "approve and withdraw": ("approve", STEPS["approve"], _WITHDRAW),
    "activate and withdraw": ("activate", STEPS["activate"], _WITHDRAW),
    "activate and the next day": ("activate", STEPS["activate"], _NEXT_DAY),
}


def killed(market: Market, name: str, point: str = "", moment: float = 0.0) -> list[str]:
    """Kill a step at a point or after some seconds, look, give it again and compare; what is not right."""
    station = market.stations[name]
    home = market.copied(station.home, "killed")
    process = market.start(home, station.words, point)
    if moment:
        time.sleep(moment)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    first = ended(process)
    wrong = [f"not killed: {first.told}"] if point and first.code != _KILLED else []
    wrong += told_untruly(market, home)
    again = market.run(home, station.words)
    if again.code:
        return [*wrong, f"given again: {again.told}"]
    found = left(home)
    return [*wrong, *(f"{what} are others" for what, each in station.left.items() if found[what] != each)]


def told_untruly(market: Market, home: Path) -> list[str]:
    """What `levee policy list` and `levee approvals list` say otherwise than the database does."""
    shown = market.run(home, ("policy", "list")), market.run(home, ("approvals", "list"))
    if any(each.code for each in shown):
        return [f"list: {' '.join(each.told for each in shown)}"]
    held = left(home)
    last = {row["proposal_id"]: row["state"] for row in sorted(map(json.loads, held[TABLES[0]]), key=_number)}
    answered = {row["decision_id"]: row["answer"] for row in map(json.loads, held[TABLES[2]])}
    asked = {row["decision_id"]: answered.get(row["decision_id"], "OPEN") for row in map(json.loads, held[TABLES[1]])}
    policies, decisions = (json.loads(each.out.splitlines()[-1]) for each in shown)
    told = {row["proposal_id"]: row["state"] for row in policies["proposals"]}
    said = {row["decision_id"]: row["state"] for row in decisions}
    return [
        f"{what}: told {one}, held {other}"
        for what, one, other in (("states", told, last), ("decisions", said, asked))
        if one != other
    ]


def _number(row: dict[str, Any]) -> int:
    return int(row["event_no"])


def together(market: Market, name: str, later: float) -> list[str]:
    """Two commands, the second some seconds later, or earlier: every event once; both done, or one refused."""
    at, *both = _PAIRS[name]
    home = market.copied(market.stations[at].home, "together")
    words = both if later >= 0.0 else both[::-1]
    first = market.start(home, words[0])
    time.sleep(abs(later))
    codes = [ended(each) for each in (first, market.start(home, words[1]))]
    codes = codes if later >= 0.0 else codes[::-1]
    held = left(home)
    rows = sorted(map(json.loads, held[TABLES[0]]), key=_number)
    numbers: dict[str, list[int]] = {}
    for row in rows:
        numbers.setdefault(row["proposal_id"], []).append(row["event_no"])
    print(f"  {name}: {' / '.join(each.told for each in codes)}; {' '.join(row['state'] for row in rows)}", flush=True)
    wrong = [] if all(each.code in (0, _REFUSED, _BUSY) for each in codes) else [" / ".join(each.err for each in codes)]
    wrong += [f"events {each}" for each in numbers.values() if each != list(range(1, len(each) + 1))]
    wrong += ["a step was taken twice"] if len({*both}) == 1 and held != market.stations[at].left else []
    return [*wrong, *_margined_otherwise(home, rows), *told_untruly(market, home)]


def _margined_otherwise(home: Path, events: Sequence[dict[str, Any]]) -> list[str]:
    """A run of the first day under the proposal where it does not act, or under another policy where it does."""
    with Store(home / "levee.duckdb") as store:
        query = "SELECT policy_hash FROM control.cycle_run WHERE business_date = $day::DATE"
        under = store.read(query, {"day": FIRST_DAY})["policy_hash"].to_list()
    acts = [each["policy_hash"] for each in events if each["state"] == "ACTIVE"]
    proposed = {each["policy_hash"] for each in events}
    wrong = [each for each in under if (each != acts[-1] if acts else each in proposed)]
    return [f"margined under {each[:16]}" for each in wrong]


def _planned(market: Market, said: argparse.Namespace) -> Iterator[tuple[str, Callable[[], list[str]]]]:
    draw = random.Random(said.seed)
    for name, station in market.stations.items():
        if name == "cycle":
            continue
        for point in passings(station.points, said.named):
            yield f"{name} killed at {point}", partial(killed, market, name, point)
        for _ in range(said.moments):
            moment = draw.uniform(0.0, 1.05) * station.seconds
            yield f"{name} killed after {moment:.2f} s", partial(killed, market, name, "", moment)
    for name in _PAIRS:
        for _ in range(said.pairs):
            later = draw.choice((0.0, draw.uniform(-0.5, 0.5)))
            yield f"{name}, {later:.2f} s later", partial(together, market, name, later)


def main() -> int:
    """Entry point; 1 where a trial left anything else than it should."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.policy_crashes", description=__doc__)
    parser.add_argument("--named", choices=("all", "first", "none"), default="all", help="passings of named points")
    parser.add_argument("--moments", type=int, default=0, help="random moments to kill each step at")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--pairs", type=int, default=0, help="how often two commands are given at once")
    parser.add_argument("--folder", type=Path, help="work here")
    said = parser.parse_args()
    tried = failed = 0
    with tempfile.TemporaryDirectory(prefix="levee-policy-") as temporary:
        folder = said.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for name, trial in _planned(Market(folder.resolve()), said):
            wrong = trial()
            tried, failed = tried + 1, failed + bool(wrong)
            print(f"{name}: {'; '.join(wrong) or 'as undisturbed'}", flush=True)
    print(f"{tried} trials, {failed} left something else")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
