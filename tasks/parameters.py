"""What the public and operations get: parameters, contracts and calendars; run manifest, control totals, validation."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tasks import call_report, control_totals, gate_page, pack, surface_report, texts, trigger_report, wording
from tasks.cross_report import Told
from tasks.envelope import cell
from tasks.instruments import instruments
from tasks.model import policy_file
from tasks.model.money import settlement_unit
from tasks.printed_rows import records
from tasks.reference import assets
from tasks.report_files import Header, Record
from tasks.reports import OC01, OR01, OV01, OX01, PP01, PP04
from tasks.stage import Context

PUBLIC_KEYS = {
    "version": (),
    "convention": ("convention",),
    "asset": ("asset",),
    "parameter": ("rule_id",),
    "liquidity": ("underlying",),
    "buffer": ("underlying",),
    "scenario": ("scenario_id", "underlying_horizon"),
    "scenario_move": ("scenario_id", "underlying_horizon_factor_tenor"),
}
OPS_KEYS = {"run": (), "input": ("file_id",), "stage": ("stage",)}
_VERSIONS = ("policy_hash", "model_version", "business_date", "cycle", "price_as_of_ts", "origin", "env")
_RUN = (
    "run_id",
    "business_date",
    "cycle",
    "run_no",
    "env",
    "origin",
    "fingerprint",
    "input_root",
    "opening_root",
    "decisions_root",
    "policy_hash",
    "reference_hash",
    "model_version",
    "code_version",
    "constraints_hash",
    "predecessor_run_id",
    "genesis",
    "price_as_of_ts",
    "position_as_of_ts",
    "collateral_as_of_ts",
    "as_of_ts",
)


def public_files(context: Context, header: Header) -> dict[str, bytes]:
    """PP01: parameters, scenarios and conventions; PP02 and PP03: prices and surface; PP04: contracts and calendars."""
    listed = header.table(PP04, "PUBLIC", "ALL", *records([texts.table(PP04.columns, list(instruments(context)))]))
    parameters = header.document(PP01, "PUBLIC", "ALL", list(parameter_pack(context)), PUBLIC_KEYS)
    return parameters | surface_report.files(context, header) | listed


def ops_files(context: Context, header: Header, told: Told) -> dict[str, bytes]:
    """OR01, OC01, OX01, OL01 and PT01 as CSV and JSON, OV01 as JSON and page.

    `told`: what members' reports say in sum.
    """
    name = header.edition.file_name
    checks, findings = context.slice("control.check_result"), context.slice("control.finding")
    validation = gate_page.report(checks, findings, header.fields(OV01))
    manifest = header.document(OR01, "OPS", "ALL", list(run_manifest(context)), OPS_KEYS)
    totals = header.document(OC01, "OPS", "ALL", list(control_totals.records(context, told)), control_totals.KEYS)
    return (
        manifest
        | totals
        | exceptions(context, header)
        | call_report.files(context, header)
        | trigger_report.files(context, header)
        | {
            name(OV01.code, "OPS", "ALL", "json"): pack.canonical(validation),
            name(OV01.code, "OPS", "ALL", "html"): gate_page.page(validation).encode(),
        }
    )


def exceptions(context: Context, header: Header) -> dict[str, bytes]:
    """OX01: findings, held accounts, fallbacks that acted, overrides and decisions in force, one line each."""
    return header.table(
        OX01, "OPS", "ALL", *records([texts.printed_table(context.query("out/ox01").select(OX01.columns))])
    )


def parameter_pack(context: Context) -> Iterator[Record]:
    """Versions, conventions, assets, parameters with unit and bounds, liquidity and buffer by underlying, scenarios."""
    run = {name: cell(context.run[name]) for name in _VERSIONS}
    yield Record(
        "version",
        "",
        "",
        run
        | {
            "policy_id": context.policy.policy_id,
            "policy_effective_date": context.policy.effective_date.isoformat(),
            "conventions_id": wording.conventions_id(),
        },
    )
    for name, text in sorted(wording.words("conventions").items()):
        yield Record("convention", name, "", {"text": text})
    for code, asset in sorted(assets().items()):
        unit = format(settlement_unit(asset.decimals), "f")
        yield Record(
            "asset",
            code,
            "",
            {"decimals": str(asset.decimals), "settlement_unit": unit, "dti": asset.dti, "issuer": asset.issuer},
        )
    yield from _parameters(context)
    for row in texts.printed(context.query("out/liquidity")).iter_rows(named=True):
        yield Record("liquidity", row.pop("underlying"), "", row)
    for row in texts.printed(context.query("out/buffer")).iter_rows(named=True):
        yield Record("buffer", row.pop("underlying"), "", row)
    yield from _scenarios(context)


def _parameters(context: Context) -> Iterator[Record]:
    described = policy_file.describe()
    for rule_id, value in sorted(policy_file.flat(context.policy).items()):
        by_name = f"{rule_id.rpartition('.')[0]}.*"
        unit, lowest, highest = described.get(rule_id) or described.get(by_name) or ("", "", "")
        yield Record("parameter", rule_id, "", {"value": value, "unit": unit, "lowest": lowest, "highest": highest})


def _scenarios(context: Context) -> Iterator[Record]:
    frame = texts.printed(context.query("out/scenario"))
    names = frame.columns[3:]
    for scenario, underlying, horizon, *values in frame.iter_rows():
        fields = dict(zip(names, values, strict=True)) | {"underlying": underlying, "horizon_days": horizon}
        yield Record("scenario", scenario, f"{underlying} {horizon}", fields)
    moves = texts.printed(context.query("out/scenario_move"))
    for scenario, *place in moves.iter_rows():
        fields = dict(zip(moves.columns[1:], place, strict=True))
        yield Record("scenario_move", scenario, " ".join(place[:4]).rstrip(), fields)


def run_manifest(context: Context) -> Iterator[Record]:
    """What the run was frozen on, under which versions, and the rows each stage wrote. No time of any clock."""
    yield Record("run", "", "", {name: cell(context.run[name]) for name in _RUN})
    for file in texts.printed(context.query("out/input")).iter_rows(named=True):
        yield Record("input", file.pop("file_id"), "", file)
    for stage, rows in context.query("out/stage").iter_rows():
        yield Record("stage", stage, "", {table: str(count) for table, count in sorted(json.loads(rows).items())})
