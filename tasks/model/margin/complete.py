"""What no frame of the margin and the call stage may lack, checked once at the entry (METHODOLOGY 0, missing).

A row that is there says something: where a number of it is missing nobody knows what, and leaving it out would lower a
requirement or a call in silence. Positions are checked where the book is built, prices and haircuts where collateral is
valued, closes where they are put on a calendar; a bid or ask that is missing is not quoted, a member may be rated by
either of two figures and may leave the terms of its calls to the policy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import polars as pl

from tasks.model.errors import Finding, ModelInputError
from tasks.model.margin.apc import BUFFER_SCHEMA
from tasks.model.margin.overrides import OVERRIDE_SCHEMA
from tasks.model.margin.portfolio import ACCOUNT


class Needs(NamedTuple):
    """Columns of a frame: those that every row must have, and those that must be finite where a row has them."""

    required: tuple[str, ...]
    finite: tuple[str, ...] = ()


_HOLDING = (*ACCOUNT, "asset", "quantity")
_JOINT_TERMS = ("index_price_usd", "liquidity_haircut_fraction", "own_margin_fraction")
MARGIN_NEEDS = {
    "accounts": Needs((*ACCOUNT, "account_type", "gap_days")),
    "surface": Needs(("underlying", "expiry_ts", "svi_a", "svi_b", "svi_rho", "svi_mu", "svi_s")),
    "listed": Needs(("underlying", "held")),
    "history": Needs(("underlying", "date")),
    "volumes": Needs(("underlying", "volume_usd")),
    "order_books": Needs(("underlying",), ("bid", "ask")),
    "balances": Needs(_HOLDING, ("price_usd", "haircut_fraction")),
    "apc_buffer": Needs(tuple(BUFFER_SCHEMA)),
    "overrides": Needs(tuple(OVERRIDE_SCHEMA)),
    "joint_accounts": Needs(tuple(ACCOUNT)),
    "coins": Needs(("asset", "price_usd")),
}
CALL_NEEDS = {
    "accounts": Needs((*ACCOUNT, "base_ccy"), ("mta", "rounding_unit", "due_price_usd")),
    "portfolios": Needs((*ACCOUNT, "initial_margin_usd", "net_option_value_usd", "total_initial_margin_usd")),
    "balances": Needs(_HOLDING, ("price_usd", "haircut_fraction", *_JOINT_TERMS)),
    "deposits": Needs(_HOLDING, ("price_usd", "haircut_fraction", *_JOINT_TERMS)),
    "outstanding": Needs(
        (*ACCOUNT, "call_id", "call_version", "call_amount_usd", "due_asset", "due_amount", "opening_usd", "state")
    ),
    "due": Needs(("asset", "decimals"), ("haircut_fraction",)),
    "haircut_mode": Needs((*ACCOUNT, "total_initial_margin_usd")),
    "joint_collateral": Needs((*_HOLDING, *_JOINT_TERMS)),
}


def require_complete(inputs: Any, needs: Mapping[str, Needs]) -> None:
    """Raises ModelInputError NON_FINITE with every row of the inputs' frames that lacks what it must have."""
    findings = [finding for name, columns in needs.items() for finding in _faults(name, getattr(inputs, name), columns)]
    if findings:
        raise ModelInputError(*findings)


def _faults(name: str, frame: pl.DataFrame, needs: Needs) -> Iterator[Finding]:
    if frame.is_empty():
        return
    finite = [column for column in needs.finite if column in frame.columns]
    for column in (*needs.required, *finite):
        lacks = pl.col(column).is_null() if column in needs.required else pl.lit(False)
        if frame.schema[column].is_float():
            lacks |= ~pl.col(column).is_finite().fill_null(True)
        for row in frame.filter(lacks).iter_rows(named=True):
            keys = (str(row[key]) for key in needs.required if row[key] is not None and key != column)
            yield Finding(
                "NON_FINITE",
                f"{column} is missing or not finite",
                where=" ".join([name, *keys]),
                value=str(row[column]),
                action="mend the input or let its declared fallback act",
            )
