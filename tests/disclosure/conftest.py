"""A home with four published days, written straight into ledgers and exports: small enough to work out by hand.

2025-12-31 and 2026-01-28, 29 and 31; the 28th was released twice. M1 has the house account A1, M2 the client accounts
A2 (netted) and A3 (gross).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import ledgers, policy_store, resources
from tasks.disclose import Disclosed, disclose
from tasks.disclosure_period import quarter
from tasks.home import Home
from tasks.store import Store

BEFORE, FIRST, SECOND, LAST = date(2025, 12, 31), date(2026, 1, 28), date(2026, 1, 29), date(2026, 1, 31)
RUNS = {"20251231-EOD-r01": BEFORE, "20260128-EOD-r01": FIRST, "20260128-EOD-r02": FIRST}
RUNS |= {"20260129-EOD-r01": SECOND, "20260131-EOD-r01": LAST}
THIRTIETH = date(2026, 1, 30)
A1, A2, A3 = ("M1", "A1"), ("M2", "A2"), ("M2", "A3")
KINDS = {A1: "HOUSE", A2: "CLIENT_OMNI_NET", A3: "CLIENT_GROSS"}
EIGHT = datetime(2026, 1, 31, 8)
_FILLER = {"VARCHAR": "", "DATE": LAST, "TIMESTAMP": EIGHT, "BOOLEAN": False, "DOUBLE": 0.0}
_BTC_PRICE = {BEFORE: "100", FIRST: "100", SECOND: "60", THIRTIETH: "70", LAST: "90"}
_BTC_RATE = {BEFORE: 0.5, FIRST: 0.20, SECOND: 0.22, THIRTIETH: 0.2, LAST: 0.21}
_OPTION_VALUE = {BEFORE: "0", FIRST: "10", SECOND: "4", THIRTIETH: "4", LAST: "7"}


class House:
    """Rows by table in a store of its own, then shown as a home shows them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.columns: dict[str, list[tuple[str, str, str]]] = {}
        self.rows: dict[str, list[dict[str, Any]]] = {}

    def put(self, table: str, run_id: str, **values: Any) -> None:
        """One row; required columns that are not given get a filler. Decimals are given as text."""
        if table not in self.columns:
            described = self.store.read(f"DESCRIBE {table}").select("column_name", "column_type", "null")
            self.columns[table] = list(described.iter_rows())
        row: dict[str, Any] = {}
        for name, kind, nullable in self.columns[table]:
            given = {"run_id": run_id, **values}.get(name)
            if given is not None:
                row[name] = Decimal(given) if kind.startswith("DECIMAL") else given
            elif nullable == "NO":
                row[name] = _FILLER.get(kind, Decimal(0) if kind.startswith("DECIMAL") else 0)
        self.rows.setdefault(table, []).append(row)

    def keep(self) -> None:
        """Put the rows into the store."""
        for table, rows in self.rows.items():
            self.store.append(table, pl.DataFrame(rows, infer_schema_length=None))
        self.rows.clear()

    def show(self, root: Path) -> Home:
        """A home with ledgers and exports as the rows are now."""
        self.keep()
        home = Home(root).prepare("TEST")
        for table in self.columns:
            if table.startswith(("book.", "result.")):
                rows = self.store.read(f"SELECT * FROM {table} ORDER BY ALL")
                for (run,), of_run in rows.partition_by("run_id", as_dict=True).items():
                    (home.exports / str(run)).mkdir(exist_ok=True)
                    of_run.write_parquet(home.exports / str(run) / f"{table}.parquet")
        ledgers.show(home, self.store)
        return home


def _ledgers(house: House) -> None:
    policy = policy_store.load(resources.data("policy/2014-01-01.toml"))
    for number, (run, day) in enumerate(RUNS.items(), 1):
        made = {"business_date": day, "cycle": "EOD", "run_no": int(run[-2:]), "env": "TEST", "origin": "SYNTHETIC"}
        house.put("control.cycle_run", run, policy_hash=policy.policy_hash, model_version="1", **made)
        release = {"cycle_id": run[:12], "version": int(run[-2:]), "issue_no": number, "state": "PUBLISHED"}
        house.put("control.release", run, **release)
    house.put("control.cycle_run", "20260129-ITD1-r01", business_date=SECOND, cycle="ITD1", run_no=1)
    house.put("control.release", "20260129-ITD1-r01", cycle_id="20260129-ITD1", version=1, state="PUBLISHED")
    house.put("control.cycle_run", "20260129-EOD-r02", business_date=SECOND, cycle="EOD", run_no=2)
    for call, version, run, amount in (
        ("a", 1, "20260128-EOD-r01", "120000"),
        ("a", 2, "20260128-EOD-r02", "90000"),
        ("b", 1, "20260129-EOD-r01", "50000"),
        ("c", 1, "20260129-EOD-r01", "30000"),
        ("d", 1, "20260129-ITD1-r01", "999000"),
        ("e", 1, "20260129-EOD-r02", "888000"),
        ("f", 1, "20251231-EOD-r01", "777000"),
    ):
        house.put("control.margin_call", run, call_id=call, call_version=version, call_amount_usd=amount)


def _day(house: House, run: str, day: date) -> None:
    for (member, account), kind in KINDS.items():
        who = {"clearing_member_id": member, "margin_account_id": account}
        house.put("book.account", run, account_type=kind, **who)
        required = {A1: "100.01", A2: "200.02", A3: "300.03"}[member, account]
        house.put("result.margin_account", run, total_initial_margin_usd=required, **who)
    for member in ("M1", "M2"):
        house.put("book.member", run, clearing_member_id=member, legal_name=f"House {member}")
    for (member, account), client, quantity, margin in (
        (A1, "", "1", "20"),
        (A2, "", "-1", "30"),
        (A3, "C7", "0", "40"),
    ):
        who = {"clearing_member_id": member, "margin_account_id": account, "client_id": client}
        house.put("book.position", run, qty_close=quantity, **who)
        value = _OPTION_VALUE[day] if account == "A1" else "0"
        house.put("result.portfolio", run, initial_margin_usd=margin, net_option_value_usd=value, **who)
    for (member, account), asset, form, quantity, before, after in (
        (A1, "USD", "CASH", "1000", "1000", "1000"),
        (A1, "BTC", "COIN", "5", "500", "375"),
        (A2, "USDC", "STABLECOIN", "400", "396", "376.2"),
        (A3, "BTC", "COIN", "-0.5", "-50", "-62.5"),
    ):
        who = {"clearing_member_id": member, "margin_account_id": account, "asset": asset}
        worth = {"market_value_usd": before, "post_haircut_value_usd": after, "quantity": quantity}
        house.put("result.collateral", run, **who, **worth)
        house.put("result.balance", run, form=form, **who)
    for (member, account), asset, amount in _flows(day):
        who = {"clearing_member_id": member, "margin_account_id": account, "settle_asset": asset}
        house.put("result.variation", run, variation_margin=amount, **who)
    for asset, price, haircut in (("BTC", _BTC_PRICE[day], "0.25"), ("USD", "1", "0"), ("USDC", "0.99", "0.05")):
        house.put("result.asset_price", run, asset=asset, price_usd=price)
        house.put("result.haircut", run, asset=asset, haircut_fraction=haircut)
    house.put("result.apc_buffer", run, underlying="BTC", charged_rate=_BTC_RATE[day])


def _flows(day: date) -> list[tuple[tuple[str, str], str, str]]:
    """On the 28th A1 pays 6 USDC net and A2 0.5 BTC; on the 29th A2 alone pays, on the 30th A1, on the 31st nobody."""
    if day == THIRTIETH:
        return [(A1, "USDC", "-25"), (A2, "USDC", "25")]
    if day == FIRST:
        return [(A1, "USDC", "-10"), (A1, "USDC", "4"), (A2, "BTC", "-0.5"), (A3, "BTC", "0.5"), (A3, "USDC", "6")]
    return [(A2, "USDC", "-100"), (A1, "USDC", "100")] if day == SECOND else [(A2, "USDC", "0")]


@pytest.fixture(scope="session")
def four_days() -> Iterator[House]:
    """The four days; tests change them inside a transaction that is taken back."""
    with Store.in_memory() as store:
        made = House(store)
        _ledgers(made)
        for run, day in RUNS.items():
            _day(made, run, day)
        made.keep()
        yield made


@pytest.fixture
def house(four_days: House) -> Iterator[House]:
    """The four days, for a test to change."""
    four_days.store.execute("BEGIN TRANSACTION")
    yield four_days
    four_days.store.execute("ROLLBACK")
    four_days.rows.clear()


@pytest.fixture(scope="session")
def shown(four_days: House, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The four days as a home, for tests that only read."""
    return four_days.show(tmp_path_factory.mktemp("four") / "home")


@pytest.fixture(scope="session")
def made(shown: Home) -> Disclosed:
    """The first disclosure of the quarter."""
    return disclose(shown, quarter("2026Q1"))


@pytest.fixture
def thirtieth(house: House) -> House:
    """The days with the 30th between them published too."""
    run = "20260130-EOD-r01"
    house.put("control.cycle_run", run, business_date=THIRTIETH, cycle="EOD", run_no=1)
    house.put("control.release", run, cycle_id="20260130-EOD", version=1, state="PUBLISHED")
    _day(house, run, THIRTIETH)
    return house


@pytest.fixture
def attempt(house: House) -> Callable[..., None]:
    """Put an attempt's event at a time of day into the ledger."""

    def put(run: str, stage: str, number: int, event: str, clock: str) -> None:
        at = datetime.fromisoformat(f"2026-01-31T{clock}")
        house.put("control.attempt", run, stage=stage, attempt=number, event=event, at_ts=at)

    return put
