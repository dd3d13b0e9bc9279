"""All of what the house model forecasts of a portfolio's loss: the filtered scenarios behind the VaR and shortfall of a
path, for the tests of shortfall that need more of the forecast than these two.

Only days whose scenarios fill the look-back have one: of fewer scenarios the tail is too coarse to simulate from, and
laws of unlike grain would be mixed. Reference: METHODOLOGY 4 and 9.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from tasks.model.arrays import Closes, Floats, Ints
from tasks.model.assurance.forecast_law import ScenarioLaw
from tasks.model.assurance.rate_path import RatePath
from tasks.model.assurance.rolling_margin import house_periods
from tasks.model.assurance.rolling_tails import known_returns, static_rows
from tasks.model.policy import Policy
from tasks.model.risk.scenarios import filtered_history


@dataclass(frozen=True)
class WholeForecast:
    """Scenario losses of k of a path's judged days."""

    place: Ints  # (k,) among the judged days, ascending
    scenarios: Floats  # (k, m) loss > 0, fraction of notional

    def of_phase(self, first: int, horizon: int, losses: Floats) -> tuple[ScenarioLaw, Floats] | None:
        """Law and losses of the days of one series of windows that do not overlap; None where it has no day of them.

        losses: of all judged days.
        """
        kept = self.place % horizon == first
        return (ScenarioLaw(self.scenarios[kept]), losses[self.place[kept]]) if kept.any() else None


def whole_forecast(path: RatePath, closes: Closes, policy: Policy) -> WholeForecast:
    """What is known of the forecasts of a path of the house model. closes, policy: those the path was rolled from."""
    drawn = filtered_history(closes, house_periods(path.portfolio.underlyings, policy), policy)
    rows, lookback = static_rows((path.portfolio,)), policy.base_margin.lookback_scenarios
    days = np.searchsorted(closes.dates, path.dates[path.judged])
    returns = [known_returns(partial(drawn.returns, day)) for day in days.tolist()]
    kept = [at for at, each in enumerate(returns) if each is not None and each.shape[1] == lookback]
    scenarios = np.full((len(kept), lookback), np.nan)
    for row, at in enumerate(kept):
        moves = returns[at]
        assert moves is not None, "only days with scenarios are kept"
        scenarios[row] = 0.0 - rows.of_portfolios(rows.pnl(moves))[0]
    return WholeForecast(np.array(kept, dtype=np.int64), scenarios)
