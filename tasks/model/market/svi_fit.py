"""One SVI slice through one expiry's quotes, pressed away from arbitrage while it is fitted.

Least squares of volatility errors weighted by vega, with a penalty where g falls below zero and one where total
variance falls below the expiry before. Inside, a slice is (m, l, r, mu, s): lowest variance, slopes of the left and
right wing, centre, width. Then the wing cap b (1 + |rho|) <= cap is a box, and a = m - s sqrt(l r) stays finite.
MINPACK runs on one thread from starting points that depend on the quotes alone. Reference: METHODOLOGY 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import least_squares
from scipy.special import expit, logit

from tasks.model.arrays import Floats
from tasks.model.market import certificate
from tasks.model.market.svi import Svi, density

LARGEST_WING = 2.0  # Lee: no moment of the price is left beyond it
_WING_PER_ATM = 1.5
_BASIS_POINTS = 1e4
_G_MARGIN, _LEAD_MARGIN = 0.01, 0.002  # the penalties begin before the limit, so that the fit ends on its right side
_PRESSURE = ((30.0, 3e3), (300.0, 3e4), (3e3, 3e5))  # on g and on the lead, in bp; stiffer while the slice fails
_STARTS = tuple(product((-0.5, 0.0, 0.5), (0.3, 1.0, 3.0)))  # centre and width, in units of sqrt(ATM variance)
_STARTS_FOLLOWED = 2
_LARGEST_LOG = 5.0  # of lowest variance and width: a hopeless smile does not send them to infinity
_PENALTY_STEPS = 41
_SMALLEST_SLOPE = 1e-6  # of the cap, so that sqrt(l / r) is finite
_SMALLEST_VARIANCE, _SMALLEST_WIDTH = 1e-4, 1e-3  # of the ATM variance and its square root: a slice never touches zero
_EVALUATIONS = 200
_CONVERGED = 1e-9


@dataclass(frozen=True)
class _Target:
    """Quotes (q,) of one expiry in order of strike, the grid (n,) of the penalties and the cap of the wings."""

    k: Floats
    volatility: Floats
    weight: Floats  # square roots of vega shares, in bp per 1.00 of volatility
    years: float
    cap: float
    grid: Floats
    before: Floats | None  # (n,) total variance of the expiry before


def wing_cap(atm_variance: float) -> float:
    """Largest slope of a wing."""
    return min(LARGEST_WING, _WING_PER_ATM * float(np.sqrt(atm_variance)))


def fit(log_moneyness: Floats, volatility: Floats, vega: Floats, years: float, before: Svi | None) -> Svi:
    """Slice through quotes (q,), q >= 5, finite, volatility and vega > 0, in any order. Parameters are rounded.

    The slice may still fail its certificate: the caller looks.
    """
    target = _target(log_moneyness, volatility, vega, years, before)
    x = np.zeros(0)
    found = Svi(0.0, 0.0, 0.0, 0.0, 1.0)
    for pressure in _PRESSURE:
        starts = [x] if x.size else _starting_points(target, pressure)
        ends = [_descend(start, target, pressure) for start in starts]
        x = min(ends, key=lambda end: end[0])[1]
        found = _raw(_decoded(x, target.cap)[0]).rounded()
        if certificate.certify(found, before).passes:
            break
    return found


def _target(k: Floats, volatility: Floats, vega: Floats, years: float, before: Svi | None) -> _Target:
    order = np.lexsort((vega, volatility, k))
    k, volatility, vega = k[order], volatility[order], vega[order]
    atm = float(np.interp(0.0, k, volatility * volatility * years))
    grid = certificate.grid(atm, _PENALTY_STEPS, _PENALTY_STEPS)
    lead = None if before is None else before.total_variance(grid)
    return _Target(k, volatility, np.sqrt(vega / np.sum(vega)) * _BASIS_POINTS, years, wing_cap(atm), grid, lead)


def _starting_points(target: _Target, pressure: tuple[float, float]) -> list[Floats]:
    """The best few centres and widths, each with the level and wings that fit best in variance."""
    atm = (target.cap / _WING_PER_ATM) ** 2
    starts = [_encoded(_linear_fit(target, atm, *start), target.cap) for start in _STARTS]
    costs = [float(np.sum(_residuals(start, target, pressure) ** 2)) for start in starts]
    return [starts[at] for at in np.argsort(costs, kind="stable")[:_STARTS_FOLLOWED]]


def _linear_fit(target: _Target, atm: float, centre: float, width: float) -> Floats:
    """(m, l, r, mu, s) with m, l, r by weighted linear least squares, brought back inside the box."""
    mu, s = centre * np.sqrt(atm), width * np.sqrt(atm)
    variance = target.volatility**2 * target.years
    weight = target.weight / (2.0 * np.sqrt(variance * target.years))
    z = target.k - mu
    columns = np.stack([np.ones_like(z), z, np.sqrt(z * z + s * s)]) * weight
    normal = np.array([[np.sum(one * other) for other in columns] for one in columns])
    normal += np.diag(1e-12 * np.diag(normal))  # quotes on one side of the centre leave the two slopes undetermined
    level, tilt, slope = _solved(normal, np.array([np.sum(one * variance * weight) for one in columns]))
    left, right = np.clip([slope - tilt, slope + tilt], 0.001 * target.cap, 0.99 * target.cap)
    return np.array([max(level + s * np.sqrt(left * right), 0.05 * atm), left, right, mu, s])


def _solved(matrix: Floats, right: Floats) -> Floats:
    """Cramer's rule for three unknowns: a linear-algebra library has other last bits on another processor."""
    first, second, third = matrix.T
    cofactors = np.stack([_cross(second, third), _cross(third, first), _cross(first, second)])
    return np.asarray(np.sum(cofactors * right, axis=1) / np.sum(first * cofactors[0]))


def _cross(one: Floats, other: Floats) -> Floats:
    return one[[1, 2, 0]] * other[[2, 0, 1]] - one[[2, 0, 1]] * other[[1, 2, 0]]


def _descend(start: Floats, target: _Target, pressure: tuple[float, float]) -> tuple[float, Floats]:
    result = least_squares(
        _residuals,
        start,
        _jacobian,
        method="lm",
        args=(target, pressure),
        max_nfev=_EVALUATIONS,
        xtol=_CONVERGED,
        ftol=_CONVERGED,
        gtol=_CONVERGED,
    )
    return float(result.cost), np.asarray(result.x, dtype=np.float64)


def _residuals(x: Floats, target: _Target, pressure: tuple[float, float]) -> Floats:
    svi = _raw(_decoded(x, target.cap)[0])
    errors = target.weight * (np.sqrt(svi.total_variance(target.k) / target.years) - target.volatility)
    shape = svi.shape(target.grid)
    parts = [errors, pressure[0] * np.maximum(_G_MARGIN - density(target.grid, shape), 0.0)]
    if target.before is not None:
        parts.append(pressure[1] * np.maximum(1.0 + _LEAD_MARGIN - shape.variance / target.before, 0.0))
    return np.concatenate(parts)


def _jacobian(x: Floats, target: _Target, pressure: tuple[float, float]) -> Floats:
    """(residuals, 5) derivatives of the residuals by x."""
    inner, chain = _decoded(x, target.cap)
    svi = _raw(inner)
    by_inner = _gradients(inner, target.k)[0]
    rows = [target.weight / (2.0 * np.sqrt(svi.total_variance(target.k) * target.years)) * by_inner]
    shape, gradients = svi.shape(target.grid), _gradients(inner, target.grid)
    pressed = density(target.grid, shape) < _G_MARGIN
    rows.append(-pressure[0] * pressed * _density_gradient(target.grid, shape, gradients))
    if target.before is not None:
        crossing = shape.variance / target.before < 1.0 + _LEAD_MARGIN
        rows.append(-pressure[1] * crossing * gradients[0] / target.before)
    return np.asarray((np.concatenate(rows, axis=1) * chain[:, None]).T)


def _gradients(inner: Floats, k: Floats) -> tuple[Floats, Floats, Floats]:
    """(5, n) derivatives of w, w' and w'' by (m, l, r, mu, s)."""
    _, left, right, mu, s = inner
    b, z = (left + right) / 2.0, k - mu
    root = np.sqrt(z * z + s * s)
    cube, none = root**3, np.zeros_like(z)
    by_mu = -((right - left) / 2.0 + b * z / root)
    variance = [
        none + 1.0,
        (root - z - s * np.sqrt(right / left)) / 2.0,
        (root + z - s * np.sqrt(left / right)) / 2.0,
        by_mu,
        b * s / root - np.sqrt(left * right),
    ]
    slope = [none, (z / root - 1.0) / 2.0, (z / root + 1.0) / 2.0, -b * s * s / cube, -b * z * s / cube]
    wing = s * s / (2.0 * cube)
    curvature = [none, wing, wing, 3.0 * b * s * s * z / root**5, b * s * (2.0 / cube - 3.0 * s * s / root**5)]
    return np.stack(variance), np.stack(slope), np.stack(curvature)


def _density_gradient(k: Floats, shape: tuple[Floats, Floats, Floats], by: tuple[Floats, Floats, Floats]) -> Floats:
    """(5, n) derivatives of g."""
    (w, slope, _), (dw, dslope, dcurvature) = shape, by
    bend = 1.0 - k * slope / (2.0 * w)
    dbend = k / (2.0 * w) * (slope / w * dw - dslope)
    dtilt = slope / 2.0 * (1.0 / w + 0.25) * dslope - slope * slope / (4.0 * w * w) * dw
    return np.asarray(2.0 * bend * dbend - dtilt + dcurvature / 2.0)


def _floor(cap: float) -> Floats:
    """Smallest (m, l, r, s) of slices under a cap."""
    atm = (cap / _WING_PER_ATM) ** 2
    slope = _SMALLEST_SLOPE * cap
    return np.array([_SMALLEST_VARIANCE * atm, slope, slope, _SMALLEST_WIDTH * np.sqrt(atm)])


def _decoded(x: Floats, cap: float) -> tuple[Floats, Floats]:
    """(m, l, r, mu, s) of the optimiser's free numbers, and the derivative of each by its own."""
    low = _floor(cap)
    share, span = expit(x[1:3]), cap - low[1]
    lowest, width = np.exp(np.minimum(x[[0, 4]], _LARGEST_LOG))
    wings, slopes = low[1:3] + span * share, span * share * (1.0 - share)
    inner = np.array([low[0] + lowest, wings[0], wings[1], x[3], low[3] + width])
    return inner, np.array([lowest, slopes[0], slopes[1], 1.0, width])


def _encoded(inner: Floats, cap: float) -> Floats:
    low = _floor(cap)
    wings = logit((inner[1:3] - low[1]) / (cap - low[1]))
    return np.array([np.log(inner[0] - low[0]), wings[0], wings[1], inner[3], np.log(inner[4] - low[3])])


def _raw(inner: Floats) -> Svi:
    lowest, left, right, mu, s = (float(each) for each in inner)
    b = (left + right) / 2.0
    return Svi(lowest - s * float(np.sqrt(left * right)), b, (right - left) / (2.0 * b), mu, s)
