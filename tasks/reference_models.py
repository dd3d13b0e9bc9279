"""Reference models shipped with the house: dated parameter sets of other margin models, one folder for each."""

from __future__ import annotations

import tomllib
from datetime import date

from tasks import resources
from tasks.model.errors import Finding, PolicyError
from tasks.model.margin import reference_model
from tasks.model.margin.reference_model import ReferenceModel


def in_force(business_date: date) -> list[ReferenceModel]:
    """Of every model the set with the latest effective date not after the business date, by name.

    A model without one is left out. Raises PolicyError PARAM_STATE where a file cannot be read or is wrong.
    """
    files = sorted(resources.data("reference_models").glob("*/*.toml"))
    begun = {path.parent.name: path.stem for path in files if date.fromisoformat(path.stem) <= business_date}
    return [load(folder, date.fromisoformat(day)) for folder, day in sorted(begun.items())]


def load(folder: str, effective_date: date) -> ReferenceModel:
    """The set of a model that begins on a date; its name is the folder's in capitals. Raises as `in_force`."""
    path = resources.data("reference_models") / folder / f"{effective_date}.toml"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise PolicyError(
            Finding("PARAM_STATE", f"the model cannot be read: {error}", where=str(path), action="correct the file")
        ) from error
    return reference_model.parse(content, folder.upper(), effective_date)
