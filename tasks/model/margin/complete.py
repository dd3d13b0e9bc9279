"""What no frame of the margin stage may lack, checked once at the entry (METHODOLOGY 0, missing).

A row that is there says something: where a number of it is missing nobody knows what, and leaving it out would lower a
requirement in silence. Positions are checked where the book is built, prices and haircuts of balances where they are
valued, closes where they are put on a calendar; a bid or ask that is missing is not quoted, a member may be rated by
either of two figures.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from tasks.model.errors import Finding, ModelInputError
from tasks.model.margin.apc import BUFFER_SCHEMA
from tasks.model.margin.margin_inputs import MarginInputs
from tasks.model.margin.overrides import OVERRIDE_SCHEMA
from tasks.model.margin.portfolio import ACCOUNT

_REQUIRED = {
    "accounts": (*ACCOUNT, "account_type", "gap_days"),
    "surface": ("underlying", "expiry_ts", "svi_a", "svi_b", "svi_rho", "svi_mu", "svi_s"),
    "listed": ("underlying", "held"),
    "history": ("underlying", "date"),
    "volumes": ("underlying", "volume_usd"),
    "order_books": ("underlying",),
    "balances": (*ACCOUNT, "asset", "quantity"),
    "apc_buffer": tuple(BUFFER_SCHEMA),
    "overrides": tuple(OVERRIDE_SCHEMA),
    "joint_accounts": tuple(ACCOUNT),
    "coins": ("asset", "price_usd"),
}
_FINITE = {
    "balances": ("price_usd", "haircut_fraction"),
    "order_books": ("bid", "ask"),
}  # may be missing, but are numbers where they stand


def require_complete(inputs: MarginInputs) -> None:
    """Raises ModelInputError NON_FINITE with every row of a frame that lacks what it must have."""
    findings = [
        finding
        for name, columns in _REQUIRED.items()
        for finding in _faults(name, getattr(inputs, name), columns, _FINITE.get(name, ()))
    ]
    if findings:
        raise ModelInputError(*findings)


def _faults(name: str, frame: pl.DataFrame, required: tuple[str, ...], finite: tuple[str, ...]) -> Iterator[Finding]:
    for column in (*required, *finite):
        lacks = pl.col(column).is_null() if column in required else pl.lit(False)
        if frame.schema[column].is_float():
            lacks |= ~pl.col(column).is_finite().fill_null(True)
        for row in frame.filter(lacks).iter_rows(named=True):
            yield Finding(
                "NON_FINITE",
                f"{column} is missing or not finite",
                where=" ".join([name, *(str(row[key]) for key in required if row[key] is not None and key != column)]),
                value=str(row[column]),
                action="mend the input or let its declared fallback act",
            )
