"""Assets of the house: what data/reference/assets.toml says of each, read once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from tasks import resources
from tasks.model.errors import Finding, LeveeError


@dataclass(frozen=True)
class Asset:
    """An asset that is held, settled or paid in."""

    asset: str
    decimals: int  # digits of the minor unit; settlement uses at most 8 of them
    form: str  # CASH, STABLECOIN, COIN, TOKENISED_MMF or GUARANTEE
    calendar_id: str  # settlement calendar payments in it follow
    dti: str  # ISO 24165 identifier, empty where none is known to us
    issuer: str  # who stands behind it, empty for cash and coins


@cache
def assets() -> Mapping[str, Asset]:
    """Every asset of the reference data by its code."""
    content = tomllib.loads(resources.data("reference/assets.toml").read_text(encoding="utf-8"))
    return MappingProxyType(
        {
            code: Asset(code, entry["decimals"], entry["form"], entry["calendar"], entry["dti"], entry["issuer"])
            for code, entry in content.items()
        }
    )


def known(asset: str) -> Asset:
    """The asset of a code. Raises LeveeError UNKNOWN_ASSET."""
    if asset not in assets():
        raise LeveeError(
            Finding(
                "UNKNOWN_ASSET",
                "the asset has no reference data",
                value=asset,
                action="add it to data/reference/assets.toml or correct the delivered row",
            )
        )
    return assets()[asset]
