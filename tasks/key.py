"""Identity of a cycle and of a run of it, the same everywhere it is printed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class CycleKey:
    """Identity of a run: business date, cycle and run number."""

    business_date: date
    cycle: str
    run_no: int

    @property
    def cycle_id(self) -> str:
        """<YYYYMMDD>-<CYCLE>."""
        return cycle_id(self.business_date, self.cycle)

    @property
    def run_id(self) -> str:
        """<YYYYMMDD>-<CYCLE>-r<NN>."""
        return f"{self.cycle_id}-r{self.run_no:02d}"


def cycle_id(business_date: date, cycle: str) -> str:
    """<YYYYMMDD>-<CYCLE>."""
    return f"{business_date:%Y%m%d}-{cycle}"
