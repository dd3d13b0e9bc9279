"""A small sampled market whose policy goes from proposal to activation, undisturbed, copied before each step.

What a step left is read off the home: events and decisions of the database, files of proposals, policies and approvals.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import forked
from benchmarks.forked import Forked
from flows.environment import KERNELS, kernel_cache
from tasks import resources
from tasks.crash import SETTING
from tasks.store import Store

FIRST_DAY, DAYS = "2026-01-31", ("2026-01-29", "2026-01-30")
_TIMES = ("event_ts", "requested_ts", "expires_ts", "decided_ts")
TABLES = ("control.policy_event", "control.decision", "control.decision_answer")
Words = tuple[str, ...]
STEPS: dict[str, Words] = {
    "propose": ("policy", "propose", "POLICY", "--reason", "why", "--judgement", "expert", "--user", "ada"),
    "test": ("policy", "test", "ID", "--user", "ada"),
    "impact": ("policy", "impact", "ID", "--user", "ada"),
    "review": ("policy", "review", "ID", "--note", "read", "--user", "bob"),
    "approve": ("policy", "approve", "ID", "--user", "eve"),
    "notice": ("policy", "notice", "ID", "--user", "ada"),
    "cycle": ("cycle", "run", "--date", DAYS[1], "--no-orchestrator"),
    "activate": ("policy", "activate", "ID", "--user", "ada"),
}


@dataclass(frozen=True)
class Ended:
    """A command that ended or was killed: exit code (negative for a signal) and output."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        """Exit code, and what a refusal is called."""
        return f"{self.code} {self.err.split(':')[0]}".strip() if self.code > 0 else str(self.code)


@dataclass(frozen=True)
class Station:
    """A home before a step, and what the undisturbed step left: points it passed, its seconds, what stands."""

    home: Path
    words: Words
    points: Sequence[str]
    seconds: float
    left: dict[str, Any]


class Market:
    """A home that goes through every step once, copied before each of them."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.proposal = folder, ""
        self.policy = folder / "raised.toml"
        text = (resources.data("policy") / "2014-01-01.toml").read_text(encoding="utf-8")
        text = text.replace("stressed_weight_fraction = 0.25", "stressed_weight_fraction = 0.27")
        text = text.replace('"OPENING"', '"RAISED"').replace(
            "effective_date = 2014-01-01", f"effective_date = {FIRST_DAY}"
        )
        self.policy.write_text(text, encoding="utf-8")
        forked.begin(kernel_cache(folder / "kernels", KERNELS))
        going = folder / "going"
        size = ("--days", "3", "--members", "3", "--contracts", "24", "--seed", "5", "--end-date", FIRST_DAY)
        self._required(going, ("sample", "--out", str(going / "inbox"), *size))
        self._required(going, ("cycle", "run", "--date", DAYS[0], "--no-orchestrator"))
        self.stations = {name: self._station(going, name, words) for name, words in STEPS.items()}

    def _station(self, going: Path, name: str, words: Words) -> Station:
        before, trace = self.copied(going, f"before-{name}"), self._folder / f"trace-{name}"
        began = time.monotonic()
        self._required(going, words, f"trace:{trace}")
        seconds = time.monotonic() - began
        self.proposal = self.proposal or next((going / "proposals").glob("P-*")).name
        return Station(before, words, trace.read_text(encoding="utf-8").splitlines(), seconds, left(going))

    def copied(self, home: Path, name: str) -> Path:
        """A copy of a home under a name of its own."""
        target = self._folder / name
        shutil.rmtree(target, ignore_errors=True)
        return Path(shutil.copytree(home, target))

    def start(self, home: Path, words: Words, asked: str = "") -> Forked:
        """Start a command; `asked` names a point it kills itself at."""
        known = {"ID": self.proposal, "POLICY": str(self.policy)}
        said = [known.get(each, each) for each in words]
        kept = {name: each for name, each in os.environ.items() if not name.startswith(("LEVEE_", "PREFECT_"))}
        here = [] if words[0] == "sample" else ["--home", str(home), "--json"]
        return Forked([*said, *here], kept | {"LEVEE_ENV": "TEST"} | ({SETTING: asked} if asked else {}))

    def run(self, home: Path, words: Words, asked: str = "") -> Ended:
        """Run a command to its end."""
        return ended(self.start(home, words, asked))

    def _required(self, home: Path, words: Words, asked: str = "") -> None:
        found = self.run(home, words, asked)
        if found.code:
            raise SystemExit(f"{' '.join(words)} ended with exit code {found.code}: {found.err}")


def ended(process: Forked) -> Ended:
    """Wait for it."""
    out, err = process.communicate()
    return Ended(process.returncode, out, err)


def left(home: Path) -> dict[str, Any]:
    """Events, decisions and their files, proposals and policies as they stand; times of the wall clock left out."""
    with Store(home / "levee.duckdb") as store:
        rows = {table: store.read(f"SELECT * FROM {table}").to_dicts() for table in TABLES}
    found: dict[str, Any] = {table: sorted(_timeless(each) for each in told) for table, told in rows.items()}
    found["approvals"] = sorted(
        _timeless(json.loads(path.read_bytes())) for path in (home / "approvals").glob("*.json")
    )
    for folder in ("proposals", "policy"):
        files = (path for path in (home / folder).rglob("*") if path.is_file())
        found[folder] = {
            str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)
        }
    return found


def _timeless(row: dict[str, Any]) -> str:
    return json.dumps({name: each for name, each in row.items() if name not in _TIMES}, sort_keys=True, default=str)
