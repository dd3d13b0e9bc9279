"""From positions to call as one picture: the steps, and their drawing as an inline SVG that fits any width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape

from tasks import wording
from tasks.model.money import round_half_even, total
from tasks.report_files import Record

_ZERO = Decimal("0.00")
_TINY = Decimal("1.00")
_ROW, _BAR = 46, 14


@dataclass(frozen=True)
class Step:
    """One bar: `kind` is add (raises what is needed), credit (lowers it) or total (where the sum stands)."""

    label: str
    amount: Decimal
    kind: str


def steps(statement: Mapping[str, Sequence[Record]]) -> list[Step]:
    """Product groups, lines, option value, collateral and calls outstanding, down to excess or deficit and call."""
    result = {name: Decimal(value) for name, value in statement["result"][0].fields.items()}
    lines = _lines(statement)
    base = lines.pop("BASE_MARGIN", _ZERO)
    must = result["total_initial_margin_usd"]
    option_value = result["net_option_value_usd"]
    unused = must - (result["initial_margin_usd"] - option_value)
    held, counted = (result[f"collateral_{name}_value_usd"] for name in ("post_haircut", "counted"))
    beyond = held - counted if must > counted else _ZERO
    gap = must - held + beyond - result["outstanding_calls_usd"]
    return [
        *_groups(statement, base),
        *(_moved(_named(name), amount) for name, amount in lines.items() if amount),
        Step("Initial margin", result["initial_margin_usd"], "total"),
        *([_moved("Net option value", -option_value)] if option_value else []),
        *([_moved("Option value not usable", unused)] if unused else []),
        *([Step("Must be covered", must, "total")] if option_value else []),
        _moved("Collateral after haircut", -held),
        *([_moved("Beyond concentration caps", beyond)] if beyond else []),
        *([_moved("Outstanding calls", -result["outstanding_calls_usd"])] if result["outstanding_calls_usd"] else []),
        Step("Deficit" if gap > 0 else "Excess", gap, "total"),
        Step("Margin call", result["margin_call_amount_usd"], "call"),
    ]


def _lines(statement: Mapping[str, Sequence[Record]]) -> dict[str, Decimal]:
    amounts: dict[str, list[Decimal]] = {}
    for record in statement.get("requirement", ()):
        if record.fields["row_type"] == "LINE":
            amounts.setdefault(record.key2, []).append(Decimal(record.fields["amount_usd"]))
    return {name: total(each) for name, each in amounts.items()}


def _groups(statement: Mapping[str, Sequence[Record]], base: Decimal) -> list[Step]:
    """Each product group alone, then what leads from their sum to base margin. A remainder of cents is rounding up."""
    found: dict[str, list[Decimal]] = {}
    for record in statement.get("risk", ()):
        if record.key2 != "ALL":
            found.setdefault(record.key2, []).append(Decimal(record.fields["blended_es_usd"]))
    groups = {name: round_half_even(total(each)) for name, each in found.items()}
    rest = base - total(groups.values())
    if groups and abs(rest) < _TINY:
        largest = max(groups, key=lambda name: groups[name])
        groups[largest] += rest
        rest = _ZERO
    label = "Offsets between groups" if rest < 0 else "Grid of hypothetical moves"
    label = label if groups else "Base margin"
    return [_moved(f"{name} positions", amount) for name, amount in groups.items()] + (
        [_moved(label, rest)] if rest else []
    )


def _named(component: str) -> str:
    return wording.words("components").get(component, component)


def _moved(label: str, amount: Decimal) -> Step:
    return Step(label, amount, "credit" if amount < 0 else "add")


def svg(drawn: Sequence[Step]) -> str:
    """The steps as SVG: one row each, label and amount above a bar; lengths in percent, text at its own size."""
    spans = _spans(drawn)
    low = min(*(min(span) for span in spans), _ZERO)
    high = max(*(max(span) for span in spans), _ZERO)
    width = high - low or Decimal(1)
    rows = "".join(
        _row(index, step, (span[0] - low) / width * 100, (span[1] - low) / width * 100, -low / width * 100)
        for index, (step, span) in enumerate(zip(drawn, spans, strict=True))
    )
    summary = escape("; ".join(f"{step.label} {step.amount:,.2f} USD" for step in drawn))
    return (
        f'<svg class="waterfall" role="img" aria-labelledby="wt wd" width="100%" height="{_ROW * len(drawn)}">'
        f'<title id="wt">From positions to call, in USD</title><desc id="wd">{summary}</desc>{rows}</svg>'
    )


def _spans(drawn: Sequence[Step]) -> list[tuple[Decimal, Decimal]]:
    level, spans = _ZERO, []
    for step in drawn:
        if step.kind in ("total", "call"):
            spans.append((_ZERO, step.amount))
        else:
            spans.append((level, level + step.amount))
            level += step.amount
    return spans


def _row(index: int, step: Step, start: Decimal, end: Decimal, zero: Decimal) -> str:
    top = index * _ROW
    left, width = min(start, end), max(abs(end - start), Decimal("0.4"))
    left = min(left, Decimal(100) - width)
    kind = step.kind if step.amount else "nil"
    kind = "excess" if kind == "total" and step.amount < 0 else kind
    amount = f"{abs(step.amount) if step.label == 'Excess' else step.amount:,.2f}".replace("-", "−")
    sign = "+" if step.kind == "add" and index and step.amount > 0 else ""
    return (
        f'<g class="{kind}"><text x="0" y="{top + 15}">{escape(step.label)}</text>'
        f'<text class="amount" x="100%" y="{top + 15}">{sign}{amount}</text>'
        f'<rect class="track" x="0" y="{top + 22}" width="100%" height="{_BAR}"/>'
        f'<rect class="bar" x="{left:.3f}%" y="{top + 22}" width="{width:.3f}%" height="{_BAR}"/>'
        f'<line x1="{zero:.3f}%" x2="{zero:.3f}%" y1="{top + 20}" y2="{top + 24 + _BAR}"/></g>'
    )
