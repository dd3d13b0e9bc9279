"""Rules of one column of one dataset, as suites of Great Expectations; and its word on the rules of sql/checks.

The suites run on a pandas view of the typed book with decimals cast to double. Great Expectations takes seconds to
import, so it is imported where it is used; every call has an ephemeral context of its own, and nothing leaves the
process. A rule on values passes on an empty table, so the number of rows is asserted first.
"""

from __future__ import annotations

import logging
import os
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import polars as pl

from tasks import resources, roster
from tasks.gate_checks import ADDRESS, COLUMN, Check, Outcome, offending
from tasks.stage import Context

TABLES = {
    "accounts": "account",
    "book_depth": "depth",
    "collateral_balances": "collateral",
    "contracts": "contract",
    "factor_history": "factor_history",
    "funding": "funding",
    "history": "history",
    "members": "member",
    "positions": "position",
    "prices": "price",
    "vol_quotes": "vol_quote",
}
"""Book table of a dataset."""

MAY_BE_NIL = frozenset({"positions", "collateral_balances"})
"""Required datasets that may hold no record: a day on which nothing is held."""

_POSITIVE = {"min_value": 0, "strict_min": True}
_NOT_NEGATIVE = {"min_value": 0}
_ACTION = "correct the file and deliver it as its next version"


@dataclass(frozen=True)
class Rule:
    """A rule of one column, or of the table (column empty): code, expectation of Great Expectations, arguments.

    `kind` limits it to contracts of that kind.
    """

    code: str
    column: str
    expectation: str
    meaning: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""

    def check(self, dataset: str) -> Check:
        """The rule as a check. A wrong column makes the whole delivery doubtful."""
        check_id = ".".join(part for part in (dataset, self.column, self.kind.lower(), self.code.lower()) if part)
        return Check(check_id, self.code, "critical", "book", COLUMN, dataset, self.meaning, _ACTION)


def rules() -> dict[str, tuple[Rule, ...]]:
    """Rules by dataset. What the tables themselves keep out (a wrong type, an empty figure) is no rule again."""
    return {
        "accounts": (_known_asset("base_ccy"),),
        "book_depth": (*_range(_POSITIVE, "price", "size"), *_range({"min_value": 1}, "level")),
        "collateral_balances": (*_range(_NOT_NEGATIVE, "deposits", "withdrawals", "pending_in", "pending_out"),),
        "contracts": (
            *_range(_POSITIVE, "multiplier", "strike", "funding_interval_s"),
            *_range(_NOT_NEGATIVE, "funding_cap"),
            *_given("OPT", "strike", "option_type", "expiry_ts"),
            *_given("FUT", "expiry_ts"),
            _known_asset("settle_asset"),
        ),
        "factor_history": (
            Rule(
                "BAD_FORM",
                "series",
                "ExpectColumnValuesToMatchRegex",
                "a series is one the scenarios know",
                {"regex": r"^(?:H(?:[01][0-9]|2[0-3])|(?:IV|F)[1-9][0-9]*|PERP)$"},
            ),
            *_range(_POSITIVE, "level"),
        ),
        "funding": (*_range({"min_value": -1, "max_value": 1}, "funding_rate"),),
        "history": (*_range(_POSITIVE, "close"),),
        "members": (*_range(_NOT_NEGATIVE, "mta", "rounding_unit"), _known_asset("base_ccy")),
        "positions": (*_range(_NOT_NEGATIVE, "qty_buy", "qty_sell", "buy_value", "sell_value"),),
        "prices": (
            *_range(_NOT_NEGATIVE, "open_interest", "volume_24h_usd"),
            Rule(
                "BAD_FORM",
                "price_set_id",
                "ExpectColumnValuesToMatchRegex",
                "a price set has a plain name",
                {"regex": r"^[A-Za-z0-9][A-Za-z0-9._:-]*$"},
            ),
        ),
        "vol_quotes": (*_range(_POSITIVE, "forward"), *_range(_NOT_NEGATIVE, "bid_px", "ask_px")),
    }


class Validator:
    """One ephemeral context of Great Expectations."""

    def __init__(self) -> None:
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        import great_expectations

        logging.getLogger("great_expectations").setLevel(logging.ERROR)
        self._gx: Any = great_expectations
        context = self._gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        self._batches = context.data_sources.add_pandas("book").add_dataframe_asset("view")
        self._view = self._batches.add_batch_definition_whole_dataframe("whole")

    def not_empty(self, found: Mapping[str, int]) -> set[str]:
        """Ids of the checks of sql/checks that found something, of the number of offending rows by check."""
        counts = pl.DataFrame({"check_id": list(found), "offending": list(found.values())})
        none_lost = Rule("ROW_COUNT", "", "ExpectTableRowCountToEqual", "every check counted", {"value": len(found)})
        nothing = Rule("ROW_COUNT", "offending", "ExpectColumnValuesToBeInSet", "nothing found", {"value_set": [0]})
        broken = self.broken(counts, {"every check": none_lost, "found": nothing}, ("check_id",))
        return set(found) if "every check" in broken else {each["check_id"] for each in broken.get("found", ())}

    def broken(
        self, frame: pl.DataFrame, suite: Mapping[str, Rule], address: Collection[str] = ADDRESS
    ) -> dict[str, list[dict[str, Any]]]:
        """Offending rows (columns of `address` there are, and value) by the id of each check that fails.

        The list is empty where the rule is about the table, or could not be evaluated.
        """
        batch = self._batch(frame)
        failing = {
            each.expectation_config.meta["check_id"]
            for each in self._results(batch, suite, {"result_format": "BOOLEAN_ONLY"})
            if not each.success
        }
        if not failing:  # the usual day: to say which rows offend takes twice as long as to say that none does
            return {}
        named = [name for name in address if name in frame.columns]
        told = self._results(
            batch,
            {check_id: rule for check_id, rule in suite.items() if check_id in failing},
            {"result_format": "COMPLETE", "unexpected_index_column_names": named},
        )
        return {
            each.expectation_config.meta["check_id"]: each.result.get("unexpected_index_list") or [] for each in told
        }

    def _results(self, batch: Any, suite: Mapping[str, Rule], result_format: Mapping[str, Any]) -> Any:
        """What Great Expectations says of each rule of a suite."""
        expectations = [
            getattr(self._gx.expectations, rule.expectation)(
                severity="critical", meta={"check_id": check_id}, **rule.arguments, **self._on(rule)
            )
            for check_id, rule in suite.items()
        ]
        return batch.validate(self._gx.ExpectationSuite("columns", expectations), result_format=result_format).results

    def _on(self, rule: Rule) -> dict[str, Any]:
        """Column of a rule, and the kind of contract it is about."""
        from great_expectations.expectations.row_conditions import Column

        of_kind = {"row_condition": Column("kind") == rule.kind} if rule.kind else {}
        return {"column": rule.column, **of_kind} if rule.column else {}

    def _batch(self, frame: pl.DataFrame) -> Any:
        return self._view.get_batch(batch_parameters={"dataframe": frame.to_pandas()})


def check_ids() -> list[str]:
    """Ids of every check of this module."""
    suites = {dataset: (_row_count(0), *rules()[dataset]) for dataset in TABLES}
    return [rule.check(dataset).check_id for dataset, suite in suites.items() for rule in suite]


def run(context: Context, validator: Validator, dataset: str) -> Iterator[Outcome]:
    """Outcomes of a dataset: its number of rows, and every rule of its columns unless it is empty."""
    frame = _view(context, dataset)
    least = 1 if dataset in roster.required() and dataset not in MAY_BE_NIL else 0
    count = _row_count(max(_delivered(context, dataset), least))
    suite = {rule.check(dataset).check_id: rule for rule in (count, *(rules()[dataset] if frame.height else ()))}
    broken = validator.broken(frame, suite)
    for check_id, rule in suite.items():
        rows = _addresses(dataset, rule, frame.height, broken[check_id]) if check_id in broken else pl.DataFrame()
        yield Outcome(rule.check(dataset), frame.height, offending(rows), check_id not in broken)


def _row_count(rows: int) -> Rule:
    meaning = "the book holds every delivered row, and at least one where a cycle cannot do without"
    return Rule("ROW_COUNT", "", "ExpectTableRowCountToEqual", meaning, {"value": rows})


def _delivered(context: Context, dataset: str) -> int:
    """Records the run's files of a dataset declare."""
    records: int = context.store.read(
        "SELECT coalesce(sum(records), 0)::BIGINT FROM control.input_manifest "
        "WHERE run_id = $run_id AND dataset = $dataset",
        {"run_id": context.key.run_id, "dataset": dataset},
    ).item()
    return records


def _view(context: Context, dataset: str) -> pl.DataFrame:
    """Columns the rules need, decimals as double, with their address. Carried balances (line 0) are not delivered."""
    table = f"book.{TABLES[dataset]}"
    kinds = dict(context.store.read(f"DESCRIBE {table}").select("column_name", "column_type").iter_rows())
    needed = {name for rule in rules()[dataset] for name in (rule.column, "kind" if rule.kind else rule.column)}
    names = [*(name for name in ADDRESS if name in kinds), *sorted(needed - set(ADDRESS))]
    columns = [f"{name}::DOUBLE AS {name}" if "DECIMAL" in kinds[name] else name for name in names]
    return context.store.read(
        f"SELECT {', '.join(columns)} FROM {table} WHERE run_id = $run_id AND source_line > 0",
        {"run_id": context.key.run_id},
    )


def _addresses(dataset: str, rule: Rule, height: int, broken: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows of a broken rule as findings; one for the dataset where the rule names none."""
    limit = ", ".join(f"{name} {value}" for name, value in rule.arguments.items())
    if not broken:
        return pl.DataFrame([{"dataset": dataset, "value": f"{height} rows", "limit_value": limit}])
    return pl.DataFrame(
        [
            {
                **{name: row[name] for name in ADDRESS if name in row},
                "dataset": dataset,
                "source_line": int(row["source_line"]),
                "value": f"{rule.column} {'empty' if rule.kind else row[rule.column]}",
                "limit_value": limit or f"given for {rule.kind}",
            }
            for row in broken
        ]
    )


def _given(kind: str, *columns: str) -> Iterator[Rule]:
    for column in columns:
        yield Rule(
            "EMPTY_VALUE", column, "ExpectColumnValuesToNotBeNull", f"a contract of kind {kind} gives it", kind=kind
        )


def _range(bounds: Mapping[str, Any], *columns: str) -> Iterator[Rule]:
    for column in columns:
        yield Rule("OUT_OF_RANGE", column, "ExpectColumnValuesToBeBetween", "a figure is in its range", bounds)


def _known_asset(column: str) -> Rule:
    """What is settled in an asset needs the asset's minor unit and calendar."""
    return Rule(
        "NOT_IN_SET",
        column,
        "ExpectColumnValuesToBeInSet",
        "an asset is one of data/reference/assets.toml",
        {"value_set": _assets()},
    )


@cache
def _assets() -> list[str]:
    return sorted(tomllib.loads(resources.data("reference/assets.toml").read_text(encoding="utf-8")))
