"""What a release holds: names, envelopes, nil statements, and the same numbers in CSV, JSON and page."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from decimal import Decimal
from pathlib import Path

import pytest

from tasks import texts, wording
from tasks.home import Home

RELEASE = "20260130/EOD/v01"
MEMBER_REPORTS = {"MS01": {"csv", "json", "html"}, "MC01": {"csv", "json", "html"}} | {
    report: {"csv", "json"} for report in ("MR01", "MP01", "MT01", "ML01")
}
ACCOUNTS = {"M001": "M001H", "007": "007C", "FLT": "150"}
FIRST_COLUMNS = {
    "MR01": "row_type,client_id,line_no,item,product_group,amount_usd,risk_usd,rule_id,policy_hash,worst_scenario_id,"
    "binding_component",
    "MT01": "asset,form,quantity,price_usd,price_quality,price_obs_ts,haircut_fraction,market_value_usd,"
    "post_haircut_value_usd,rule_id,pending_in,pending_out",
    "ML01": "asset,line_no,movement_type,contract_id,amount,balance",
    "MS01": "block,key1,key2,field,value",
    "MC01": "block,key1,key2,field,value",
}


FIGURE = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
SHOWN = re.compile(r'<(?:td|dd|h1)>[^<]*?(?:<span class="neg">)?(−?[0-9][0-9,]*(?:\.[0-9]+)?)[ <]')


def figures_of(page: str) -> set[Decimal]:
    """Figures a page shows in its headline, its tiles and its tables."""
    return {Decimal(text.replace(",", "").replace("−", "-")) for text in SHOWN.findall(page)}


def folder(home: Home, audience: str) -> Path:
    return home.published / RELEASE / audience


def file(home: Home, report: str, member: str, ending: str = "csv") -> Path:
    account = "ALL" if report in ("MX01", "MX02") else ACCOUNTS[member]
    return folder(home, f"members/{member}") / f"TEST-{report}-{member}-{account}-20260130-EOD-v01.{ending}"


def read_csv(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Header fields and records, the trailer proven here with nothing of the project."""
    lines = path.read_bytes().split(b"\n")
    assert lines[-1] == b"", "ends with LF"
    header, trailer = lines[0].decode().split(","), lines[-2].decode().split(",")
    body = b"\n".join(lines[1:-2]) + b"\n"
    records = list(csv.DictReader(body.decode().splitlines()))
    assert trailer[0] == "#T"
    assert int(trailer[1]) == len(records)
    assert trailer[3] == hashlib.sha256(body).hexdigest()
    return header, records


def numbers(text: str) -> set[Decimal]:
    return {Decimal(value) for value in re.findall(r"-?[0-9]+(?:\.[0-9]+)?", text)}


def test_a_release_holds_exactly_the_publication_list(released: Home) -> None:
    expected = {
        f"members/{member}/TEST-{report}-{member}-{account}-20260130-EOD-v01.{ending}"
        for member, account in ACCOUNTS.items()
        for report, endings in MEMBER_REPORTS.items()
        for ending in endings
    }
    expected |= {
        f"members/{member}/TEST-{report}-{member}-ALL-20260130-EOD-v01.{ending}"
        for report in ("MX01", "MX02")
        for member in ACCOUNTS
        for ending in ("csv", "json")
    }
    expected |= {
        f"{audience.lower()}/TEST-{report}-{audience}-ALL-20260130-EOD-v01.{ending}"
        for audience, reports in (
            ("PUBLIC", ("PP01", "PP02", "PP03", "PP04")),
            ("OPS", ("OC01", "OL01", "OR01", "OX01", "PT01")),
        )
        for report in reports
        for ending in ("csv", "json")
    }
    expected |= {"public/TEST-PP03-PUBLIC-ALL-20260130-EOD-v01.html"}
    expected |= {f"ops/TEST-OV01-OPS-ALL-20260130-EOD-v01.{ending}" for ending in ("json", "html")}
    expected |= {"regulator/TEST-RG01-REG-ALL-20260130-EOD-v01.csv"}
    audiences = ("public", "ops", "regulator", *(f"members/{m}" for m in ACCOUNTS))
    expected |= {f"{audience}/manifest.json" for audience in audiences}
    expected |= {"_COMPLETE.json"}
    release = home_release(released)
    assert {path.relative_to(release).as_posix() for path in release.rglob("*") if path.is_file()} == expected


def home_release(home: Home) -> Path:
    return home.published / RELEASE


def test_every_csv_is_a_sealed_envelope_of_the_house(released: Home) -> None:
    for path in sorted(home_release(released).rglob("*.csv")):
        header, _ = read_csv(path)
        report = path.name.split("-")[1]
        as_of = "2026-01-30T08:05:00Z"
        assert header == ["#H", report, "1", "2026-01-30", "EOD", "1", "HOUSE", as_of, as_of, "TEST", "SYNTHETIC"]


@pytest.mark.parametrize("report", sorted(FIRST_COLUMNS))
def test_columns_stay_where_they_were(released: Home, report: str) -> None:
    columns = file(released, report, "M001").read_text(encoding="utf-8").splitlines()[1]
    assert columns.startswith(FIRST_COLUMNS[report]), "columns are added at the end only"


def test_a_flat_account_gets_its_nil_statement(released: Home) -> None:
    for report in ("MP01", "MR01", "MT01", "ML01"):
        assert read_csv(file(released, report, "FLT"))[1] == []
        assert json.loads(file(released, report, "FLT", "json").read_bytes())["records"] == []
    assert "You owe nothing" in file(released, "MS01", "FLT", "html").read_text(encoding="utf-8")
    notice = json.loads(file(released, "MC01", "FLT", "json").read_bytes())["notice"]
    assert (notice["notice"], notice["call_amount_usd"]) == ("NO_CALL", "0.00")


@pytest.mark.parametrize("member", sorted(ACCOUNTS))
@pytest.mark.parametrize("report", ["MR01", "MP01", "MT01", "ML01", "MX01", "MX02"])
def test_csv_and_json_tables_hold_the_same_records(released: Home, report: str, member: str) -> None:
    _, records = read_csv(file(released, report, member))
    assert json.loads(file(released, report, member, "json").read_bytes())["records"] == records


@pytest.mark.parametrize("member", sorted(ACCOUNTS))
@pytest.mark.parametrize("report", ["MS01", "MC01"])
def test_the_nested_json_unfolds_to_the_long_csv(released: Home, report: str, member: str) -> None:
    _, records = read_csv(file(released, report, member))
    long = {(row["block"], row["key1"], row["key2"], row["field"]): row["value"] for row in records}
    keys = {
        "flags": ["flag"],
        "balances": ["asset"],
        "collateral": ["asset"],
        "legs": ["asset"],
        "liquidation": ["product_group"],
        "overrides": ["client_id", "override_id"],
        "positions": ["client_id", "contract_id"],
        "requirement": ["client_id", "item"],
        "risk": ["client_id", "product_group"],
        "settled": ["asset", "movement_type"],
    }
    unfolded = {}
    for block, content in json.loads(file(released, report, member, "json").read_bytes()).items():
        if block == "envelope":
            continue
        for each in content if isinstance(content, list) else [content]:
            names = keys.get(block, [])
            key1, key2 = ([each.pop(name) for name in names] + ["", ""])[:2]
            unfolded |= {(block, key1, key2, name): value for name, value in each.items()}
    assert unfolded == long


@pytest.mark.parametrize("member", sorted(ACCOUNTS))
@pytest.mark.parametrize("report", ["MS01", "MC01"])
def test_every_number_of_a_page_stands_in_the_csv_and_is_shown_exactly(
    released: Home, report: str, member: str
) -> None:
    page = file(released, report, member, "html").read_text(encoding="utf-8")
    rows = read_csv(file(released, report, member))[1] + read_csv(file(released, "MC01", member))[1]
    told = {Decimal(row["value"]) for row in rows if FIGURE.fullmatch(row["value"])}
    shown = figures_of(page)
    assert shown
    assert shown <= told, "a statement prints, never rounds"


def test_all_figures_of_the_result_are_on_the_page(released: Home) -> None:
    page = file(released, "MS01", "M001", "html").read_text(encoding="utf-8")
    _, records = read_csv(file(released, "MS01", "M001"))
    shown = figures_of(page)
    for row in records:
        if row["block"] in ("requirement", "collateral") and row["field"].endswith("_usd") and row["value"]:
            nil = row["field"] == "amount_usd" and not Decimal(row["value"])
            assert nil or Decimal(row["value"]) in shown


def test_the_smallest_unit_of_a_coin_survives(released: Home) -> None:
    _, records = read_csv(file(released, "ML01", "M001"))
    assert records[0] | {"amount": Decimal(records[0]["amount"])} == {
        "asset": "BTC",
        "line_no": "1",
        "movement_type": "OPEN",
        "contract_id": "",
        "amount": Decimal("0.00000001"),
        "balance": "0.000000010000000000",
    }


def test_a_rejected_row_comes_back_to_its_member_alone_with_file_and_line(released: Home) -> None:
    _, records = read_csv(file(released, "MX02", "M001"))
    rejected = [row for row in records if row["row_type"] == "REJECTED"]
    assert [(row["file_id"], row["source_line"], row["code"], row["action"]) for row in rejected] == [
        ("positions-HOUSE-2026-01-30-EOD-v1", "7", "UNKNOWN_CONTRACT", "deliver the contract")
    ]
    files = {
        row["dataset"]: (row["accepted_rows"], row["rejected_rows"]) for row in records if row["row_type"] == "FILE"
    }
    assert files["positions"] == ("3", "1")
    _, others = read_csv(file(released, "MX02", "007"))
    assert {row["row_type"] for row in others} == {"FILE"}


def test_source_lines_and_hashes_of_files_stand_in_no_other_report_of_a_member(released: Home) -> None:
    for path in sorted(folder(released, "members/M001").glob("TEST-M[SCRPTL]*")):
        text = path.read_text(encoding="utf-8")
        assert "positions-HOUSE" not in text
        assert "ab" * 32 not in text


def test_no_clock_attempt_or_path_is_in_any_body(released: Home) -> None:
    for path in sorted(home_release(released).rglob("*")):
        if path.is_file() and path.name != "_COMPLETE.json":
            text = path.read_text(encoding="utf-8")
            assert str(released.root) not in text
            assert "started" not in text
            expiries = {"2026-02-06T", "2026-02-27T"} if "PP03" in path.name else set()
            assert set(re.findall(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T", text)) - expiries <= {"2026-01-30T"}


def test_flags_are_counted_and_explained(released: Home) -> None:
    flags = json.loads(file(released, "MS01", "M001", "json").read_bytes())["flags"]
    assert [(each["flag"], each["count"]) for each in flags] == [("STALE", "1"), ("VOL_PROXY", "1500")]
    assert all(each["meaning"] != wording.words("flags")["default"] for each in flags)


def test_every_quality_word_has_a_meaning_of_its_own() -> None:
    text = (Path(__file__).parents[2] / "sql/book/slices/call_quality.sql").read_text(encoding="utf-8")
    words = set(re.findall(r"margin_account_id, '([A-Z_]+)'|AS \"([A-Z_]+)\"", text))
    assert len(words) > 12
    assert {first or second for first, second in words} <= set(wording.words("flags"))


def test_the_parameter_pack_names_every_rule_that_a_line_rests_on(released: Home) -> None:
    _, records = read_csv(folder(released, "public") / "TEST-PP01-PUBLIC-ALL-20260130-EOD-v01.csv")
    rules = {row["key1"] for row in records if row["block"] == "parameter" and row["field"] == "value"}
    _, lines = read_csv(file(released, "MR01", "M001"))
    assert {row["rule_id"] for row in lines if row["rule_id"]} <= rules
    units = {(row["key1"], row["field"]): row["value"] for row in records if row["block"] == "parameter"}
    half_life = [units["base_margin.half_life_days", name] for name in ("value", "unit", "lowest", "highest")]
    assert half_life == ["90", "days", "5", "1000"]
    scenario = {
        row["field"]: row["value"] for row in records if (row["key1"], row["key2"]) == ("F-2025-01-30", "BTC 2")
    }
    assert scenario["spot_return"] == "-0.033333333333"
    assert scenario["start_date"] == "2025-01-30"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (-0.0, 8, "0.00000000"),
        (-1e-12, 8, "0.00000000"),
        (1e-7, 8, "0.00000010"),
        (-1.5, 1, "-1.5"),
        (1e16, 0, "10000000000000000"),
    ],
)
def test_a_float_is_printed_plain(value: float, digits: int, text: str) -> None:
    assert texts.fixed(value, digits) == text


def test_a_figure_that_is_not_finite_is_never_published() -> None:
    with pytest.raises(Exception, match="NON_FINITE"):
        texts.fixed(float("nan"), 2)
