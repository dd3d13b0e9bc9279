"""What the machine could do at best, measured in loops that do nothing else.

- Arithmetic: fused multiply-adds per second, by polynomials of numbers in the nearest cache.
- The cache of a core: bytes read per second from a buffer of the size of a block of 3,000 contracts.
- Memory: one plain pass over the P&L of all accounts.

The limit of the core is the sum of three: the vector instructions of pricing, counted in the generated code, at the
rate of arithmetic; the bytes that sums over positions read out of the cube, at the rate of the cache; and one pass over
the P&L for the tails. Nothing is said about what a better algorithm could leave out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np
from numba import njit

from benchmarks.clock import seconds
from tasks.model import kernels
from tasks.model.arrays import Floats

_Function = TypeVar("_Function", bound=Callable[..., object])
_STEPS, _NUMBERS, _REPEATS = 8 * 8, 512, 200
# Vector instructions that run where multiply-adds do, of one number each, counted in the generated code (AVX-512):
STRIKE_INSTRUCTIONS = 74  # smile 15, Black 59; two roots and two divisions run beside them
CONTRACT_INSTRUCTIONS = 5


def _compiled(*flags: str) -> Callable[[_Function], _Function]:
    return cast(Callable[[_Function], _Function], njit(nogil=True, fastmath=set(flags)))


@_compiled("contract")
def _polynomials(x: Floats, out: Floats, repeats: int) -> None:
    """Eight polynomials of degree eight in every number, side by side, so that none waits for another."""
    for _ in range(repeats):
        for i in range(x.size):
            m = x[i]
            a, b, c, d, e, f, g, h = m, 2.0 * m, 3.0 * m, 4.0 * m, 5.0 * m, 6.0 * m, 7.0 * m, 8.0 * m
            for _ in range(8):
                a, b, c, d = a * m + 0.5, b * m + 0.5, c * m + 0.5, d * m + 0.5
                e, f, g, h = e * m + 0.5, f * m + 0.5, g * m + 0.5, h * m + 0.5
            out[i] = a + b + c + d + e + f + g + h


@_compiled("reassoc", "nsz")  # so that the sum is not what takes the time
def _read(x: Floats, repeats: int) -> float:
    total = 0.0
    for _ in range(repeats):
        for i in range(x.size):
            total += x[i]
    return total


def arithmetic() -> float:
    """Fused multiply-adds a second (each two operations on a number)."""
    x, out = np.full(_NUMBERS, 0.5), np.zeros(_NUMBERS)
    taken = seconds({"fma": lambda: _polynomials(x, out, _REPEATS)}, 9)["fma"]
    return _STEPS * _NUMBERS * _REPEATS / taken


def cache(bytes_: int) -> float:
    """Bytes a second read from a buffer of that size again and again."""
    x = kernels.aligned(bytes_ // 8)
    taken = seconds({"read": lambda: _read(x, 100)}, 9)["read"]
    return x.nbytes * 100 / taken


def one_pass(x: Floats) -> float:
    """Seconds of one pass over an array."""
    flat = x.reshape(-1)
    return seconds({"read": lambda: _read(flat, 1)}, 9)["read"]
