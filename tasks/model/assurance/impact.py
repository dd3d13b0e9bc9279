"""What a policy in place of another asks of every account: the same book margined twice, side by side and in sum.

Money is exact: sums over accounts are sums of the accounts' own lines. Reference: METHODOLOGY 11.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from tasks.model.assurance.governance import Effect
from tasks.model.errors import Finding, ModelInputError

ACCOUNT_KEY = ("clearing_member_id", "margin_account_id")
MARGIN, CALL = "TOTAL_INITIAL_MARGIN", "MARGIN_CALL"
HOUSE_ACCOUNT = "HOUSE"
SHARES = (0.10, 0.25)
_MONEY = pl.Decimal(38, 2)
_NONE = Decimal("0.00")

ACCOUNTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "clearing_member_id": pl.String,
    "margin_account_id": pl.String,
    "item": pl.String,
    "current_usd": _MONEY,
    "proposed_usd": _MONEY,
    "change_usd": _MONEY,
}
SUMMARY: dict[str, pl.DataType | type[pl.DataType]] = {
    "row_type": pl.String,
    "item": pl.String,
    "current_usd": _MONEY,
    "proposed_usd": _MONEY,
    "change_usd": _MONEY,
    "change_fraction": pl.Float64,
    "count": pl.Int64,
}


@dataclass(frozen=True)
class Margined:
    """A book as margined under one policy.

    accounts: member, account, total_initial_margin_usd, margin_call_amount_usd, excess_amount_usd, account_type.
    lines: member, account, component, amount_usd. risk: underlying (product group) and blended_es_usd by portfolio.
    """

    accounts: pl.DataFrame
    lines: pl.DataFrame
    risk: pl.DataFrame


@dataclass(frozen=True)
class Impact:
    """accounts: one row for each account and item (`ACCOUNTS`). summary: sums and distribution (`SUMMARY`)."""

    accounts: pl.DataFrame
    summary: pl.DataFrame
    effect: Effect


def impact(current: Margined, proposed: Margined, majors: Collection[str]) -> Impact:
    """Impact of a policy on a book. majors: underlyings of the first liquidity group.

    Raises ModelInputError SHAPE where an account was margined under one policy and not under the other.
    """
    _require_same_accounts(current, proposed)
    accounts = _beside(_items(current), _items(proposed))
    margin = accounts.filter(pl.col("item") == MARGIN)
    groups = list(_groups(current.risk, proposed.risk, majors))
    total = _sums(margin, "TOTAL", "ALL")
    members = _members(margin)
    rows = [
        total,
        *_kinds(margin, current.accounts),
        *(_sums(part, "LINE", name) for name, part in _by(accounts.filter(pl.col("item") != MARGIN), "item")),
        *groups,
        *(_row("MEMBER", *row) for row in members.iter_rows()),
        *_distribution(members),
        *_cash(accounts, current.accounts),
    ]
    effect = Effect({"house": total[5] or 0.0, **_effects(groups)}, _largest_member(members))
    return Impact(accounts, pl.DataFrame(rows, schema=SUMMARY, orient="row"), effect)


def _require_same_accounts(current: Margined, proposed: Margined) -> None:
    before, after = (set(each.accounts.select(ACCOUNT_KEY).rows()) for each in (current, proposed))
    if before != after:
        raise ModelInputError(
            Finding("SHAPE", "an account is margined under one policy alone", value=str(sorted(before ^ after)[:3]))
        )


def _items(found: Margined) -> pl.DataFrame:
    """account × item: the two results, and every line by its component."""
    results = {MARGIN: "total_initial_margin_usd", CALL: "margin_call_amount_usd"}
    parts = [
        found.accounts.select(*ACCOUNT_KEY, pl.lit(item).alias("item"), pl.col(name).cast(_MONEY).alias("usd"))
        for item, name in results.items()
    ]
    lines = found.lines.group_by(*ACCOUNT_KEY, pl.col("component").alias("item")).agg(
        pl.col("amount_usd").cast(_MONEY).sum().alias("usd")
    )
    return pl.concat([*parts, lines.select(parts[0].columns)])


def _beside(current: pl.DataFrame, proposed: pl.DataFrame) -> pl.DataFrame:
    """Both figures of every account and item that either has; what one of them has not is nothing asked."""
    joined = current.rename({"usd": "current_usd"}).join(
        proposed.rename({"usd": "proposed_usd"}), on=[*ACCOUNT_KEY, "item"], how="full", coalesce=True
    )
    filled = joined.with_columns(pl.col("current_usd", "proposed_usd").fill_null(_NONE))
    change = (pl.col("proposed_usd") - pl.col("current_usd")).cast(_MONEY).alias("change_usd")
    return filled.with_columns(change).select(list(ACCOUNTS)).sort(*ACCOUNT_KEY, "item")


Row = tuple[str, str, Decimal | None, Decimal | None, Decimal | None, float | None, int]


def _row(kind: str, item: str, current: Decimal, proposed: Decimal, count: int) -> Row:
    change = proposed - current
    return kind, item, current, proposed, change, float(change / current) if current else None, count


def _sums(part: pl.DataFrame, kind: str, item: str) -> Row:
    return _row(kind, item, _total(part, "current_usd"), _total(part, "proposed_usd"), part.height)


def _total(part: pl.DataFrame, name: str) -> Decimal:
    return sum(part[name], _NONE)


def _by(frame: pl.DataFrame, name: str) -> list[tuple[str, pl.DataFrame]]:
    parts = frame.partition_by(name, as_dict=True)
    return sorted((str(key[0]), part) for key, part in parts.items())


def _kinds(margin: pl.DataFrame, accounts: pl.DataFrame) -> list[Row]:
    typed = margin.join(accounts.select(*ACCOUNT_KEY, "account_type"), on=ACCOUNT_KEY)
    own = pl.col("account_type") == HOUSE_ACCOUNT
    return [_sums(typed.filter(own), "TOTAL", "HOUSE"), _sums(typed.filter(~own), "TOTAL", "CLIENT")]


def _groups(current: pl.DataFrame, proposed: pl.DataFrame, majors: Collection[str]) -> Iterator[Row]:
    """Blended shortfall by product group and by liquidity group, each portfolio's own, without offsets between them."""
    before, after = _by_product(current), _by_product(proposed)
    names = sorted(before | after)
    for name in names:
        yield _row("PRODUCT", name, before.get(name, _NONE), after.get(name, _NONE), 1)
    for group, held in (
        ("majors", [each for each in names if each in majors]),
        ("others", [each for each in names if each not in majors]),
    ):
        if held:
            sums = [sum((found.get(each, _NONE) for each in held), _NONE) for found in (before, after)]
            yield _row("LIQUIDITY_GROUP", group, sums[0], sums[1], len(held))


def _by_product(risk: pl.DataFrame) -> dict[str, Decimal]:
    """In cents, added in key order: a sum of floats must not depend on the order of rows."""
    own = risk.filter(pl.col("underlying") != "ALL").sort(pl.all())
    return {
        name: Decimal(round(100.0 * math.fsum(part["blended_es_usd"]))).scaleb(-2)
        for name, part in _by(own, "underlying")
    }


def _members(margin: pl.DataFrame) -> pl.DataFrame:
    """Member, margin before and after, accounts."""
    return (
        margin.group_by("clearing_member_id")
        .agg(pl.col("current_usd").sum(), pl.col("proposed_usd").sum(), pl.len().cast(pl.Int64).alias("count"))
        .sort("clearing_member_id")
    )


def _distribution(members: pl.DataFrame) -> list[Row]:
    """Quantiles of members' moves, and how many of them rise by more than a share; a new margin is any share."""
    moves = [(proposed - current, current) for _, current, proposed, _ in members.iter_rows()]
    shares = sorted(float(change / current) for change, current in moves if current)
    fractions = {"P50": _quantile(shares, 0.5), "P90": _quantile(shares, 0.9), "MAX": _quantile(shares, 1.0)}
    above = {
        f"RISE_ABOVE_{share:.2f}": sum(
            change > 0 and (not current or float(change / current) > share) for change, current in moves
        )
        for share in SHARES
    }
    return [
        *(("MEMBERS", name, None, None, None, value, len(shares)) for name, value in fractions.items()),
        *(("MEMBERS", name, None, None, None, count / max(len(moves), 1), count) for name, count in above.items()),
    ]


def _quantile(ordered: Sequence[float], c: float) -> float | None:
    """The ceil((n + 1) c)-th smallest, at most the largest; None of none."""
    return ordered[min(math.ceil((len(ordered) + 1) * c), len(ordered)) - 1] if ordered else None


def _cash(accounts: pl.DataFrame, results: pl.DataFrame) -> list[Row]:
    """What rises, the excess that stands against it, and what would be called besides."""
    joined = accounts.filter(pl.col("item") == MARGIN).join(
        results.select(*ACCOUNT_KEY, pl.col("excess_amount_usd").cast(_MONEY)), on=ACCOUNT_KEY
    )
    rising = joined.filter(pl.col("change_usd") > 0)
    calls = accounts.filter(pl.col("item") == CALL)
    beyond = [
        change - excess
        for change, excess in rising.select("change_usd", "excess_amount_usd").iter_rows()
        if change > excess
    ]
    amounts = {
        "EXTRA_MARGIN": (_total(rising, "change_usd"), rising.height),
        "EXCESS_OF_THE_RISING": (_total(rising, "excess_amount_usd"), rising.height),
        "BEYOND_EXCESS": (sum(beyond, _NONE), len(beyond)),
    }
    found: list[Row] = [("CASH", name, None, None, amount, None, count) for name, (amount, count) in amounts.items()]
    return [*found, _sums(calls, "CASH", "CALLS")]


def _effects(groups: Sequence[Row]) -> dict[str, float]:
    named = {"PRODUCT": "product", "LIQUIDITY_GROUP": "liquidity group"}
    return {f"{named[kind]} {item}": _share(current, change) for kind, item, current, _, change, _, _ in groups}


def _largest_member(members: pl.DataFrame) -> float:
    return max((abs(_share(a, b - a)) for _, a, b, _ in members.iter_rows()), default=0.0)


def _share(current: Decimal | None, change: Decimal | None) -> float:
    if not current:
        return math.inf if change else 0.0
    return float((change or _NONE) / current)
