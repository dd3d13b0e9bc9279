"""One source of columns: every column is commented, and what raw declares is what book holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tasks import resources, schema
from tasks.store import SCHEMAS, Store

TABLES = [name for each in SCHEMAS for name in resources.sql_names(f"schema/{each}")]
BOOK = {
    "position": "positions",
    "contract": "contracts",
    "price": "prices",
    "vol_quote": "vol_quotes",
    "depth": "book_depth",
    "collateral": "collateral_balances",
    "member": "members",
    "account": "accounts",
    "funding": "funding",
    "history": "history",
}


@pytest.mark.parametrize("name", [each for each in TABLES if not each.startswith("schema/out/")])
def test_every_column_has_its_unit_and_sign(name: str) -> None:
    text = resources.sql(name)
    table = name.removeprefix("schema/").replace("/", ".")
    columns = re.findall(r"^    ([a-z]\w*) [A-Z]", text, re.M)
    commented = re.findall(rf"COMMENT ON COLUMN {table}\.(\w+) IS", text)
    lineage = set(schema.LINEAGE_COLUMNS) if name.startswith("schema/raw/") else set()
    assert set(columns) - lineage - set(commented) == set(), f"{name}: comment every column with unit and sign"
    assert f"CREATE TABLE IF NOT EXISTS {table} (" in text, f"{name}: file and table carry one name"


def test_a_new_home_has_every_table(tmp_path: Path) -> None:
    with Store(tmp_path / "levee.duckdb") as store:
        found = store.read("SELECT schema_name || '/' || table_name AS name FROM duckdb_tables()")["name"].to_list()
    tables = [each.removeprefix("schema/") for each in TABLES if not each.startswith("schema/out/")]
    assert set(tables) == set(found)


@pytest.mark.parametrize("table", sorted(BOOK))
def test_book_holds_a_delivered_decimal_at_its_declared_scale(table: str) -> None:
    held = dict(re.findall(r"^    (\w+) (DECIMAL\(\d+, \d+\))", resources.sql(f"schema/book/{table}"), re.M))
    declared = {
        column.name: column.type.upper().replace(",", ", ")
        for column in schema.dataset(BOOK[table]).columns
        if column.scale is not None
    }
    assert {name: kind for name, kind in held.items() if name in declared} == {
        name: kind for name, kind in declared.items() if name in held
    }


def test_only_the_contract_s_tables_carry_unique_keys() -> None:
    with_keys = {name.removeprefix("schema/").replace("/", ".") for name in TABLES if "UNIQUE (" in resources.sql(name)}
    allowed = {"raw.file", "control.stage_run", "control.release", "control.margin_call"}
    assert with_keys <= allowed, "large tables are replaced by slice; uniqueness is a check"
