"""How yesterday's published calls come back: each as a deposit of its due amount in its due asset.

Nobody publishes how members pay, so a converted day lets all of them pay in full and in time, and withdraw nothing.
Calls are read where any reader finds them: in the exports of the run whose release is in force.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tasks import calls, pack, reference, status
from tasks.home import Home

CYCLE = "EOD"


def published_before(home: Home, business_date: date) -> str | None:
    """Run of the latest end of day published here before a date, None where there is none: a genesis cycle."""
    earlier = [path for path in home.published.glob(f"*/{CYCLE}/{pack.LATEST}") if _day(path) < business_date]
    latest = max(earlier, key=_day, default=None)
    return status.pointed(latest)["run_id"] if latest else None


def deposit_rows(home: Home, run_id: str) -> list[dict[str, Any]]:
    """Records of the dataset collateral_balances: what meets the calls of a run, by account and asset.

    Balances carried in stay empty: after a published predecessor they are the house's own.
    """
    due: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for call in calls.in_force(home, run_id).iter_rows(named=True):
        due[call["clearing_member_id"], call["margin_account_id"], call["due_asset"]] += call["due_amount"]
    return [
        {
            "clearing_member_id": member,
            "margin_account_id": account,
            "asset": asset,
            "form": reference.known(asset).form,
            "deposits": amount,
            "withdrawals": Decimal(0),
        }
        for (member, account, asset), amount in sorted(due.items())
    ]


def _day(pointer: Path) -> date:
    return datetime.strptime(pointer.parent.parent.name, "%Y%m%d").date()
