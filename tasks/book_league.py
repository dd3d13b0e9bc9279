"""The league of every night on a home's own book: what each model would have asked of each account that was margined.

Reads published runs and their exports; never the database. What was margined of a night is kept in home/league, so that
a night is margined once for each run and version of the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from io import BytesIO
from pathlib import Path

import polars as pl

from tasks import account_back_test, causes, compare, resources, status
from tasks.compare import HOUSE
from tasks.home import Home, write_atomically
from tasks.margin import inputs_of
from tasks.model.assurance.book_league import NIGHT, book_table, night_table
from tasks.model.assurance.challenger_book import book_margins
from tasks.model.assurance.published_day import ACCOUNT_LEVEL
from tasks.model.errors import Finding, LeveeError
from tasks.model.margin.portfolio import ACCOUNT

EOD = "EOD"
FOLDER = "league"
_DATE = len("20260130")
_SCHEMA = pl.Schema(
    {
        NIGHT[0]: pl.Date,
        **dict.fromkeys([*ACCOUNT, "model"], pl.String),
        **dict.fromkeys(["margin_usd", "option_value_usd"], pl.Float64),
    }
)


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


@dataclass(frozen=True)
class Asked:
    """What every model asked on some nights: columns as `night_table` takes them, and what was left out with its code.

    computed: nights margined now; all others stood.
    """

    margins: pl.DataFrame
    left_out: tuple[dict[str, str], ...]
    computed: int


def margins(home: Home, out: Sequence[tuple[date, str]]) -> Asked:
    """Every account under the house and every model that takes a book; nights that stand are not margined again.

    A night that cannot be margined again leaves the others as they are and is told.
    """
    found, left_out, computed = [pl.DataFrame(schema=_SCHEMA)], [], 0
    for business_date, run_id in out:
        stands = _file(home, business_date, run_id)
        try:
            if not stands.exists():
                _keep(stands, _night(home, business_date, run_id))
                computed += 1
            found.append(pl.read_parquet(stands))
        except LeveeError as error:
            left_out.append({"business_date": business_date.isoformat(), "run_id": run_id, "code": error.code})
    return Asked(pl.concat(found), tuple(left_out), computed)


def _file(home: Home, business_date: date, run_id: str) -> Path:
    """File of a night, named for the run and for the model's code: another of either is margined anew."""
    return home.root / FOLDER / f"{business_date:%Y%m%d}-{run_id}-{_model_hash()[:12]}.parquet"


def _keep(target: Path, rows: pl.DataFrame) -> None:
    target.parent.mkdir(exist_ok=True)
    content = BytesIO()
    rows.write_parquet(content)
    write_atomically(target, content.getvalue())
    for older in target.parent.glob(f"{target.name[:_DATE]}-*.parquet"):
        if older != target:
            older.unlink()


@cache
def _model_hash() -> str:
    """sha256 over the model's code and the sets of other houses."""
    return resources.tree_hash(Path(__file__).resolve().parent / "model", resources.data("reference_models"))


def losses(home: Home) -> pl.DataFrame:
    """What each account lost over its liquidation period with its book held constant, of the nights it is known of."""
    accounts = account_back_test.rows(home).filter(pl.col("level") == ACCOUNT_LEVEL)
    return accounts.select(pl.col("margin_date").alias(NIGHT[0]), *ACCOUNT, loss_usd="clean_loss_usd")


@dataclass(frozen=True)
class Told:
    """`book_table` and `night_table` of some ends of day, and how they came about."""

    models: pl.DataFrame
    nights: pl.DataFrame
    asked: Asked


def told(home: Home, first: date, last: date) -> Told:
    """Every end of day that is out from first to last. Raises as `nights`."""
    asked = margins(home, nights(home, first, last))
    found = night_table(asked.margins, losses(home))
    return Told(book_table(found, HOUSE), found, asked)


def _night(home: Home, business_date: date, run_id: str) -> pl.DataFrame:
    with causes.recalled(home, run_id) as context:
        simulated = book_margins(inputs_of(context), context.run["as_of_ts"], context.policy)
    # An account with a portfolio that a law could not be fitted to has no figure under it: a part would be too little.
    whole = pl.col("margin_usd").is_not_null().all()
    of_account = (
        simulated.sort(pl.all())
        .group_by(*ACCOUNT, "model", maintain_order=True)
        .agg(pl.when(whole).then(pl.col("margin_usd").sum()))
        .drop_nulls("margin_usd")
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
