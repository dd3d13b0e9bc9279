"""What others do for the same work. Each is handed a volatility for every option and scenario ready made."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.special import ndtr

from benchmarks.book import Workload
from tasks.model.arrays import COIN_OPTION, INVERSE_FORWARD, Floats, Ints
from tasks.model.kernels import LARGEST_MONEYNESS

_ROWS = 8  # options NumPy prices at once: what it does in between stays in the cache


@dataclass(frozen=True)
class Market:
    """Forward, total volatility and spot factor of each contract in each scenario, (n_contracts, n_scenarios)."""

    forward: Floats
    total: Floats
    spot: Floats


def market(work: Workload) -> Market:
    """By plain formulas and NumPy, so that it is also a second opinion on forwards and smiles."""
    contracts, states = work.contracts, work.states
    at, spot = contracts.slice_of, states.spot_factor[contracts.underlying]
    forward = contracts.forward[:, None] * spot * states.basis_factor[at]
    a, b, rho, mu, s = (each[:, None] for each in contracts.slices.smile[at].T)

    def deviation(k: Floats) -> Floats:
        return np.asarray(np.sqrt(a + b * (rho * (k - mu) + np.sqrt((k - mu) ** 2 + s * s))))

    K, root = contracts.strike[:, None], np.sqrt(contracts.years_to_expiry)[:, None]
    k = np.log(K / forward)
    z = np.clip(k / root, -LARGEST_MONEYNESS, LARGEST_MONEYNESS)
    ratio = contracts.volatility[:, None] / deviation(np.log(K / contracts.forward[:, None]))
    sigma = (
        states.level[at] * ratio * deviation(k) + states.shift[at] + z * (states.skew[at] + z * states.curvature[at])
    )
    return Market(forward, np.maximum(sigma, states.vol_floor) * root, spot)


def numpy_price(work: Workload, ready: Market, out: Floats) -> Floats:
    """Black prices of all options in all scenarios, with NumPy and SciPy's normal distribution, in small blocks."""
    options = np.flatnonzero(work.contracts.is_option)
    for start in range(0, len(options), _ROWS):
        rows = options[start : start + _ROWS]
        F, K, v = ready.forward[rows], work.contracts.strike[rows, None], ready.total[rows]
        d1 = np.log(F / K) / v + 0.5 * v
        call = F * ndtr(d1) - K * ndtr(d1 - v)
        out[rows] = np.where(work.contracts.is_call[rows, None], call, call - F + K)
    return out


def numpy_pnl(work: Workload, ready: Market) -> Floats:
    """P&L per contract and scenario: what the cube must hold."""
    contracts = work.contracts
    now = Market(
        contracts.forward[:, None], (contracts.volatility * np.sqrt(contracts.years_to_expiry))[:, None], ready.spot
    )
    usd = (contracts.multiplier * contracts.settle_price)[:, None]
    after = numpy_price(work, ready, np.zeros_like(ready.forward))
    before = numpy_price(work, now, np.zeros((len(usd), 1)))
    coin_option, inverse = (contracts.form == COIN_OPTION)[:, None], (contracts.form == INVERSE_FORWARD)[:, None]
    option = np.where(coin_option, after / ready.forward * ready.spot - before / now.forward, after - before)
    gain = ready.forward - now.forward
    future = np.where(inverse, gain / (now.forward * ready.forward) * ready.spot, gain)
    return np.asarray(usd * np.where(contracts.is_option[:, None], option, future))


def quantlib_price(work: Workload, ready: Market, columns: Ints) -> Callable[[], Floats] | None:
    """A loop over QuantLib's blackFormula, all options in some scenarios; None where it is not installed."""
    if importlib.util.find_spec("QuantLib") is None:
        return None
    import QuantLib

    options = np.flatnonzero(work.contracts.is_option)
    kinds = [QuantLib.Option.Call if each else QuantLib.Option.Put for each in work.contracts.is_call[options].tolist()]
    strikes = work.contracts.strike[options].tolist()
    forwards, totals = (each[np.ix_(options, columns)].tolist() for each in (ready.forward, ready.total))
    formula = QuantLib.blackFormula

    def price() -> Floats:
        return np.array(
            [
                [formula(kind, strike, F, v) for F, v in zip(*row, strict=True)]
                for kind, strike, *row in zip(kinds, strikes, forwards, totals, strict=True)
            ]
        )

    return price


def vollib_price(work: Workload, ready: Market, columns: Ints) -> Callable[[], Floats] | None:
    """py_vollib_vectorized on some scenarios; None where it is not installed."""
    if importlib.util.find_spec("py_vollib_vectorized") is None:
        return None
    from py_vollib_vectorized import vectorized_black

    options, years = np.flatnonzero(work.contracts.is_option), work.contracts.years_to_expiry
    F, v = (each[np.ix_(options, columns)].reshape(-1) for each in (ready.forward, ready.total))
    K, T, flag = (
        np.repeat(each[options], len(columns))
        for each in (work.contracts.strike, years, np.where(work.contracts.is_call, "c", "p"))
    )
    sigma = v / np.sqrt(T)
    return lambda: vectorized_black(flag, F, K, T, 0.0, sigma, return_as="numpy").reshape(len(options), len(columns))


def csr(work: Workload) -> Any:
    """Positions as SciPy keeps them."""
    shape = (len(work.pointer) - 1, len(work.contracts.ids))
    return csr_array((work.quantity, work.contract_index.astype(np.int32), work.pointer.astype(np.int32)), shape=shape)


def numpy_rows(work: Workload, unit_pnl: Floats) -> Floats:
    """P&L of each account as one product of its quantities and its contracts' rows."""
    out = np.empty((len(work.pointer) - 1, unit_pnl.shape[1]))
    for account in range(len(out)):
        held = slice(work.pointer[account], work.pointer[account + 1])
        np.dot(work.quantity[held], unit_pnl[work.contract_index[held]], out=out[account])
    return out


def partition_tail(pnl: Floats, k: float) -> tuple[Floats, Ints]:
    """Expected shortfall over the worst k and the worst scenario, with np.partition."""
    whole = int(k)
    worst = np.sort(np.partition(pnl, whole, axis=1)[:, : whole + 1], axis=1)
    return -(worst[:, :whole].sum(axis=1) + (k - whole) * worst[:, whole]) / k, np.argmin(pnl, axis=1)
