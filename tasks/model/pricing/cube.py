"""P&L of every contract in every scenario, laid out so that sums over positions run in a core's cache."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.model.arrays import Floats, require_finite
from tasks.model.kernels import BLOCK, WIDTH, aligned, all_finite


@dataclass(frozen=True)
class Cube:
    """USD per one contract long, gain > 0: contract c in scenario s stands at blocks[s // BLOCK, c, s % BLOCK]."""

    blocks: Floats  # (b, n_contracts, BLOCK), page-aligned; nothing moves beyond n_scenarios
    n_scenarios: int

    @staticmethod
    def empty(n_contracts: int, n_scenarios: int) -> Cube:
        """A cube not yet filled."""
        return Cube(aligned(padded(n_scenarios) // BLOCK, n_contracts, BLOCK), n_scenarios)

    @staticmethod
    def of(unit_pnl: Floats) -> Cube:
        """Cube of P&L by contract and scenario, (n_contracts, n_scenarios)."""
        cube = Cube.empty(*unit_pnl.shape)
        cube.blocks[unit_pnl.shape[1] // BLOCK :] = 0.0
        for block, columns in cube._columns():
            cube.blocks[block, :, : columns.stop - columns.start] = unit_pnl[:, columns]
        return cube

    @property
    def n_contracts(self) -> int:
        """Number of contracts."""
        return int(self.blocks.shape[1])

    def rows(self) -> Floats:
        """P&L by contract and scenario, (n_contracts, n_scenarios)."""
        rows = np.empty((self.n_contracts, self.n_scenarios))
        for block, columns in self._columns():
            rows[:, columns] = self.blocks[block, :, : columns.stop - columns.start]
        return rows

    def require_finite(self, name: str, ids: tuple[str, ...] = ()) -> Cube:
        """The cube itself. Raises ModelInputError NON_FINITE naming the first contract with a number missing."""
        if not all_finite(self.blocks.reshape(-1)):
            require_finite(name, self.rows(), ids)
        return self

    def _columns(self) -> list[tuple[int, slice]]:
        starts = range(0, self.n_scenarios, BLOCK)
        return [(start // BLOCK, slice(start, min(start + BLOCK, self.n_scenarios))) for start in starts]


def padded(n_scenarios: int) -> int:
    """Number of columns n scenarios take in a cube and in what is added up from it."""
    return -(-n_scenarios // WIDTH) * WIDTH
