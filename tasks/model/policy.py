"""The margin policy as the model sees it: every field with its bound and unit, no default anywhere.

A field's path (`base_margin.half_life_days`) is its rule id on statements. Fractions, never percentages.
`parse` turns the content of a policy file into this form or raises PolicyError with every field that is wrong.
Source of the opening values: METHODOLOGY 12.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date
from types import MappingProxyType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from tasks.model.errors import Finding, PolicyError

MODEL_VERSION = "1"


class ByName(Mapping[str, float]):
    """Values by underlying or asset, with `default` for every name not listed. Hashable, immutable."""

    def __init__(self, values: Mapping[str, float]) -> None:
        self._values = MappingProxyType(dict(values))

    def __getitem__(self, name: str) -> float:
        if name in self._values:
            return self._values[name]
        return self._values["default"]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def rule(self, name: str) -> str:
        """Key the value of a name stands under: the name itself, or default."""
        return name if name in self._values else "default"


@dataclass(frozen=True)
class Bound:
    """Inclusive bounds and unit of a number; lists and name tables are checked value by value."""

    low: float
    high: float
    unit: str


class Choice(tuple[str, ...]):
    """Words allowed."""

    def __new__(cls, *allowed: str) -> Choice:
        return super().__new__(cls, allowed)


@dataclass(frozen=True)
class LiquidationPeriod:
    """Liquidation period by underlying, one table per account type."""

    house: Annotated[ByName, Bound(1, 10, "days")]
    client_omni_net: Annotated[ByName, Bound(1, 10, "days")]
    client_gross: Annotated[ByName, Bound(1, 10, "days")]

    def of(self, account_type: str) -> ByName:
        """Table of an account type such as CLIENT_GROSS."""
        table: ByName = getattr(self, account_type.lower())
        return table


@dataclass(frozen=True)
class BaseMargin:
    """Blended expected shortfall over filtered and stressed scenarios (METHODOLOGY 3 and 5, line 1)."""

    confidence_filtered_fraction: Annotated[float, Bound(0.9, 0.999, "fraction")]
    confidence_stressed_fraction: Annotated[float, Bound(0.9, 0.999, "fraction")]
    stressed_weight_fraction: Annotated[float, Bound(0.0, 1.0, "fraction")]
    lookback_scenarios: Annotated[int, Bound(250, 5000, "valid scenarios")]
    minimum_scenarios: Annotated[int, Bound(100, 5000, "valid scenarios")]
    half_life_days: Annotated[float, Bound(5, 1000, "days")]
    scaling: Annotated[str, Choice("mid")]
    scale_factor_lowest: Annotated[float, Bound(0.01, 1.0, "factor")]
    scale_factor_highest: Annotated[float, Bound(1.0, 100.0, "factor")]
    volatility_seed_days: Annotated[int, Bound(5, 250, "daily returns")]
    volatility_floor_per_day: Annotated[ByName, Bound(0.0001, 0.2, "fraction per sqrt(day)")]
    offset_limit_fraction: Annotated[float, Bound(0.0, 1.0, "fraction")]
    liquidation_period_days: LiquidationPeriod


@dataclass(frozen=True)
class Stress:
    """How stressed dates are chosen, by rule and not by name (METHODOLOGY 3.2)."""

    anchors: tuple[str, ...]
    events_per_anchor: Annotated[int, Bound(1, 50, "events")]
    since: date
    spacing_days: Annotated[int, Bound(1, 365, "days")]
    window_days: Annotated[int, Bound(0, 60, "days")]
    known_days: Annotated[int, Bound(0, 120, "days")]
    refresh_days: Annotated[int, Bound(1, 365, "days")]


@dataclass(frozen=True)
class Grid:
    """Hypothetical price and volatility grid (METHODOLOGY 3.3)."""

    range_fraction: Annotated[ByName, Bound(0.01, 0.9, "fraction of price")]
    vol_up_fraction: Annotated[float, Bound(0.0, 3.0, "fraction of volatility at 30 days")]
    vol_down_fraction: Annotated[float, Bound(0.0, 1.0, "fraction of volatility at 30 days")]
    vol_power_short: Annotated[float, Bound(0.0, 1.0, "exponent up to 30 days")]
    vol_power_long: Annotated[float, Bound(0.0, 1.0, "exponent above 30 days")]
    vol_floor: Annotated[float, Bound(0.0, 2.0, "fraction per sqrt(year)")]
    extreme_moves: Annotated[tuple[float, ...], Bound(-0.99, 10.0, "fraction of price")]


@dataclass(frozen=True)
class VolProxy:
    """Implied-volatility moves where no history of them exists (METHODOLOGY 3.4)."""

    beta_down: Annotated[ByName, Bound(-10.0, 0.0, "log vol per log return at 30 days")]
    beta_up: Annotated[ByName, Bound(-10.0, 10.0, "log vol per log return at 30 days")]
    noise: Annotated[float, Bound(0.0, 1.0, "log vol per normal score")]
    seed: Annotated[int, Bound(0, 2**31, "seed of the permutation of scores")]
    tenor_power: Annotated[float, Bound(0.0, 1.0, "exponent")]
    shortest_tenor_days: Annotated[float, Bound(0.1, 30.0, "days")]
    largest_move: Annotated[float, Bound(0.1, 5.0, "log vol")]


@dataclass(frozen=True)
class SurfaceFit:
    """What an expiry needs to be fitted, and the misfit that is no mark uncertainty (METHODOLOGY 2)."""

    minimum_quotes: Annotated[int, Bound(5, 100, "usable quotes of an expiry")]
    tolerance_vol: Annotated[float, Bound(0.0, 0.2, "fraction per sqrt(year)")]
    tolerance_short_vol: Annotated[float, Bound(0.0, 0.5, "fraction per sqrt(year), below short_days")]
    short_days: Annotated[float, Bound(0.0, 30.0, "days")]


@dataclass(frozen=True)
class FloorTopUp:
    """Minimum requirements (METHODOLOGY 5, line 11)."""

    short_option_minimum_fraction: Annotated[float, Bound(0.0, 0.5, "fraction of the index")]
    account_minimum_usd: Annotated[float, Bound(0.0, 1e9, "USD")]


@dataclass(frozen=True)
class Maintenance:
    """Level at which an account is closed out."""

    fraction: Annotated[float, Bound(0.1, 1.0, "fraction of initial margin")]


@dataclass(frozen=True)
class Collateral:
    """Haircuts by asset; an asset not listed is worth nothing (default 1)."""

    haircut_fraction: Annotated[ByName, Bound(0.0, 1.0, "fraction")]


@dataclass(frozen=True)
class Call:
    """When and in what steps margin is called (METHODOLOGY 7)."""

    minimum_transfer_amount_usd: Annotated[float, Bound(0.0, 1e9, "USD")]
    call_increment_usd: Annotated[float, Bound(0.01, 1e9, "USD")]
    issue_minutes_after_as_of: Annotated[int, Bound(0, 1440, "minutes")]
    minimum_funding_minutes: Annotated[int, Bound(0, 2880, "minutes")]


@dataclass(frozen=True)
class Reference:
    """Declared reference values where nothing is delivered; their use is counted as PROXY on the statement."""

    funding_rate_per_interval: Annotated[ByName, Bound(-0.01, 0.01, "fraction per interval, > 0 = longs pay")]
    average_daily_volume_usd: Annotated[ByName, Bound(1.0, 1e13, "USD")]


@dataclass(frozen=True)
class Gate:
    """Limits of the checks; each is bound by its name to the check that uses it."""

    stale_limit_seconds: Annotated[float, Bound(1, 86400 * 7, "s")]
    iv_lowest: Annotated[float, Bound(0.0001, 1.0, "fraction per sqrt(year)")]
    iv_highest: Annotated[float, Bound(1.0, 20.0, "fraction per sqrt(year)")]
    unit_error_share_of_expiry: Annotated[float, Bound(0.0, 1.0, "fraction of an expiry's quotes")]
    parity_tolerance_fraction: Annotated[float, Bound(0.0, 1.0, "fraction of the forward")]
    open_interest_multiple: Annotated[float, Bound(0.0001, 1000.0, "times the open interest")]
    daily_volume_multiple: Annotated[float, Bound(0.0001, 1000.0, "times the average daily volume")]
    price_jump_volatilities: Annotated[float, Bound(1.0, 100.0, "daily volatilities")]
    balance_tolerance: Annotated[float, Bound(0.0, 1.0, "native units")]


@dataclass(frozen=True)
class Policy:
    """A margin policy. `effective_date` is its first business date."""

    policy_id: str
    effective_date: date
    base_margin: BaseMargin
    stress: Stress
    grid: Grid
    vol_proxy: VolProxy
    surface: SurfaceFit
    floor_top_up: FloorTopUp
    maintenance: Maintenance
    collateral: Collateral
    call: Call
    reference: Reference
    gate: Gate
    policy_hash: str = field(default="", metadata={"computed": True})


def parse(content: Mapping[str, Any], source: str) -> Policy:
    """Policy of a policy file's content. Raises PolicyError PARAM_STATE listing every wrong field."""
    faults: list[Finding] = []
    values = _section(Policy, content, "", source, faults)
    if not faults:
        faults += _consistency(values, source)
    if faults:
        raise PolicyError(*faults)
    return Policy(**values, policy_hash=content_hash(content))


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
            yield path, (rule.unit, f"{rule.low:g}", f"{rule.high:g}")


def _declared(schema: Any) -> dict[str, tuple[Any, Bound | Choice | None]]:
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
    values: dict[str, Any] = {}
    for name, (kind, rule) in declared.items():
        path = prefix + name
        if name not in content:
            faults.append(_fault("missing parameter", path, source))
        elif is_dataclass(kind):
            nested = _section(kind, content[name], f"{path}.", source, faults)
            build: Any = kind
            values[name] = build(**nested) if set(nested) == set(_declared(kind)) else None
        else:
            values[name] = _value(kind, content[name], rule, path, source, faults)
    return values


def _value(kind: Any, raw: Any, rule: Bound | Choice | None, path: str, source: str, faults: list[Finding]) -> Any:
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
    elif not isinstance(raw, kind) or (isinstance(rule, Choice) and raw not in rule):
        limit = "|".join(rule) if isinstance(rule, Choice) else kind.__name__
        faults.append(_fault("wrong kind of value", path, source, raw, limit))
    return raw


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
    faults = []
    if base.minimum_scenarios > base.lookback_scenarios:
        faults.append(
            _fault(
                "more scenarios required than looked back on",
                "base_margin.minimum_scenarios",
                source,
                base.minimum_scenarios,
                f"at most {base.lookback_scenarios}",
            )
        )
    return faults


def _fault(what: str, path: str, source: str, value: Any = "", limit: str = "") -> Finding:
    return Finding(
        "PARAM_STATE", what, where=f"{source}: {path}", value=str(value), limit=limit, action="correct the policy file"
    )


def _iso(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"a policy holds no {type(value).__name__}")
