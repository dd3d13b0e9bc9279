"""PC01, the calibration report: one row for every estimate with its interval, window, data and what becomes of it."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any

from tasks.home import canonical_json
from tasks.rendering import render

if TYPE_CHECKING:
    from tasks.calibration import Calibration
    from tasks.model.assurance.calibration.proposal import Decision

CSV_FILE, JSON_FILE, PAGE_FILE = "PC01.csv", "PC01.json", "PC01.html"
_DIGITS = 6  # significant ones


def rows(found: Calibration) -> list[dict[str, Any]]:
    """Rows of the report, figures at six significant digits; missing is None."""
    return [_row(each) for each in found.decisions]


def files(found: Calibration) -> dict[str, bytes]:
    """Files of the report by name."""
    return {CSV_FILE: _csv(found).encode(), JSON_FILE: canonical_json(found.as_dict()), PAGE_FILE: _page(found)}


def _row(decision: Decision) -> dict[str, Any]:
    estimate, figure = decision.estimate, decision.estimate.figure
    return {
        "parameter": estimate.parameter,
        "outcome": decision.outcome,
        "present": _told(decision.present),
        "proposed": _told(decision.proposed),
        "value": _told(figure.value),
        "standard_error": _told(figure.standard_error),
        "low": _told(figure.low),
        "high": _told(figure.high),
        "level": _told(figure.level),
        "method": figure.method,
        "observations": figure.observations,
        "first": estimate.first.isoformat(),
        "last": estimate.last.isoformat(),
        "excluded_days": estimate.excluded_days,
        "with_excluded": _told(estimate.with_excluded),
        "source": estimate.source,
        "data_hash": estimate.data_hash,
        "reason": decision.reason,
        "note": estimate.note,
    }


def _told(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.{_DIGITS}g}")


def _csv(found: Calibration) -> str:
    """Estimates, then what was left out with its reason, in the same columns."""
    told = rows(found)
    missing = [
        {"parameter": each.parameter, "outcome": "LEFT_OUT", "reason": each.reason, "note": each.coin}
        for each in found.left_out
    ]
    names = list(told[0]) if told else ["parameter", "outcome", "reason", "note"]
    out = io.StringIO()
    writer = csv.DictWriter(out, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows([*told, *missing])
    return out.getvalue()


def _page(found: Calibration) -> bytes:
    told = rows(found)
    groups = {name: [row for row in told if row["outcome"] == name] for name in ("PROPOSED", "KEPT", "EVIDENCE")}
    header = {
        "title": f"Calibration as of {found.as_of}",
        "coins": ", ".join(found.coins),
        "base": f"{found.base.policy_id} {found.base.policy_hash[:12]}",
        "proposed": found.policy_hash[:12],
        "data": found.data_hash[:12],
        "id": found.calibration_id,
    }
    return render("calibration", header=header, groups=groups, left_out=found.left_out)
