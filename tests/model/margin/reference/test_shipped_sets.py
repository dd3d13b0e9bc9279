"""Shipped parameter sets on positions worked by hand from the figures their sources state."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pytest

from tasks import reference_models
from tasks.model.arrays import LINEAR_FORWARD
from tasks.model.margin.reference.model import KINDS
from tasks.model.margin.reference.parts import Group
from tasks.model.pricing.revaluation import sensitivities

Charges = dict[str, list[float]]


@pytest.fixture
def charges(make_contracts):
    """Charges by part of a shipped set, for one row per list of (terms, quantity) in an underlying."""

    def of(model: str, day: date, underlying: str, *rows: list[tuple[dict[str, Any], float]]) -> Charges:
        entries = [(row, *each) for row, held in enumerate(rows) for each in held]
        contracts = make_contracts(*({"form": LINEAR_FORWARD, **terms} for _, terms, _ in entries))
        group = Group(
            underlying,
            contracts,
            len(rows),
            np.array([row for row, _, _ in entries]),
            np.arange(len(entries)),
            np.array([float(quantity) for _, _, quantity in entries]),
            sensitivities(contracts).delta,
        )
        shipped = reference_models.load(model, day)
        return {
            name: KINDS[part["kind"]][1](group, shipped.part(name, underlying)).amount.tolist()
            for name, part in shipped.parts.items()
        }

    return of


def test_kraken_charges_each_slice_of_the_larger_side(charges):
    dollar = {"index_price": 1.0, "forward": 1.0}
    found = charges(
        "kraken", date(2026, 1, 1), "BTC", [(dollar, 1e6)], [(dollar, -75e6)], [(dollar, 0.4e6), (dollar, -0.5e6)]
    )
    slices = [
        (0.5e6, 0.02),
        (0.5e6, 0.04),
        (2e6, 0.06),
        (3e6, 0.10),
        (6e6, 0.15),
        (8e6, 0.25),
        (30e6, 0.30),
        (25e6, 0.4),
    ]
    assert sum(size for size, _ in slices) == 75e6
    assert found["brackets"] == pytest.approx([30_000.0, sum(size * rate for size, rate in slices), 10_000.0])
    unlisted = charges("kraken", date(2026, 1, 1), "NEW", [(dollar, 2e6)])
    assert unlisted["brackets"] == pytest.approx([0.10 * 1e6 + 0.20 * 1e6])


def test_vega_nets_no_contract_with_another_and_provides_for_half_of_the_funding(charges):
    spot = {"index_price": 100_000.0, "forward": 100_000.0}
    perpetual, dated = spot | {"forward": 100_080.0}, spot | {"years_to_expiry": 0.5}
    found = charges("vega", date(2024, 1, 1), "BTC", [(perpetual, 2), (dated, -1)], [(perpetual, -2)])
    # A quarter of slippage and 0.10 or 0.11 of risk, on the mark; half of a premium of 8 bp paid in eight hours.
    assert found["position"] == pytest.approx([200_160 * 0.35 + 100_000 * 0.36, 200_160 * 0.36])
    assert found["funding"] == pytest.approx([200_160 * 0.0004, 0.0])
    assert reference_models.load("vega", date(2024, 1, 1)).composition.factor == 1.2


def test_dederi_is_the_worst_of_its_grid_and_a_rate_on_gross_futures(charges):
    forward = 2243.3 * math.exp(0.08 * 20 / 365)
    ether = {"index_price": 2243.3, "forward": forward, "years_to_expiry": 20 / 365}
    found = charges("dederi", date(2024, 1, 1), "ETH", [(ether, 10)], [(ether, -10), (ether, 4)])
    assert found["scan"] == pytest.approx([1.5 * forward, 0.9 * forward])
    assert found["futures"] == pytest.approx([0.06 * 2243.3, 0.084 * 2243.3])
    grid = reference_models.load("dederi", date(2024, 1, 1)).grid("scan", "ETH")
    assert sorted(set(np.round(grid.moves, 12).tolist())) == [round(0.03 * step, 12) for step in range(-5, 6)]
    assert len(grid.points) == 33


def test_an_option_of_thirty_days_takes_the_long_power_at_paradex():
    shock = reference_models.load("paradex", date(2025, 1, 1)).grid("scan", "BTC").vol
    assert shock.share(np.array([29.0, 30.0, 60.0])) == pytest.approx([(30 / 29) ** 0.30, 1.0, 0.5**0.13])
    assert not shock.switch_is_short
