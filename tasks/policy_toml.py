"""The content of a policy as a file: tables in their order, entries by name on one line, numbers at their shortest."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from tasks.model.errors import Finding, PolicyError


def text(content: Mapping[str, Any], remark: str = "") -> str:
    """TOML that reads back as the same content. `remark`: a comment on top, line by line.

    Raises PolicyError PARAM_STATE for a value no policy has.
    """
    head = [f"# {line}".rstrip() for line in remark.splitlines()]
    return "\n".join([*head, *_table(content, ())]) + "\n"


def _table(content: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """Lines of a table: its values, then the tables inside it."""
    for name, value in content.items():
        if not isinstance(value, Mapping) or _by_name(value):
            yield f"{name} = {_value(value)}"
    for name, value in content.items():
        if isinstance(value, Mapping) and not _by_name(value):
            yield from ("", f"[{'.'.join((*path, name))}]")
            yield from _table(value, (*path, name))


def _by_name(value: Any) -> bool:
    """Whether it is a table of values by underlying or asset, which stands on one line."""
    return "default" in value


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {_value(each)}" for name, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return repr(value)
    raise PolicyError(Finding("PARAM_STATE", "a policy has no such value", value=repr(value), action="correct it"))


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else json.dumps(name)
