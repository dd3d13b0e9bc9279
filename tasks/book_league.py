"""The league of every night on a home's own book: what each model would have asked of each account that was margined.

Reads published runs and their exports; never the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import polars as pl

from tasks import account_back_test, causes, compare, status
from tasks.compare import HOUSE
from tasks.home import Home
from tasks.margin import inputs_of
from tasks.model.assurance.book_league import NIGHT, book_table, night_table
from tasks.model.assurance.challenger_book import book_margins
from tasks.model.assurance.published_day import ACCOUNT_LEVEL
from tasks.model.errors import Finding, LeveeError
from tasks.model.margin.portfolio import ACCOUNT

EOD = "EOD"


def nights(home: Home, first: date, last: date) -> list[tuple[date, str]]:
    """Business date and run of the version in force of every end of day that is out, from first to last.

    Raises LeveeError UNKNOWN_ID where there is none.
    """
    found = [(day, run_id) for day, run_id in status.in_force(home, EOD).items() if first <= day <= last]
    if not found:
        raise LeveeError(
            Finding(
                "UNKNOWN_ID",
                "no end of day is out on these days",
                value=f"{first} to {last}",
                action="`levee publish list` lists what is",
            )
        )
    return found


def margins(home: Home, out: list[tuple[date, str]]) -> pl.DataFrame:
    """Every account under the house and every model that takes a book: columns as `night_table` takes them."""
    return pl.concat(_night(home, business_date, run_id) for business_date, run_id in out)


def losses(home: Home) -> pl.DataFrame:
    """What each account lost over its liquidation period with its book held constant, of the nights it is known of."""
    accounts = account_back_test.rows(home).filter(pl.col("level") == ACCOUNT_LEVEL)
    return accounts.select(pl.col("margin_date").alias(NIGHT[0]), *ACCOUNT, loss_usd="clean_loss_usd")


def told(home: Home, first: date, last: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`book_table` and `night_table` of every end of day that is out. Raises as `nights`."""
    found = night_table(margins(home, nights(home, first, last)), losses(home))
    return book_table(found, HOUSE), found


def _night(home: Home, business_date: date, run_id: str) -> pl.DataFrame:
    with causes.recalled(home, run_id) as context:
        simulated = book_margins(inputs_of(context), context.run["as_of_ts"], context.policy)
    of_account = (
        simulated.sort(pl.all()).group_by(*ACCOUNT, "model", maintain_order=True).agg(pl.col("margin_usd").sum())
    )
    rows = [*_compared(home, run_id, business_date), *of_account.iter_rows()]
    schema = {**dict.fromkeys([*ACCOUNT, "model"], pl.String), "margin_usd": pl.Float64}
    return (
        pl.DataFrame(rows, schema=schema, orient="row")
        .join(_option_values(home, run_id), on=ACCOUNT, how="left")
        .select(pl.lit(business_date).alias(NIGHT[0]), *ACCOUNT, "model", "margin_usd", "option_value_usd")
    )


def _option_values(home: Home, run_id: str) -> pl.DataFrame:
    held = status.exported(home, run_id, "result.portfolio").group_by(ACCOUNT)
    return held.agg(option_value_usd=pl.col("net_option_value_usd").sum().cast(pl.Float64))


def _compared(home: Home, run_id: str, business_date: date) -> Iterator[tuple[str, str, str, float]]:
    """The house and the declared sets of other houses."""
    for account in compare.of_run(home, run_id, business_date)["accounts"]:
        for model, asked in account["margin_usd"].items():
            yield account[ACCOUNT[0]], account[ACCOUNT[1]], model, float(asked)
