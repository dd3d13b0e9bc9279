"""A policy file's content as a policy, and a policy's fields by their rule ids.

`parse` raises PolicyError with every field that is wrong. Nothing is filled in but what is younger than the files: it
has the default its declaration names, which is what those files mean for ever.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from tasks.model.errors import Finding, PolicyError
from tasks.model.policy import (
    ApcBuffer,
    BaseMargin,
    Bound,
    BracketTable,
    ByName,
    Choice,
    Credit,
    HaircutTiers,
    Policy,
    StressWindows,
)


@dataclass(frozen=True)
class MinimumPeriod:
    """Shortest liquidation period a class of accounts may have (Regulation (EU) 153/2013, article 26)."""

    days: int
    intraday_call_percent: int | None = None  # of the margin held: the condition of the shortest period


MINIMUM_PERIODS = {
    "otc": MinimumPeriod(5),
    "etd_house_or_net": MinimumPeriod(2),
    "etd_gross_client_hourly": MinimumPeriod(1, 110),
}
_PERIOD_CLASS = {
    "house": "etd_house_or_net",
    "client_omni_net": "etd_house_or_net",
    "client_gross": "etd_gross_client_hourly",
}


def parse(content: Mapping[str, Any], source: str) -> Policy:
    """Policy of a policy file's content. Raises PolicyError PARAM_STATE listing every wrong field."""
    faults: list[Finding] = []
    values = _section(Policy, content, "", source, faults)
    if not faults:
        faults += _consistency(values, source)
    if faults:
        raise PolicyError(*faults)
    return Policy(**values, policy_hash=content_hash(content))


def table(schema: Any, content: Any, source: str, path: str = "") -> Any:
    """A parameter table (at a path of its file) as a dataclass. What the dataclass has a default for may be left out.

    Raises PolicyError PARAM_STATE listing every wrong field.
    """
    faults: list[Finding] = []
    built = _built(schema, content, f"{path}." if path else "", source, faults)
    if faults:
        raise PolicyError(*faults)
    return built


def completed(content: Mapping[str, Any], schema: Any = Policy) -> dict[str, Any]:
    """A policy file's content with the default of every parameter it may leave out and does."""
    found = dict(content)
    for item in fields(schema):
        kind = _declared(schema).get(item.name, (None, None))[0]
        if is_dataclass(kind) and isinstance(found.get(item.name), Mapping):
            found[item.name] = completed(found[item.name], kind)
        elif kind is not None and item.name not in found and item.default is not MISSING:
            found[item.name] = item.default
    return found


def canonical(content: Mapping[str, Any]) -> str:
    """Canonical JSON of a policy file's content: what is hashed and stored."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_iso)


def content_hash(content: Mapping[str, Any]) -> str:
    """sha256 of the canonical content, lower-case hex."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def flat(policy: Policy) -> dict[str, str]:
    """Every parameter by its rule id, printed at its shortest form, in file order."""
    return dict(_walk("", policy))


def describe() -> dict[str, tuple[str, str, str]]:
    """Unit, lowest and highest value of every field by its rule id (name tables end in `.*`)."""
    return dict(_descriptions("", Policy))


def _descriptions(prefix: str, schema: Any) -> Iterator[tuple[str, tuple[str, str, str]]]:
    for name, (kind, rule) in _declared(schema).items():
        path = prefix + name
        if is_dataclass(kind):
            yield from _descriptions(f"{path}.", kind)
        elif isinstance(rule, Bound):
            path = f"{path}.*" if kind is ByName else path
            yield path, (rule.unit, _shortest(rule.low), _shortest(rule.high))


def _shortest(number: float) -> str:
    """A bound as it is read again: six digits where they say all of it."""
    return f"{number:g}" if float(f"{number:g}") == number else f"{number:.15g}"


@cache
def _declared(schema: Any) -> Mapping[str, tuple[Any, Bound | Choice | None]]:
    """Type and rule of every parameter of a section, in order."""
    hints = get_type_hints(schema, include_extras=True)
    declared = {}
    for item in fields(schema):
        if not item.metadata.get("computed"):
            hint = hints[item.name]
            kind, rule = get_args(hint)[:2] if get_origin(hint) is Annotated else (hint, None)
            declared[item.name] = (kind, rule)
    return declared


def _walk(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    for item in fields(value):
        path, entry = f"{prefix}{item.name}", getattr(value, item.name)
        if is_dataclass(entry):
            yield from _walk(f"{path}.", entry)
        elif isinstance(entry, ByName):
            yield from ((f"{path}.{name}", str(entry[name])) for name in entry)
        elif not item.metadata.get("computed"):
            yield path, " ".join(str(each) for each in entry) if isinstance(entry, tuple) else str(entry)


def _section(schema: Any, content: Any, prefix: str, source: str, faults: list[Finding]) -> dict[str, Any]:
    declared = _declared(schema)
    if not isinstance(content, Mapping):
        faults.append(_fault("must be a table", prefix.rstrip("."), source, content))
        return {}
    unknown = sorted(set(content) - set(declared))
    faults += [_fault("unknown parameter", prefix + name, source, content[name]) for name in unknown]
    required = {each.name for each in fields(schema) if each.default is MISSING}
    values: dict[str, Any] = {}
    for name, (kind, rule) in declared.items():
        path = prefix + name
        if name in content:
            values[name] = _value(kind, content[name], rule, path, source, faults)
        elif name in required:
            faults.append(_fault("missing parameter", path, source))
    return values


def _built(schema: Any, content: Any, prefix: str, source: str, faults: list[Finding]) -> Any:
    """The dataclass of a table, None where a field of it is wrong."""
    before = len(faults)
    values = _section(schema, content, prefix, source, faults)
    return schema(**values) if len(faults) == before else None


def _value(kind: Any, raw: Any, rule: Bound | Choice | None, path: str, source: str, faults: list[Finding]) -> Any:
    if is_dataclass(kind):
        return _built(kind, raw, f"{path}.", source, faults)
    if kind is ByName:
        if not isinstance(raw, Mapping) or "default" not in raw:
            faults.append(_fault("must be a table by name with a default", path, source, raw))
            return None
        for name, number in raw.items():
            _check_number(float, number, rule, f"{path}.{name}", source, faults)
        return ByName(raw)
    if get_origin(kind) is tuple:
        members = raw if isinstance(raw, list) else [raw]
        return tuple(_value(get_args(kind)[0], member, rule, path, source, faults) for member in members)
    if kind in (int, float):
        _check_number(kind, raw, rule, path, source, faults)
    elif not _is_a(kind, raw) or (isinstance(rule, Choice) and raw not in rule):
        limit = "|".join(rule) if isinstance(rule, Choice) else kind.__name__
        faults.append(_fault("wrong kind of value", path, source, raw, limit))
    return raw


def _is_a(kind: type, raw: Any) -> bool:
    """Whether a value is of a kind; a time of day is no date, though Python counts it as one."""
    return isinstance(raw, kind) and not (kind is date and isinstance(raw, datetime))


def _check_number(
    kind: Any, raw: Any, rule: Bound | Choice | None, path: str, source: str, faults: list[Finding]
) -> None:
    whole = isinstance(raw, int) and not isinstance(raw, bool)
    if not whole and not (kind is float and isinstance(raw, float) and math.isfinite(raw)):
        wanted = "a finite number" if kind is float else "a whole number"
        faults.append(_fault(f"must be {wanted}", path, source, raw))
    elif isinstance(rule, Bound) and not rule.low <= raw <= rule.high:
        faults.append(_fault("out of bounds", path, source, raw, f"{rule.low:g} to {rule.high:g} {rule.unit}"))


def _consistency(values: Mapping[str, Any], source: str) -> list[Finding]:
    base: BaseMargin = values["base_margin"]
    credit: Credit = values["credit"]
    buffer: ApcBuffer = values["apc_buffer"]
    brackets: BracketTable = values["brackets"]
    windows: StressWindows = values["stress"].windows
    haircuts: HaircutTiers = values["collateral"].tiers
    rules = [
        (
            base.minimum_scenarios <= base.lookback_scenarios,
            "more scenarios required than looked back on",
            "base_margin.minimum_scenarios",
            base.minimum_scenarios,
            f"at most {base.lookback_scenarios}",
        ),
        (
            list(credit.step_fraction) == sorted(credit.step_fraction) and len(credit.step_fraction) > 0,
            "steps fall as the rating worsens",
            "credit.step_fraction",
            credit.step_fraction,
            "ascending",
        ),
        (
            list(credit.score_at_least) == sorted(credit.score_at_least, reverse=True)
            and len(credit.score_at_least) + 1 == len(credit.step_fraction),
            "scores do not part the steps",
            "credit.score_at_least",
            credit.score_at_least,
            f"{len(credit.step_fraction) - 1} descending",
        ),
        (
            buffer.end_rise_fraction <= buffer.release_rise_fraction,
            "a release ends above where it begins",
            "apc_buffer.end_rise_fraction",
            buffer.end_rise_fraction,
            f"at most {buffer.release_rise_fraction}",
        ),
        *(
            (
                _tiered(tiers.floor_usd, tiers.im_fraction),
                "floors or rates do not ascend",
                f"brackets.{name}",
                tiers,
                "from 0, as many of each",
            )
            for name, tiers in (("major", brackets.major), ("other", brackets.other))
        ),
        (
            _dated(windows),
            "a named window lacks a date or ends before it begins",
            "stress.windows",
            windows,
            "a label, first, last and active_from each",
        ),
        (
            _tiered(haircuts.floor_usd, haircuts.added_fraction),
            "floors or haircuts do not ascend",
            "collateral.tiers",
            haircuts,
            "from 0, as many of each",
        ),
    ]
    faults = [_fault(what, path, source, value, limit) for holds, what, path, value, limit in rules if not holds]
    return faults + list(_short_periods(base, source))


def _short_periods(base: BaseMargin, source: str) -> Iterator[Finding]:
    for account_type, period_class in _PERIOD_CLASS.items():
        table, least = base.liquidation_period_days.of(account_type), MINIMUM_PERIODS[period_class].days
        for name in table:
            if table[name] < least:
                path = f"base_margin.liquidation_period_days.{account_type}.{name}"
                yield _fault("liquidation period below the regulation's", path, source, table[name], f"{least} days")


def _dated(windows: StressWindows) -> bool:
    lengths = {len(each) for each in (windows.label, windows.first, windows.last, windows.active_from)}
    return len(lengths) == 1 and all(first <= last for first, last in zip(windows.first, windows.last, strict=True))


def _tiered(floors: tuple[float, ...], rates: tuple[float, ...]) -> bool:
    ascend = list(floors) == sorted(set(floors)) and list(rates) == sorted(rates)
    return ascend and len(floors) == len(rates) > 0 and floors[0] == 0.0


def _fault(what: str, path: str, source: str, value: Any = "", limit: str = "") -> Finding:
    return Finding(
        "PARAM_STATE", what, where=f"{source}: {path}", value=str(value), limit=limit, action="correct the policy file"
    )


def _iso(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"a policy holds no {type(value).__name__}")
