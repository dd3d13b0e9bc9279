"""The small day with smiles: Levee moves options along given slices, and the plain loops come to the same cent."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pytest

from tasks import resources
from tasks.gate import gate
from tasks.home import Home
from tasks.land import land
from tasks.margin import margin
from tasks.mark import mark
from tasks.settle import settle
from tasks.store import Store

FOLDER = resources.data("sample")
SLICES = FOLDER / "expected" / "surface.csv"


def as_row(row: dict[str, str], run_id: str) -> dict[str, object]:
    numbers = {name: float(value) for name, value in row.items() if name.startswith("svi_")}
    plain = dict.fromkeys(("years_to_expiry", "forward_price", "min_g", "tolerance_bp"), 0.0)
    counts = dict.fromkeys(("n_quotes", "n_quoted", "n_inside_half_spread"), 0)
    moment = datetime.fromisoformat(row["expiry_ts"]).replace(tzinfo=None)
    words = {"run_id": run_id, "underlying": row["underlying"], "expiry_ts": moment, "method": "PRIOR"}
    return {**words, **numbers, **plain, **counts, "certified": row["certified"] == "true"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    home = Home(tmp_path_factory.mktemp("home"), FOLDER / "inbox").prepare("DEMO")
    with home.locked("test"):
        key = land(home, date(2026, 1, 30), "EOD").key
        for stage in (gate, mark, settle):
            stage(home, key)
        with Store(home.database) as opened, SLICES.open(encoding="utf-8") as file:
            opened.append("result.surface", pl.DataFrame([as_row(row, key.run_id) for row in csv.DictReader(file)]))
        margin(home, key)
    with Store(home.database) as opened:
        yield opened


def test_both_codings_agree_to_the_cent(store: Store) -> None:
    spec = importlib.util.spec_from_file_location("expected_shortfall", FOLDER / "expected_shortfall.py")
    assert spec and spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    day, policy = FOLDER / "inbox/2026-01-30/EOD", resources.data("policy/2014-01-01.toml")
    plain, smiling = script.requirements(day, policy), script.requirements(day, policy, SLICES)
    lines = store.read("SELECT * FROM result.requirement WHERE amount_usd <> 0")
    key = ["margin_account_id", "client_id", "component"]
    ours = {
        tuple(row[name] for name in key): int(row["amount_usd"] * Decimal(100)) for row in lines.iter_rows(named=True)
    }
    assert ours == {(*owner, name): value for owner, own in smiling.items() for name, value in own.items() if value}
    assert smiling != plain, "a smile that changes nothing proves nothing"


def test_every_option_follows_a_slice(store: Store) -> None:
    assert store.read("SELECT DISTINCT smile FROM result.position_risk WHERE smile IS NOT NULL")["smile"].to_list() == [
        "SURFACE"
    ]
