"""The book of a finished run as other margin models see it, beside the house's requirement.

Reads exports and the policies of the home; never the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from tasks import policy_store, reference_models, status
from tasks.home import Home
from tasks.model.errors import Finding, LeveeError
from tasks.model.margin.portfolio import ACCOUNT, GROSS, KEY, Book, build_book
from tasks.model.margin.reference.haircuts import reference_collateral
from tasks.model.margin.reference.model import reference_margin
from tasks.model.policy import Policy

Fields = dict[str, Any]

HOUSE = "HOUSE"
_SMILE = ("underlying", "expiry_ts", "svi_a", "svi_b", "svi_rho", "svi_mu", "svi_s")


def compare(home: Home, business_date: date, cycle: str = "EOD", member: str | None = None) -> Fields:
    """Margin of every account by the house and by each reference model in force on the day, USD.

    The house's figure is the published requirement: initial margin less net option value, of every portfolio. Beside
    it what each account's collateral counts, by the house and by each model's haircuts.
    Raises LeveeError UNKNOWN_ID where the cycle has no results or no such member.
    """
    return of_run(home, status.margined_run(home, business_date, cycle), business_date, member)


def of_run(home: Home, run_id: str, business_date: date, member: str | None = None) -> Fields:
    """The same of a run of the day."""
    house = status.exported(home, run_id, "result.portfolio").sort(KEY)
    if member is not None and member not in set(house["clearing_member_id"]):
        raise _unknown("no such member in the run", f"{run_id} {member}")
    of_member = pl.lit(True) if member is None else pl.col("clearing_member_id") == member
    policy = policy_store.in_force(home, business_date)
    book = _book(home, run_id, policy)
    frames = [reference_margin(book, model) for model in reference_models.in_force(business_date)]
    asked = pl.concat([_house(house), *frames], how="diagonal").filter(of_member)
    return {
        "run_id": run_id,
        "models": {HOUSE: policy.effective_date} | {frame["model"][0]: frame["effective_date"][0] for frame in frames},
        "accounts": _accounts(asked),
        "portfolios": asked.sort(*KEY, "model").to_dicts(),
        "collateral": _collateral(home, run_id, business_date, of_member),
    }


def total(accounts: list[Fields]) -> Mapping[str, Decimal]:
    """Sum of the accounts by model."""
    names = accounts[0]["margin_usd"] if accounts else {}
    return {name: sum((each["margin_usd"][name] for each in accounts), Decimal(0)) for name in names}


def _collateral(home: Home, run_id: str, business_date: date, of_member: pl.Expr) -> list[Fields]:
    """USD that counts of each account's collateral, the house first: after haircut, tiers and caps, as published."""
    held = status.exported(home, run_id, "result.collateral").sort(*ACCOUNT, "asset")
    house = held.group_by(ACCOUNT, maintain_order=True).agg(pl.col("counted_value_usd").sum().alias(HOUSE))
    for model in reference_models.haircuts_in_force(business_date):
        counted = reference_collateral(held, model).select(*ACCOUNT, pl.col("counted_usd").alias(model.name))
        house = house.join(counted, on=ACCOUNT, how="left", maintain_order="left")
    rows = house.filter(of_member).iter_rows(named=True)
    return [
        {name: row[name] for name in ACCOUNT}
        | {"counted_usd": {name: value for name, value in row.items() if name not in ACCOUNT}}
        for row in rows
    ]


def _house(portfolios: pl.DataFrame) -> pl.DataFrame:
    return portfolios.select(
        *KEY,
        pl.lit(HOUSE).alias("model"),
        pl.col("total_initial_margin_usd").alias("margin_usd"),
        pl.col("net_option_value_usd").cast(pl.Float64),
    )


def _accounts(asked: pl.DataFrame) -> list[Fields]:
    """One entry for each account, the house first and the models by name."""
    found: dict[tuple[str, str], dict[str, Decimal]] = {}
    for row in asked.sort(pl.col("model") != HOUSE, "model", *KEY).iter_rows(named=True):
        margins = found.setdefault((row["clearing_member_id"], row["margin_account_id"]), {})
        margins[row["model"]] = margins.get(row["model"], Decimal(0)) + row["margin_usd"]
    return [dict(zip(ACCOUNT, key, strict=True)) | {"margin_usd": found[key]} for key in sorted(found)]


def _book(home: Home, run_id: str, policy: Policy) -> Book:
    """The book the run margined, from what it exported."""
    run = status.exported(home, run_id, "control.cycle_run").row(0, named=True)
    accounts = status.exported(home, run_id, "book.account").select(*ACCOUNT, "account_type")
    margined = status.exported(home, run_id, "result.margin_account").select(ACCOUNT)
    surface = status.exported(home, run_id, "result.surface").filter("certified").select(_SMILE)
    return build_book(
        _positions(home, run_id),
        accounts.join(margined, on=ACCOUNT, how="semi"),
        surface,
        run["as_of_ts"],
        policy,
    )


def _positions(home: Home, run_id: str) -> pl.DataFrame:
    """Open positions with the terms and marks of their contracts, as the stage margin reads them."""
    terms = status.exported(home, run_id, "book.contract").select(
        "contract_id",
        "kind",
        "payoff",
        "multiplier",
        "strike",
        "option_type",
        "expiry_ts",
        "settle_asset",
        "status",
        underlying="underlying_asset",
    )
    marks = status.exported(home, run_id, "result.mark").drop("run_id")
    held = status.exported(home, run_id, "book.position").filter(pl.col("qty_close") != 0)
    gross = pl.col("account_type") == GROSS
    return (
        held.select(
            *ACCOUNT,
            pl.when(gross).then("client_id").otherwise(pl.lit("")).alias("client_id"),
            "contract_id",
            quantity="qty_close",
        )
        .join(terms, on="contract_id", how="left")
        .join(marks, on="contract_id", how="left")
        .with_columns(expired=(pl.col("final_price").is_not_null() | (pl.col("status") == "SETTLED")).fill_null(False))
    )


def _unknown(what: str, value: str) -> LeveeError:
    return LeveeError(
        Finding("UNKNOWN_ID", what, value=value, action="`levee cycle status` lists the cycles of this home")
    )
