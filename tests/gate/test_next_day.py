"""The second day: terms a contract was carried under, a surface that is a day old, moves after the snapshot."""

from __future__ import annotations

import copy

import polars as pl
import pytest

from tasks.store import Store

CONTRACT, OPTION = "ETH-20260327.LIN.USDC", "BTC-20260327-90000-C.INV"


@pytest.fixture
def next_day(book):
    """The book of the day after: what closed is open and nothing moved."""
    following = copy.deepcopy(book)
    for row in following["positions"]:
        row.update(qty_open=None, qty_buy="0", qty_sell="0", buy_value="0", sell_value="0", premium_paid="0")
    return following


def row(book, dataset, **match):
    return next(each for each in book[dataset] if all(each[name] == value for name, value in match.items()))


def surface(home, gated, n_quotes):
    """A slice of BTC as the run would have fitted it."""
    with Store(home.database) as store:
        names = [
            name for name, kind in store.read("DESCRIBE result.surface").select("column_name", "column_type").rows()
        ]
        texts = {"run_id": gated.key.run_id, "underlying": "BTC", "method": "SVI", "certified": True}
        slices = pl.DataFrame([{name: texts.get(name, n_quotes if name == "n_quotes" else 0) for name in names}])
        store.append("result.surface", slices.with_columns(expiry_ts=pl.datetime(2026, 3, 27, 8)))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"multiplier": "10"}, True),
        ({"settle_asset": "USDT"}, True),
        ({"payoff": "INVERSE"}, True),
        ({"expiry_ts": "2026-03-28T08:00:00Z"}, False),
        ({"tick_size": "0.5"}, False),
    ],
)
def test_a_contract_keeps_the_terms_it_was_carried_under(between_rows, book, next_day, change, found):
    first = between_rows(book)
    row(next_day, "contracts", contract_id=CONTRACT).update(change)
    gated = between_rows(next_day, first)
    assert ({each["contract_id"] for each in gated.findings(code="CHANGED_TERMS")} == {CONTRACT}) == found
    assert (gated.receipt is None) or not found


def test_a_redenomination_moves_positions_to_a_new_contract_times_the_factor(between_rows, book, next_day):
    """One contract of 1 ETH becomes a thousand of 0.001 ETH: out of the old, into the new, both still net to zero."""
    first = between_rows(book)
    new = "ETHM-20260327.LIN.USDC"
    terms = {**row(next_day, "contracts", contract_id=CONTRACT), "contract_id": new, "multiplier": "0.001"}
    next_day["contracts"].append(terms)
    quoted = row(next_day, "prices", contract_id=CONTRACT)
    next_day["prices"].append({**quoted, "contract_id": new, "open_interest": "1000000"})
    for old in [each for each in next_day["positions"] if each["contract_id"] == CONTRACT]:
        quantity = int(old["qty_close"])
        old.update(qty_transfer=str(-quantity), qty_close="0")
        moved = {"contract_id": new, "qty_transfer": str(1000 * quantity), "qty_close": str(1000 * quantity)}
        next_day["positions"].append({**old, **moved})
    gated = between_rows(next_day, first)
    held = gated.table("book.position").group_by("contract_id").agg(pl.col("qty_close").sum())
    assert set(held["qty_close"]) == {0}
    assert not {"CHANGED_TERMS", "UNBALANCED_BOOK"} & gated.codes("critical")
    carried = first.table("book.position").filter(contract_id=CONTRACT)
    after = gated.table("book.position").filter(contract_id=new)
    units = [carried["qty_close"] * 1, after["qty_close"] * pl.Series([1]) / 1000]
    assert sorted(map(float, units[0])) == sorted(map(float, units[1])), "the same units of ETH"


@pytest.mark.parametrize(("n_quotes", "severity"), [(6, "warning"), (0, "critical"), (None, "critical")])
def test_a_surface_stands_in_for_one_day_alone(home, between_rows, book, next_day, n_quotes, severity):
    """6 quotes: fitted the day before. 0: it stood in then already. None: there was none."""
    first = between_rows(book)
    if n_quotes is not None:
        surface(home, first, n_quotes)
    next_day["vol_quotes"] = [each for each in next_day["vol_quotes"] if not each["contract_id"].startswith("BTC")]
    gated = between_rows(next_day, first)
    code = {"warning": "PRIOR_SURFACE", "critical": "MISSING_VOL_QUOTES"}[severity]
    assert [each["contract_id"] for each in gated.findings(code=code)] == ["BTC"]
    assert code in gated.codes(severity)
    assert not {"PRIOR_SURFACE", "MISSING_VOL_QUOTES"} - {code} & (gated.codes("warning") | gated.codes("critical"))


def test_an_exercise_after_the_snapshot_belongs_to_the_next_cycle(between_rows, book):
    """The snapshot is of 08:00; what was exercised at 08:00:01 is refused by name."""
    late = row(book, "positions", contract_id=OPTION, clearing_member_id="M003")
    late.update(qty_exercise_assign="-1", qty_close="1", position_as_of_ts="2026-01-30T08:00:01Z")
    other = row(book, "positions", contract_id=OPTION, clearing_member_id="007")
    other.update(qty_exercise_assign="1", qty_close="-1")
    gated = between_rows(book)
    assert gated.receipt is None
    assert [(each["contract_id"], each["limit_value"]) for each in gated.findings(code="FUTURE_TIMESTAMP")] == [
        (OPTION, "as of 2026-01-30 08:00:00")
    ]
    late["position_as_of_ts"] = "2026-01-30T08:00:00Z"
    assert "FUTURE_TIMESTAMP" not in between_rows(book).codes("critical")
