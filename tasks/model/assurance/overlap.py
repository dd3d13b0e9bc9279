"""The number of breaches where windows of several days overlap, by simulation of a right margin.

Windows that share days breach together, so that the count spreads wider than the binomial law and tests of
independence reject every margin. Verdicts therefore come from series that do not overlap (`phase_tests`) and from the
zones and p-values of the simulated law, by windows, horizon, coverage and accounts. Days are independent with normal or
Student t losses; a margin that follows volatility is judged on losses over it, which are so. Fatter tails make one day
breach all of its windows: they widen the law. Reference: METHODOLOGY 9.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tasks.model.arrays import Bools, Floats
from tasks.model.assurance.breaches import require_count, require_days, transitions_of
from tasks.model.assurance.chain import require_probability
from tasks.model.assurance.coverage import Bounds
from tasks.model.assurance.ratios import independence_ratio, proportion_ratio
from tasks.model.assurance.traffic_light import LEVELS, Zones, zones_of
from tasks.model.assurance.verdict import Verdict, drawn_p
from tasks.model.errors import Finding, ModelInputError

_BATCH = 1 << 16  # daily losses drawn at once
_GRID = 1 << 20  # points a law of daily losses is laid on ...
_STEP = 1.0 / 256.0  # ... in units of its scale: out to 2,048 of them on either side


@dataclass(frozen=True)
class Windows:
    """What is back-tested: n overlapping windows of `horizon` days of each of some accounts.

    Raises ModelInputError NO_OBSERVATIONS, CONFIDENCE, DEGREES, CORRELATION.
    """

    n: int  # windows of one account, by start day
    horizon: int  # days
    probability: float  # of a breach of one window
    accounts: int = 1
    correlation: float = 0.0  # of the daily losses of any two accounts, 0 to 1
    degrees: float = math.inf  # of the Student t of daily losses, above 2; infinite for normal ones
    margin_share: float = 1.0  # of the right margin that is called: below 1 for an alternative

    def __post_init__(self) -> None:
        require_days(self.n, 1)
        require_days(self.horizon, 1)
        require_days(self.accounts, 1)
        require_probability(self.probability)
        if not self.degrees > 2.0:
            raise ModelInputError(Finding("DEGREES", "losses without a variance", value=str(self.degrees), limit="> 2"))
        if not 0.0 <= self.correlation <= 1.0:
            raise ModelInputError(
                Finding("CORRELATION", "accounts cannot have this one in common", value=str(self.correlation))
            )

    @property
    def losses(self) -> str:
        """Their law in words."""
        return "normal losses" if math.isinf(self.degrees) else f"Student t {self.degrees:g} losses"

    @property
    def margin(self) -> float:
        """What the loss of a window is compared with, in units of the scale of a day."""
        return self.margin_share * window_quantile(self.horizon, self.probability, self.degrees)


@dataclass(frozen=True)
class CountLaw:
    """Simulated law of the breaches of all windows and accounts together."""

    counts: Floats  # (paths,) ascending

    @property
    def up_to(self) -> Floats:
        """P(X <= count) of the counts 0, 1, ... up to the largest that occurred."""
        return np.asarray(np.cumsum(np.bincount(self.counts.astype(np.int64))) / len(self.counts))

    def zones(self, levels: tuple[float, float] = LEVELS) -> Zones:
        """Zones of the count."""
        return zones_of(self.up_to, levels)


@dataclass(frozen=True)
class OverlappedSizes:
    """How often tests that take overlapping windows for independent days reject a right margin."""

    proportion: float
    independence: float
    conditional_coverage: float


def overlapping_law(windows: Windows, paths: int, seed: int) -> CountLaw:
    """The law of the number of breaches. Its error: a probability q has the standard error sqrt(q (1 - q) / paths)."""
    counts = [np.count_nonzero(breaches, axis=(1, 2)) for breaches in _drawn(windows, paths, seed)]
    return CountLaw(np.sort(np.concatenate(counts)).astype(np.float64))


def overlapping_count(breaches: int, windows: Windows, share: float, level: float, paths: int, seed: int) -> Verdict:
    """Whether there were more breaches than a right margin has, one-sided, among simulated ones.

    Power against a margin that is only `share` of the right one. Raises ModelInputError as `Windows`.
    """
    null, other = _laws(windows, share, paths, seed)
    observed = np.array([float(breaches)])
    mean = windows.n * windows.accounts * windows.probability
    return Verdict(
        "overlapping count",
        "more",
        breaches - mean,
        0,
        math.nan,
        float(drawn_p(observed, null.counts)[0]),
        float(drawn_p(observed, null.counts, strictly=True)[0]),
        "drawn",
        level,
        float(np.mean(drawn_p(other.counts, null.counts) <= level)),
        f"{share:.0%} of the margin, {windows.losses}",
    )


def overlapping_bounds(breaches: int, windows: Windows, level: float, paths: int, seed: int) -> Bounds:
    """Two-sided confidence bounds of the probability of a breach, wider than those of independent days.

    A probability lies within where as many breaches, or as few, are no rarer than (1 - level) / 2 in each direction:
    the margin at which that is so is read off the simulated paths, on which it is breached x times if it is below their
    x-th largest loss. One account; the probability of `windows` plays no part. Raises ModelInputError as `Windows`,
    SHAPE, CONFIDENCE.
    """
    require_count(breaches, windows.n)
    outside = (1.0 - require_probability(level)) / 2.0
    alike = replace(windows, probability=0.5, accounts=1, margin_share=1.0)
    largest = _largest_losses(alike, min(1 << breaches.bit_length(), windows.n), paths, seed)
    low = float(np.quantile(largest[:, breaches - 1], 1.0 - outside)) if breaches else math.inf
    high = float(np.quantile(largest[:, breaches], outside)) if breaches < windows.n else -math.inf
    return Bounds(*(window_tail(windows.horizon, margin, windows.degrees) for margin in (low, high)))


def overlapped_sizes(windows: Windows, level: float, paths: int, seed: int) -> OverlappedSizes:
    """Sizes of chi-square tests on the overlapping series of one account; they decide nothing."""
    rejected = np.zeros(3)
    for breaches in _drawn(windows, paths, seed):
        series = breaches[:, 0]
        number = proportion_ratio(series.sum(axis=1), windows.n, windows.probability)
        order = independence_ratio(transitions_of(series))
        ratios, limits = (number, order, number + order), stats.chi2.isf(level, (1, 1, 2))
        rejected += [float((each > limit).sum()) for each, limit in zip(ratios, limits, strict=True)]
    return OverlappedSizes(*(float(each) for each in rejected / paths))


@lru_cache(maxsize=64)
def window_quantile(horizon: int, probability: float, degrees: float) -> float:
    """Loss of `horizon` days exceeded with the probability, in units of the scale of a day.

    For a Student t the law of a day is laid on a fine grid and convolved with itself.
    """
    if math.isinf(degrees):
        return float(stats.norm.isf(probability)) * math.sqrt(horizon)
    ends, beyond = _student_tail(horizon, degrees)
    place = int(np.argmax(beyond <= probability))
    part = (beyond[place - 1] - probability) / (beyond[place - 1] - beyond[place])
    return float(ends[place - 1] + part * _STEP)


def window_tail(horizon: int, loss: float, degrees: float) -> float:
    """Probability of a loss of `horizon` days above a loss in units of the scale of a day: undoes `window_quantile`."""
    if math.isinf(degrees):
        return float(stats.norm.sf(loss / math.sqrt(horizon)))
    ends, beyond = _student_tail(horizon, degrees)
    return float(np.interp(loss, ends, beyond, left=1.0, right=0.0))


@lru_cache(maxsize=8)
def _student_tail(horizon: int, degrees: float) -> tuple[Floats, Floats]:
    """Upper ends of the cells of the grid, and the probability beyond each."""
    at = (np.arange(_GRID) - _GRID // 2) * _STEP
    day = stats.t.pdf(at, degrees) * _STEP
    window = np.fft.fftshift(np.fft.irfft(np.fft.rfft(np.fft.ifftshift(day)) ** horizon, _GRID))
    # A point stands for the cell around it: beyond its upper end lies what is beyond the next point.
    return np.asarray(at + _STEP / 2.0, dtype=np.float64), np.cumsum(window[::-1])[::-1] - window


@lru_cache(maxsize=16)
def _laws(windows: Windows, share: float, paths: int, seed: int) -> tuple[CountLaw, CountLaw]:
    lower = replace(windows, margin_share=share * windows.margin_share)
    return overlapping_law(windows, paths, seed), overlapping_law(lower, paths, seed + 1)


def _drawn(windows: Windows, paths: int, seed: int) -> Iterator[Bools]:
    """Breaches of some paths after another, (some, accounts, n)."""
    return (losses > windows.margin for losses in _window_losses(windows, paths, seed))


def _window_losses(windows: Windows, paths: int, seed: int) -> Iterator[Floats]:
    """Losses of all windows of some paths after another, (some, accounts, n), in units of the scale of a day."""
    rng = np.random.default_rng(seed)
    days = windows.n + windows.horizon - 1
    some = max(_BATCH // (days * windows.accounts), 1)
    for start in range(0, paths, some):
        daily = _daily(windows, min(some, paths - start), days, rng)
        total = np.cumsum(daily, axis=-1, dtype=np.float64)
        # The sum of a window is the sum to its last day less the sum to the day before its first.
        start_sum = np.concatenate([np.zeros_like(total[..., :1]), total[..., : windows.n - 1]], axis=-1)
        yield np.asarray(total[..., windows.horizon - 1 :] - start_sum)


@lru_cache(maxsize=16)
def _largest_losses(windows: Windows, count: int, paths: int, seed: int) -> Floats:
    """(paths, count) largest losses of each path of one account, the largest first."""
    parts = (np.partition(each[:, 0], -count, axis=-1)[:, -count:] for each in _window_losses(windows, paths, seed))
    return np.concatenate([np.sort(part, axis=-1)[:, ::-1] for part in parts])


def _daily(windows: Windows, paths: int, days: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Losses of all accounts, (paths, accounts, days), in units of their scale; bad days are bad for all.

    Single precision: half the time, and no count can tell.
    """
    own = rng.standard_normal((paths, windows.accounts, days), dtype=np.float32)
    if windows.correlation:
        joint = rng.standard_normal((paths, 1, days), dtype=np.float32)
        own = math.sqrt(windows.correlation) * joint + math.sqrt(1.0 - windows.correlation) * own
    if math.isfinite(windows.degrees):
        chi_square = 2.0 * rng.standard_gamma(windows.degrees / 2.0, (paths, 1, days), dtype=np.float32)
        own /= np.sqrt(chi_square / windows.degrees)
    return own
