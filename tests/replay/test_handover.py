"""What a replay is handed of the releases that were out before."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tasks import handover, pack
from tasks.home import Home, write_json


def test_the_hundredth_run_follows_the_ninety_ninth(tmp_path: Path) -> None:
    home, day = Home(tmp_path), date(2026, 1, 30)
    for version, number in enumerate((9, 99, 100, 101), start=1):
        folder = home.published / f"{day:%Y%m%d}" / "EOD" / f"v{version:02d}"
        write_json(folder / pack.COMPLETE, {"run_id": f"20260130-EOD-r{number:02d}"})
    run = {"run_id": "20260130-EOD-r100", "run_no": 100, "business_date": day, "cycle": "EOD"}
    assert [*handover.superseded(home, run)] == ["20260130-EOD-r09", "20260130-EOD-r99"]
