"""Funding of the perpetuals between two snapshots: the files have no rates, so each is taken from the premium.

The rate of an interval is the premium of the perpetual over the index at its end, perpetual / index - 1, within the
contract's cap. The premium is known at the snapshots and linear in time between them. The USDC-margined perpetual,
which the files do not have, pays the rate of the inverse one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tasks import convert_path, convert_venue
from tasks.convert_market import FUNDING_CAP, FUNDING_INTERVAL_SECONDS, Day, decimal

RATE_UNIT = Decimal(1).scaleb(-12)
_INTERVAL = timedelta(seconds=FUNDING_INTERVAL_SECONDS)
_DAY = timedelta(days=1)
_MIDNIGHT = datetime(2000, 1, 1, tzinfo=UTC)


def funding_rows(previous: Day | None, day: Day, folder: Path) -> list[dict[str, Any]]:
    """Records of the dataset funding by contract and interval; a coin without any known premium has none."""
    start = previous.chain.as_of if previous else day.chain.as_of - _DAY
    rows = []
    for coin in day.chain.coins:
        premium = convert_path.way(coin, previous, day, folder).premium
        if not premium:
            day.chain.remarks.noted["NO_FUNDING"].append(f"{coin}-PERPETUAL")
            continue
        rates = {end: rate(convert_path.linear(premium, end)) for end in interval_ends(start, day.chain.as_of)}
        for contract_id in (convert_venue.perpetual_id(coin), convert_venue.linear_perpetual_id(coin)):
            rows += [
                {"contract_id": contract_id, "interval_end_ts": end, "funding_rate": each}
                for end, each in rates.items()
            ]
    return sorted(rows, key=lambda row: (row["contract_id"], row["interval_end_ts"]))


def rate(premium: float) -> Decimal:
    """Funding rate of an interval (fraction of the notional, longs pay a positive one) at a premium."""
    exact = decimal(premium, RATE_UNIT) or Decimal(0)
    return max(-FUNDING_CAP, min(FUNDING_CAP, exact))


def interval_ends(start: datetime, end: datetime) -> list[datetime]:
    """Ends of the funding intervals after `start` and up to `end`: 00:00, 08:00 and 16:00 UTC."""
    first = _MIDNIGHT + ((start - _MIDNIGHT) // _INTERVAL + 1) * _INTERVAL
    return [first + at * _INTERVAL for at in range((end - first) // _INTERVAL + 1)]
