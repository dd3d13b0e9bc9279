"""Every compiled loop of the model: pricing, sums over positions, tails, the most likely parameters of a series.

All of them stand in this one module, because a compiled caller keeps an old copy of what it imported from another.
They release the interpreter and start no threads: callers share their work by blocks or rows with `in_parts`. No
kernel checks an index or a number; callers do, before and after, because fast arithmetic may assume that nothing is
missing. The order of a sum is part of a result, so no flag allows another (`reassoc` is left out), and exp and log are
our own, for the last bits of the library's differ between processors.

Scenarios come in blocks: cube[block, contract, scenario of the block], so that a block of all contracts stays in a
core's cache while the positions of every portfolio are added up. Reference: METHODOLOGY 1, 2 and 4.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol, TypeVar, cast

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from tasks.model.arrays import Floats, Ints

BLOCK = 16  # scenarios: 3,000 contracts fill a third of a core's cache, so that a busy machine leaves them there
WIDTH = 64  # scenarios an option is priced in at once, whole blocks; a cube is padded to a multiple of it
BLOCKS = WIDTH // BLOCK
SMALLEST_TOTAL_VOLATILITY = 1e-9
SMALLEST, LARGEST = 5e-324, 1.7976931348623157e308  # of float64 above zero
LARGEST_MONEYNESS = 2.5  # beyond it a shock of skew or curvature grows no further
_LANES, _HALVINGS = 96, 16  # of the search for a tail
_LINE, _PAGE = 64, 4096  # bytes: a vector that starts on a page never straddles a cache line
EXP_RANGE = (-650.0, 650.0)  # beyond these compiled exp and log know no answer
_LOG_RANGE = (2.3e-308, LARGEST)

Places = NDArray[np.int32]
_Function = TypeVar("_Function", bound=Callable[..., object])


class _Decorator(Protocol):
    def __call__(self, function: _Function, /) -> _Function: ...


class _Intrinsic(Protocol):
    def __call__(self, function: Callable[..., Any], /) -> Callable[..., int]: ...


def _compiled(**options: Any) -> _Decorator:
    def decorate(function: _Function) -> _Function:
        common = {"nogil": True, "error_model": "numpy", **options}
        try:
            return cast(_Function, njit(cache=True, **common)(function))
        except RuntimeError:  # neither package nor user has a place to keep it: each process compiles
            return cast(_Function, njit(**common)(function))

    return decorate


_FLAGS = {"contract", "nnan", "ninf", "nsz"}
_fast, _exact = _compiled(fastmath=_FLAGS), _compiled()
_inlined = cast(_Decorator, njit(inline="always"))  # with the flags of whoever calls
_intrinsic = cast(_Intrinsic, intrinsic)

_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # the first 33 bits, and the rest
_ROUNDER = 1.5 * 2.0**52  # added to a number it leaves the nearest integer in the lowest bits
_ROUNDER_BITS, _ONE_BITS, _ROOT_HALF_BITS = 0x4338000000000000, 0x3FF0000000000000, 0x3FE6A09E667F3BCD
_NO_NUMBER_BITS = 0x7FF0000000000000  # exponent of infinity and of what is no number
_LARGEST_EXPONENT = 650.0  # e to its negative is nothing beside one, yet no denormal; beyond it exp is NumPy's
_HALF_LOG_TWO_PI = 9.18938533204672742e-01
LOWEST_DEGREES = 2.05  # of Student's law: below them it has hardly a variance
_LOG_MOST_DEGREES = 10.0  # beyond them it is the normal law
_LONGEST_STEP, _FIRST_STEP, _SHORTEST_SHARE = 2.0, 0.5, 1e-10  # of a search for the most likely parameters
_ENOUGH, _LEAST_CURVATURE = 1e-4, 1e-14  # of the fall that the slope promises; of a step that tells something


class Market(NamedTuple):
    """Scenarios in columns, padded with the present state: f distinct forwards and g slices."""

    forward: Floats  # (f, n) quote
    log_growth: Floats  # (f, n) ln(F' / F)
    coin: Floats  # (f, n) S' / S / F': the coins a unit of quote buys then, per USD of today's coin price
    level: Floats  # (g, n) as in tasks.model.arrays.States, and so the rest
    shift: Floats  # (g, n)
    skew: Floats  # (g, n)
    curvature: Floats  # (g, n)
    vol_floor: Floats  # (n,)


class Desk(NamedTuple):
    """Memory for WIDTH scenarios of u underlyings, g slices and some contracts, in which the basis stands still."""

    spot: Floats  # (u, WIDTH) factors
    basis: Floats  # (g, WIDTH) 1
    market: Market
    blocks: Floats  # (BLOCKS, contracts, BLOCK)


class VolProxy(NamedTuple):
    """How volatility of g slices moves with spot in n scenarios: tenor (beta spot + noise score), capped."""

    spot_return: Floats  # (u, n) log
    score: Floats  # (n,)
    fall: Floats  # (u,) log move of volatility at 30 days per log move of spot below zero
    rise: Floats  # (u,) and above
    noise: float  # log move of volatility at 30 days per unit of score
    underlying: Ints  # (g,)
    tenor: Floats  # (g,) factor of the slice's days
    largest: float  # cap of the log move


class Strikes(NamedTuple):
    """Options of one forward, strike, time and volatility share a price: m of them."""

    strike: Floats  # (m,)
    log_strike: Floats  # (m,) ln(K / F) now
    root_years: Floats  # (m,) of the total volatility
    per_root: Floats  # (m,) 1 / root of the years that scale moneyness
    ratio: Floats  # (m,) volatility now over the root of the smile's variance now
    forward_of: Ints  # (m,) row of Market's forwards
    slice_of: Ints  # (m,) row of Market's slices and of smile
    smile: Floats  # (g, 5) raw SVI a, b, rho, mu, s
    pointer: Ints  # (m + 1,) strike j is that of options pointer[j] to pointer[j + 1]


class Options(NamedTuple):
    """Options in the order of their strikes."""

    contract: Ints  # row of the cube
    side: Floats  # call +1, put -1
    pays_coin: Ints  # 1 where the premium is coin
    scale: Floats  # USD per quoted unit now
    value: Floats  # present value over scale


class Held(NamedTuple):
    """Portfolios as compressed sparse rows, contiguous: p of them."""

    pointer: Ints  # (p + 1,) portfolio i holds entries pointer[i] to pointer[i + 1]
    contract: Places  # row of the cube
    quantity: Floats  # contracts, long > 0


class Forwards(NamedTuple):
    """Futures and perpetuals."""

    contract: Ints  # row of the cube
    underlying: Ints
    slice_of: Ints
    forward: Floats  # quote
    fixed: Floats  # quote, the part of the forward that an average has fixed: it does not move
    pays_coin: Ints
    scale: Floats  # USD per unit of payoff now


def aligned(*shape: int) -> Floats:
    """float64 array that starts on a page, not yet filled."""
    size = int(np.prod(shape)) * 8
    raw = np.empty(size + _PAGE, dtype=np.uint8)
    start = -raw.ctypes.data % _PAGE
    return raw[start : start + size].view(np.float64).reshape(shape)


def is_aligned(x: Floats) -> bool:
    """Whether an array is one of contiguous float64 that starts on a cache line, as vectors are loaded and stored.

    An empty array starts nowhere: nothing is loaded from it.
    """
    return bool(x.dtype == np.float64 and x.flags.c_contiguous and (x.size == 0 or x.ctypes.data % _LINE == 0))


def in_parts(work: Callable[[int, int], None], size: int, threads: int) -> None:
    """work(first, last) over 0..size in as many parts as threads. Parts write apart, so no thread waits for another."""
    if threads <= 1 or size <= 1:
        return work(0, size)
    edges = [size * part // threads for part in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, edges[:-1], edges[1:]))
    return None


def exp(x: Floats) -> Floats:
    """e^x, shaped like x, the same bits on every processor where |x| <= 650; elsewhere, and of NaN, as NumPy has it."""
    return _everywhere(x, exponential, np.exp, *EXP_RANGE)


def log(x: Floats) -> Floats:
    """ln x, shaped like x, the same bits everywhere where x is above 0, finite and no denormal; elsewhere as NumPy."""
    return _everywhere(x, logarithm, np.log, *_LOG_RANGE)


def _everywhere(
    x: Floats,
    compiled: Callable[[Floats, Floats], None],
    library: Callable[[Floats], Floats],
    least: float,
    most: float,
) -> Floats:
    """A compiled function where its argument lies within its range: outside of it that would give a finite nothing."""
    flat = np.ascontiguousarray(x, dtype=np.float64).reshape(-1)
    out = np.empty_like(flat)
    if all_within(flat, least, most):
        compiled(flat, out)
        return out.reshape(np.shape(x))
    within = (flat >= least) & (flat <= most)
    compiled(np.where(within, flat, 1.0), out)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        return np.where(within, out, library(flat)).reshape(np.shape(x))


@_intrinsic
def _bits(typing_context: Any, number: Any) -> Any:
    """Bits of a float64 as an int64."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), code


@_intrinsic
def _number(typing_context: Any, bits: Any) -> Any:
    """float64 of the bits of an int64."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), code


@_intrinsic
def _copy_block(typing_context: Any, source: Any, target: Any) -> Any:
    """Copies BLOCK numbers between two addresses that never overlap, which a loop would have to check."""
    vector = ir.VectorType(ir.DoubleType(), BLOCK)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, target = (builder.inttoptr(address, vector.as_pointer()) for address in arguments)
        builder.store(builder.load(source, align=8), target, align=64)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), code


@_intrinsic
def _add_rows(
    typing_context: Any, block: Any, stride: Any, contract: Any, quantity: Any, first: Any, last: Any, out: Any
) -> Any:
    """out[:] = sum of quantity[p] * block[contract[p], :] over p = first..last, in that order.

    Arguments are addresses, and the bytes of a row; contract is int32. A loop over an array of sums would read and
    write it at every position: here a vector of BLOCK sums stays in registers, each step one fused multiply and add.
    """
    double, word, index = ir.DoubleType(), ir.IntType(64), ir.IntType(32)
    vector, every = ir.VectorType(double, BLOCK), ir.Constant(ir.VectorType(index, BLOCK), [0] * BLOCK)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block, stride, contract, quantity, first, last, out = arguments
        name, kind = f"llvm.fma.v{BLOCK}f64", ir.FunctionType(vector, [vector] * 3)
        fused = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        nothing, unset = ir.Constant(vector, [0.0] * BLOCK), ir.Constant(vector, ir.Undefined)

        def at(base: Any, offset: Any, kind: Any, align: int) -> Any:
            return builder.load(builder.inttoptr(builder.add(base, offset), kind.as_pointer()), align=align)

        before, loop = builder.block, builder.append_basic_block("positions")
        done = builder.append_basic_block("done")
        builder.cbranch(builder.icmp_signed("<", first, last), loop, done)

        builder.position_at_end(loop)
        position, sums = builder.phi(word), builder.phi(vector)
        row = at(contract, builder.mul(position, word(4)), index, 4)
        pnl = at(block, builder.mul(builder.sext(row, word), stride), vector, 64)
        held = at(quantity, builder.mul(position, word(8)), double, 8)
        held = builder.shuffle_vector(builder.insert_element(unset, held, index(0)), unset, every)
        added = builder.call(fused, [held, pnl, sums])
        following = builder.add(position, word(1))
        builder.cbranch(builder.icmp_signed("<", following, last), loop, done)
        for phi, start, again in ((position, first, following), (sums, nothing, added)):
            phi.add_incoming(start, before)
            phi.add_incoming(again, loop)

        builder.position_at_end(done)
        total = builder.phi(vector)
        total.add_incoming(nothing, before)
        total.add_incoming(added, loop)
        builder.store(total, builder.inttoptr(out, vector.as_pointer()), align=64)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 7), code


@_inlined
def _exp(x: float) -> float:
    """e^x = 2^n e^r with |r| <= ln(2) / 2, and e^r = 1 + r + ... + r^12 / 12!."""
    rounded = x * _LOG2_E + _ROUNDER
    n = rounded - _ROUNDER
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    e = 1 / 479001600
    e = e * r + 1 / 39916800
    e = e * r + 1 / 3628800
    e = e * r + 1 / 362880
    e = e * r + 1 / 40320
    e = e * r + 1 / 5040
    e = e * r + 1 / 720
    e = e * r + 1 / 120
    e = e * r + 1 / 24
    e = e * r + 1 / 6
    e = e * r + 1 / 2
    e = e * r + 1.0
    e = e * r + 1.0
    return e * _number((_bits(rounded) << 52) + _ONE_BITS)


@_inlined
def _log(x: float) -> float:
    """ln x = n ln 2 + ln m with m near 1, and ln m = 2 artanh f = 2 f (1 + f^2 / 3 + f^4 / 5 + ...)."""
    exponent = (_bits(x) - _ROOT_HALF_BITS) >> 52
    n = _number(exponent + _ROUNDER_BITS) - _ROUNDER
    m = _number(_bits(x) - (exponent << 52))
    f = (m - 1.0) / (m + 1.0)
    f2 = f * f
    t = 1 / 21
    t = t * f2 + 1 / 19
    t = t * f2 + 1 / 17
    t = t * f2 + 1 / 15
    t = t * f2 + 1 / 13
    t = t * f2 + 1 / 11
    t = t * f2 + 1 / 9
    t = t * f2 + 1 / 7
    t = t * f2 + 1 / 5
    t = t * f2 + 1 / 3
    return n * _LN2_HIGH + (2.0 * f + (2.0 * f * f2 * t + n * _LN2_LOW))


@_inlined
def _mills_numerator(x: float) -> float:
    """N(-x) e^(x^2 / 2) for x >= 0 is a quotient: Hart et al. (1968), table 5666, here the numerator."""
    p = 3.52624965998911e-02
    p = p * x + 0.700383064443688
    p = p * x + 6.37396220353165
    p = p * x + 33.912866078383
    p = p * x + 112.079291497871
    p = p * x + 221.213596169931
    return p * x + 220.206867912376


@_inlined
def _mills_denominator(x: float) -> float:
    q = 8.83883476483184e-02
    q = q * x + 1.75566716318264
    q = q * x + 16.064177579207
    q = q * x + 86.7807322029461
    q = q * x + 296.564248779674
    q = q * x + 637.333633378831
    q = q * x + 793.826512519948
    return q * x + 440.413735824752


@_inlined
def _out_of_the_money(smaller: float, distance: float, v: float) -> float:
    """Black price of the side out of the money: A N(-near) - B N(-far), A < B being forward and strike.

    distance = ln(B / A), v = sigma sqrt(T), near = distance / v - v / 2, far = near + v. Because A phi(near) =
    B phi(far), the price is A e^(-near^2 / 2) [M(near) - M(far)] with N(-x) = e^(-x^2 / 2) M(x): one exp. Both
    quotients M are brought over one denominator: one division.
    """
    near, far = distance / v - 0.5 * v, distance / v + 0.5 * v
    size = abs(near)
    under_near, under_far = _mills_denominator(size), _mills_denominator(far)
    share = _exp(-min(0.5 * near * near, _LARGEST_EXPONENT)) / (under_near * under_far)
    chance_near = _mills_numerator(size) * under_far * share
    chance_far = _mills_numerator(far) * under_near * share
    return smaller * max((chance_near if near > 0.0 else 1.0 - chance_near) - chance_far, 0.0)


@_fast
def exponential(x: Floats, out: Floats) -> None:
    """out = e^x of flat arrays."""
    for i in range(x.size):
        out[i] = _exp(x[i])


@_fast
def logarithm(x: Floats, out: Floats) -> None:
    """out = ln x of flat arrays."""
    for i in range(x.size):
        out[i] = _log(x[i])


@_fast
def move_forwards(forwards: Forwards, spot: Floats, basis: Floats, market: Market) -> None:
    """Fills the forwards of a market: F' = F (1 + (1 - fixed / F) (spot basis - 1)), factors (u, n) and (g, n)."""
    for f in range(forwards.forward.size):
        F, share = forwards.forward[f], 1.0 - forwards.fixed[f] / forwards.forward[f]
        up, on = spot[forwards.underlying[f]], basis[forwards.slice_of[f]]
        forward, log_growth, coin = market.forward[f], market.log_growth[f], market.coin[f]
        for s in range(up.size):
            growth = 1.0 + share * (up[s] * on[s] - 1.0)
            forward[s] = F * growth
            log_growth[s] = _log(growth)
            coin[s] = up[s] / (F * growth)


@_inlined
def _put(gain: Floats, contract: int, blocks: Floats) -> None:
    """Writes a contract's WIDTH scenarios to their blocks."""
    to = blocks.ctypes.data + contract * blocks.strides[1]
    for part in range(BLOCKS):
        _copy_block(gain.ctypes.data + part * BLOCK * 8, to + part * blocks.strides[0])


@_fast
def _price_forwards(start: int, forwards: Forwards, spot: Floats, basis: Floats, blocks: Floats) -> None:
    """P&L of futures and perpetuals: scale (F' - F), and in coin scale spot (1 / F - 1 / F').

    WIDTH scenarios from `start` on, into blocks (BLOCKS, contracts, BLOCK).
    """
    gain, now = np.empty(WIDTH), slice(start, start + WIDTH)
    for c in range(forwards.contract.size):
        F, fixed, usd = forwards.forward[c], forwards.fixed[c], forwards.scale[c]
        up, on = spot[forwards.underlying[c], now], basis[forwards.slice_of[c], now]
        if forwards.pays_coin[c]:
            for s in range(WIDTH):
                moved = fixed + (F - fixed) * (up[s] * on[s])
                gain[s] = usd * up[s] * (moved - F) / (F * moved)
        else:
            for s in range(WIDTH):
                moved = fixed + (F - fixed) * (up[s] * on[s])
                gain[s] = usd * (moved - F)
        _put(gain, forwards.contract[c], blocks)


@_fast
def _price_options(start: int, strikes: Strikes, options: Options, market: Market, blocks: Floats) -> None:
    """P&L of options in WIDTH scenarios from `start` on, into blocks (BLOCKS, contracts, BLOCK)."""
    otm, v, gain, quote = np.empty(WIDTH), np.empty(WIDTH), np.empty(WIDTH), np.ones(WIDTH)
    now = slice(start, start + WIDTH)
    floor = market.vol_floor[now]
    for j in range(strikes.strike.size):
        K, log_strike, ratio = strikes.strike[j], strikes.log_strike[j], strikes.ratio[j]
        root_years, per_root = strikes.root_years[j], strikes.per_root[j]
        f, g = strikes.forward_of[j], strikes.slice_of[j]
        F, log_growth, coin = market.forward[f, now], market.log_growth[f, now], market.coin[f, now]
        level, shift, skew, curvature = (
            market.level[g, now],
            market.shift[g, now],
            market.skew[g, now],
            market.curvature[g, now],
        )
        a, b, rho, mu, s2 = (
            strikes.smile[g, 0],
            strikes.smile[g, 1],
            strikes.smile[g, 2],
            strikes.smile[g, 3],
            strikes.smile[g, 4] ** 2,
        )
        for s in range(WIDTH):
            k = log_strike - log_growth[s]
            z = min(max(k * per_root, -LARGEST_MONEYNESS), LARGEST_MONEYNESS)
            w = a + b * (rho * (k - mu) + np.sqrt((k - mu) * (k - mu) + s2))
            deviation = np.sqrt(abs(w))  # rounding may take a variance of nothing below nothing
            sigma = level[s] * (ratio * deviation) + shift[s] + z * (skew[s] + z * curvature[s])
            v[s] = max(max(sigma, floor[s]) * root_years, SMALLEST_TOTAL_VOLATILITY)
        for s in range(WIDTH):
            otm[s] = _out_of_the_money(min(F[s], K), abs(log_strike - log_growth[s]), v[s])
        for o in range(strikes.pointer[j], strikes.pointer[j + 1]):
            side, usd, value = options.side[o], options.scale[o], options.value[o]
            per_quote = coin if options.pays_coin[o] else quote
            for s in range(WIDTH):
                gain[s] = usd * (max(otm[s] + side * (F[s] - K), otm[s]) * per_quote[s] - value)
            _put(gain, options.contract[o], blocks)


@_exact
def price_forwards(first: int, last: int, forwards: Forwards, spot: Floats, basis: Floats, cube: Floats) -> None:
    """P&L of futures and perpetuals in scenarios first..last of the cube, in multiples of WIDTH."""
    for at in range(first, last):
        _price_forwards(at * WIDTH, forwards, spot, basis, cube[at * BLOCKS : (at + 1) * BLOCKS])


@_exact
def price_options(first: int, last: int, strikes: Strikes, options: Options, market: Market, cube: Floats) -> None:
    """P&L of options in scenarios first..last of the cube, in multiples of WIDTH."""
    for at in range(first, last):
        _price_options(at * WIDTH, strikes, options, market, cube[at * BLOCKS : (at + 1) * BLOCKS])


@_exact
def add_positions(
    first: int, last: int, cube: Floats, pointer: Ints, contract: Places, quantity: Floats, pnl: Floats
) -> None:
    """pnl[row, :] = sum of quantity * cube[:, contract, :] over entries pointer[row] to pointer[row + 1], in order.

    Blocks first..last; contract is int32, and quantity, contract and pnl are contiguous.
    """
    for block in range(first, last):
        _add_block(cube[block], pointer, contract, quantity, pnl[:, block * BLOCK : (block + 1) * BLOCK])


@_inlined
def _add_block(block: Floats, pointer: Ints, contract: Places, quantity: Floats, pnl: Floats) -> None:
    """The sums over one block, into BLOCK columns of pnl."""
    for row in range(pointer.size - 1):
        _add_rows(
            block.ctypes.data,
            block.strides[0],
            contract.ctypes.data,
            quantity.ctypes.data,
            pointer[row],
            pointer[row + 1],
            pnl.ctypes.data + row * pnl.strides[0],
        )


@_exact
def vol_moves(start: int, proxy: VolProxy, moved: Floats) -> None:
    """Log moves of volatility by slice, (g, n), in n scenarios of the proxy from `start` on."""
    for g in range(proxy.tenor.size):
        u, tenor, largest = proxy.underlying[g], proxy.tenor[g], proxy.largest
        fall, rise, noise = proxy.fall[u], proxy.rise[u], proxy.noise
        for s in range(moved.shape[1]):
            spot, score = proxy.spot_return[u, start + s], proxy.score[start + s]
            move = (fall * min(spot, 0.0) + rise * max(spot, 0.0) + noise * score) * tenor
            move = largest if move > largest else move
            moved[g, s] = -largest if move < -largest else move


@_exact
def revalue_and_add(
    first: int,
    last: int,
    strikes: Strikes,
    options: Options,
    distinct: Forwards,
    forwards: Forwards,
    proxy: VolProxy,
    desk: Desk,
    held: Held,
    pnl: Floats,
) -> bool:
    """The sums of `add_positions` in scenarios first..last, in multiples of WIDTH, off a cube that is not kept.

    WIDTH scenarios at a time become states, prices and sums within a core's cache; `distinct` forwards are those of
    the options. Whether every price is finite.
    """
    finite, market = True, desk.market
    for at in range(first, last):
        vol_moves(at * WIDTH, proxy, market.level)
        exponential(market.level.reshape(-1), market.level.reshape(-1))
        for u in range(desk.spot.shape[0]):
            exponential(proxy.spot_return[u, at * WIDTH : (at + 1) * WIDTH], desk.spot[u])
        move_forwards(distinct, desk.spot, desk.basis, market)
        _price_options(0, strikes, options, market, desk.blocks)
        _price_forwards(0, forwards, desk.spot, desk.basis, desk.blocks)
        finite = finite and all_finite(desk.blocks.reshape(-1))
        for part in range(BLOCKS):
            start = at * WIDTH + part * BLOCK
            _add_block(desk.blocks[part], held.pointer, held.contract, held.quantity, pnl[:, start : start + BLOCK])
    return finite


@_exact
def ewma_variance(returns: Floats, decay_factor: float, seed_variance: float, forecasts: Floats) -> None:
    """Variance before each return and after the last one, (n + 1,): a missing return leaves it as it was."""
    variance = seed_variance
    forecasts[0] = variance
    for t in range(returns.size):
        if not np.isnan(returns[t]):
            variance = decay_factor * variance + (1.0 - decay_factor) * returns[t] * returns[t]
        forecasts[t + 1] = variance


@_fast
def gjr_student(
    returns: Floats, omega: float, alpha: float, gamma: float, beta: float, tail: float, out: Floats
) -> None:
    """Sums over returns of a GJR-GARCH with Student's law, for its likelihood and slopes; `tail`: degrees - 2.

    Variance h_(t+1) = omega + (alpha + gamma 1{r < 0}) r^2 + beta h, the first the mean square; z = r^2 / (h tail).
    out, (7,): log h; log(1 + z); z / (1 + z); ((tail + 3) z / (1 + z) - 1) / (2 h) times the change of h with omega,
    alpha, gamma and beta. Logarithms are taken of products of sixteen: a third of the time were logarithms.
    """
    h, mean = 0.0, 0.0
    for t in range(returns.size):
        mean += returns[t] * returns[t]
    h = mean / returns.size
    by_omega, by_alpha, by_gamma, by_beta = 0.0, 0.0, 0.0, 0.0
    variances, thicknesses, per_tail = 1.0, 1.0, 1.0 / tail
    for at in range(out.size):
        out[at] = 0.0
    for t in range(returns.size):
        squared = returns[t] * returns[t]
        fallen = squared if returns[t] < 0.0 else 0.0
        once = 1.0 / h  # divisions are what takes time
        z = squared * once * per_tail
        share = z / (1.0 + z)
        variances *= h
        thicknesses *= 1.0 + z
        if t % 16 == 15:
            out[0] += _log(variances)
            out[1] += _log(thicknesses)
            variances, thicknesses = 1.0, 1.0
        out[2] += share
        pull = 0.5 * ((tail + 3.0) * share - 1.0) * once
        out[3] += pull * by_omega
        out[4] += pull * by_alpha
        out[5] += pull * by_gamma
        out[6] += pull * by_beta
        by_omega = 1.0 + beta * by_omega
        by_alpha = squared + beta * by_alpha
        by_gamma = fallen + beta * by_gamma
        by_beta = h + beta * by_beta
        h = omega + alpha * squared + gamma * fallen + beta * h
    out[0] += _log(variances)
    out[1] += _log(thicknesses)


@_exact
def log_gamma_digamma(x: float) -> tuple[float, float]:
    """Logarithm of the gamma function and its slope at x > 0: Stirling's series once x is moved above ten."""
    product, reciprocals = 1.0, 0.0
    while x < 10.0:
        product *= x
        reciprocals += 1.0 / x
        x += 1.0
    once = 1.0 / (x * x)
    log_x = _log(x)
    series = (1 / 12 - once * (1 / 360 - once * (1 / 1260 - once * (1 / 1680 - once / 1188)))) / x
    slope = once * (1 / 12 - once * (1 / 120 - once * (1 / 252 - once * (1 / 240 - once / 132))))
    log_gamma = (x - 0.5) * log_x - x + _HALF_LOG_TWO_PI + series - _log(product)
    return log_gamma, log_x - 0.5 / x - slope - reciprocals


@_exact
def gjr_figures(at: Floats, out: Floats) -> None:
    """omega, alpha, gamma, beta and degrees of five free numbers, every one of which gives a lasting variance.

    Shares of rises, falls, memory and the long run sum to 1; the fourth number is the logarithm of its variance.
    """
    most = max(0.0, at[0], at[1], at[2])
    up, down = _exp(max(at[0] - most, -_LARGEST_EXPONENT)), _exp(max(at[1] - most, -_LARGEST_EXPONENT))
    beta, rest = _exp(max(at[2] - most, -_LARGEST_EXPONENT)), _exp(max(-most, -_LARGEST_EXPONENT))
    total = up + down + beta + rest
    out[0] = rest / total * _exp(min(max(at[3], -_LARGEST_EXPONENT), _LARGEST_EXPONENT))
    out[1], out[2], out[3] = 2.0 * up / total, 2.0 * (down - up) / total, beta / total
    out[4] = LOWEST_DEGREES + _exp(min(max(at[4], -_LARGEST_EXPONENT), _LOG_MOST_DEGREES))


@_exact
def gjr_unlikeliness(returns: Floats, at: Floats, slopes: Floats) -> float:
    """Mean log-likelihood at five free numbers, with the other sign, and its slopes into slopes, (5,)."""
    figures, sums = np.empty(5), np.empty(7)
    gjr_figures(at, figures)
    omega, alpha, gamma, beta, degrees = figures[0], figures[1], figures[2], figures[3], figures[4]
    tail, n = degrees - 2.0, returns.size
    gjr_student(returns, omega, alpha, gamma, beta, tail, sums)
    variances, thicknesses, share = sums[0] / n, sums[1] / n, sums[2] / n
    by_omega, by_alpha, by_gamma, by_beta = sums[3] / n, sums[4] / n, sums[5] / n, sums[6] / n
    (more, more_by), (less, less_by) = log_gamma_digamma(0.5 * (degrees + 1.0)), log_gamma_digamma(0.5 * degrees)
    likelihood = more - less - 0.5 * (_log(np.pi * tail) + variances + (degrees + 1.0) * thicknesses)
    by_degrees = 0.5 * (more_by - less_by - (1.0 - (degrees + 1.0) * share) / tail - thicknesses)
    up, down = 0.5 * alpha, 0.5 * (alpha + gamma)
    rest = 1.0 - up - down - beta
    by_up, by_down, by_rest = 2.0 * (by_alpha - by_gamma), 2.0 * by_gamma, by_omega * omega / rest
    mean = up * by_up + down * by_down + beta * by_beta + rest * by_rest
    slopes[0], slopes[1], slopes[2] = -up * (by_up - mean), -down * (by_down - mean), -beta * (by_beta - mean)
    slopes[3] = -by_rest * rest
    slopes[4] = -by_degrees * (degrees - LOWEST_DEGREES) if at[4] < _LOG_MOST_DEGREES else 0.0
    return -float(likelihood)


@_exact
def gjr_fit(
    returns: Floats, starts: Floats, descents: int, flat: float, steps: int, at: Floats, slopes: Floats
) -> float:
    """The least of the minima that are found from the likeliest `descents` of starts, (s, 5): value, place and slopes.

    Near the end of lasting variances the likelihood has several maxima: from one start the best is missed.
    """
    there, changed, unlikely = np.empty(5), np.empty(5), np.empty(len(starts))
    for start in range(len(starts)):
        unlikely[start] = gjr_unlikeliness(returns, starts[start], changed)
    least = np.inf
    for start in np.argsort(unlikely)[:descents]:
        there[:] = starts[start]
        found = gjr_descend(returns, there, changed, flat, steps)
        if found < least:
            at[:], slopes[:], least = there, changed, found
    return float(least)


@_exact
def gjr_descend(returns: Floats, at: Floats, slopes: Floats, flat: float, steps: int) -> float:
    """From five free numbers to the nearest least unlikeliness by the BFGS method: its value, place and slopes.

    Ends where no slope is above `flat`, or no step in the direction of descent gets lower.
    Reference: Nocedal and Wright (2006), Numerical Optimization, 6.1.
    """
    there, changed, way = np.empty(5), np.empty(5), np.empty(5)
    value = gjr_unlikeliness(returns, at, slopes)
    inverse = np.eye(5) * _FIRST_STEP / max(np.abs(slopes).max(), _FIRST_STEP)
    for turn in range(steps):
        if np.abs(slopes).max() <= flat:
            break
        if _descent(inverse, slopes, way) >= 0.0:  # rounding has spoilt the curvature: begin again from none
            inverse[:] = np.eye(5)
            _descent(inverse, slopes, way)
        lower = _gjr_lower(returns, value, _dot(way, slopes), at, way, there, changed)
        if not lower <= value:
            break
        step, change = there - at, changed - slopes
        if turn == 0:  # the scale of the first step is the function's own
            inverse[:] = np.eye(5) * max(_dot(step, change) / _dot(change, change), 1e-8)
        _curve(inverse, step, change)
        at[:], slopes[:], value = there, changed, lower
    return float(value)


@_exact
def _gjr_lower(
    returns: Floats, value: float, fall: float, at: Floats, way: Floats, there: Floats, slopes: Floats
) -> float:
    """Value, place and slopes of the first point on the way that is lower enough, of ever shorter steps."""
    share = min(1.0, _LONGEST_STEP / np.abs(way).max())
    there[:] = at + share * way
    found = gjr_unlikeliness(returns, there, slopes)
    while not found <= value + _ENOUGH * share * fall and share > _SHORTEST_SHARE:
        share *= 0.5
        there[:] = at + share * way
        found = gjr_unlikeliness(returns, there, slopes)
    return found


@_exact
def _descent(inverse: Floats, slopes: Floats, way: Floats) -> float:
    """way = -inverse slopes, and how much a whole step of it is to fall."""
    for i in range(slopes.size):
        way[i] = -_dot(inverse[i], slopes)
    return _dot(way, slopes)


@_exact
def _curve(inverse: Floats, step: Floats, change: Floats) -> None:
    """Inverse curvature once the slopes' change over a step is known; as it was where the step tells nothing."""
    along = _dot(step, change)
    if along <= _LEAST_CURVATURE:
        return
    turned = np.empty(step.size)
    back = _descent(inverse, change, turned)  # turned: the change through the inverse, with the other sign
    half = step * ((1.0 - back / along) / (2.0 * along)) + turned / along
    for i in range(step.size):
        for j in range(step.size):
            inverse[i, j] += step[i] * half[j] + half[i] * step[j]


@_exact
def _dot(a: Floats, b: Floats) -> float:
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@_exact
def all_within(x: Floats, least: float, most: float) -> bool:
    """Whether every number of a flat array lies from least to most; one that is missing does not."""
    within = 0
    for i in range(x.size):
        within += (x[i] >= least) & (x[i] <= most)
    return within == x.size


@_exact
def all_finite(x: Floats) -> bool:
    """Whether no number of a flat array is infinite or missing: told by the bits, which no flag can argue away."""
    wrong = 0
    for i in range(x.size):
        wrong += (_bits(x[i]) & _NO_NUMBER_BITS) == _NO_NUMBER_BITS
    return wrong == 0


@_fast
def _bound(x: Floats, n: int, wanted: int, lanes: Floats) -> float:
    """A number that at least `wanted` of x[:n] do not exceed, and not many more.

    The numbers are dealt to lanes, and each lane's least is found. What `wanted` of the leasts do not exceed, at least
    as many numbers do not exceed, and halving an interval finds it without sorting them.
    """
    lanes[:] = x[:_LANES]
    for start in range(_LANES, n, _LANES):
        dealt = x[start : min(start + _LANES, n)]
        for lane in range(dealt.size):
            lanes[lane] = min(lanes[lane], dealt[lane])
    low, high = lanes[0], lanes[0]
    for lane in range(_LANES):
        low, high = min(low, lanes[lane]), max(high, lanes[lane])
    for _ in range(_HALVINGS):
        middle = 0.5 * low + 0.5 * high
        count = 0
        for lane in range(_LANES):
            count += lanes[lane] <= middle
        if count < wanted:
            low = middle
        else:
            high = middle
            if 8 * count <= 9 * wanted:
                break
    return float(high)


@_exact
def _smallest(x: Floats, n: int, lanes: Floats, kept: Ints, out: Floats) -> int:
    """The smallest numbers of x[:n], ascending, and where the first of the smallest stands.

    NaN and -1 if a number is missing. Only lanes whose least is within the bound are looked through.
    """
    wanted = out.size
    if not all_finite(x[:n]):
        out[:] = np.nan
        return -1
    few = n < _LANES or wanted > _LANES
    bound = np.inf if few else _bound(x, n, wanted, lanes)
    lanes_kept = 0
    for lane in range(_LANES):
        kept[lanes_kept] = lane
        lanes_kept += few or lanes[lane] <= bound
    found = _LANES
    for lane in kept[:lanes_kept]:
        for i in range(lane, n, _LANES):
            kept[found] = i
            found += x[i] <= bound
    filled, position = 0, n
    for i in kept[_LANES:found]:
        value = x[i]
        if not filled or value < out[0] or (value == out[0] and i < position):
            position = i
        if filled == wanted and value >= out[wanted - 1]:
            continue
        place = min(filled, wanted - 1)
        while place > 0 and out[place - 1] > value:
            out[place] = out[place - 1]
            place -= 1
        out[place] = value
        filled = min(filled + 1, wanted)
    return position


@_exact
def smallest(first: int, last: int, pnl: Floats, begin: int, n: int, worst: Floats, position: Ints) -> None:
    """Of rows first..last of contiguous pnl: the worst numbers of n columns from `begin` on into worst (rows, wanted).

    wanted is at most n. position: that of the first worst, from `begin`. A row with a number missing gives NaN and -1.
    """
    lanes, kept = np.empty(_LANES), np.empty(_LANES + n + 1, np.int64)
    for row in range(first, last):
        position[row] = _smallest(pnl[row, begin : begin + n], n, lanes, kept, worst[row])


@_exact
def smallest_repaired(
    first: int, last: int, pnl: Floats, starts: Ints, place: Ints, order: Ints, worst: Floats
) -> None:
    """Of portfolios first..last under each of m pairings: the worst sums into worst (portfolios, m, wanted).

    Portfolio p has the rows starts[p] to starts[p + 1] of pnl. Under pairing k the row's scenario order[k, place, s]
    meets the others' of the same s; order is (m, u, n).
    """
    pairings, _, n = order.shape
    lanes, kept, total = np.empty(_LANES), np.empty(_LANES + n + 1, np.int64), np.empty(n)
    for p in range(first, last):
        for k in range(pairings):
            total[:] = 0.0
            for row in range(starts[p], starts[p + 1]):
                own, moved = pnl[row], order[k, place[row]]
                for s in range(n):
                    total[s] += own[moved[s]]
            _smallest(total, n, lanes, kept, worst[p, k])


@_exact
def smallest_with(
    row: Floats, n: int, cube: Floats, contract: Ints, quantity: Floats, pnl: Floats, worst: Floats
) -> int:
    """Worst numbers of one row of P&L with further positions, and the first worst's position. pnl is overwritten."""
    pnl[:] = row
    for leg in range(contract.size):
        for block in range(cube.shape[0]):
            into, unit = pnl[block * BLOCK : block * BLOCK + BLOCK], cube[block, contract[leg]]
            for s in range(BLOCK):
                into[s] += quantity[leg] * unit[s]
    return _smallest(pnl, n, np.empty(_LANES), np.empty(_LANES + n + 1, np.int64), worst)
