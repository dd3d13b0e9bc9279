"""The call notice of an account as records: the call in its latest version, or why nothing is called."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tasks import wording
from tasks.reference import assets
from tasks.report_files import Record
from tasks.statement import Account, Printing, identity, is_indicative, pick

NOTICE_KEYS: Mapping[str, tuple[str, ...]] = {
    "header": (),
    "notice": (),
    "legs": ("asset",),
    "settled": ("asset", "movement_type"),
}


def notice(account: Account, printing: Printing) -> list[Record]:
    """MC01: header, the notice itself (also that there is no call), its leg, and what was settled before it."""
    figures = account.figures
    called = bool(figures["call_id"]) and Decimal(figures["call_amount_usd"]) > 0
    return [
        Record("header", "", "", identity(account, printing, "MC01")),
        Record("notice", "", "", _call(account, printing) if called else _no_call(account)),
        *([_leg(figures)] if called else []),
        *(
            Record("settled", balance.key1, movement, {"amount": amount})
            for balance in account.balances
            for movement, amount in balance.fields.items()
            if movement not in ("OPEN", "CLOSE")
        ),
    ]


def _call(account: Account, printing: Printing) -> dict[str, str]:
    figures = account.figures
    zone, local = local_time(account.due_ts, figures["timezone"])
    version = int(figures["call_version"])
    indicative = is_indicative(printing.run["cycle"])
    return {
        "notice": "CALL",
        "call_id": figures["call_id"],
        "call_version": figures["call_version"],
        "supersedes": str(version - 1) if version > 1 else "",
        "call_type": figures["call_type"],
        "state": "INDICATIVE" if indicative else "ISSUED",
        **_amounts(figures),
        "call_amount_usd": figures["call_amount_usd"],
        "increment_amount_usd": figures["increment_amount_usd"],
        "due_asset": figures["due_asset"],
        "due_amount": figures["due_amount"],
        "issued_ts": figures["issued_ts"],
        "due_ts": figures["due_ts"],
        "timezone": zone,
        "due_local": local,
        "calendar_id": figures["calendar_id"],
        "minimum_funding_minutes": printing.minimum_funding_minutes,
        "reason_code": figures["reason_code"],
        "instructions": wording.words("call")[_kind(figures, indicative)].format(**figures),
    }


def _kind(figures: Mapping[str, str], indicative: bool) -> str:
    """Which instructions a call comes with."""
    if indicative:
        return "INDICATIVE"
    if int(figures["call_version"]) == 1:
        return "FIRST"
    return "INCREASED" if Decimal(figures["increment_amount_usd"]) > 0 else "REDUCED"


def _no_call(account: Account) -> dict[str, str]:
    figures = account.figures
    reason = _why_no_call(figures)
    withdrawn = pick(figures, ("call_id", "call_version", "increment_amount_usd")) if figures["call_id"] else {}
    return {
        "notice": "NO_CALL",
        **withdrawn,
        **_amounts(figures),
        "call_amount_usd": figures["margin_call_amount_usd"],
        "reason_code": reason,
        "instructions": wording.words("no_call")[reason],
    }


def _why_no_call(figures: Mapping[str, str]) -> str:
    deficit, outstanding, minimum = (
        Decimal(figures[name])
        for name in ("deficit_amount_usd", "outstanding_calls_usd", "minimum_transfer_amount_usd")
    )
    reasons = (
        ("IN_DEFAULT", figures["member_status"] == "DEFAULTED"),
        ("WITHDRAWN", bool(figures["call_id"])),
        ("NO_DEFICIT", not deficit),
        ("CALLED_BEFORE", bool(outstanding) and deficit >= minimum),
    )
    return next((name for name, holds in reasons if holds), "BELOW_MINIMUM_TRANSFER_AMOUNT")


def _amounts(figures: Mapping[str, str]) -> dict[str, str]:
    return pick(
        figures,
        (
            "total_initial_margin_usd",
            "collateral_post_haircut_value_usd",
            "collateral_counted_value_usd",
            "outstanding_calls_usd",
            "excess_amount_usd",
            "deficit_amount_usd",
            "minimum_transfer_amount_usd",
            "call_increment_usd",
        ),
    )


def _leg(figures: Mapping[str, str]) -> Record:
    asset = figures["due_asset"]
    return Record(
        "legs",
        asset,
        "",
        {
            "dti": assets()[asset].dti if asset in assets() else "",
            "native_amount": figures["due_amount"],
            "base_amount_usd": figures["call_amount_usd"],
            "price_usd": figures["due_asset_price_usd"],
            "haircut_fraction": figures["due_asset_haircut_fraction"],
        },
    )


def local_time(moment: datetime | None, timezone: str) -> tuple[str, str]:
    """A UTC moment in a member's time zone, with the zone; UTC where the zone is not given or not known."""
    if moment is None:
        return "", ""
    try:
        zone = ZoneInfo(timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        timezone, zone = "UTC", ZoneInfo("UTC")
    aware = moment.replace(tzinfo=ZoneInfo("UTC"))
    return timezone or "UTC", aware.astimezone(zone).isoformat()
