"""The book of workload W1, made up from a seed: 3,000 contracts with smiles, 1,314 scenarios, 5,000 accounts."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from tasks.model.arrays import (
    COIN_OPTION,
    DAYS_PER_YEAR,
    INVERSE_FORWARD,
    LINEAR_FORWARD,
    QUOTE_OPTION,
    Contracts,
    Floats,
    Ints,
    Slices,
    States,
    slices_of,
)

UNDERLYINGS = ("AVAX", "BTC", "DOGE", "ETH", "SOL", "XRP")
SPOT = np.array([30.0, 60_000.0, 0.15, 3_000.0, 150.0, 0.6])
VOLATILITY = np.array([0.90, 0.50, 0.95, 0.62, 0.80, 0.85])
PAID_IN_COIN = (1, 3)
EXPIRY_DAYS = np.array([1.0, 2, 3, 7, 14, 28, 56, 91, 182, 273])
N_PAIRS, N_FUTURES, N_FILTERED, N_STRESSED, N_ACCOUNTS, POSITIONS_EACH = 1_300, 400, 1_250, 64, 5_000, 60


@dataclass(frozen=True)
class Workload:
    """Contracts, how the market moves, and who holds what."""

    contracts: Contracts
    states: States
    pointer: Ints
    contract_index: Ints
    quantity: Floats


def workload(seed: int = 2014) -> Workload:
    """The whole of W1."""
    generator = np.random.default_rng(seed)
    contracts = contracts_of(generator, N_PAIRS, N_FUTURES)
    return Workload(contracts, _states(generator, contracts), *positions_of(generator, contracts, N_ACCOUNTS))


def only_options(work: Workload) -> Workload:
    """The options of a workload, which nobody holds."""
    contracts, rows = work.contracts, np.flatnonzero(work.contracts.is_option)
    whole = {"ids", "underlyings", "slices"}
    own = {field.name: getattr(contracts, field.name)[rows] for field in fields(contracts) if field.name not in whole}
    none = np.zeros(0, dtype=np.int64)
    options = replace(contracts, ids=tuple(contracts.ids[row] for row in rows), **own)
    return Workload(options, work.states, np.zeros(1, dtype=np.int64), none, np.zeros(0))


def contracts_of(generator: np.random.Generator, n_pairs: int, n_futures: int) -> Contracts:
    """Calls and puts in pairs on every expiry, then futures, a seventh of them perpetual."""
    every = np.meshgrid(np.arange(6), np.arange(10), np.linspace(-2.2, 2.2, 22), indexing="ij")
    kept = np.sort(generator.permutation(every[0].size)[:n_pairs])
    place, expiry, step = (np.repeat(each.reshape(-1)[kept], 2) for each in every)
    own = generator.integers(0, 6, n_futures)
    perpetual = generator.random(n_futures) < 1 / 7
    days = np.concatenate(
        [EXPIRY_DAYS[expiry.astype(np.int64)], np.where(perpetual, np.inf, generator.choice(EXPIRY_DAYS, n_futures))]
    )
    underlying = np.concatenate([place, own]).astype(np.int64)
    n, n_options = len(underlying), 2 * n_pairs
    option = np.arange(n) < n_options
    coin = np.where(option, np.isin(underlying, PAID_IN_COIN), generator.random(n) < 0.4)
    years = np.where(np.isfinite(days), days, 0.0) / DAYS_PER_YEAR
    spot, at_the_money = SPOT[underlying], VOLATILITY[underlying]
    forward = spot * np.exp(0.06 * years)
    distance = at_the_money * np.sqrt(years) * np.concatenate([step, np.zeros(n_futures)])
    slice_of, slices = slices_of(underlying, days)
    return Contracts(
        ids=tuple(f"{UNDERLYINGS[u]}-{position:04d}" for position, u in enumerate(underlying.tolist())),
        underlyings=UNDERLYINGS,
        underlying=underlying,
        form=np.where(
            option, np.where(coin, COIN_OPTION, QUOTE_OPTION), np.where(coin, INVERSE_FORWARD, LINEAR_FORWARD)
        ).astype(np.int64),
        multiplier=np.where(~option & coin, spot, 1.0),
        index_price=spot,
        forward=forward,
        settle_price=np.where(coin, spot, 1.0),
        strike=np.where(option, forward * np.exp(distance), np.nan),
        is_call=option & (np.arange(n) % 2 == 0),
        years_to_expiry=np.where(option, years, np.nan),
        volatility=np.where(option, at_the_money * np.sqrt(1.0 + (distance - 0.05) ** 2), np.nan),
        fixed_part=np.zeros(n),
        slice_of=slice_of,
        slices=_smiles(slices),
    )


def _smiles(slices: Slices) -> Slices:
    """A smile on every expiry: level, wings and skew of a quiet crypto market."""
    years = np.where(np.isfinite(slices.days), slices.days, 30.0) / DAYS_PER_YEAR
    variance = VOLATILITY[slices.underlying] ** 2 * years
    root = np.sqrt(variance)
    smile = np.column_stack([0.6 * variance, 0.5 * root, np.full(len(root), -0.2), 0.1 * root, 0.8 * root])
    return Slices(slices.underlying, slices.days, smile)


def _states(generator: np.random.Generator, contracts: Contracts) -> States:
    """Heavy-tailed moves with a common part, and a coarse grid of hard ones."""
    n, g = N_FILTERED + N_STRESSED, len(contracts.slices.days)
    of_slice, days = contracts.slices.underlying, np.minimum(contracts.slices.days, 365.0)[:, None]
    common = generator.standard_t(4, n)
    daily = (VOLATILITY / np.sqrt(DAYS_PER_YEAR))[:, None]
    move = np.clip(daily * (common + generator.standard_t(4, (6, n))), -0.6, 0.6)
    grid = np.linspace(-0.5, 0.5, N_STRESSED)
    move[:, N_FILTERED:] = grid
    fade = np.minimum(np.sqrt(30.0 / np.maximum(days, 2.0)), 2.0)
    level = -0.5 * fade * move[of_slice] + 0.04 * generator.standard_t(5, (g, n))
    basis = (
        0.02 * generator.standard_t(4, (g, n)) * np.where(np.isfinite(contracts.slices.days)[:, None], days, 0) / 365
    )
    return States(
        spot_factor=np.exp(move),
        basis_factor=np.exp(np.clip(basis, -0.2, 0.2)),
        level=np.exp(np.clip(level, -0.8, 1.2)),
        shift=0.002 * generator.standard_normal((g, n)),
        skew=0.1 * move[of_slice] + 0.01 * generator.standard_normal((g, n)),
        curvature=0.005 * generator.standard_normal((g, n)),
        vol_floor=np.full(n, 0.05),
    )


def positions_of(generator: np.random.Generator, contracts: Contracts, accounts: int) -> tuple[Ints, Ints, Floats]:
    """Some sixty positions of each account: pointer, contracts and quantities."""
    n = len(contracts.ids)
    sizes = np.maximum(1, generator.poisson(POSITIONS_EACH, accounts))
    pointer = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    index = np.concatenate([np.sort(generator.choice(n, size, replace=False)) for size in sizes]).astype(np.int64)
    usd = 20_000.0 * np.exp(0.8 * generator.standard_normal(len(index))) * generator.choice([-1.0, 1.0], len(index))
    return pointer, index, np.round(usd / (contracts.multiplier * contracts.settle_price)[index], 4)
