"""The statement of an account as records: the one row set behind CSV, JSON and page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from tasks import wording
from tasks.envelope import cell
from tasks.model.money import total
from tasks.pack import version_name
from tasks.printed_rows import PrintedRows, long_records
from tasks.report_files import Header, Record, RecordTable
from tasks.reports import ML01, MP01, MR01, MT01, Report
from tasks.texts import TableRows

STATEMENT_KEYS: Mapping[str, tuple[str, ...]] = {
    "header": (),
    "result": (),
    "flags": ("flag",),
    "balances": ("asset",),
    "positions": ("client_id", "contract_id"),
    "requirement": ("client_id", "item"),
    "risk": ("client_id", "product_group"),
    "collateral": ("asset",),
    "leverage": (),
    "liquidation": ("product_group",),
    "overrides": ("client_id", "override_id"),
    "other_mode": (),
}
RESULT = (
    "initial_margin_usd",
    "net_option_value_usd",
    "total_initial_margin_usd",
    "maintenance_margin_usd",
    "total_maintenance_margin_usd",
    "collateral_market_value_usd",
    "collateral_post_haircut_value_usd",
    "collateral_counted_value_usd",
    "outstanding_calls_usd",
    "excess_amount_usd",
    "deficit_amount_usd",
    "minimum_transfer_amount_usd",
    "call_increment_usd",
    "margin_call_amount_usd",
)
OTHER_MODE = (
    "other_mode_total_initial_margin_usd",
    "other_mode_collateral_counted_value_usd",
    "other_mode_margin_call_amount_usd",
)
LEVERAGE = (
    "gross_delta_notional_usd",
    "net_delta_notional_usd",
    "equity_usd",
    "effective_leverage",
    "outright_leverage",
)
_POSITION = (
    "client_id",
    "contract_id",
    "multiplier",
    "qty_open",
    "qty_close",
    "prev_settlement_price",
    "settlement_price",
    "final_price",
    "settle_asset",
    "variation_margin",
    "variation_margin_usd",
    "funding",
    "premium",
    "fees",
    "settlement",
    "option_value_usd",
    "delta",
    "gamma",
    "vega_usd",
    "mark_quality",
)
_REQUIREMENT = (
    "row_type",
    "line_no",
    "amount_usd",
    "rule_id",
    "policy_hash",
    "worst_scenario_id",
    "binding_component",
)
_OVERRIDE = ("amount_usd", "reason", "approved_by", "last_date", "review_date")
_COLLATERAL = tuple(name for name in MT01.columns if name != "asset")
_FLAG = re.compile(r"([A-Za-z_]+)\W([0-9]+)")


@dataclass(frozen=True)
class Account:
    """An account's printed figures (sql/out/account.sql) and the rows of its tables by report code."""

    figures: Mapping[str, str]
    issued_ts: datetime | None
    due_ts: datetime | None
    tables: Mapping[str, TableRows]

    @property
    def member(self) -> str:
        return self.figures["clearing_member_id"]

    @property
    def account(self) -> str:
        return self.figures["margin_account_id"]

    @cached_property
    def requirement(self) -> list[dict[str, str]]:
        """Rows of MR01 by column name."""
        return self._rows(MR01)

    @cached_property
    def collateral(self) -> list[dict[str, str]]:
        """Rows of MT01 by column name."""
        return self._rows(MT01)

    @cached_property
    def ledger(self) -> list[dict[str, str]]:
        """Rows of ML01 by column name."""
        return self._rows(ML01)

    @cached_property
    def balances(self) -> list[Record]:
        """Opening, the sum of each movement type, closing, per asset, exact."""
        return _balances(self.ledger)

    def _rows(self, report: Report) -> list[dict[str, str]]:
        return [dict(zip(report.columns, row, strict=True)) for row in self.tables[report.code]]


@dataclass(frozen=True)
class Printing:
    """What a release's statements share: header, the run's frozen row as text, minimum time for funding.

    Of a correction also which version of each member's folder it replaces, and why.
    """

    header: Header
    run: Mapping[str, str]
    minimum_funding_minutes: str
    supersedes: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""


def statement(account: Account, positions: PrintedRows, printing: Printing) -> list[Record | RecordTable]:
    """MS01: header, result, flags, balances, positions, requirement, risk, collateral, leverage, liquidation,
    overrides, and of an account in joint mode what haircut mode would have asked."""
    return [
        Record("header", "", "", identity(account, printing, "MS01")),
        Record("result", "", "", {name: account.figures[name] for name in RESULT}),
        *_flags(account.figures["quality_flags"]),
        *account.balances,
        RecordTable("positions", positions),
        *_requirement(account.requirement),
        *(Record("collateral", row["asset"], "", pick(row, _COLLATERAL)) for row in account.collateral),
        Record("leverage", "", "", {name: account.figures[name] for name in LEVERAGE}),
        *_liquidation(account.requirement),
        *(
            Record("overrides", row["client_id"], row["item"], pick(row, _OVERRIDE))
            for row in account.requirement
            if row["row_type"] == "OVERRIDE"
        ),
        *_other_mode(account.figures),
    ]


def _other_mode(figures: Mapping[str, str]) -> list[Record]:
    if figures["collateral_mode"] != "joint":
        return []
    return [Record("other_mode", "", "", {name: figures[name] for name in OTHER_MODE})]


def identity(account: Account, printing: Printing, report: str) -> dict[str, str]:
    """Header of a member's document: who, which cycle, as of when, under which policy and conventions."""
    run, figures, edition = printing.run, account.figures, printing.header.edition
    replaced = printing.supersedes.get(account.member)
    return {
        "report": report,
        "schema_version": "1",
        "clearing_member_id": account.member,
        "legal_name": figures["legal_name"],
        "lei": figures["lei"],
        "margin_account_id": account.account,
        "account_type": figures["account_type"],
        "collateral_mode": figures["collateral_mode"],
        "business_date": run["business_date"],
        "cycle": run["cycle"],
        "run_no": run["run_no"],
        "version": str(edition.version),
        "status": _status(figures["account_status"], run["cycle"]),
        "price_as_of_ts": run["price_as_of_ts"],
        "position_as_of_ts": run["position_as_of_ts"],
        "collateral_as_of_ts": run["collateral_as_of_ts"],
        "as_of_ts": run["as_of_ts"],
        "base_ccy": figures["base_ccy"],
        "param_version": run["policy_hash"],
        "model_version": run["model_version"],
        "conventions_id": wording.conventions_id(),
        "env": run["env"],
        "origin": run["origin"],
        "supersedes": version_name(replaced) if replaced else "",
        "reason": printing.reason,
    }


def positions_of(accounts: Sequence[Account]) -> list[PrintedRows]:
    """Block `positions` of each account's statement: how a contract is made and marked stands in MP01."""
    return long_records([each.tables[MP01.code] for each in accounts], _POSITION, "positions")


def blocks(records: Iterable[Record | RecordTable]) -> dict[str, list[Record]]:
    """Records by block, in their order; tables of records are not among them."""
    found: dict[str, list[Record]] = {}
    for record in (each for each in records if isinstance(each, Record)):
        found.setdefault(record.block, []).append(record)
    return found


def is_indicative(cycle: str) -> bool:
    """Whether the figures of a cycle are for information: it calls for nothing and carries nothing."""
    return cycle.startswith("ITD")


def _status(account_status: str, cycle: str) -> str:
    if account_status == "HELD":
        return "HELD"
    return "INDICATIVE" if is_indicative(cycle) else "FINAL"


def _flags(text: str) -> list[Record]:
    counted = [(found[1], found[2]) if (found := _FLAG.fullmatch(word)) else (word, "1") for word in text.split()]
    return [
        Record("flags", flag, "", {"count": count, "meaning": wording.flag_meaning(flag)})
        for flag, count in sorted(counted)
    ]


def _balances(entries: Sequence[Mapping[str, str]]) -> list[Record]:
    """Opening, the sum of each movement type, closing, per asset, exact."""
    amounts: dict[str, dict[str, list[Decimal]]] = {}
    for entry in entries:
        by_type = amounts.setdefault(entry["asset"], {})
        by_type.setdefault(entry["movement_type"], []).append(Decimal(entry["amount"]))
    return [Record("balances", asset, "", _summed(by_type)) for asset, by_type in amounts.items()]


def _summed(by_type: Mapping[str, Iterable[Decimal]]) -> dict[str, str]:
    return {name: cell(total(by_type[name])) for name in sorted(by_type, key=_movement_order)}


def _movement_order(name: str) -> tuple[int, str]:
    known = tuple(wording.words("movements"))
    return (known.index(name) if name in known else len(known) - 2, name)


def _requirement(rows: Sequence[Mapping[str, str]]) -> list[Record]:
    lines = [
        Record("requirement", row["client_id"], row["item"], pick(row, _REQUIREMENT))
        for row in rows
        if row["row_type"] in ("LINE", "PORTFOLIO")
    ]
    groups: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        if row["row_type"] == "RISK":
            group = groups.setdefault((row["client_id"], row["product_group"]), {})
            group[f"{row['item'].lower()}_usd"] = row["risk_usd"]
            if row["worst_scenario_id"]:
                group[f"{row['item'].lower()}_scenario"] = row["worst_scenario_id"]
    lines.sort(key=lambda line: line.key1)  # a portfolio's lines, then its figures
    return lines + [Record("risk", client, group, fields) for (client, group), fields in groups.items()]


def _liquidation(rows: Sequence[Mapping[str, str]]) -> list[Record]:
    """Prices by product group at which the account is closed out, the nearest below and above; empty for none."""
    groups: dict[str, dict[str, str]] = {}
    for row in rows:
        if row["row_type"] == "LIQUIDATION":
            group = groups.setdefault(row["product_group"], {"below_usd": "", "above_usd": ""})
            group[f"{row['item'].lower()}_usd"] = row["risk_usd"]
    return [Record("liquidation", group, "", fields) for group, fields in groups.items()]


def pick(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
    """Fields of a row by name."""
    return {name: row[name] for name in names}
