"""What an account's requirement comes from, position by position and factor by factor, and why it changed since.

Computed again on the exports of the run and of its predecessor, for the one account that is asked about; the figures
that come out must be the published ones, or nothing is explained. The home's database is never opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import polars as pl

from tasks import status
from tasks.home import Home
from tasks.key import CycleKey
from tasks.margin import inputs_of
from tasks.model import money
from tasks.model.errors import Finding, LeveeError
from tasks.model.margin.attribution import attribute
from tasks.model.margin.change import Day, steps
from tasks.model.margin.held import COMPONENT
from tasks.model.margin.initial_margin import margined
from tasks.stage import Context, open_context
from tasks.store import SCHEMAS, Store

Fields = dict[str, Any]
_RAW = "raw"
_REQUIRED = "total_initial_margin_usd"


def contributions(home: Home, run_id: str, margin_account_id: str) -> dict[str, list[Fields]]:
    """Rows of contributions and of factors of every line of the account's portfolios, the largest first.

    Raises LeveeError NOT_REPRODUCIBLE where the lines they would sum to are not the published ones.
    """
    with recalled(home, run_id) as context:
        asked = day(context, [margin_account_id])
        found = attribute(margined(asked.inputs, asked.as_of, asked.policy), margin_account_id)
        published = context.slice("result.requirement").filter(
            pl.col("margin_account_id") == margin_account_id, pl.col("component") != COMPONENT
        )
    _require_same(run_id, margin_account_id, money.total(published["amount_usd"]), found.contributions)
    return {
        "contributions": _largest_first(found.contributions),
        "factors": _largest_first(found.factors),
    }


def change(home: Home, run_id: str, margin_account_id: str) -> Fields | None:
    """Total initial margin of the cycle before, and one cause after another up to this one's.

    None where the account was not there before. Raises LeveeError NOT_REPRODUCIBLE where either end is not the
    published figure.
    """
    run = status.exported(home, run_id, "control.cycle_run").row(0, named=True)
    before = run["predecessor_run_id"]
    if not before or _published(home, before, margin_account_id) is None:
        return None
    with recalled(home, before) as earlier, recalled(home, run_id) as later:
        start, found = steps(day(earlier, [margin_account_id]), day(later, [margin_account_id]))
    for ended, figure in ((before, start), (run_id, found[-1].total_initial_margin_usd)):
        published = _published(home, ended, margin_account_id)
        if published != figure:
            raise _differs(ended, margin_account_id, figure, published)
    return {
        "since": before,
        _REQUIRED: start,
        "steps": [vars(each) for each in found],
    }


@contextmanager
def recalled(home: Home, run_id: str) -> Iterator[Context]:
    """A run's exported tables in a store of its own, which is gone afterwards. Raises LeveeError UNKNOWN_ID."""
    run = status.exported(home, run_id, "control.cycle_run").row(0, named=True)
    with Store.in_memory() as store:
        for path in sorted((home.exports / run_id).glob("*.parquet")):
            if path.stem.split(".")[0] in set(SCHEMAS) - {_RAW}:
                store.append(path.stem, pl.read_parquet(path))
        if run["predecessor_run_id"]:
            carried = home.exports / run["predecessor_run_id"] / "result.apc_buffer.parquet"
            store.append("result.apc_buffer", pl.read_parquet(carried))
        yield open_context(home, store, CycleKey(run["business_date"], run["cycle"], run["run_no"]))


def day(context: Context, margin_account_ids: Sequence[str]) -> Day:
    """What some accounts were margined on: their own positions and balances, and everybody's market."""
    inputs = inputs_of(context)
    own = pl.col("margin_account_id").is_in(list(margin_account_ids))
    kept = replace(
        inputs,
        positions=inputs.positions.filter(own),
        balances=inputs.balances.filter(own),
        overrides=inputs.overrides.filter(own),
    )
    return Day(kept, context.query("book/slices/margin_marks"), context.run["as_of_ts"], context.policy)


def _largest_first(rows: pl.DataFrame) -> list[Fields]:
    by, descending = ("client_id", "contribution_usd", "component", "item"), (False, True, False, False)
    return rows.sort(by, descending=descending).to_dicts()


def _published(home: Home, run_id: str, margin_account_id: str) -> Decimal | None:
    """What was asked of an account; of a held one for its known rows, which alone can be computed again."""
    own = pl.col("margin_account_id") == margin_account_id
    for table, figure in (("result.held", "known_requirement_usd"), ("result.margin_account", _REQUIRED)):
        if (home.exports / run_id / f"{table}.parquet").exists():
            found = status.exported(home, run_id, table).filter(own)
            if found.height:
                amount: Decimal = found[figure].item()
                return amount
    return None


def _require_same(run_id: str, margin_account_id: str, published: Decimal, found: pl.DataFrame) -> None:
    figure = money.total(found["contribution_usd"])
    if figure != published:
        raise _differs(run_id, margin_account_id, figure, published)


def _differs(run_id: str, margin_account_id: str, figure: Decimal, published: Decimal | None) -> LeveeError:
    return LeveeError(
        Finding(
            "NOT_REPRODUCIBLE",
            "an account's requirement comes out differently when computed again",
            where=f"{run_id} {margin_account_id}",
            value=str(figure),
            limit=str(published),
            action="explain it with the version of the code that published it",
        )
    )
