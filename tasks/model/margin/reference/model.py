"""What other margin models would ask of the same book: compositions of parts with dated parameters.

Of every portfolio and underlying  max(max(alternatives) + additions - credit, floor), the credit being what offsets
between underlyings save; of a portfolio the sum over underlyings, times a factor, less its net option value where the
model counts it, and never below zero. Each side of that is a list of parts in a parameter set.
Reference: docs/reference-models.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import numpy as np
import polars as pl

from tasks.model import money, policy_file
from tasks.model.arrays import Floats, Ints
from tasks.model.errors import Finding, PolicyError
from tasks.model.margin.portfolio import KEY, Book
from tasks.model.margin.reference.bracket_parts import BRACKET_PARTS
from tasks.model.margin.reference.composition import composed
from tasks.model.margin.reference.expiry_parts import EXPIRY_PARTS
from tasks.model.margin.reference.funding_part import FUNDING_PARTS
from tasks.model.margin.reference.parts import PARTS, Charge, GridPart, Group, Words
from tasks.model.policy import Bound
from tasks.model.pricing.payoff import option_value_usd
from tasks.model.pricing.revaluation import sensitivities
from tasks.model.risk.grid import ScenarioGrid, scenario_pnl, take
from tasks.model.risk.scan import composite_delta, pairs, price_risk, still
from tasks.model.risk.spread import CreditSpread, Leg, intercommodity

CREDIT = "credit"
KINDS = {**PARTS, **EXPIRY_PARTS, **BRACKET_PARTS, **FUNDING_PARTS}
_PART_COLUMN = pl.List(pl.Struct({"part": pl.String, "amount_usd": pl.Float64}))


@dataclass(frozen=True)
class Composition:
    """Names of the parts by their place in the sum, and what becomes of the sum."""

    alternatives: tuple[str, ...]
    additions: tuple[str, ...]
    floor: tuple[str, ...]
    factor: Annotated[float, Bound(0.1, 10.0, "times the sum")]
    net_option_value: bool


@dataclass(frozen=True)
class CompositeDelta:
    """Delta weighted over price moves of a grid, for spreads and credits."""

    grid: str
    shares: tuple[float, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True)
class NamedLeg:
    """A leg by the name of its underlying."""

    underlying: str
    ratio: Annotated[float, Bound(1e-9, 1e9, "underlying units per spread")]
    side: Annotated[int, Bound(-1, 1, "1 or -1")]


@dataclass(frozen=True)
class NamedCredit:
    """A spread between underlyings and the fraction of each leg's price risk it saves."""

    legs: tuple[NamedLeg, ...]
    credit: Annotated[float, Bound(0.0, 1.0, "fraction of the price risk of each leg")]


@dataclass(frozen=True)
class ReferenceModel:
    """A dated parameter set. `parts`: by name, kind and parameters; a table with a `default` is by underlying."""

    name: str
    effective_date: date
    composition: Composition
    parts: Mapping[str, Mapping[str, Any]]
    delta: CompositeDelta | None = None
    credits: tuple[NamedCredit, ...] = ()

    def part(self, name: str, underlying: str) -> Any:
        """Parameters of a part for an underlying. Raises PolicyError PARAM_STATE."""
        kind, _ = KINDS[self.parts[name]["kind"]]
        content = {key: each for key, each in self.parts[name].items() if key != "kind"}
        return policy_file.table(kind, _of(content, underlying), self.name, f"parts.{name}")

    def grid(self, name: str, underlying: str) -> ScenarioGrid:
        """The grid of a part of kind grid."""
        part: GridPart = self.part(name, underlying)
        return part.grid


@dataclass(frozen=True)
class _Charges:
    """(g,) of every row of a book: the charge of each part and its cause, delta and price risk per unit of it."""

    amount: Mapping[str, Floats]
    cause: Mapping[str, Words]
    delta: Floats
    price_risk: Floats


def parse(content: Mapping[str, Any], name: str, effective_date: date) -> ReferenceModel:
    """Reference model of a parameter file. Raises PolicyError PARAM_STATE listing what is wrong."""
    composition = policy_file.table(Composition, content.get("composition"), name, "composition")
    delta = content.get("delta")
    model = ReferenceModel(
        name=name,
        effective_date=effective_date,
        composition=composition,
        parts=content.get("parts", {}),
        delta=policy_file.table(CompositeDelta, delta, name, "delta") if delta else None,
        credits=tuple(policy_file.table(NamedCredit, each, name, "credits") for each in content.get("credits", [])),
    )
    _require_parts(model)
    return model


def reference_margin(book: Book, model: ReferenceModel) -> pl.DataFrame:
    """What the model asks of every portfolio of a book, in the order of its portfolios.

    Columns: the key, model, effective_date, margin_usd (cents, rounded up), net_option_value_usd (float),
    worst_scenario_id (of the underlying that costs most), parts (USD by part, before the composition).
    Raises ModelInputError where a number of the book is missing, PolicyError where a parameter is wrong.
    """
    charges = _charges(book, model)
    rule, n = model.composition, book.portfolios.height
    credit = _credit(book, model, charges)
    none = np.zeros(len(book.row_portfolio))
    row_total = composed(
        [none, *(charges.amount[name] for name in rule.alternatives)],
        [*(charges.amount[name] for name in rule.additions), 0.0 - credit],
        _largest([none, *(charges.amount[name] for name in rule.floor)]),
    )
    option_value = _by_portfolio(book, _row_option_value(book))
    counted = option_value if rule.net_option_value else np.zeros(n)
    margin = less_option_value(rule.factor * _by_portfolio(book, row_total), counted)
    parts = {name: _by_portfolio(book, amount) for name, amount in charges.amount.items()}
    if model.credits:
        parts[CREDIT] = _by_portfolio(book, credit)
    return book.portfolios.select(KEY).with_columns(
        model=pl.lit(model.name),
        effective_date=pl.lit(model.effective_date),
        margin_usd=money.usd(money.cents_up(margin)),
        net_option_value_usd=pl.Series(option_value),
        worst_scenario_id=pl.Series(_worst(book, model, charges, row_total), dtype=pl.String),
        parts=pl.Series([_named(parts, index) for index in range(n)], dtype=_PART_COLUMN),
    )


def less_option_value(risk: Floats, option_value: Floats) -> Floats:
    """(n,) what is to be covered: risk less the net value of the options held (long > 0), and never below zero."""
    return np.asarray(np.maximum(risk - option_value, 0.0))


def _charges(book: Book, model: ReferenceModel) -> _Charges:
    g = len(book.row_portfolio)
    amount = {name: np.zeros(g) for name in model.parts}
    cause = {name: np.full(g, "", dtype="U24") for name in model.parts}
    delta, risk = np.zeros(g), np.zeros(g)
    for index, underlying in enumerate(book.contracts.underlyings):
        rows = np.flatnonzero(book.row_underlying == index)
        group = _group(book, rows, index, model)
        for name, part in model.parts.items():
            charge: Charge = KINDS[part["kind"]][1](group, model.part(name, underlying))
            amount[name][rows], cause[name][rows] = charge
        if model.credits and model.delta:
            grid = model.grid(model.delta.grid, underlying)
            delta[rows] = group.per_row(group.delta)
            losses = 0.0 - group.pnl(scenario_pnl(group.contracts, grid), np.ones(len(group.contracts.ids), np.bool_))
            risk[rows] = price_risk(losses, pairs(grid), still(grid), delta[rows]).weighted
    return _Charges(amount, cause, delta, risk)


def _group(book: Book, rows: Ints, underlying: int, model: ReferenceModel) -> Group:
    name = book.contracts.underlyings[underlying]
    held = np.flatnonzero(book.contracts.underlying == underlying)
    contracts = take(book.contracts, held)
    entries = np.flatnonzero(book.row_underlying[book.entry_row] == underlying)
    place = np.zeros(len(book.contracts.ids), dtype=np.int64)
    place[held] = np.arange(len(held))
    rule = model.delta
    unit_delta = (
        composite_delta(contracts, model.grid(rule.grid, name), np.array(rule.shares), np.array(rule.weights))
        if rule
        else sensitivities(contracts).delta
    )
    return Group(
        name,
        contracts,
        len(rows),
        np.searchsorted(rows, book.entry_row[entries]),
        place[book.contract_index[entries]],
        book.quantity[entries],
        unit_delta,
    )


def _credit(book: Book, model: ReferenceModel, charges: _Charges) -> Floats:
    """(g,) USD that offsets between the underlyings of a portfolio save."""
    names, n = book.contracts.underlyings, book.portfolios.height
    spreads = [
        CreditSpread(tuple(Leg(names.index(leg.underlying), leg.ratio, leg.side) for leg in each.legs), each.credit)
        for each in model.credits
        if all(leg.underlying in names for leg in each.legs)
    ]
    delta, risk = np.zeros((n, len(names))), np.zeros((n, len(names)))
    at = (book.row_portfolio, book.row_underlying)
    delta[at], risk[at] = charges.delta, charges.price_risk
    return intercommodity(delta, risk, spreads).credit[at]


def _worst(book: Book, model: ReferenceModel, charges: _Charges, row_total: Floats) -> list[str]:
    """Cause of the dearest alternative in the underlying that costs a portfolio most."""
    causes = [""] * book.portfolios.height
    order = np.argsort(row_total, kind="stable")
    for row in order.tolist():
        found = [(float(charges.amount[name][row]), name) for name in model.composition.alternatives]
        if found:
            dearest = max(found, key=lambda each: each[0])[1]
            causes[int(book.row_portfolio[row])] = str(charges.cause[dearest][row])
    return causes


def _row_option_value(book: Book) -> Floats:
    value = book.quantity * option_value_usd(book.contracts)[book.contract_index]
    return np.bincount(book.entry_row, value, len(book.row_portfolio)).astype(np.float64)


def _by_portfolio(book: Book, rows: Floats) -> Floats:
    return np.bincount(book.row_portfolio, rows, book.portfolios.height).astype(np.float64)


def _largest(parts: Sequence[Floats]) -> Floats:
    return np.asarray(np.max(np.stack(parts), axis=0))


def _named(parts: Mapping[str, Floats], index: int) -> list[dict[str, Any]]:
    return [{"part": name, "amount_usd": float(amount[index])} for name, amount in parts.items()]


def _of(content: Any, underlying: str) -> Any:
    """A table with every table by underlying replaced by what stands under the underlying, or under default."""
    if isinstance(content, Mapping):
        if "default" in content:
            return _of(content.get(underlying, content["default"]), underlying)
        return {name: _of(each, underlying) for name, each in content.items()}
    if isinstance(content, list):
        return [_of(each, underlying) for each in content]
    return content


def _require_parts(model: ReferenceModel) -> None:
    """Every part that is named exists, is used, and can be read for an underlying that is not listed."""
    rule = model.composition
    used = {*rule.alternatives, *rule.additions, *rule.floor}
    faults = [
        Finding("PARAM_STATE", what, where=f"{model.name}: {name}", action="correct the parameter file")
        for what, names in (
            ("no such part", used - set(model.parts)),
            ("a part that the composition leaves out", set(model.parts) - used),
            ("no such kind of part", {name for name, part in model.parts.items() if part.get("kind") not in KINDS}),
        )
        for name in sorted(names)
    ]
    if faults:
        raise PolicyError(*faults)
    for name in model.parts:
        model.part(name, "")
