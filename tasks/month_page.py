"""The summary of a span of days as text, picture and page: docs/real-month.md and home/site/march.html."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise

from tasks.month import SHOWN_COIN, DayFigures, fall

WIDTH, PANEL, GAP, LEFT, TOP = 720, 130, 34, 64, 24
COLUMNS = (
    "day",
    "options",
    "accounts",
    "Σ IM",
    "VM paid BTC",
    "VM paid ETH",
    "VM paid USDC",
    "Σ calls",
    "calls",
    "largest call",
    "warnings",
    "seconds",
)
_KIND_COLUMNS = (
    "kind",
    "accounts",
    "VM",
    "funding",
    "premium and payoff",
    "IM before",
    "IM after",
    "option value before",
    "option value after",
    "called",
    "deficit at the end",
)


def markdown(days: Sequence[DayFigures], picture: str) -> str:
    """The summary as committed to docs; `picture` is the path of the drawing beside it."""
    return "\n".join(
        [
            "# A real month",
            "",
            "Measured by `levee cycle summary` on the days that `levee cycle backfill` published;",
            "amounts in million USD. Market data are real, members and their positions seeded (see convert.md).",
            "VM paid is what accounts paid, net in each account and asset; as much was received.",
            "Seconds are those of the cycle's stages.",
            "",
            *_markdown_table(COLUMNS, [_cells(day) for day in days]),
            "",
            f"![Initial margin against spot and volatility]({picture})",
            "",
            "## What the fall of the last days did to whom",
            "",
            *reading(days),
            "",
            *_markdown_table(_KIND_COLUMNS, _kind_cells(fall(days))),
            "",
        ]
    )


def page(days: Sequence[DayFigures]) -> str:
    """The same as one page that needs nothing else."""
    return "\n".join(
        [
            '<!doctype html><html lang="en"><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width"><title>A real month</title>',
            "<style>body{font:15px/1.5 sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}"
            "table{border-collapse:collapse;display:block;overflow-x:auto}th,td{padding:.15rem .6rem;text-align:right}"
            "tr>:first-child{text-align:left}svg{max-width:100%;height:auto}</style>",
            "<h1>A real month</h1>",
            drawing(days),
            "<p>Amounts in million USD.</p>",
            _html_table(COLUMNS, [_cells(day) for day in days]),
            "<h2>What the fall of the last days did to whom</h2>",
            *(f"<p>{html.escape(paragraph)}</p>" for paragraph in reading(days) if paragraph),
            _html_table(_KIND_COLUMNS, _kind_cells(fall(days))),
            "</html>",
            "",
        ]
    )


def drawing(days: Sequence[DayFigures]) -> str:
    """Three panels over the same days, SVG: sum of initial margin, spot, volatility."""
    panels: tuple[tuple[str, Callable[[DayFigures], float | None]], ...] = (
        ("Σ initial margin, million USD", lambda day: float(day.initial_margin) / 1e6),
        (f"{SHOWN_COIN} index, USD", lambda day: day.spot),
        (
            f"{SHOWN_COIN} volatility of about a month at the money, % per year",
            lambda day: None if day.volatility is None else 100 * day.volatility,
        ),
    )
    height = TOP + len(panels) * (PANEL + GAP)
    drawn = [
        _panel(title, [value(day) for day in days], TOP + at * (PANEL + GAP))
        for at, (title, value) in enumerate(panels)
    ]
    ends = ((LEFT, "start", days[0]), (WIDTH, "end", days[-1]))
    dates = [
        f'<text x="{x}" y="{height - 6}" text-anchor="{anchor}">{day.business_date}</text>' for x, anchor, day in ends
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + 8} {height}" role="img" '
            'font-family="sans-serif" font-size="12"><title>Initial margin against spot and volatility</title>',
            *drawn,
            *dates,
            "</svg>",
            "",
        ]
    )


def reading(days: Sequence[DayFigures]) -> list[str]:
    """Sentences about the fall, each with its figures."""
    last = fall(days)
    if len(last) < 2:
        return ["The last day is the highest of the last ones: there was no fall."]
    before, after = last[0], last[-1]
    flows = {kind: _over(last, kind, "variation_margin") for kind in after.by_kind}
    payer, receiver = min(flows, key=lambda kind: flows[kind]), max(flows, key=lambda kind: flows[kind])
    called = {kind: _over(last, kind, "margin_call_amount_usd") for kind in after.by_kind}
    most = max(called, key=lambda kind: called[kind])
    heaviest = max(last[1:], key=lambda day: day.called)
    step, stepped = max(
        ((now.initial_margin - then.initial_margin, now) for then, now in pairwise(last)), key=lambda each: abs(each[0])
    )
    return [
        f"From {before.business_date} to {after.business_date} {SHOWN_COIN} went from {before.spot:,.0f} to "
        f"{after.spot:,.0f} USD ({after.spot / before.spot - 1:+.1%}). The sum of initial margin went from "
        f"{_millions(before.initial_margin)} to {_millions(after.initial_margin)} million USD"
        f"{_volatility_words(before, after)}. Its largest step was {_millions(step)} million on "
        f"{stepped.business_date}: besides the market, options that expire take their margin with them.",
        "",
        f"Of the kinds of accounts, {_word(payer)} paid most variation margin, {_millions(-flows[payer])} million USD "
        "over the fall, and "
        f"{_word(receiver)} received most, {_millions(flows[receiver])} million. Over all accounts it is nothing, in "
        "every asset and on every day.",
        "",
        f"{_millions(sum(called.values(), Decimal(0)))} million USD were called over the fall, "
        f"{_millions(heaviest.called)} million of it on {heaviest.business_date}, the largest single call "
        f"{_millions(max(day.largest_call for day in last[1:]))} million. Called most: {_word(most)}, "
        f"{_millions(called[most])} million. Calls of one evening came as deposits of the next.",
        "",
        "Who is long pays in coin that is worth less by the hour; who holds coin as collateral loses it after haircut "
        "besides. Option buyers pay no variation margin: the value of their puts is the option value below, counted "
        "against their requirement; sellers of options meet the same figure with the other sign.",
    ]


def _over(last: Sequence[DayFigures], kind: str, name: str) -> Decimal:
    """Sum of a flow of a kind over the days after the first."""
    return sum((day.by_kind.get(kind, {}).get(name, Decimal(0)) for day in last[1:]), Decimal(0))


def _volatility_words(before: DayFigures, after: DayFigures) -> str:
    if before.volatility is None or after.volatility is None:
        return ""
    return f", volatility from {before.volatility:.0%} to {after.volatility:.0%}"


def _kind_cells(last: Sequence[DayFigures]) -> list[list[str]]:
    before, after = last[0], last[-1]
    rows = []
    for kind, end in after.by_kind.items():
        start = before.by_kind.get(kind, {})
        premium = _over(last, kind, "premium") + _over(last, kind, "settlement")
        amounts = (
            _over(last, kind, "variation_margin"),
            _over(last, kind, "funding"),
            premium,
            *(
                each.get(name, Decimal(0))
                for name in ("initial_margin_usd", "net_option_value_usd")
                for each in (start, end)
            ),
            _over(last, kind, "margin_call_amount_usd"),
            end["deficit_amount_usd"],
        )
        rows.append([_word(kind), str(end["accounts"]), *map(_millions, amounts)])
    return rows


def _cells(day: DayFigures) -> list[str]:
    paid = [_millions(day.paid_usd.get(asset, Decimal(0))) for asset in ("BTC", "ETH", "USDC")]
    return [
        str(day.business_date),
        str(day.options),
        str(day.accounts),
        _millions(day.initial_margin),
        *paid,
        _millions(day.called),
        str(day.calls),
        _millions(day.largest_call),
        str(day.warnings),
        f"{day.seconds:.1f}",
    ]


def _word(kind: str) -> str:
    return kind.replace("_", " ").lower()


def _millions(amount: Decimal) -> str:
    return f"{float(amount) / 1e6:,.1f}"


def _markdown_table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = ["---", *("---:" for _ in names[1:])]
    return [f"| {' | '.join(cells)} |" for cells in (names, rule, *rows)]


def _html_table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _panel(title: str, values: Sequence[float | None], top: float) -> str:
    """A titled line with its lowest and highest value; a day without a value breaks the line."""
    known = [value for value in values if value is not None]
    if not known:
        return f'<text x="{LEFT}" y="{top}">{html.escape(title)}: no value</text>'
    low, high = min(known), max(known)
    step = (WIDTH - LEFT) / max(len(values) - 1, 1)
    points = [
        None if value is None else (LEFT + at * step, top + PANEL - PANEL * _share(value, low, high))
        for at, value in enumerate(values)
    ]
    lines = [
        f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}" stroke="#0b5394" stroke-width="2"/>'
        for a, b in pairwise(points)
        if a and b
    ]
    return "\n".join(
        [
            f'<text x="{LEFT}" y="{top - 8:.0f}" font-weight="bold">{html.escape(title)}</text>',
            f'<rect x="{LEFT}" y="{top}" width="{WIDTH - LEFT}" height="{PANEL}" fill="none" stroke="#bbb"/>',
            *(
                f'<text x="{LEFT - 6}" y="{y:.0f}" text-anchor="end">{value:,.0f}</text>'
                for y, value in ((top + 10, high), (top + PANEL, low))
            ),
            *lines,
        ]
    )


def _share(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.5
