"""The small day: committed files are the generator's, and its figures follow from them in exact fractions."""

from __future__ import annotations

import csv
import importlib.util
import math
from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from statistics import NormalDist
from types import ModuleType

import pytest

from tasks import resources, sample

Row = dict[str, str]
Tables = dict[str, list[Row]]
Line = tuple[str, str, str]
FOLDER = resources.data("sample")
HAIRCUTS = {"USD": "0", "USDC": "0.05", "USDT": "0.05", "BTC": "0.25", "ETH": "0.3"}


def expected(name: str) -> list[Row]:
    with (FOLDER / "expected" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def line(row: Row) -> Line:
    return row["margin_account_id"], row["client_id"], row["contract_id"]


def cents_down(value: Fraction) -> Fraction:
    return Fraction(math.floor(value * 100), 100)


@pytest.fixture(scope="module")
def tables(read: Callable[[Path], Tables]) -> Tables:
    return read(FOLDER / "inbox" / "2026-01-30" / "EOD")


@pytest.fixture(scope="module")
def settled(tables: Tables) -> dict[Line, dict[str, Fraction]]:
    """Variation margin, funding, premium and fees of each position, > 0 = the account receives."""
    terms = {row["contract_id"]: row for row in tables["contracts"]}
    price = {row["contract_id"]: Fraction(row["price"]) for row in tables["prices"]}
    before = {row["contract_id"]: Fraction(row["prev_price"]) for row in tables["prices"]}
    rates: dict[str, Fraction] = defaultdict(Fraction)
    for row in tables["funding"]:
        rates[row["contract_id"]] += Fraction(row["funding_rate"])
    result = {}
    for row in tables["positions"]:
        name, m = row["contract_id"], Fraction(terms[row["contract_id"]]["multiplier"])
        q0, q1, bought, sold = (Fraction(row[each]) for each in ("qty_open", "qty_close", "buy_value", "sell_value"))
        S0, S1, inverse = before[name], price[name], terms[name]["payoff"] == "INVERSE"
        variation = m * (q0 / S0 + bought - sold - q1 / S1) if inverse else m * (q1 * S1 - q0 * S0 - bought + sold)
        notional = m * q0 / S0 if inverse else m * q0 * S0
        result[line(row)] = {
            "variation_margin": Fraction(0) if terms[name]["kind"] == "OPT" else variation,
            "funding": -notional * rates[name],
            "premium": -Fraction(row["premium_paid"]),
            "fees": -Fraction(row["fees"]),
        }
    return result


def test_committed_files_are_the_generator_s(tmp_path: Path) -> None:
    written = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in sample.write_small(tmp_path)}
    committed = FOLDER / "inbox"
    assert written == {path.relative_to(committed).as_posix(): path.read_bytes() for path in committed.rglob("*.csv")}


def test_settlement_figures(settled: dict[Line, dict[str, Fraction]]) -> None:
    rows = expected("variation")
    assert {line(row) for row in rows} == set(settled)
    for row in rows:
        for name, value in settled[line(row)].items():
            assert Fraction(row[name]) == value, (line(row), name)


@pytest.mark.parametrize("movement", ["variation_margin", "funding", "premium"])
def test_settlement_sums_to_zero_in_each_contract(settled: dict[Line, dict[str, Fraction]], movement: str) -> None:
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for (_, _, contract), figures in settled.items():
        sums[contract] += figures[movement]
    assert set(sums.values()) == {Fraction(0)}
    assert any(figures[movement] for figures in settled.values())


def test_fees_of_the_house(settled: dict[Line, dict[str, Fraction]]) -> None:
    assets = {line(row): row["settle_asset"] for row in expected("variation")}
    fees: dict[str, Fraction] = defaultdict(Fraction)
    for key, figures in settled.items():
        fees[assets[key]] -= figures["fees"]
    assert fees == {"BTC": Fraction("0.0034"), "USDC": Fraction("44.3"), "ETH": 0}


def test_balances_and_haircuts(tables: Tables, settled: dict[Line, dict[str, Fraction]]) -> None:
    terms = {row["contract_id"]: row for row in tables["contracts"]}
    usd = {row["contract_id"][:-4]: Fraction(row["price"]) for row in tables["prices"] if row["price_type"] == "INDEX"}
    moved: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for (account, _, contract), figures in settled.items():
        moved[account, terms[contract]["settle_asset"]] += sum(figures.values())
    rows = {(row["margin_account_id"], row["asset"]): row for row in expected("collateral")}
    for row in tables["collateral_balances"]:
        key = (row["margin_account_id"], row["asset"])
        stated, movement = rows.pop(key), moved.pop(key, Fraction(0))
        movement += Fraction(row["deposits"]) - Fraction(row["withdrawals"])
        closing = Fraction(row["qty_open"]) + movement
        price, haircut = usd.get(row["asset"], Fraction(1)), Fraction(HAIRCUTS[row["asset"]])
        assert [Fraction(stated[each]) for each in ("opening", "movements", "closing", "price_usd")] == [
            Fraction(row["qty_open"]),
            movement,
            closing,
            price,
        ]
        assert Fraction(stated["market_value_usd"]) == cents_down(closing * price)
        kept = closing * price * (1 - haircut if closing >= 0 else 1 + haircut)
        assert Fraction(stated["post_haircut_value_usd"]) == cents_down(kept)
    assert not rows and not any(moved.values())


def test_net_option_value(tables: Tables) -> None:
    terms = {row["contract_id"]: row for row in tables["contracts"]}
    price = {row["contract_id"]: Fraction(row["price"]) for row in tables["prices"]}
    stated = {line(row): Fraction(row["option_value_usd"]) for row in expected("net_option_value")}
    for row in tables["positions"]:
        contract = terms[row["contract_id"]]
        if contract["kind"] == "OPT":
            usd = price[f"{contract['settle_asset']}-USD"]
            value = Fraction(row["qty_close"]) * Fraction(contract["multiplier"]) * price[row["contract_id"]] * usd
            assert stated.pop(line(row)) == cents_down(value)
    assert not stated


def test_volatilities_give_the_prices(tables: Tables) -> None:
    terms = {row["contract_id"]: row for row in tables["contracts"]}
    price = {row["contract_id"]: float(row["price"]) for row in tables["prices"]}
    cdf = NormalDist().cdf
    for row in tables["vol_quotes"]:
        contract = terms[row["contract_id"]]
        F, K, deviation = float(row["forward"]), float(contract["strike"]), float(row["iv_mark"]) * math.sqrt(56 / 365)
        sign = 1 if contract["option_type"] == "C" else -1
        d1 = math.log(F / K) / deviation + deviation / 2
        value = sign * (F * cdf(sign * d1) - K * cdf(sign * (d1 - deviation)))
        quoted = value / F if contract["payoff"] == "INVERSE" else value
        assert quoted == pytest.approx(price[row["contract_id"]], rel=1e-9)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("expected_shortfall", FOLDER / "expected_shortfall.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_requirement_by_plain_loops_is_the_stated_one(script: ModuleType) -> None:
    """The opening policy as shipped; a change of it changes data/sample/README.md and expected/ with it."""
    found = script.requirements(FOLDER / "inbox" / "2026-01-30" / "EOD", resources.data("policy/2014-01-01.toml"))
    stated = {
        (row["margin_account_id"], row["client_id"]): round(float(row["initial_margin_usd"]) * 100)
        for row in expected("portfolios")
    }
    lines = {
        (row["margin_account_id"], row["client_id"], row["component"]): round(float(row["amount_usd"]) * 100)
        for row in expected("requirement")
    }
    assert {(*key, name): value for key, own in found.items() for name, value in own.items() if value} == lines
    assert {key: total for key, own in found.items() if (total := sum(own.values()))} == stated


def test_caps_on_collateral() -> None:
    """USDT at most a quarter, one issuer a half, BTC and ETH four fifths of what must be covered or is owed."""
    must = {row["margin_account_id"]: Fraction(row["total_initial_margin_usd"]) for row in expected("accounts")}
    for account, required in must.items():
        rows = [row for row in expected("collateral") if row["margin_account_id"] == account]
        value = {row["asset"]: Fraction(row["post_haircut_value_usd"]) for row in rows}
        cover = required + sum(-each for each in value.values() if each < 0)
        counted = dict(value)
        for assets, cap in (("USDT",), "0.25"), (("USDC",), "0.5"), (("BTC", "ETH"), "0.8"):
            room = cents_down(Fraction(cap) * cover)
            for asset in assets:
                if required and value.get(asset, Fraction(0)) > 0:
                    counted[asset] = min(counted[asset], room)
                    room -= counted[asset]
        assert {row["asset"]: Fraction(row["counted_value_usd"]) for row in rows} == counted
    assert any(row["counted_value_usd"] != row["post_haircut_value_usd"] for row in expected("collateral"))


def test_calls_follow_from_requirement_and_collateral() -> None:
    totals: dict[str, Fraction] = defaultdict(Fraction)
    values: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    collateral: dict[str, Fraction] = defaultdict(Fraction)
    counted: dict[str, Fraction] = defaultdict(Fraction)
    for row in expected("net_option_value"):
        values[row["margin_account_id"], row["client_id"]] += Fraction(row["option_value_usd"])
    for row in expected("portfolios"):
        value = values[row["margin_account_id"], row["client_id"]]
        assert Fraction(row["net_option_value_usd"]) == value
        total = max(Fraction(0), Fraction(row["initial_margin_usd"]) - value)
        assert Fraction(row["total_initial_margin_usd"]) == total
        totals[row["margin_account_id"]] += total
    for row in expected("collateral"):
        collateral[row["margin_account_id"]] += Fraction(row["post_haircut_value_usd"])
        counted[row["margin_account_id"]] += Fraction(row["counted_value_usd"])
    called = []
    for row in expected("accounts"):
        account = row["margin_account_id"]
        short, beyond = totals[account] - counted[account], collateral[account] - totals[account]
        assert Fraction(row["total_initial_margin_usd"]) == totals[account]
        assert Fraction(row["collateral_post_haircut_value_usd"]) == collateral[account]
        assert Fraction(row["collateral_counted_value_usd"]) == counted[account]
        assert Fraction(row["excess_amount_usd"]) == (beyond if short <= 0 else 0)
        assert Fraction(row["deficit_amount_usd"]) == max(short, Fraction(0))
        called.append(Fraction(math.ceil(short / 1000) * 1000) if short >= 10_000 else Fraction(0))
        assert Fraction(row["margin_call_amount_usd"]) == called[-1]
    assert sorted(called)[-2:] == [0, 36_000]
    assert any(0 < Fraction(row["deficit_amount_usd"]) < 10_000 for row in expected("accounts"))
