"""The benchmarks compare values and not only seconds: here the values, and that the report says all it promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import book, peers
from tasks.model.pricing.revaluation import revalue_cube
from tasks.model.risk.profit import sum_positions
from tasks.model.risk.what_if import tail_with

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def work():
    return book.workload()


def test_the_book_has_the_shape_of_the_workload_and_comes_back_from_its_seed(work):
    assert work.states.spot_factor.shape[1] == 1_314
    assert len(work.contracts.ids) == 3_000 and len(work.pointer) == 5_001
    assert 295_000 < len(work.quantity) < 305_000
    again = book.workload()
    assert again.quantity.tobytes() == work.quantity.tobytes()
    assert again.states.level.tobytes() == work.states.level.tobytes()
    assert (np.diff(work.contract_index)[np.diff(np.repeat(np.arange(5_000), np.diff(work.pointer))) == 0] > 0).all()


def test_the_cube_holds_what_plain_formulas_give(work):
    ready = peers.market(work)
    expected, found = peers.numpy_pnl(work, ready), revalue_cube(work.contracts, work.states).rows()
    usd = (work.contracts.multiplier * work.contracts.settle_price)[:, None]
    coin = np.isin(work.contracts.form, (1, 2))[:, None]
    size = usd * np.where(coin, np.maximum(ready.spot, 1.0), np.maximum(ready.forward, work.contracts.forward[:, None]))
    assert (np.abs(found - expected) <= 1e-12 * size).all()


def test_a_what_if_equals_the_account_added_up_again(work):
    cube = revalue_cube(work.contracts, work.states)
    held = slice(work.pointer[7], work.pointer[8])
    index, quantity = work.contract_index[held], work.quantity[held]
    pnl = sum_positions(np.array([0, len(index)]), index, quantity, cube)
    legs, sizes = np.array([3, 2_999]), np.array([2.0, -1.0])
    found = tail_with(pnl[0], cube, legs, sizes, 0.99)
    together = sum_positions(np.array([0, len(index) + 2]), np.append(index, legs), np.append(quantity, sizes), cube)
    worst = np.sort(-together[0, :1_314])[::-1]
    k = 13.14
    assert float(found.shortfall) == pytest.approx((worst[:13].sum() + 0.14 * worst[13]) / k, rel=1e-12)
    assert int(found.worst) == int(np.argmin(together[0, :1_314]))


def test_the_report_names_seconds_ratio_and_difference_of_every_peer():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "benchmarks", "--json", "--rounds", "1"]
    said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    figures = json.loads(said.stdout)
    for stage in ("pricing", "sums", "tails", "what-if", "core"):
        assert any(name.startswith(stage) for name in figures), stage
    for name, each in figures.items():
        if name != "memory":
            assert set(each) == {"ours_s", "peer_s", "ratio", "max_difference"}
            assert each["ours_s"] > 0.0 and each["ratio"] == pytest.approx(each["peer_s"] / each["ours_s"])
            assert each["max_difference"] <= 1e-12, name
