"""What every position settles today: variation margin, funding, premium, fees and option payoff, in its own asset.

Exact until rounded once per (account, client, contract), half to even, to the asset's settled unit. The exact figures
of a contract sum to zero over all accounts or nothing is settled; what rounding leaves over is reported by contract
and movement. Amounts > 0 are received by the account. Reference: METHODOLOGY 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import NamedTuple

import polars as pl

from tasks.model import money
from tasks.model.errors import Finding, ModelInputError, ReconciliationError
from tasks.model.margin.settlement_terms import Terms, terms_by_contract
from tasks.model.policy import ByName
from tasks.model.pricing import settlement
from tasks.model.pricing.settlement import EXACT

POSITION_KEY = ("clearing_member_id", "margin_account_id", "client_id", "contract_id")
# Movement types a position gives rise to, and the column of each. All but the fees, which are the house's, net to zero.
AMOUNT_COLUMNS = {
    "VM": "variation_margin",
    "FUNDING": "funding",
    "PREMIUM": "premium",
    "FEE_TRADE": "fees",
    "SETTLEMENT": "settlement",
}
ZERO_SUM = ("VM", "FUNDING", "PREMIUM", "SETTLEMENT")
LARGEST_IMBALANCE = Decimal("1e-15")

_AMOUNT = pl.Decimal(38, 8)
_ROUNDING_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "asset": pl.String,
    "contract_id": pl.String,
    "movement_type": pl.String,
    "unrounded_total": pl.Decimal(38, 18),
    "rounded_total": _AMOUNT,
    "accounts": pl.Int32,
}
_TABLE_UNIT = Decimal("1e-18")
_ZERO = Decimal(0)


@dataclass(frozen=True)
class Settlement:
    """`variation`: rows of result.variation in key order. `rounding`: rows of result.settlement_rounding."""

    variation: pl.DataFrame
    rounding: pl.DataFrame


class Position(NamedTuple):
    """Columns of a position that settling takes: contracts, values per unit of multiplier, settlement asset."""

    margin_account_id: str
    contract_id: str
    qty_open: Decimal
    qty_transfer: Decimal
    qty_exercise_assign: Decimal
    qty_expired: Decimal
    qty_close: Decimal
    buy_value: Decimal
    sell_value: Decimal
    premium_paid: Decimal
    fees: Decimal


@dataclass
class _Total:
    """Sum of a movement over all positions of a contract that have one."""

    exact: Decimal = _ZERO
    rounded: Decimal = _ZERO
    figures: int = 0


_Totals = dict[tuple[str, str, str], _Total]


def settle(
    positions: pl.DataFrame,
    contracts: pl.DataFrame,
    funding: pl.DataFrame,
    decimals: Mapping[str, int],
    reference_rate: ByName,
) -> Settlement:
    """Settle every position.

    `positions`: key, quantities, values, premium and fees of book.position. `contracts`: contract_id, kind, payoff,
    underlying_asset, settle_asset, multiplier, strike, option_type, funding_interval_s, funding_cap, expired,
    settlement_price, prev_settlement_price, final_price. `funding`: contract_id, funding_rate per interval.
    `decimals`: digits of each asset's minor unit. `reference_rate`: funding per interval where none is delivered.

    Raises ModelInputError where a quantity does not roll forward, or an amount, price, contract or asset is missing,
    with every such position; ReconciliationError UNBALANCED_SETTLEMENT where the book does not net to zero.
    """
    ordered = positions.sort(POSITION_KEY)
    _require_complete(ordered)
    _require_rolled(ordered)
    terms = terms_by_contract(contracts, funding, decimals, reference_rate)
    _require_terms(ordered, terms)
    moving = ordered.with_row_index("row").filter(_moves(terms))
    held = [terms[name] for name in moving["contract_id"]]
    exact = _exact(moving, held)
    rounded = {movement: _rounded(values, held) for movement, values in exact.items()}
    totals = _totals(moving["contract_id"].to_list(), held, exact, rounded)
    _require_balanced(totals)
    return Settlement(_variation(ordered, terms, moving["row"], rounded), _rounding(totals))


def _moves(terms: Mapping[str, Terms]) -> pl.Expr:
    """Whether a position may settle anything: an option that lives on and was not traded, most of a book, does not."""
    revalued = [name for name, each in terms.items() if each.kind != "OPT" or each.expired]
    touched = pl.col("premium_paid", "fees", "qty_expired", "qty_exercise_assign") != 0
    return pl.col("contract_id").is_in(revalued) | pl.any_horizontal(touched)


def figures(position: Position, terms: Terms) -> tuple[Decimal, ...]:
    """Exact figures of one position in the order of AMOUNT_COLUMNS.

    Raises ModelInputError PRICE_MISSING, or FINAL_PRICE_MISSING where an expired contract is held without one.
    """
    removed = -(position.qty_expired + position.qty_exercise_assign)
    if terms.final is None and (removed or (terms.expired and position.qty_close)):
        raise ModelInputError(
            Finding(
                "FINAL_PRICE_MISSING",
                "an expired contract is held without a final settlement price",
                action="deliver a price of type FINAL",
            )
        )
    if terms.kind == "OPT":
        variation, funding = _ZERO, _ZERO
        paid_out = settlement.option_settlement(
            terms.form, terms.multiplier, removed, terms.is_call, terms.strike, terms.final
        )
    else:
        variation, paid_out = _variation_margin(position, terms, removed), _ZERO
        funding = settlement.funding(
            terms.form, terms.multiplier, position.qty_open, terms.previous, terms.funding_rate
        )
    return variation, funding, -position.premium_paid, -position.fees, paid_out


def _variation_margin(position: Position, terms: Terms, removed: Decimal) -> Decimal:
    """A transfer enters at the previous price, whoever sends it; what expired leaves at the final price."""
    return settlement.variation_margin(
        terms.form,
        terms.multiplier,
        opened=position.qty_open + position.qty_transfer,
        closed=position.qty_close + removed,
        bought=position.buy_value - position.sell_value,
        previous=terms.previous,
        current=terms.final if removed or terms.expired else terms.current,
    )


def _exact(positions: pl.DataFrame, held: list[Terms]) -> dict[str, list[Decimal]]:
    """Exact figures by movement, in the order of the positions; every position that has none is reported."""
    columns: dict[str, list[Decimal]] = {movement: [] for movement in AMOUNT_COLUMNS}
    faults = []
    with localcontext(EXACT):
        for position, terms in zip(_rows(positions), held, strict=True):
            try:
                for column, figure in zip(columns.values(), figures(position, terms), strict=True):
                    column.append(figure)
            except ModelInputError as error:
                faults += [replace(finding, where=_address(position)) for finding in error.findings]
    if faults:
        raise ModelInputError(*faults)
    return columns


def _rows(positions: pl.DataFrame) -> Iterable[Position]:
    columns = (positions[name].to_list() for name in Position._fields)
    return map(Position._make, zip(*columns, strict=True))


def _rounded(values: list[Decimal], held: list[Terms]) -> list[Decimal]:
    return [money.settled(value, terms.unit) if value else _ZERO for value, terms in zip(values, held, strict=True)]


def _variation(
    positions: pl.DataFrame, terms: Mapping[str, Terms], rows: pl.Series, rounded: Mapping[str, list[Decimal]]
) -> pl.DataFrame:
    """Every position with what it settles; `rows` are the positions that `rounded` is about, the others settle 0."""
    amounts = pl.DataFrame(
        [rows, *(pl.Series(column, rounded[movement], _AMOUNT) for movement, column in AMOUNT_COLUMNS.items())]
    )
    contract = pl.col("contract_id")
    asset = contract.replace_strict({name: each.settle_asset for name, each in terms.items()}, return_dtype=pl.String)
    return (
        positions.select(*POSITION_KEY, "qty_open")
        .with_row_index("row")
        .join(amounts, on="row", how="left", maintain_order="left")
        .select(
            *POSITION_KEY,
            asset.alias("settle_asset"),
            pl.col(AMOUNT_COLUMNS.values()).fill_null(pl.lit(_ZERO, _AMOUNT)),
            _funding_quality(terms).alias("funding_quality"),
        )
    )


def _funding_quality(terms: Mapping[str, Terms]) -> pl.Expr:
    """Of the contract; a perpetual that was not carried in accrues nothing, so no substitute was used for it."""
    contract = pl.col("contract_id")
    perpetuals = [name for name, each in terms.items() if each.kind == "PERP"]
    qualities = {name: each.funding_quality for name, each in terms.items()}
    not_carried = contract.is_in(perpetuals) & (pl.col("qty_open") == 0)
    return pl.when(not_carried).then(pl.lit("OK")).otherwise(contract.replace_strict(qualities, return_dtype=pl.String))


def _totals(
    names: list[str], held: list[Terms], exact: Mapping[str, list[Decimal]], rounded: Mapping[str, list[Decimal]]
) -> _Totals:
    totals: _Totals = {}
    with localcontext(EXACT):
        for movement in ZERO_SUM:
            for name, terms, figure, amount in zip(names, held, exact[movement], rounded[movement], strict=True):
                if figure:
                    total = totals.setdefault((terms.settle_asset, name, movement), _Total())
                    total.exact += figure
                    total.rounded += amount
                    total.figures += 1
    return totals


def _rounding(totals: _Totals) -> pl.DataFrame:
    rows = [
        (*key, money.settled(total.exact, _TABLE_UNIT), total.rounded, total.figures)
        for key, total in sorted(totals.items())
    ]
    return pl.DataFrame(rows, schema=_ROUNDING_SCHEMA, orient="row")


def _require_balanced(totals: _Totals) -> None:
    faults = [
        Finding(
            "UNBALANCED_SETTLEMENT",
            f"{movement} does not net to zero over all accounts",
            where=f"{asset} {contract_id}",
            value=f"{total.exact:.18f}",
            limit=f"{LARGEST_IMBALANCE:f}",
            action="compare both sides of the contract's trades, transfers and premiums",
        )
        for (asset, contract_id, movement), total in sorted(totals.items())
        if abs(total.exact) >= LARGEST_IMBALANCE
    ]
    if faults:
        raise ReconciliationError(*faults)


def _require_complete(positions: pl.DataFrame) -> None:
    incomplete = positions.filter(pl.any_horizontal(pl.col(Position._fields).is_null()))
    if incomplete.height:
        raise ModelInputError(
            *(
                Finding(
                    "MISSING_AMOUNT",
                    "a quantity or value of a position is empty",
                    where=_address(position),
                    action="correct the delivered position",
                )
                for position in _rows(incomplete)
            )
        )


def _require_rolled(positions: pl.DataFrame) -> None:
    moved = (
        pl.col("qty_open")
        + pl.col("qty_buy")
        - pl.col("qty_sell")
        + pl.col("qty_transfer")
        + pl.col("qty_exercise_assign")
        + pl.col("qty_expired")
    )
    broken = positions.with_columns(moved=moved).filter(pl.col("moved").ne_missing(pl.col("qty_close")))
    if broken.height:
        raise ModelInputError(
            *(
                Finding(
                    "POSITION_ROLL",
                    "opening and movements are not the closing quantity",
                    where=_address(position),
                    value=str(moved),
                    limit=str(position.qty_close),
                    action="correct the delivered position",
                )
                for position, moved in zip(_rows(broken), broken["moved"], strict=True)
            )
        )


def _require_terms(positions: pl.DataFrame, terms: Mapping[str, Terms]) -> None:
    unknown = sorted(set(positions["contract_id"]) - set(terms))
    if unknown:
        raise ModelInputError(
            *(
                Finding(
                    "UNKNOWN_CONTRACT",
                    "a contract that is held has no terms",
                    where=name,
                    action="deliver the contract",
                )
                for name in unknown
            )
        )


def _address(position: Position) -> str:
    return f"account {position.margin_account_id} contract {position.contract_id}"
