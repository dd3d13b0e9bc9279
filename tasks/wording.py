"""Words of the published reports, read once from data/reference/publication.toml."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from functools import cache

from tasks import pack, resources


@cache
def words(section: str) -> Mapping[str, str]:
    """A section of the words: conventions, flags, components, causes, movements, call, no_call, glossary, …"""
    table: Mapping[str, str] = tomllib.loads(text())[section]
    return table


@cache
def text() -> str:
    """All of the words, as the file holds them."""
    return (resources.data("reference") / "publication.toml").read_text(encoding="utf-8")


@cache
def conventions_id() -> str:
    """First 16 hex of the sha256 of the conventions: a statement names the ones it was printed under."""
    return hashlib.sha256(pack.canonical(words("conventions"))).hexdigest()[:16]


def flag_meaning(flag: str) -> str:
    """What a quality flag says: its own words, else those of the quality word inside it."""
    known = words("flags")
    return next((known[word] for word in (flag, *flag.split("_")) if word in known), known["default"])
