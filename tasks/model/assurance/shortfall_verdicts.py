"""All tests of expected shortfall of one portfolio under one model, and what is left of them once it is known that
there were several: Holm across the family.

Each test stands with the p-value that decides: simulated where a law is known or forecast, one-sided against too little
margin where there is a side. What a test can tell is in docs/tests-of-expected-shortfall.md. Reference: METHODOLOGY 9.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl

from tasks.model.arrays import Floats
from tasks.model.assurance.acerbi_szekely import z1_test, z2_power, z2_test
from tasks.model.assurance.acerbi_szekely_ranks import z3_test
from tasks.model.assurance.conditional_calibration import calibration_test
from tasks.model.assurance.du_escanciano import depth_memory_test, mean_depth_test
from tasks.model.assurance.e_process import e_process, growth_bets, shortfall_e, value_at_risk_e
from tasks.model.assurance.exceedance_residuals import residual_test
from tasks.model.assurance.forecast_law import ForecastLaw, record
from tasks.model.assurance.forecast_record import ForecastRecord
from tasks.model.assurance.holm import holm

LEAST_WHOLE_DAYS = 120  # at 97.5 % three of them are in the tail: fewer tell nothing of its shape


@dataclass(frozen=True)
class ShortfallPlan:
    """What is asked of every test, fixed before the losses are seen."""

    confidence: float = 0.975
    level: float = 0.05  # of each test, and of the family after Holm
    missing_fraction: float = 0.2  # by which a forecast is short in the alternative whose power is printed
    runs: int = 10_000  # of every simulation: the smallest p-value is 1 / (1 + runs)
    lags: int = 5  # of the memory of the tail


@dataclass(frozen=True)
class ShortfallVerdict:
    """One test. A statistic that does not exist, without a breach, is NaN and its p-value 1."""

    test: str
    statistic: float  # the largest capital of an e-process
    p_value: float
    p_across: float  # adjusted for the family (Holm)
    level: float
    power: float  # of Z2 against a forecast that is short throughout, NaN for tests that are not simulated for it

    @property
    def rejected(self) -> bool:
        """Whether the test rejects once it is known that there were others."""
        return self.p_across <= self.level


def every_shortfall_test(
    law: ForecastLaw, losses: Floats, plan: ShortfallPlan, seed: int
) -> tuple[ShortfallVerdict, ...]:
    """All tests of n days or windows that do not overlap. losses: (n,) beside the law that was forecast of each.

    Raises as the tests: ModelInputError SHAPE, NON_FINITE, CONFIDENCE, FORECAST.
    """
    found = {
        **_simulated(law, losses, plan, seed),
        **_from_record(record(law, losses, plan.confidence), plan, seed),
    }
    return _across(found, plan, _power(law, plan, seed, len(found)))


def forecast_tests(
    forecast: ForecastRecord, whole: tuple[ForecastLaw, Floats] | None, plan: ShortfallPlan, seed: int
) -> tuple[ShortfallVerdict, ...]:
    """The tests that need no more than VaR and shortfall of n days or windows that do not overlap, and all others on
    those of the days of which more of the forecast is known.

    whole: law and losses of these, at least `LEAST_WHOLE_DAYS`, or there is no more to tell.
    Raises as the tests: ModelInputError FORECAST where a shortfall equals its VaR.
    """
    if whole is None or whole[0].days < LEAST_WHOLE_DAYS:
        return _across(_from_record(forecast, plan, seed), plan, {})
    found = {**_simulated(*whole, plan, seed), **_from_record(forecast, plan, seed)}
    return _across(found, plan, _power(whole[0], plan, seed, len(found)))


def table(verdicts: Iterable[ShortfallVerdict]) -> pl.DataFrame:
    """One row for each verdict, named as its fields, and whether it is rejected."""
    return pl.DataFrame([asdict(each) | {"rejected": each.rejected} for each in verdicts])


def _simulated(law: ForecastLaw, losses: Floats, plan: ShortfallPlan, seed: int) -> dict[str, tuple[float, float]]:
    """Statistic and p-value of the tests that know the whole forecast, each with random numbers of its own."""
    c, runs, beyond = plan.confidence, plan.runs, law.probability_beyond(losses)
    rngs = [np.random.default_rng([seed, test]) for test in range(5)]
    by_law = {"Z1": z1_test, "Z2": z2_test, "Z3": z3_test}
    tests = {name: each(law, losses, c, runs, rng) for (name, each), rng in zip(by_law.items(), rngs[:3], strict=True)}
    mean, memory = mean_depth_test(beyond, c, runs, rngs[3]), depth_memory_test(beyond, c, plan.lags, runs, rngs[4])
    return {
        **{name: (each.statistic, each.p_value) for name, each in tests.items()},
        "Du-Escanciano mean": (mean.statistic, mean.p_simulated),
        "Du-Escanciano memory": (memory.statistic, memory.p_simulated),
    }


def _power(law: ForecastLaw, plan: ShortfallPlan, seed: int, stream: int) -> dict[str, float]:
    rng = np.random.default_rng([seed, stream])
    return {"Z2": z2_power(law, plan.confidence, plan.level, plan.missing_fraction, plan.runs, rng)}


def _across(
    found: dict[str, tuple[float, float]], plan: ShortfallPlan, power: dict[str, float]
) -> tuple[ShortfallVerdict, ...]:
    """Verdicts from statistics and p-values by test, Holm across them."""
    adjusted = holm(np.array([p for _, p in found.values()]))
    return tuple(
        ShortfallVerdict(name, statistic, p, float(across), plan.level, power.get(name, math.nan))
        for (name, (statistic, p)), across in zip(found.items(), adjusted, strict=True)
    )


def _from_record(forecast: ForecastRecord, plan: ShortfallPlan, seed: int) -> dict[str, tuple[float, float]]:
    """Statistic and p-value of the tests that know VaR and shortfall."""
    residual = residual_test(forecast, plan.runs, np.random.default_rng([seed, 5]))
    short = calibration_test(forecast).p_short_margin
    var_e = value_at_risk_e(forecast.losses, forecast.value_at_risk, forecast.confidence)
    capital = {"e-process VaR": var_e, "e-process ES": shortfall_e(forecast)}
    daily = {name: e_process(each, growth_bets(each)) for name, each in capital.items()}
    return {
        "McNeil-Frey": (residual.statistic, residual.p_value),
        "Nolde-Ziegel": (math.nan, short),
        **{name: (each.largest, each.p_bound) for name, each in daily.items()},
    }
