"""Double-entry ledger by asset and the balances that follow from it.

Every typed movement of an account is met by one of the house, so per asset and movement type all amounts sum to zero.
Settled amounts are rounded account by account; what that leaves over (residue) is met on the house's clearing account
like any movement and then handed on to its rounding account under ROUNDING, so the clearing account keeps nothing.
Amounts > 0 are credited. Reference: METHODOLOGY 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from tasks.model.errors import Finding, ModelInputError
from tasks.model.margin.variation import AMOUNT_COLUMNS, ZERO_SUM

HOUSE = "CCP"
HOUSE_ROUNDING = "ROUNDING"
# Movements from outside and the column each comes from; a withdrawal is delivered without sign.
OUTSIDE_COLUMNS = {
    "DEPOSIT": "deposits",
    "WITHDRAWAL": "withdrawals",
    "INTEREST": "interest",
    "CORRECTION": "adjustment",
}
MOVEMENT_TYPES = ("OPEN", *OUTSIDE_COLUMNS, *AMOUNT_COLUMNS, "ROUNDING")

_NATIVE = pl.Decimal(38, 18)
_ACCOUNT = ("clearing_member_id", "margin_account_id")
_ENTRY = ("asset", "movement_type", *_ACCOUNT, "contract_id")


@dataclass(frozen=True)
class Books:
    """`ledger`: rows of result.ledger in key order. `balance`: rows of result.balance, the house's left out."""

    ledger: pl.DataFrame
    balance: pl.DataFrame


def post(variation: pl.DataFrame, collateral: pl.DataFrame, forms: Mapping[str, str]) -> Books:
    """Ledger and balances of the cycle.

    `variation`: rows of result.variation. `collateral`: account, asset, form, qty_open, deposits, withdrawals,
    interest, adjustment, pending_in, pending_out; one row per account and asset. `forms`: form of each asset, for
    those an account settles in and has no line for.

    Raises ModelInputError where an amount is missing, an account has two lines for an asset, or an asset is unknown.
    """
    lines = _lines(variation.filter(pl.col("clearing_member_id") != HOUSE), collateral, forms)
    entries = pl.concat([opening_entries(lines), outside_entries(lines), position_entries(variation)])
    return Books(double_entry(entries), _balances(lines, entries))


def opening_entries(lines: pl.DataFrame) -> pl.DataFrame:
    """An OPEN entry for every account and asset, of zero too: it shows that the account is there."""
    return _entries(lines, "OPEN", pl.col("qty_open"))


def outside_entries(lines: pl.DataFrame) -> pl.DataFrame:
    """Deposits, withdrawals, interest and corrections that are not zero."""
    signed = {movement: pl.col(column) for movement, column in OUTSIDE_COLUMNS.items()}
    signed["WITHDRAWAL"] = -signed["WITHDRAWAL"]
    return pl.concat([_entries(lines, movement, amount) for movement, amount in signed.items()]).filter(
        pl.col("amount") != 0
    )


def position_entries(variation: pl.DataFrame) -> pl.DataFrame:
    """Settled movements by account and contract, clients summed, that are not zero."""
    by_contract = variation.rename({"settle_asset": "asset"})
    entries = pl.concat(
        [_entries(by_contract, movement, pl.col(column)) for movement, column in AMOUNT_COLUMNS.items()]
    )
    return entries.group_by(_ENTRY).agg(pl.col("amount").sum()).filter(pl.col("amount") != 0)


def double_entry(entries: pl.DataFrame) -> pl.DataFrame:
    """Entries of the accounts and the house's against them, numbered in key order.

    Raises ModelInputError UNKNOWN_MOVEMENT for a movement type the ledger does not have.
    """
    _require_known(entries)
    everything = pl.concat([entries, _house_entries(entries), _rounding_entries(entries)])
    order = pl.col("movement_type").cast(pl.Enum(MOVEMENT_TYPES))
    ordered = everything.sort("asset", order, *_ACCOUNT, "contract_id")
    return ordered.with_row_index("entry_no", offset=1).with_columns(pl.col("entry_no").cast(pl.Int32))


def _house_entries(entries: pl.DataFrame) -> pl.DataFrame:
    totals = entries.group_by("asset", "movement_type").agg(-pl.col("amount").sum())
    return _house(totals.filter(pl.col("amount") != 0), HOUSE)


def _rounding_entries(entries: pl.DataFrame) -> pl.DataFrame:
    residue = entries.filter(pl.col("movement_type").is_in(ZERO_SUM)).group_by("asset").agg(pl.col("amount").sum())
    residue = residue.filter(pl.col("amount") != 0).with_columns(movement_type=pl.lit("ROUNDING"))
    return pl.concat([_house(residue, HOUSE), _house(residue.with_columns(-pl.col("amount")), HOUSE_ROUNDING)])


def _house(totals: pl.DataFrame, account: str) -> pl.DataFrame:
    return totals.select(
        "asset",
        "movement_type",
        clearing_member_id=pl.lit(HOUSE),
        margin_account_id=pl.lit(account),
        contract_id=pl.lit(""),
        amount="amount",
    )


def _entries(rows: pl.DataFrame, movement: str, amount: pl.Expr) -> pl.DataFrame:
    contract = pl.col("contract_id") if "contract_id" in rows.columns else pl.lit("")
    return rows.select(
        "asset",
        pl.lit(movement).alias("movement_type"),
        *_ACCOUNT,
        contract.alias("contract_id"),
        amount.cast(_NATIVE).alias("amount"),
    )


def _lines(variation: pl.DataFrame, collateral: pl.DataFrame, forms: Mapping[str, str]) -> pl.DataFrame:
    """The collateral lines, and an empty one for each asset an account settles in without a line for it."""
    key = (*_ACCOUNT, "asset")
    _require_lines(collateral, key)
    settled = variation.select(*_ACCOUNT, asset="settle_asset").unique()
    missing = settled.join(collateral, on=key, how="anti")
    unknown = sorted(set(missing["asset"]) - set(forms))
    if unknown:
        raise ModelInputError(
            *(
                Finding(
                    "UNKNOWN_ASSET",
                    "an asset is settled in that has no reference data",
                    value=asset,
                    action="add it to the reference data",
                )
                for asset in unknown
            )
        )
    quantities = [name for name in collateral.columns if name not in (*key, "form")]
    empty = missing.with_columns(
        form=pl.col("asset").replace_strict(forms, return_dtype=pl.String),
        **{name: pl.lit(0).cast(_NATIVE) for name in quantities},
    )
    return pl.concat([collateral, empty.select(collateral.columns)]).sort(key)


def _require_lines(collateral: pl.DataFrame, key: tuple[str, ...]) -> None:
    incomplete = collateral.filter(pl.any_horizontal(pl.all().is_null()))
    repeated = collateral.filter(pl.struct(key).is_duplicated())
    faults = [
        Finding(
            code,
            what,
            where=f"account {row['margin_account_id']} asset {row['asset']}",
            action="correct the delivered balance",
        )
        for code, what, broken in (
            ("MISSING_AMOUNT", "a collateral line has an empty amount", incomplete),
            ("DUPLICATE_KEY", "an account has two lines for an asset", repeated),
        )
        for row in broken.iter_rows(named=True)
    ]
    if faults:
        raise ModelInputError(*faults)


def _require_known(entries: pl.DataFrame) -> None:
    unknown = sorted(set(entries["movement_type"]) - set(MOVEMENT_TYPES))
    if unknown:
        raise ModelInputError(
            *(
                Finding(
                    "UNKNOWN_MOVEMENT",
                    "the ledger has no such movement type",
                    value=name,
                    limit=" ".join(MOVEMENT_TYPES),
                )
                for name in unknown
            )
        )


def _balances(lines: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Opening, the sum of all other movements, and closing, by account and asset."""
    key = (*_ACCOUNT, "asset")
    moved = entries.filter(pl.col("movement_type") != "OPEN").group_by(key).agg(movements=pl.col("amount").sum())
    return (
        lines.join(moved, on=key, how="left")
        .with_columns(pl.col("movements").fill_null(pl.lit(0).cast(_NATIVE)))
        .select(
            *key,
            "form",
            pl.col("qty_open").alias("opening"),
            "movements",
            (pl.col("qty_open") + pl.col("movements")).alias("closing"),
            "pending_in",
            "pending_out",
        )
        .sort(key)
    )
