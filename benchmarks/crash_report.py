"""The result table of a crash campaign."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from benchmarks.crash_cycle import DAY

if TYPE_CHECKING:
    from benchmarks.crash_cycle import Cycle
    from benchmarks.crashes import Trial

_KILLED = -9
_ABOUT = """# Killed and run again

A clearing cycle was killed with SIGKILL, run again, and what it left was compared with what an undisturbed run leaves:
root hash of the release, calls (id, version, state, amount), releases with their chain hash, every published file, no
stage done twice, no attempt left open, no temporary file left behind, every hash verified. Nothing was repaired by
hand in between. *As undisturbed* counts trials in which all of that was so.
"""
_NAMED = """## At named points

The cycle kills itself. `transaction` is every commit of the database, whoever makes it; `file` is every state, pointer,
marker, lease and archived file that is replaced; `publish:file` lies between any two published files. Points are found
by tracing an undisturbed run, so none is forgotten when a stage is added.
"""
_MOMENTS = """## At random moments

The process group of `levee cycle run` is killed from outside, one trial in four twice. Some moments come when all is
over: those kill nobody and are counted apart.
"""
_RUNNERS = """## Two at once

Two `levee cycle run` of one cycle in one home, started together; then a third.
"""


def text(trials: Sequence[Trial], cycle: Cycle, command: str, python: str) -> str:
    """The whole page as Markdown."""
    of_kind: dict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        of_kind[trial.kind].append(trial)
    how = f"`{command}` on the shipped day {DAY}, Python {python}; an undisturbed run took {cycle.seconds:.0f} s"
    mean = sum(trial.seconds for trial in trials) / max(1, len(trials))
    lines = [_ABOUT, f"{how}, a trial {mean:.0f} s. Root `{cycle.left.root}`.", ""]
    if of_kind["named"]:
        lines += [_NAMED, *_table("point", ((trial.name.partition("#")[0], trial) for trial in of_kind["named"]))]
    if of_kind["moment"]:
        lines += [_MOMENTS, *_table("killed in", _by_stage(of_kind["moment"]))]
    if of_kind["runners"]:
        lines += [_RUNNERS, *_table("exit codes", ((_codes(trial), trial) for trial in of_kind["runners"]))]
    lines += _faults(trials)
    return "\n".join(lines).rstrip() + "\n"


def _table(head: str, rows: Iterable[tuple[str, Trial]]) -> Iterator[str]:
    groups: dict[str, list[Trial]] = {}
    for name, trial in rows:
        groups.setdefault(name, []).append(trial)
    everything = list({trial.name: trial for group in groups.values() for trial in group}.values())
    yield f"| {head} | trials | kills | as undisturbed |"
    yield "|---|---|---|---|"
    for name, group in [*groups.items(), ("all", everything)]:
        kills = sum(trial.codes.count(_KILLED) for trial in group)
        yield f"| {name} | {len(group)} | {kills} | {sum(not trial.wrong for trial in group)} |"
    yield ""


def _by_stage(trials: Sequence[Trial]) -> Iterator[tuple[str, Trial]]:
    """A trial under the stage it was first killed in; under no stage where it was over by then."""
    for trial in sorted(trials, key=lambda trial: trial.stages):
        yield trial.stages[0] if trial.stages else "over by then", trial


def _codes(trial: Trial) -> str:
    return " and ".join(str(code) for code in sorted(trial.codes[:2]))


def _faults(trials: Sequence[Trial]) -> Iterator[str]:
    wrong = [trial for trial in trials if trial.wrong]
    if wrong:
        yield "## What went wrong\n"
    for trial in wrong:
        yield f"- {trial.name}, killed in {' '.join(trial.stages) or 'nothing'}: {'; '.join(trial.wrong)}"
