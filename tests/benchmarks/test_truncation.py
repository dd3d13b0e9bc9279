"""No look-ahead on real history: files cut at the eve of a crash give the same calibration as all of them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from benchmarks import truncation


@pytest.mark.market_data
def test_a_calibration_before_the_crash_does_not_know_it(market_data: Path) -> None:
    same, rows, _ = truncation.same(market_data, date(2020, 3, 11), ("BTC",))
    assert same
    assert rows > 10_000
