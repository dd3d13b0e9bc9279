"""Margin policies in force: the shipped opening one and what this home activated since."""

from __future__ import annotations

import shutil
import tomllib
from datetime import date
from pathlib import Path

from tasks import resources
from tasks.home import Home
from tasks.model import policy_file
from tasks.model.errors import Finding, PolicyError
from tasks.model.policy import Policy


def load(path: Path) -> Policy:
    """Policy of a file. Raises PolicyError with every field that is missing, unknown or out of bounds."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PolicyError(
            Finding("PARAM_STATE", "there is no such policy file", where=str(path), action="name one that is there")
        ) from error
    except (OSError, ValueError) as error:  # no file, no UTF-8, no TOML
        raise PolicyError(
            Finding("PARAM_STATE", f"the policy cannot be read: {error}", where=str(path), action="correct the file")
        ) from error
    return policy_file.parse(content, path.name)


def in_force(home: Home, business_date: date) -> Policy:
    """Policy with the latest effective date not after the business date. The shipped one is imported at first use.

    In a home on trial it is the challenger, whatever its effective date. Raises PolicyError.
    """
    return load(home.challenger) if home.challenger else _latest(home, business_date)[1]


def file_in_force(home: Home, business_date: date) -> Path:
    """File of the policy in force. Raises as `in_force`."""
    return home.challenger or _latest(home, business_date)[0]


def files(home: Home) -> list[Path]:
    """Every policy of a home, by first day. The shipped ones are imported at first use."""
    _import_shipped(home)
    return sorted(home.policy.glob("*.toml"))


def is_shipped(path: Path) -> bool:
    """Whether a home's policy is one that ships, unchanged."""
    shipped = resources.data("policy") / path.name
    return shipped.is_file() and shipped.read_bytes() == path.read_bytes()


def _latest(home: Home, business_date: date) -> tuple[Path, Policy]:
    policies = [(path, load(path)) for path in files(home)]
    effective = [each for each in policies if each[1].effective_date <= business_date]
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


def _import_shipped(home: Home) -> None:
    for shipped in sorted(resources.data("policy").glob("*.toml")):
        target = home.policy / shipped.name
        if not target.exists():
            shutil.copyfile(shipped, target)
