"""Reference models shipped with the house: dated parameter sets of other margin models, one folder for each."""

from __future__ import annotations

import tomllib
from datetime import date
from typing import Any

from tasks import resources
from tasks.model.errors import Finding, PolicyError
from tasks.model.margin.reference import haircuts, model
from tasks.model.margin.reference.haircuts import ReferenceHaircut
from tasks.model.margin.reference.model import ReferenceModel


def in_force(business_date: date) -> list[ReferenceModel]:
    """Of every model the set with the latest effective date not after the business date, by name.

    A model without one is left out. Raises PolicyError PARAM_STATE where a file cannot be read or is wrong.
    """
    return [load(folder, day) for folder, day in _begun("reference_models", business_date)]


def load(folder: str, effective_date: date) -> ReferenceModel:
    """The set of a model that begins on a date; its name is the folder's in capitals. Raises as `in_force`."""
    return model.parse(_content("reference_models", folder, effective_date), folder.upper(), effective_date)


def haircuts_in_force(business_date: date) -> list[ReferenceHaircut]:
    """The haircuts of other models, chosen and named as the models are. Raises as `in_force`."""
    return [
        haircuts.parse(_content("reference_haircuts", folder, day), folder.upper(), day)
        for folder, day in _begun("reference_haircuts", business_date)
    ]


def _begun(kind: str, business_date: date) -> list[tuple[str, date]]:
    """Folders by name, each with its latest date not after the business date."""
    files = sorted(resources.data(kind).glob("*/*.toml"))
    begun = {path.parent.name: date.fromisoformat(path.stem) for path in files if path.stem <= f"{business_date}"}
    return sorted(begun.items())


def _content(kind: str, folder: str, effective_date: date) -> dict[str, Any]:
    path = resources.data(kind) / folder / f"{effective_date}.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise PolicyError(
            Finding("PARAM_STATE", f"the model cannot be read: {error}", where=str(path), action="correct the file")
        ) from error
