"""A held account covers the larger of its last requirement and the one on known rows, times the policy's multiple."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from tasks.model.margin.held import hold
from tasks.model.policy import Held, Policy

USD = pl.Decimal(20, 2)
WHO = {"clearing_member_id": "M001", "margin_account_id": "M001H"}


def portfolio(client: str, initial: str, value: str = "0") -> dict[str, Any]:
    total = max(Decimal(0), Decimal(initial) - Decimal(value))
    amounts = {
        "initial_margin_usd": initial,
        "net_option_value_usd": value,
        "total_initial_margin_usd": total,
        "maintenance_margin_usd": "10",
        "total_maintenance_margin_usd": "10",
        "initial_margin_without_override_usd": initial,
    }
    figures = {name: Decimal(amount) for name, amount in amounts.items()}
    return WHO | {"client_id": client} | figures | {"maintenance_binding_component": "BRACKET"}


def held(last: str | None, portfolios: list[dict[str, Any]], policy: Policy, multiple: float = 1.25) -> Any:
    money = {name: USD for name in portfolios[0] if name.endswith("_usd")}
    account = {**WHO, "codes": "ROLL_FORWARD_BREAK", "lines": 1, "last_run_id": last and "20260129-EOD-r01"}
    accounts = pl.DataFrame(
        [{**account, "last_requirement_usd": last and Decimal(last)}],
        schema_overrides={"last_requirement_usd": USD, "last_run_id": pl.String},
    )
    line = {"component": "BASE_MARGIN", "line_no": 1, "amount_usd": Decimal("0.00"), "rule_id": "", "policy_hash": ""}
    words = {"worst_scenario_id": "", "binding_component": ""}
    lines = pl.DataFrame(
        [{**WHO, "client_id": "", **line, **words}], schema_overrides={"amount_usd": USD, "line_no": pl.Int32}
    )
    table = pl.DataFrame(portfolios, schema_overrides=money)
    return hold(lines, table, accounts, replace(policy, held=Held(multiple)))


@pytest.mark.parametrize(
    ("last", "known", "required", "cause"),
    [
        (None, "1000.01", "1250.02", "KNOWN_ROWS"),  # 1,250.0125, rounded up
        ("900", "1000", "1250.00", "KNOWN_ROWS"),
        ("4000", "1000", "5000.00", "LAST_REQUIREMENT"),
        ("4000", "0", "5000.00", "LAST_REQUIREMENT"),
    ],
)
def test_the_larger_of_the_two(policy: Policy, last: str | None, known: str, required: str, cause: str) -> None:
    found = held(last, [portfolio("", known)], policy)
    assert found.held["required_usd"].to_list() == [Decimal(required)]
    assert found.portfolio["total_initial_margin_usd"].to_list() == [Decimal(required)]
    (line,) = found.requirement.filter(pl.col("component") == "HELD").iter_rows(named=True)
    assert (line["line_no"], line["amount_usd"], line["binding_component"], line["rule_id"]) == (
        13,
        Decimal(required) - Decimal(known),
        cause,
        "held.multiple",
    )


def test_long_options_pay_for_nothing_of_it(policy: Policy) -> None:
    found = held("4000", [portfolio("", "100", value="900")], policy)
    assert found.portfolio["total_initial_margin_usd"].to_list() == [Decimal("5000.00")]
    assert found.portfolio["initial_margin_usd"].to_list() == [Decimal("5900.00")]


def test_clients_keep_their_figures_and_the_account_sums(policy: Policy) -> None:
    found = held("100", [portfolio("", "0"), portfolio("C1", "700"), portfolio("C2", "300", value="500")], policy)
    totals = dict(found.portfolio.select("client_id", "total_initial_margin_usd").iter_rows())
    assert totals == {"": Decimal("175.00"), "C1": Decimal("700.00"), "C2": Decimal("0.00")}
    assert sum(totals.values()) == found.held["required_usd"].item() == Decimal("875.00")


def test_maintenance_follows_initial_margin(policy: Policy) -> None:
    row = held("4000", [portfolio("", "1000")], policy).portfolio.row(0, named=True)
    assert row["maintenance_margin_usd"] == Decimal("3750.00")  # three quarters of 5,000
    assert row["maintenance_binding_component"] == "INITIAL_MARGIN_SHARE"


def test_nobody_else_is_raised(policy: Policy) -> None:
    other = portfolio("", "1000") | {"margin_account_id": "M001N"}
    found = held(None, [portfolio("", "500"), other], policy)
    assert found.portfolio.filter(pl.col("margin_account_id") == "M001N")["total_initial_margin_usd"].item() == 1000
