"""Profit and loss under scenarios: per contract (U), then per portfolio (Q U).

Each contract is revalued once per scenario and a portfolio is one sparse row of quantities, so cost grows with
positions. Sums run in the order of the rows handed in, which the caller sorts by key. Reference: METHODOLOGY 3.4, 4.
"""

from __future__ import annotations

import numpy as np

from tasks.model.arrays import Contracts, Floats, Ints, ScenarioSet, require_finite
from tasks.model.errors import Finding, ModelInputError
from tasks.model.kernels import BLOCK, Held, add_positions, aligned, in_parts, is_aligned
from tasks.model.policy import Policy
from tasks.model.pricing.cube import Cube
from tasks.model.pricing.revaluation import Revaluation, revalue_cube
from tasks.model.risk.states import proxy_of, states_of


def unit_pnl(contracts: Contracts, scenario_set: ScenarioSet, policy: Policy) -> Floats:
    """USD per one contract long in each scenario, (n_contracts, n_scenarios); gain > 0.

    Raises ModelInputError UNKNOWN_UNDERLYING where the set lacks an underlying of the contracts.
    """
    return unit_cube(contracts, scenario_set, policy).rows()


def unit_cube(contracts: Contracts, scenario_set: ScenarioSet, policy: Policy, threads: int = 1) -> Cube:
    """The same as a cube. Raises as `unit_pnl`."""
    return revalue_cube(contracts, states_of(contracts, scenario_set, policy), threads)


def portfolio_pnl(pointer: Ints, contract_index: Ints, quantity: Floats, unit_pnl: Floats) -> Floats:
    """USD per portfolio and scenario, (n_portfolios, n_scenarios): quantity times unit P&L, summed in row order.

    Compressed sparse rows: portfolio p holds entries pointer[p] to pointer[p + 1] of contract_index and quantity
    (contracts, long > 0). unit_pnl: (n_contracts, n_scenarios). Raises ModelInputError NON_FINITE or SHAPE.
    """
    cube = Cube.of(unit_pnl).require_finite("unit P&L")
    return np.ascontiguousarray(sum_positions(pointer, contract_index, quantity, cube)[:, : unit_pnl.shape[1]])


def sum_positions(
    pointer: Ints,
    contract_index: Ints,
    quantity: Floats,
    cube: Cube,
    threads: int = 1,
    into: Floats | None = None,
) -> Floats:
    """The same off a finite cube, (n_portfolios, padded n_scenarios): what lies beyond the scenarios is zero.

    The same bits for any number of threads. into: what an earlier call of this shape gave, to be written over, since
    fresh memory costs a sixth of the time. Raises ModelInputError NON_FINITE or SHAPE.
    """
    return Positions(pointer, contract_index, quantity, cube.n_contracts).pnl(cube, threads, into)


class Positions:
    """Compressed sparse rows of quantities as `portfolio_pnl` has them, checked and laid out for cube after cube."""

    def __init__(self, pointer: Ints, contract_index: Ints, quantity: Floats, n_contracts: int) -> None:
        """Raises ModelInputError NON_FINITE or SHAPE."""
        require_finite("quantity", quantity)
        _require_sparse(pointer, contract_index, quantity, n_contracts)
        self.n_contracts = n_contracts
        self._held = Held(
            np.ascontiguousarray(pointer, dtype=np.int64),
            contract_index.astype(np.int32),
            np.ascontiguousarray(quantity, dtype=np.float64),
        )

    def pnl(self, cube: Cube, threads: int = 1, into: Floats | None = None) -> Floats:
        """Sums off a finite cube of so many contracts, as `sum_positions`. Raises ModelInputError SHAPE."""
        blocks = cube.blocks
        pnl = self._memory(cube.n_contracts, len(blocks) * BLOCK, into)
        if not is_aligned(blocks):
            raise _another_shape()

        def add(first: int, last: int) -> None:
            add_positions(first, last, blocks, *self._held, pnl)

        in_parts(add, len(blocks), threads)
        return pnl

    def revalued(
        self,
        revaluation: Revaluation,
        scenario_set: ScenarioSet,
        policy: Policy,
        threads: int = 1,
        into: Floats | None = None,
    ) -> Floats:
        """`pnl` off the contracts' cube in scenarios of spot alone, bit for bit, without making the cube.

        Raises ModelInputError as `unit_pnl` and `pnl`, and SHAPE where moves of volatility or basis were observed.
        """
        proxy = proxy_of(revaluation.contracts, scenario_set, policy)
        pnl = self._memory(len(revaluation.contracts.ids), len(proxy.score), into)
        if not revaluation.add_up(proxy, self._held, pnl, threads):
            revaluation.cube(states_of(revaluation.contracts, scenario_set, policy))
        return pnl

    def _memory(self, n_contracts: int, columns: int, into: Floats | None) -> Floats:
        shape = (len(self._held.pointer) - 1, columns)
        pnl = aligned(*shape) if into is None else into
        if n_contracts != self.n_contracts or pnl.shape != shape or not is_aligned(pnl):
            raise _another_shape()
        return pnl


def _another_shape() -> ModelInputError:
    return ModelInputError(Finding("SHAPE", "the memory handed in is not that of an earlier call"))


def _require_sparse(pointer: Ints, contract_index: Ints, quantity: Floats, n_contracts: int) -> None:
    within = not len(contract_index) or (contract_index.min() >= 0 and contract_index.max() < n_contracts)
    ordered = (
        len(pointer) > 0 and pointer[0] == 0 and pointer[-1] == len(quantity) and bool((np.diff(pointer) >= 0).all())
    )
    if not (within and ordered and len(contract_index) == len(quantity)):
        raise ModelInputError(Finding("SHAPE", "positions do not fit the portfolios or the contracts"))
