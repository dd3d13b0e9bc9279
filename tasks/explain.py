"""A number's path back: from a call to its result, lines, scenarios, positions and marks, to the delivered line.

Reads exports, the archive of delivered bytes and the pointer of what is out; never the database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from tasks import causes, status
from tasks.home import Home
from tasks.model.errors import Finding, LeveeError

Fields = dict[str, Any]

_CALLS = "control.margin_call"
_LINE = ("component", "amount_usd", "rule_id", "policy_hash", "binding_component", "worst_scenario_id")
_SCENARIO = (
    "scenario_set",
    "underlying",
    "horizon_days",
    "start_date",
    "spot_return",
    "scale_factor",
    "vol_score",
    "quality",
)
_MARK = (
    "settlement_price",
    "prev_settlement_price",
    "implied_volatility",
    "index_price",
    "forward_price",
    "source",
    "method",
    "quality",
    "obs_ts",
    "age_seconds",
)
_RISK = ("option_value_usd", "delta", "gamma", "vega_usd")
_COLLATERAL = (
    "asset",
    "quantity",
    "price_usd",
    "haircut_fraction",
    "market_value_usd",
    "post_haircut_value_usd",
    "rule_id",
)


def call(home: Home, call_id: str) -> Fields:
    """What a call rests on, in the latest run that holds it. Raises LeveeError UNKNOWN_ID."""
    holding = [
        (row["state"] != "DRAFT", row["run_id"], row["call_version"], row)
        for path in home.exports.glob(f"*/{_CALLS}.parquet")
        for row in pl.read_parquet(path).filter(pl.col("call_id") == call_id).iter_rows(named=True)
    ]
    if not holding:
        raise _unknown("no such call", call_id, "`levee calls list` names them")
    found = max(holding, key=lambda each: each[:3])[3]
    return {"call": found} | _explained(_Run(home, found["run_id"]), found["margin_account_id"])


def account(home: Home, margin_account_id: str) -> Fields:
    """What an account's result rests on, in the latest cycle that is out. Raises LeveeError UNKNOWN_ID."""
    latest = home.published / "latest.json"
    if not latest.exists():
        raise _unknown("nothing is published in this home", margin_account_id, "run a cycle first")
    run = _Run(home, status.pointed(latest)["run_id"])
    calls = run.of_account(_CALLS, margin_account_id).sort("call_version")
    return {"call": calls.row(-1, named=True) if calls.height else None} | _explained(run, margin_account_id)


def _explained(run: _Run, margin_account_id: str) -> Fields:
    """What an account's result rests on, what adds how much to it, and why it changed since the cycle before."""
    shares = causes.contributions(run.home, run.run_id, margin_account_id)
    return run.account(margin_account_id) | shares | {"change": causes.change(run.home, run.run_id, margin_account_id)}


@dataclass
class _Run:
    """The exports of one run, each read once."""

    home: Home
    run_id: str
    _tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    _archived: dict[str, Sequence[str] | None] = field(default_factory=dict)

    def table(self, name: str) -> pl.DataFrame:
        if name not in self._tables:
            self._tables[name] = status.exported(self.home, self.run_id, name)
        return self._tables[name]

    def of_account(self, name: str, margin_account_id: str) -> pl.DataFrame:
        return self.table(name).filter(pl.col("margin_account_id") == margin_account_id)

    def account(self, margin_account_id: str) -> Fields:
        """Run, result, portfolios and collateral of an account."""
        result = self.of_account("result.margin_account", margin_account_id)
        if result.is_empty():
            raise _unknown("no such account in the run", f"{self.run_id} {margin_account_id}", "see the MS01 files")
        portfolios = self.of_account("result.portfolio", margin_account_id).sort("client_id")
        return {
            "run": self.table("control.cycle_run").row(0, named=True),
            "result": result.row(0, named=True),
            "portfolios": [self._portfolio(row) for row in portfolios.iter_rows(named=True)],
            "collateral": self._collateral(margin_account_id),
        }

    def _portfolio(self, row: Fields) -> Fields:
        name = {key: row[key] for key in ("margin_account_id", "client_id")}
        lines = _where(self.table("result.requirement"), name).sort("line_no")
        positions = _where(self.table("book.position"), name).filter(pl.col("qty_close") != 0)
        return row | {
            "lines": [self._requirement(line) for line in lines.iter_rows(named=True)],
            "positions": [self._position(each) for each in positions.sort("contract_id").iter_rows(named=True)],
        }

    def _requirement(self, line: Fields) -> Fields:
        scenarios = _where(self.table("result.scenario"), {"scenario_id": line["worst_scenario_id"]})
        moves = scenarios.sort("underlying", "horizon_days").select(_SCENARIO).to_dicts()
        return {name: line[name] for name in _LINE} | {"scenario": moves}

    def _position(self, row: Fields) -> Fields:
        name = {key: row[key] for key in ("margin_account_id", "client_id", "contract_id")}
        risk = _where(self.table("result.position_risk"), name).select(_RISK).to_dicts()
        return {
            "contract_id": row["contract_id"],
            "qty_close": row["qty_close"],
            **(risk[0] if risk else {}),
            "input": self._inputs([row]),
            "mark": self._mark(row["contract_id"]),
        }

    def _mark(self, contract_id: str) -> Fields:
        """The price that was taken, and every delivered line it could be taken from."""
        contract = {"contract_id": contract_id}
        taken = _where(self.table("result.mark"), contract).select(_MARK).to_dicts()
        delivered = [_where(self.table(name), contract) for name in ("book.price", "book.vol_quote")]
        return (taken[0] if taken else {}) | {"input": [line for rows in delivered for line in self._inputs_of(rows)]}

    def _collateral(self, margin_account_id: str) -> list[Fields]:
        valued = self.of_account("result.collateral", margin_account_id).sort("asset")
        moved, prices = self.of_account("book.collateral", margin_account_id), self.table("book.price")
        return [
            {name: row[name] for name in _COLLATERAL}
            | {
                "input": self._inputs_of(_where(moved, {"asset": row["asset"]})),
                "price_input": self._inputs_of(_where(prices, {"contract_id": f"{row['asset']}-USD"})),
            }
            for row in valued.iter_rows(named=True)
        ]

    def _inputs_of(self, rows: pl.DataFrame) -> list[Fields]:
        return self._inputs(rows.sort("file_id", "source_line").to_dicts())

    def _inputs(self, rows: Sequence[Mapping[str, Any]]) -> list[Fields]:
        """Address of delivered lines, hash of their file as delivered, and the line itself from the archive."""
        hashes = dict(self.table("control.input_manifest").select("file_id", "sha256").iter_rows())
        return [
            {
                "file_id": row["file_id"],
                "source_line": row["source_line"],
                "sha256": hashes.get(row["file_id"], ""),
                "text": self._text(hashes.get(row["file_id"], ""), row["source_line"]),
            }
            for row in rows
        ]

    def _text(self, sha256: str, source_line: int) -> str | None:
        """A delivered line; None where the archive does not hold the bytes with that hash."""
        if sha256 not in self._archived:
            path = self.home.frozen / sha256
            content = path.read_bytes() if sha256 and path.is_file() else b""
            intact = hashlib.sha256(content).hexdigest() == sha256
            self._archived[sha256] = content.decode("utf-8-sig").split("\n") if intact else None
        lines = self._archived[sha256]
        return lines[source_line - 1].removesuffix("\r") if lines else None


def _where(frame: pl.DataFrame, values: Mapping[str, Any]) -> pl.DataFrame:
    return frame.filter(*(pl.col(name) == value for name, value in values.items()))


def _unknown(what: str, value: str, action: str) -> LeveeError:
    return LeveeError(Finding("UNKNOWN_ID", what, value=value, action=action))
