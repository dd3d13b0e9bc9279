"""Margin policies in force: the shipped opening one and what this home activated since.

What acts is said by control.policy_event; the files of home/policy carry its content and decide nothing. A file that
was activated by nobody, or changed since, stops whatever would be computed; one that is gone is written again.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path

from tasks import ledgers, policy_activations, policy_states, resources
from tasks.disk import writing
from tasks.home import Home
from tasks.model import policy_file
from tasks.model.errors import Finding, PolicyError
from tasks.model.policy import Policy
from tasks.policy_activations import Activation
from tasks.store import Store

_RUNS = "control.cycle_run"
_Loaded = dict[Path, Policy]


def load(path: Path) -> Policy:
    """Policy of a file. Raises PolicyError with every field that is missing, unknown or out of bounds."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PolicyError(
            Finding("PARAM_STATE", "there is no such policy file", where=str(path), action="name one that is there")
        ) from error
    except (OSError, ValueError, RecursionError) as error:  # no UTF-8, no TOML
        raise PolicyError(
            Finding("PARAM_STATE", f"the policy cannot be read: {error}", where=str(path), action="correct the file")
        ) from error
    return policy_file.parse(content, path.name)


def in_force(home: Home, business_date: date, store: Store | None = None) -> Policy:
    """Policy that acts on a business date: of those activated the latest by first day, else the shipped one.

    store: the home's database where the caller has it open; without one the ledgers as last shown are read. In a home
    on trial it is the challenger, whatever its effective date. Raises PolicyError PARAM_STATE where none is in force,
    or a file of home/policy is not what was shipped or activated.
    """
    return load(home.challenger) if home.challenger else _in_force(home, business_date, store)[1]


def file_in_force(home: Home, business_date: date, store: Store | None = None, but_for: str = "") -> Path:
    """File of the policy in force; but_for: hash of one that is looked past. Raises as `in_force`."""
    return home.challenger or _in_force(home, business_date, store, but_for)[0]


def files(home: Home, store: Store | None = None) -> list[Path]:
    """Every policy of a home, by first day. What ships and what was activated is there from the first use on."""
    return sorted(_completed(home, _there(home), _activations(home, store)))


def of_hash(home: Home, policy_hash: str) -> Path | None:
    """File of the policy with a hash, None where the home has none."""
    found = _completed(home, _there(home), _activations(home, None))
    return next((path for path, policy in found.items() if policy.policy_hash == policy_hash), None)


def is_shipped(policy: Policy) -> bool:
    """Whether a policy is one that ships, to the last number."""
    return policy.policy_hash in _shipped_hashes()


def _in_force(home: Home, business_date: date, store: Store | None, but_for: str = "") -> tuple[Path, Policy]:
    acted, found = _activations(home, store), _there(home)
    opening = _opening(home, store, found, {each.policy_hash for each in acted})
    wanted = [each for each in acted if each.effective_date <= business_date and each.policy_hash != but_for]
    if wanted:
        return _carrying(home, _completed(home, found, acted), wanted[-1].policy_hash)
    effective = [each for each in opening if each[1].effective_date <= business_date]
    if not effective:
        raise PolicyError(
            Finding(
                "PARAM_STATE",
                "no policy is in force",
                where=str(home.policy),
                value=business_date.isoformat(),
                action="activate a policy with an effective date not after the business date",
            )
        )
    return max(effective, key=lambda each: each[1].effective_date)


def _opening(home: Home, store: Store | None, found: _Loaded, activated: Collection[str]) -> list[tuple[Path, Policy]]:
    """Policies that act without having been activated: what ships, or shipped when this home published under it.

    Raises PolicyError PARAM_STATE for every file that is nothing of it.
    """
    others = [each for each in found.items() if each[1].policy_hash not in activated]
    known = _shipped_hashes()
    if any(policy.policy_hash not in known for _, policy in others):
        known |= _published_under(home, store)
    unknown = [_nobody_activated(path, policy) for path, policy in others if policy.policy_hash not in known]
    if unknown:
        raise PolicyError(*unknown)
    return others


def _nobody_activated(path: Path, policy: Policy) -> Finding:
    return Finding(
        "PARAM_STATE",
        "a policy file was activated by nobody, or was changed since",
        where=str(path),
        value=policy.policy_hash[:16],
        limit="shipped, or activated by `levee policy activate`",
        action="remove the file, what acts is written again; propose it: `levee policy propose FILE`",
    )


def _carrying(home: Home, found: _Loaded, policy_hash: str) -> tuple[Path, Policy]:
    for path, policy in found.items():
        if policy.policy_hash == policy_hash:
            return path, policy
    raise PolicyError(
        Finding(
            "PARAM_STATE",
            "the file of an activated policy is missing",
            where=str(home.policy),
            value=policy_hash[:16],
            action="restore policy/ from a backup",
        )
    )


def _activations(home: Home, store: Store | None) -> Sequence[Activation]:
    return policy_activations.activations(policy_states.histories(store) if store else policy_states.shown(home))


def _published_under(home: Home, store: Store | None) -> set[str]:
    """Hashes of the policies this home's published runs were margined by: each acted when its run was frozen."""
    if store is None and _RUNS not in ledgers.shown(home):
        return set()
    runs = store.read(f"SELECT state, policy_hash FROM {_RUNS}") if store else ledgers.read(home, _RUNS)
    return {str(row["policy_hash"]) for row in runs.iter_rows(named=True) if row["state"] == "PUBLISHED"}


def _shipped_hashes() -> set[str]:
    return {load(path).policy_hash for path in resources.data("policy").glob("*.toml")}


def _there(home: Home) -> _Loaded:
    """Policies of the home by their files; what ships is written at first use."""
    for shipped in sorted(resources.data("policy").glob("*.toml")):
        if not (home.policy / shipped.name).exists():
            _write(home.policy / shipped.name, shipped.read_bytes())
    return {path: load(path) for path in sorted(home.policy.glob("*.toml"))}


def _completed(home: Home, found: _Loaded, acted: Sequence[Activation]) -> _Loaded:
    """The same with every policy that was activated, written where it is not there."""
    there = {policy.policy_hash for policy in found.values()}
    missing = [each for each in acted if each.content and each.policy_hash not in there]
    written = {_free_name(home, each): each.content.encode() for each in missing}
    for path, content in written.items():
        _write(path, content)
    return found | {path: load(path) for path in written}


def _free_name(home: Home, activated: Activation) -> Path:
    """The first day; with the hash where another policy has that name."""
    first = home.policy / f"{activated.effective_date.isoformat()}.toml"
    return first.with_stem(f"{first.stem}-{activated.policy_hash[:12]}") if first.exists() else first


def _write(target: Path, content: bytes) -> None:
    """Readers do this side by side, so each has a temporary file of its own."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    with writing(target):
        temporary.write_bytes(content)
        temporary.replace(target)
