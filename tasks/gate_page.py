"""The validation report OV01: what was checked, what failed, where; as data and as one page that needs nothing else.

Both are made of check ids, severities, counts and sorted addresses alone, so the same run gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from tasks.gate_checks import SEVERITIES, address
from tasks.rendering import render

FINDINGS_LISTED = 20


def report(checks: pl.DataFrame, findings: pl.DataFrame, header: Mapping[str, Any]) -> dict[str, Any]:
    """OV01 of rows of control.check_result and control.finding, ready for JSON. `header` is printed as given.

    Checks that failed come first, by severity and name; each carries its first findings. What landing reported is
    listed beside them under `landing`.
    """
    listed = [_check(row, _found(findings, row["check_id"])) for row in checks.iter_rows(named=True)]
    own = set(checks["check_id"])
    return {
        "report": "OV01",
        "header": {name: str(value) for name, value in header.items()},
        "summary": {"checks": len(listed), "failed": _failed(listed)},
        "checks": sorted(listed, key=_order),
        "landing": _found(findings.filter(~pl.col("check_id").is_in(own)), None),
    }


def page(report: Mapping[str, Any]) -> str:
    """OV01 as a self-contained HTML page: readable on a telephone, on paper and without colours."""
    return render("validation", report=report, verdict=_verdict(report["summary"]["failed"])).decode()


def _check(row: Mapping[str, Any], found: list[dict[str, Any]]) -> dict[str, Any]:
    """A check with its limits (those its findings name) and addresses."""
    return {
        "check_id": row["check_id"],
        "severity": row["severity"],
        "scope": row["scope"],
        "kind": row["kind"],
        "dataset": row["dataset"],
        "meaning": row["meaning"],
        "examined": row["examined"],
        "failed": row["failed"],
        "passed": row["passed"],
        "code": found[0]["code"] if found else "",
        "limit": sorted({each["limit"] for each in found}),
        "sample_keys": json.loads(row["sample_keys"]),
        "findings": found[:FINDINGS_LISTED],
    }


def _found(findings: pl.DataFrame, check_id: str | None) -> list[dict[str, Any]]:
    """Findings of a check, or of all that are left, in the order of their addresses."""
    of_check = findings if check_id is None else findings.filter(check_id=check_id)
    rows = of_check.sort(
        "code", "dataset", "file_id", "source_line", "clearing_member_id", "margin_account_id", "contract_id", "value"
    )
    return [
        {
            "code": row["code"],
            "where": address(row),
            "value": row["value"],
            "limit": row["limit_value"],
            "action": row["action"],
        }
        for row in rows.iter_rows(named=True)
    ]


def _failed(checks: list[dict[str, Any]]) -> dict[str, int]:
    return {
        severity: sum(not check["passed"] and check["severity"] == severity for check in checks)
        for severity in SEVERITIES
    }


def _order(check: Mapping[str, Any]) -> tuple[bool, int, str]:
    return check["passed"], SEVERITIES.index(check["severity"]), check["check_id"]


def _verdict(failed: Mapping[str, int]) -> str:
    if failed["critical"]:
        return "The gate is closed: nothing of this cycle is computed."
    if failed["warning"]:
        return "The gate is open: the cycle goes on with the flags below."
    return "The gate is open."
