"""Every field of the policy at its lowest and highest value: it parses, a step beyond is refused, a book is margined.

METHODOLOGY 12: every field has a bound, a unit, and a min and a max test case.
"""

from __future__ import annotations

import copy
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest

from tasks import resources
from tasks.model import money
from tasks.model.errors import ModelInputError, PolicyError
from tasks.model.margin.call import call_amount, terms
from tasks.model.margin.collateral import count_as_cover, value_collateral
from tasks.model.margin.haircut import calibrated_losses, haircut_table
from tasks.model.margin.initial_margin import MarginInputs, MarginResult, initial_margin
from tasks.model.policy import Policy
from tasks.model.policy_file import describe, parse

AS_OF = datetime(2026, 1, 30, 8)
Rows = list[tuple[str, str, str, str, str]]
Inputs = Callable[[Rows], MarginInputs]
ACCOUNT = ["clearing_member_id", "margin_account_id"]
WALLETS = {
    ("M001", "M001H"): (("BTC", "0.5", "90000", ""), ("USDC", "20000", "0.98", "CIRCLE"), ("USD", "5000", "1", "")),
    ("M001", "M001N"): (("BTC", "2", "90000", ""), ("ETH", "10", "3000", "")),
}
FIELDS = describe()
LOW, HIGH = 1, 2  # place of a bound in a field's description

# Companions a field needs at a bound, since the fields of a policy must be consistent.
COMPANIONS: Mapping[tuple[str, int], Mapping[str, Any]] = {
    ("base_margin.lookback_scenarios", LOW): {"base_margin.minimum_scenarios": 250},
    ("base_margin.minimum_scenarios", HIGH): {"base_margin.lookback_scenarios": 5000},
    ("apc_buffer.end_rise_fraction", HIGH): {"apc_buffer.release_rise_fraction": 5.0},
    ("apc_buffer.release_rise_fraction", LOW): {"apc_buffer.end_rise_fraction": 0.0},
    **{
        (f"brackets.{name}.floor_usd", bound): {f"brackets.{name}.im_fraction": [0.001, 1.0]}
        for name in ("major", "other")
        for bound in (LOW, HIGH)
    },
    **{("brackets.maintenance_fraction", bound): {"brackets.major.im_fraction": [1.0, 1.0]} for bound in (LOW, HIGH)},
    **{("wrong_way.fraction", bound): {"base_margin.offset_limit_fraction": 1.0} for bound in (LOW, HIGH)},
    **{
        (f"grid.{name}", bound): {"vol_proxy.noise": 0.0, "grid.extreme_moves": [0.5], "grid.vol_down_fraction": 0.0}
        for name in ("skew_move", "term_move_fraction")
        for bound in (LOW, HIGH)
    },
    ("collateral.tiers.floor_usd", LOW): {"collateral.tiers.added_fraction": [0.0, 0.5]},
    ("collateral.tiers.floor_usd", HIGH): {"collateral.tiers.added_fraction": [0.0, 0.5]},
}
# Where the bound itself is not what a policy may hold, the value nearest to it that it may.
NEAREST = {
    ("base_margin.liquidation_period_days.house.*", LOW): 2,  # Regulation (EU) 153/2013, article 26
    ("base_margin.liquidation_period_days.client_omni_net.*", LOW): 2,
}
CANNOT_RUN = {("base_margin.minimum_scenarios", HIGH): "5,000 scenarios are more than the history of a test has"}
ELSEWHERE = {
    "surface": "the mark stage fits with it",
    "gate": "the checks are bound by it",
    "held": "an account that is held covers by it",
    "reference.funding_rate_per_interval": "the settle stage accrues by it",
    "call.issue_minutes_after_as_of": "the shell dates calls by it",
    "call.minimum_funding_minutes": "the shell dates calls by it",
    "call.approval_above_usd": "the approve stage asks by it",
    "call.intraday_call_fraction": "the call stage of an intraday cycle asks by it",
}
# The end at which a book needs more, where that is so for any book or for the book below.
CAUTIOUS = {
    **dict.fromkeys(
        [
            "base_margin.confidence_filtered_fraction",
            "base_margin.confidence_stressed_fraction",
            *(f"base_margin.liquidation_period_days.{kind}.*" for kind in ("house", "client_omni_net", "client_gross")),
            "grid.range_fraction.*",
            "grid.vol_up_fraction",
            "grid.vol_floor",
            "grid.basis_move_per_year",
            "grid.basis_move_smallest",
            "grid.skew_move",
            "grid.term_move_fraction",
            "correlation_break.fraction",
            "liquidity_concentration.impact",
            "liquidity_concentration.half_spread_fraction.*",
            "liquidity_concentration.vol_half_spread.*",
            "liquidity_concentration.vol_move_per_day.*",
            "mark_uncertainty.multiple",
            "stablecoin_depeg.threshold",
            "stablecoin_depeg.factor",
            "holiday_gap.largest_gap_days",
            "expiry.within_periods",
            "wrong_way.fraction",
            "apc_buffer.fraction",
            "credit.step_fraction",
            "credit.score_at_least",
            "credit.unrated_step_fraction",
            "floor_top_up.short_option_minimum_fraction",
            "floor_top_up.account_minimum_usd",
            "brackets.major.im_fraction",
            "brackets.other.im_fraction",
            "brackets.maintenance_fraction",
            "maintenance.fraction",
            "collateral.liquidity_haircut_fraction.*",
            "collateral.haircut_fraction.*",
            "collateral.calibration.confidence_fraction",
            "collateral.calibration.missing_fraction",
            "collateral.tiers.added_fraction",
            "call.call_increment_usd",
        ],
        HIGH,
    ),
    **dict.fromkeys(
        [
            "base_margin.offset_limit_fraction",
            "liquidity_concentration.participation_fraction",
            "leverage_surcharge.outright_cap",
            "leverage_surcharge.hedged_cap",
            "brackets.major.floor_usd",
            "brackets.other.floor_usd",
            "collateral.tiers.floor_usd",
            "collateral.cap.asset_fraction.*",
            "collateral.cap.issuer_fraction",
            "collateral.cap.group_fraction",
            "call.minimum_transfer_amount_usd",
            "reference.average_daily_volume_usd.*",
            "reference.average_daily_vega_usd.*",
        ],
        LOW,
    ),
}


@pytest.fixture(scope="session")
def content() -> dict[str, Any]:
    """The opening policy, with a look-back that a short history fills, and every floor so low that a field shows."""
    raw = tomllib.loads((resources.data("policy") / "2014-01-01.toml").read_text("utf-8"))
    raw["base_margin"] |= {"lookback_scenarios": 300, "minimum_scenarios": 100}
    raw["grid"] |= {"range_fraction": {"default": 0.01}, "vol_up_fraction": 0.0, "skew_move": 0.0}
    raw["grid"] |= {"basis_move_per_year": 0.0, "basis_move_smallest": 0.0, "term_move_fraction": 0.0}
    raw["apc_buffer"]["mode"] = "on"
    raw["leverage_surcharge"] |= {"outright_cap": 200.0, "hedged_cap": 500.0}
    raw["floor_top_up"] |= {"short_option_minimum_fraction": 0.0, "account_minimum_usd": 0}
    raw["brackets"] |= {name: {"floor_usd": [0, 1e6], "im_fraction": [0.001, 0.001]} for name in ("major", "other")}
    raw["collateral"]["haircut_fraction"] = {"default": 0.0}
    raw["collateral"]["calibration"]["assets"] = ["BTC", "ETH", "USDC"]
    raw["call"] |= {"minimum_transfer_amount_usd": 0, "call_increment_usd": 0.01, "intraday_call_fraction": 0.1}
    return raw


def changed(content: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The content with some values put in place by path."""
    raw: dict[str, Any] = copy.deepcopy(content)
    for path, value in values.items():
        *sections, name = path.removesuffix(".*").split(".")
        table = raw
        for section in sections:
            table = table[section]
        table[name] = value
    return raw


def shaped(content: dict[str, Any], path: str, number: float) -> Any:
    """A number in the form its field has: a name table with it everywhere, a list as long as the shipped one."""
    table: Any = content
    for section in path.removesuffix(".*").split("."):
        table = table[section]
    if path.endswith(".*"):
        return {"default": number}
    if path.endswith("floor_usd"):
        return [0, number] if number else [0, 1]  # floors ascend from nothing
    if isinstance(table, list):
        return [number] * len(table)
    return int(number) if isinstance(table, int) and float(number).is_integer() else number


def at_bound(content: dict[str, Any], path: str, bound: int) -> dict[str, Any]:
    number = NEAREST.get((path, bound), float(FIELDS[path][bound]))
    return changed(content, {path: shaped(content, path, number), **COMPANIONS.get((path, bound), {})})


@pytest.fixture(scope="session")
def book(inputs: Inputs) -> MarginInputs:
    """Longs and shorts across underlyings and expiries, sellers and buyers of options, coins in both modes, members
    rated and not; the future of client C2 has five days to live."""
    held = inputs(
        [
            ("M001", "M001H", "", "BTC-PERP.LIN.USDC", "3000"),
            ("M001", "M001H", "", "ETH-PERP.LIN.USDC", "-9000"),
            ("M001", "M001N", "", "BTC-20260327-90000-C.INV", "-20"),
            ("M001", "M001N", "", "BTC-20260327-80000-P.INV", "-20"),
            ("M002", "M002G", "C1", "BTC-PERP.LIN.USDC", "-2000"),
            ("M002", "M002G", "C1", "BTC-20260327.LIN.USDC", "2000"),
            ("M002", "M002G", "C2", "BTC-20260327.LIN.USDC", "2000"),
            ("M002", "M002G", "C2", "BTC-PERP.INV", "-18000"),
            ("M003", "M003H", "", "BTC-20260327-90000-C.INV", "5"),
            ("M003", "M003H", "", "SOL-PERP.LIN.USDC", "1000"),
        ]
    )
    soon = (pl.col("client_id") == "C2") & (pl.col("kind") == "FUT")
    recent = held.history.filter(pl.col("date") > AS_OF.date() - timedelta(days=450))
    sol = recent.filter(pl.col("underlying") == "ETH").with_columns(underlying=pl.lit("SOL"))
    return replace(
        held,
        positions=held.positions.with_columns(
            mark_uncertainty_usd=pl.lit(0.1),
            contract_id=pl.when(soon).then(pl.lit("SOON")).otherwise("contract_id"),
            expiry_ts=pl.when(soon).then(AS_OF + timedelta(days=5)).otherwise("expiry_ts"),
        ),
        accounts=held.accounts.with_columns(
            gap_days=pl.lit(2),
            surveillance_level=pl.when(pl.col("clearing_member_id") != "M003").then(1).cast(pl.Int64),
            credit_score=pl.when(pl.col("clearing_member_id") == "M001").then(40.0),
        ),
        history=pl.concat([recent, sol]),
        volumes=pl.DataFrame(
            [("BTC", Decimal(10**6)), ("ETH", Decimal(10**6))], schema=held.volumes.schema, orient="row"
        ),
        balances=pl.concat([wallet(held, key, *each) for key, each in WALLETS.items()]),
        joint_accounts=pl.DataFrame([("M001", "M001N")], schema=held.joint_accounts.schema, orient="row"),
    )


def wallet(given_: MarginInputs, account: tuple[str, str], *held: tuple[str, str, str, str]) -> pl.DataFrame:
    rows = [
        (*account, asset, Decimal(quantity), Decimal(price), None, Decimal("0.01"), "", issuer, account[0])
        for asset, quantity, price, issuer in held
    ]
    return pl.DataFrame(rows, schema=given_.balances.schema, orient="row")


@pytest.fixture(scope="session")
def calm(book: MarginInputs) -> MarginInputs:
    """The same book after a history of a fiftieth of the moves: the grid sets its margin."""
    logs = pl.col("close").cast(pl.Float64).log()
    mean = logs.mean().over("underlying")
    history = book.history.with_columns(close=(mean + 0.02 * (logs - mean)).exp().cast(pl.Decimal(28, 10)))
    return replace(book, history=history)


def asked(book: MarginInputs, policy: Policy) -> tuple[MarginResult, Decimal]:
    """The margin of a book, and what its accounts are called for together."""
    result = initial_margin(book, AS_OF, policy)
    losses = calibrated_losses(book.history, np.datetime64(AS_OF, "D"), policy)
    haircuts = haircut_table({"BTC": "", "ETH": "", "USD": "", "USDC": "CIRCLE"}, losses, policy)
    valued = value_collateral(
        book.balances.drop("haircut_fraction")
        .join(haircuts.select("asset", "haircut_fraction"), on="asset", how="left")
        .join(result.joint_collateral.drop("quantity"), on=[*ACCOUNT, "asset"], how="left"),
        policy,
    )
    required, alone = (
        {row[:2]: row[2] for row in frame.group_by(ACCOUNT).agg(pl.col("total_initial_margin_usd").sum()).iter_rows()}
        for frame in (result.portfolio, result.haircut_mode)
    )
    counted = count_as_cover(valued, required, {"USDC": "CIRCLE"}, policy, alone)
    held = {row[:2]: row[2] for row in counted.group_by(ACCOUNT).agg(pl.col("counted_value_usd").sum()).iter_rows()}
    owed = (max(Decimal(0), amount - held.get(key, Decimal(0))) for key, amount in required.items())
    return result, money.total(call_amount(each, *terms(None, None, policy)) for each in owed)


def lives_elsewhere(path: str) -> bool:
    return any(path == name or path.startswith((f"{name}.", f"{name}.*")) for name in ELSEWHERE)


@pytest.mark.parametrize("path", FIELDS)
def test_a_field_parses_at_its_bounds_and_is_refused_beyond(content: dict[str, Any], path: str) -> None:
    unit, low, high = FIELDS[path]
    assert unit
    assert float(low) <= float(high)
    for bound in (LOW, HIGH):
        assert parse(at_bound(content, path, bound), "test")
    whole = isinstance(shaped(content, path, 1), int)
    beyond = (
        (float(low) - 1, float(high) + 1)
        if whole
        else (math.nextafter(float(low), -1e99), math.nextafter(float(high), 1e99))
    )
    for number in beyond:
        with pytest.raises(PolicyError) as refused:
            parse(changed(content, {path: shaped(content, path, number)}), "test")
        assert path.removesuffix(".*") in {
            finding.where.removeprefix("test: ").removesuffix(".default") for finding in refused.value.findings
        }


@pytest.mark.parametrize("path", [path for path in FIELDS if not lives_elsewhere(path)])
def test_a_book_is_margined_at_the_bounds_of_a_field(
    book: MarginInputs, calm: MarginInputs, content: dict[str, Any], path: str
) -> None:
    held = calm if path.startswith("grid.") else book
    if not path.startswith(("collateral.", "apc_buffer.", "credit.")):
        held = replace(held, joint_accounts=held.joint_accounts.clear())  # half the time for what has no coins in it
    needed = {}
    for bound in (LOW, HIGH):
        policy = parse(at_bound(content, path, bound), "test")
        if (path, bound) in CANNOT_RUN:
            with pytest.raises(ModelInputError, match="HISTORY_SHORT"):
                asked(held, policy)
            continue
        result, called = asked(held, policy)
        assert (result.requirement["amount_usd"] >= 0).all()
        assert result.portfolio["initial_margin_usd"].is_not_null().all()
        maintenance = result.portfolio["maintenance_margin_usd"].sum()
        needed[bound] = (result.portfolio["total_initial_margin_usd"].sum(), maintenance, called)
    if path in CAUTIOUS:
        careful, other = needed[CAUTIOUS[path]], needed[LOW + HIGH - CAUTIOUS[path]]
        # Collateral that counts for less is charged less: what it does to the account is the call.
        first = 2 if path.startswith(("collateral.", "call.")) else 0
        moved = [each for each in zip(careful[first:], other[first:], strict=True) if each[0] != each[1]]
        assert moved, f"the field moves nothing of this book: {needed}"
        assert moved[0][0] > moved[0][1]


def test_every_declared_exception_is_a_field() -> None:
    named = {path for path, _ in (*COMPANIONS, *NEAREST, *CANNOT_RUN)} | set(CAUTIOUS)
    assert named <= set(FIELDS)
    assert all(any(path.startswith(name) for path in FIELDS) for name in ELSEWHERE)
