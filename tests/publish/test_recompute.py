"""A member recomputes its own number to the cent from its CSV files, with nothing but the standard library."""

from __future__ import annotations

import csv
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, localcontext
from pathlib import Path
from typing import Any

import pytest

# Caps of PP01: by asset, by issuer, by group, as a fraction of what must be covered.
CAPS = ((["USDT"], "0.25"), (["USDC"], "0.5"), (["USDT"], "0.5"), (["BTC", "ETH"], "0.8"))


def recompute(pack: Path, account: str) -> None:
    rows, d, cent = {}, Decimal, Decimal("0.01")
    for path in pack.glob(f"*-{account}-*.csv"):
        rows[path.name.split("-")[1]] = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()[1:-1]))
    told = {row["field"]: row["value"] for row in rows["MS01"] if row["block"] in ("result", "other_mode")}
    must, values, own = d(0), {}, {row["asset"]: d(row["own_margin_usd"] or 0) for row in rows["MT01"]}
    for client in {row["client_id"] for row in rows["MR01"]}:
        mine = [row for row in rows["MR01"] if row["client_id"] == client]
        lines = sum(d(row["amount_usd"]) for row in mine if row["row_type"] == "LINE")
        must += max(d(0), lines - sum(d(row["amount_usd"]) for row in mine if row["item"] == "NET_OPTION_VALUE"))
    for row in rows["MT01"]:
        quantity, price, cut = d(row["quantity"]), d(row["price_usd"]), d(row["haircut_fraction"])
        value = (quantity * price * (1 - cut if quantity >= 0 else 1 + cut)).quantize(cent, ROUND_FLOOR)
        values[row["asset"]] = value - d(row["tier_cut_usd"])
    value, counted = sum(values.values(), d(0)), dict(values)
    debts = sum(amount for amount in values.values() if amount < 0)
    # Coin margined with the positions: caps are measured on what the positions alone need, and leave room for its own.
    covered = d(told.get("other_mode_total_initial_margin_usd") or must - debts)
    for assets, cap in CAPS if must else ():
        room = (d(cap) * covered).quantize(cent, ROUND_FLOOR) + sum(own[asset] for asset in assets if asset in own)
        for asset in sorted(asset for asset in assets if values.get(asset, 0) > 0):
            counted[asset] = min(counted[asset], room)
            room -= counted[asset]
    cover = sum(counted.values())
    gap, step = max(must - cover - d(told["outstanding_calls_usd"]), d(0)), d(told["call_increment_usd"])
    call = (gap / step).to_integral_value(ROUND_CEILING) * step if gap >= d(told["minimum_transfer_amount_usd"]) else 0
    assert must == d(told["total_initial_margin_usd"])
    assert value == d(told["collateral_post_haircut_value_usd"])
    assert max(must - cover, d(0)) == d(told["deficit_amount_usd"])
    assert (0 if cover < must else value - must) == d(told["excess_amount_usd"])
    assert call == d(told["margin_call_amount_usd"])
    for row in (row for row in rows["MP01"] if row["kind"] != "OPT"):
        before, price = d(row["prev_settlement_price"] or 1), d(row["final_price"] or row["settlement_price"])
        start, end, bought, sold = (d(row[name]) for name in ("qty_open", "qty_close", "buy_value", "sell_value"))
        linear, inverse = end * price - start * before - bought + sold, start / before + bought - sold - end / price
        exact = d(row["multiplier"]) * (linear if row["payoff"] == "LINEAR" else inverse)
        assert exact.quantize(d(row["settlement_unit"]), ROUND_HALF_EVEN) == d(row["variation_margin"])
    for asset in {row["asset"] for row in rows["ML01"]}:
        amounts = {row["line_no"]: d(row["amount"]) for row in rows["ML01"] if row["asset"] == asset}
        assert amounts.pop(max(amounts, key=int)) == sum(amounts.values()), "opening + movements = closing"


@pytest.mark.parametrize(("member", "account"), [("M001", "M001H"), ("007", "007C"), ("FLT", "150")])
def test_a_member_recomputes_its_statement(released: Any, member: str, account: str) -> None:
    with localcontext(prec=60):
        recompute(released.published / f"20260130/EOD/v01/members/{member}", account)


def test_the_recomputation_can_fail(released: Any, tmp_path: Path) -> None:
    for path in (released.published / "20260130/EOD/v01/members/M001").glob("*.csv"):
        text = path.read_text(encoding="utf-8")
        (tmp_path / path.name).write_text(
            text.replace("14260.500001000000000000", "14261.500001000000000000"), encoding="utf-8"
        )
    with pytest.raises(AssertionError):
        recompute(tmp_path, "M001H")
