"""What the house declares about itself for its disclosure: data/reference/disclosure.toml, read once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from functools import cache

from tasks import resources
from tasks.model.errors import Finding, LeveeError

FILE = "data/reference/disclosure.toml"


@dataclass(frozen=True)
class Declared:
    """Facts by name; `default_resources` by item and part, USD; `asset_class` by form, number of the class."""

    service: str
    model_name: str
    model_type: str
    parameters_published: str
    parameter_review: str
    cover: str
    test_frequency: str
    test_time: time
    availability_target: float  # fraction of the time
    recovery_hours: float
    asset_class: Mapping[str, int]
    default_resources: Mapping[str, Decimal]

    def class_of(self, form: str) -> int:
        """Class of assets of a form. Raises LeveeError UNKNOWN_FORM."""
        if form not in self.asset_class:
            raise LeveeError(
                Finding(
                    "UNKNOWN_FORM",
                    "collateral of this form has no class of assets to be disclosed in",
                    where=FILE,
                    value=form,
                    action="add it to asset_class there",
                )
            )
        return self.asset_class[form]


@cache
def declared() -> Declared:
    """What is declared as shipped."""
    content = tomllib.loads(resources.root().joinpath(FILE).read_text(encoding="utf-8"), parse_float=Decimal)
    operation, test = content["operation"], content["back_test"]
    return Declared(
        content["service"],
        content["model_name"],
        content["model_type"],
        content["parameters_published"],
        content["parameter_review"],
        content["cover"],
        test["frequency"],
        test["time_utc"],
        float(operation["availability_target_fraction"]),
        float(operation["recovery_time_objective_hours"]),
        content["asset_class"],
        {name: Decimal(amount) for name, amount in content["default_resources"].items()},
    )
