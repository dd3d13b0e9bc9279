"""Size and power of the tests of expected shortfall by simulation: `python -m benchmarks.power [--paths N] [--seed S]
[--write]`.

Prints docs/tests-of-expected-shortfall.md, or writes it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.page import command
from tasks.model.arrays import Floats
from tasks.model.assurance.acerbi_szekely import z1, z1_under, z2, z2_power, z2_under
from tasks.model.assurance.acerbi_szekely_ranks import z3, z3_under
from tasks.model.assurance.conditional_calibration import calibration_test
from tasks.model.assurance.diebold_mariano import diebold_mariano
from tasks.model.assurance.du_escanciano import depth_memory_test, mean_depth_test
from tasks.model.assurance.e_process import e_process, growth_bets, shortfall_e, value_at_risk_e
from tasks.model.assurance.exceedance_residuals import residual_test
from tasks.model.assurance.forecast_law import ScaledLaw, record
from tasks.model.assurance.forecast_record import ForecastRecord
from tasks.model.assurance.scores import shortfall_loss
from tasks.model.assurance.simulated_test import critical

PAGE = Path(__file__).resolve().parents[1] / "docs/tests-of-expected-shortfall.md"
DAYS = 250, 500, 1_000
LAWS = {"normal": math.inf, "t5": 5.0, "t3": 3.0}
CONFIDENCE, LEVEL, MISSING = 0.975, 0.05, 0.2
RUNS, RUNS_WITHIN, LAGS = 40_000, 99, 5  # of a null once, of each test that draws its own, of autocorrelations
_NOISE = 0.1  # of two forecasts that are equally good
_ABOUT = """# Tests of expected shortfall: what they can tell

A forecast says the quantile (VaR) and the mean beyond it (ES) of each day's loss. `tasks/model/assurance` judges
whether losses are worse than that. What decides is named; what stands beside it is for comparison with others' reports.

| test | asks | p-value that decides |
|---|---|---|
| Acerbi–Székely Z1 | are breaches larger than ES, their number aside | simulated under the forecast |
| Acerbi–Székely Z2 | number and size of breaches together | simulated under the forecast |
| Acerbi–Székely Z3 | are the smallest probabilities too small | simulated under the forecast |
| McNeil–Frey | do breaches miss ES on average | bootstrap of the t statistic, residuals as they are |
| Du–Escanciano, mean | is the tail deeper than forecast | simulated, exact law |
| Du–Escanciano, memory | do deep days follow each other | simulated, exact law |
| Nolde–Ziegel | VaR and ES together, by what identifies the pair | one-sided, Hommel, asymptotic |
| e-process | the same evidence, looked at every day | one over the largest capital; no simulation |
| Diebold–Mariano on FZ0 | is one model's score lower than another's | t with HAC variance and small-sample factor |

A p-value simulated under the forecast is (1 + runs not better than the statistic) / (1 + runs). Without a breach no
test of ES has anything to say, and the p-value is 1. Nolde–Ziegel's published one-sided form counts *few* breaches as
a fault; the verdict here is against many breaches or a low ES, and both are kept. Z3 and Du–Escanciano need the whole
forecast, the others VaR and ES alone.
"""
_SIZES = """## How often they reject

Confidence 97.5 %, level 5 %, losses Student t with 5 degrees, {paths:,} independent paths for each number of days,
seed {seed}: a true 5 % comes out between {low:.1%} and {high:.1%} nineteen times in twenty. *Right*: the forecast is
the law of the losses. *Short*: VaR and ES are 80 % of the right ones. Of Diebold–Mariano, *right* compares two
forecasts that are equally wrong at random, *short* the right one with one of 80 %.
"""
_POWER = """## Power of Z2

Probability that Z2 at 5 % rejects a forecast short by a fifth, {runs:,} runs each, by the tail of the losses. The
statistic depends on losses over ES alone, so changing volatility does not matter while the forecast follows it.
"""
_READING = """## How to read them

- A model that under-margins by a fifth is caught by Z2 over 1,000 days with a probability above 0.90 for normal and t5
  losses. With t3 it is not: a tail so uncertain hides a fifth. At 250 days Z2 catches it nine times in ten for normal
  losses, two times in three for t5, and a year without a rejection says little.
- Z1, McNeil–Frey and Nolde–Ziegel's scaled form (which is McNeil–Frey's mean in other words) leave the number of
  breaches to others, and a forecast that is short throughout shows mostly in that number: they check the shape of the
  tail and not the level of margin. Du–Escanciano's memory looks for clusters, and there are none here.
- Nolde–Ziegel's two-sided forms reject right forecasts up to five times too often at 250 days, the chi-square of
  Du–Escanciano's memory twice as often: they are printed and decide nothing. The one-sided form against short margin
  rejects a right forecast hardly ever, and still has its power at 1,000 days.
- An e-process pays for being looked at daily with power. It is for the alarm of the day, the tests above for the
  quarter.
"""
Rejects = Callable[[ScaledLaw, Floats, np.random.Generator], bool]


def main() -> int:
    """Entry point."""
    return command("power", __doc__, page, PAGE, 1_000)


def page(paths: int, seed: int) -> str:
    """The whole page."""
    error = 1.96 * math.sqrt(LEVEL * (1.0 - LEVEL) / paths)
    sizes = _SIZES.format(paths=paths, seed=seed, low=max(0.0, LEVEL - error), high=LEVEL + error)
    return "\n".join([_ABOUT, sizes, _table(paths, seed), _POWER.format(runs=RUNS), z2_table(seed), _READING])


def _table(paths: int, seed: int) -> str:
    found = {n: (rates(n, paths, seed, 1.0), rates(n, paths, seed, 1.0 / (1.0 - MISSING))) for n in DAYS}
    heads = "".join(f" {n:,}: right | short |" for n in DAYS)
    lines = [f"| test |{heads}", "|---|" + "---|" * (2 * len(DAYS))]
    for name in found[DAYS[0]][0]:
        cells = "".join(f" {right[name]:.1%} | {short[name]:.2f} |" for right, short in found.values())
        lines.append(f"| {name} |{cells}")
    return "\n".join(lines) + "\n"


def z2_table(seed: int) -> str:
    """Power and size of Z2 by tail and number of days."""
    lines = ["| losses |" + "".join(f" {n:,}: right | short |" for n in DAYS), "|---|" + "---|" * (2 * len(DAYS))]
    for name, degrees in LAWS.items():
        laws = [ScaledLaw(np.ones(n), degrees) for n in DAYS]
        cells = [
            [z2_power(law, CONFIDENCE, LEVEL, missing, RUNS, np.random.default_rng(seed)) for missing in (0.0, MISSING)]
            for law in laws
        ]
        lines.append(f"| {name} |" + "".join(f" {right:.1%} | {short:.2f} |" for right, short in cells))
    return "\n".join(lines) + "\n"


def rates(n: int, paths: int, seed: int, loss_factor: float) -> Mapping[str, float]:
    """Share of paths of n days that each test rejects where losses are a factor times what is forecast."""
    law, rng = ScaledLaw(np.ones(n), LAWS["t5"]), np.random.default_rng([seed, n])
    asked = {**_simulated(law, rng), **_others()}
    count = dict.fromkeys(asked, 0)
    for _ in range(paths):
        losses = loss_factor * law.loss(np.arange(n), 1.0 - rng.random(n))
        for name, rejects in asked.items():
            count[name] += rejects(law, losses, rng)
    compared = _compared_right if loss_factor == 1.0 else _compared_short
    better = sum(compared(law, law.loss(np.arange(n), 1.0 - rng.random(n)), rng) for _ in range(paths))
    return {name: each / paths for name, each in {**count, "Diebold–Mariano on FZ0": better}.items()}


def _simulated(law: ScaledLaw, rng: np.random.Generator) -> dict[str, Rejects]:
    """Tests whose law is the same on all paths: their critical value is found once."""
    limit = [critical(under(law, CONFIDENCE, RUNS, rng), LEVEL) for under in (z1_under, z2_under, z3_under)]
    return {
        "Z1": lambda law, losses, _: z1(record(law, losses, CONFIDENCE)) <= limit[0],
        "Z2": lambda law, losses, _: z2(record(law, losses, CONFIDENCE)) <= limit[1],
        "Z3": lambda law, losses, _: z3(law, losses, CONFIDENCE) <= limit[2],
    }


def _others() -> dict[str, Rejects]:
    return {
        "McNeil–Frey": lambda law, losses, rng: (
            residual_test(record(law, losses, CONFIDENCE), RUNS_WITHIN, rng).p_value <= LEVEL
        ),
        "Du–Escanciano, mean, simulated": partial(_depth, simulated=True),
        "Du–Escanciano, mean, normal": partial(_depth, simulated=False),
        "Du–Escanciano, memory, simulated": partial(_memory, simulated=True),
        "Du–Escanciano, memory, chi-square": partial(_memory, simulated=False),
        "Nolde–Ziegel, short margin": partial(_calibration, field="p_short_margin"),
        "Nolde–Ziegel, published one-sided": partial(_calibration, field="p_one_sided"),
        "Nolde–Ziegel, two-sided": partial(_calibration, field="p_two_sided"),
        "Nolde–Ziegel, two-sided, scaled": partial(_calibration, field="p_scaled"),
        "e-process, VaR, any day": lambda law, losses, _: _alarm(
            value_at_risk_e(losses, law.value_at_risk(CONFIDENCE), CONFIDENCE)
        ),
        "e-process, ES, any day": lambda law, losses, _: _alarm(shortfall_e(record(law, losses, CONFIDENCE))),
    }


def _depth(law: ScaledLaw, losses: Floats, rng: np.random.Generator, simulated: bool) -> bool:
    runs = RUNS_WITHIN if simulated else 1
    found = mean_depth_test(law.probability_beyond(losses), CONFIDENCE, runs, rng)
    return (found.p_simulated if simulated else found.p_asymptotic) <= LEVEL


def _memory(law: ScaledLaw, losses: Floats, rng: np.random.Generator, simulated: bool) -> bool:
    runs = RUNS_WITHIN if simulated else 1
    found = depth_memory_test(law.probability_beyond(losses), CONFIDENCE, LAGS, runs, rng)
    return (found.p_simulated if simulated else found.p_asymptotic) <= LEVEL


def _calibration(law: ScaledLaw, losses: Floats, _: np.random.Generator, field: str) -> bool:
    return bool(getattr(calibration_test(record(law, losses, CONFIDENCE), law.scale), field) <= LEVEL)


def _alarm(e_values: Floats) -> bool:
    return e_process(e_values, growth_bets(e_values)).first_rejection(LEVEL) is not None


def _compared_right(law: ScaledLaw, losses: Floats, rng: np.random.Generator) -> bool:
    one, other = (_score(law, losses, np.exp(_NOISE * rng.standard_normal(law.days))) for _ in range(2))
    return diebold_mariano(one, other, 1).p_better <= LEVEL


def _compared_short(law: ScaledLaw, losses: Floats, _: np.random.Generator) -> bool:
    one, other = (_score(law, losses, np.full(law.days, factor)) for factor in (1.0, 1.0 - MISSING))
    return diebold_mariano(one, other, 1).p_better <= LEVEL


def _score(law: ScaledLaw, losses: Floats, factor: Floats) -> Floats:
    es, var = law.expected_shortfall(CONFIDENCE), law.value_at_risk(CONFIDENCE)
    return shortfall_loss(ForecastRecord(losses, factor * var, factor * es, CONFIDENCE))


if __name__ == "__main__":
    sys.exit(main())
