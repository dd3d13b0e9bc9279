"""What a synthetic house delivers: balanced, rolled forward, well formed, free of arbitrage, always the same."""

from __future__ import annotations

import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tasks import sample, schema
from tasks.model.errors import LeveeError

Row = dict[str, str]
Tables = dict[str, list[Row]]
Days = list[tuple[date, Tables]]

SMALL = {"days": 2, "members": 4, "contracts": 24, "seed": 9, "end_date": date(2026, 1, 30), "environment": "TEST"}
DELIVERED = set(schema.DATASETS) - {
    "factor_history"
}  # a synthetic past has closes alone: volatility moves by the proxy
QUANTITIES = ("qty_open", "qty_buy", "qty_sell", "qty_transfer", "qty_exercise_assign", "qty_expired", "qty_close")


def line(row: Row) -> tuple[str, str, str]:
    return row["margin_account_id"], row["client_id"], row["contract_id"]


def by_id(rows: list[Row]) -> dict[str, Row]:
    return {row["contract_id"]: row for row in rows}


def settle(tables: Tables) -> dict[str, Decimal]:
    return {row["contract_id"]: Decimal(row["price"]) for row in tables["prices"] if row["price_type"] == "SETTLE"}


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.csv"))}


def test_same_arguments_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    first, again, other = (tmp_path / name for name in ("first", "again", "other"))
    written = sample.write(first, **SMALL)
    sample.write(again, **SMALL)
    sample.write(other, **{**SMALL, "seed": 10})
    assert bytes_of(first) == bytes_of(again)
    assert sorted(written) == sorted(first.rglob("*.csv")) and len(written) == 2 * len(DELIVERED)
    changed = [name for name, content in bytes_of(other).items() if content != bytes_of(first)[name]]
    assert {Path(name).stem for name in changed} >= {"positions", "prices", "history", "collateral_balances"}


@pytest.mark.parametrize("change", [{"days": 0}, {"members": 1}, {"contracts": 50_000}, {"end_date": date(2013, 1, 1)}])
def test_impossible_sizes_are_usage_errors(tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(LeveeError) as refused:
        sample.write(tmp_path, **{**SMALL, **change})
    assert refused.value.code == "USAGE"


@pytest.mark.parametrize(("members", "contracts"), [(2, 1), (3, 8), (12, 300), (40, 1200)])
def test_sizes_asked_for_are_delivered(
    tmp_path: Path, read: Callable[[Path], Tables], members: int, contracts: int
) -> None:
    sample.write(tmp_path, **{**SMALL, "days": 1, "members": members, "contracts": contracts})
    tables = read(tmp_path / "2026-01-30" / "EOD")
    assert (len(tables["members"]), len(tables["contracts"])) == (members, contracts)
    assert tables["positions"]
    for total in totals(tables, "qty_close").values():
        assert total == 0


def test_members_open_further_accounts_in_turn(tmp_path: Path, read: Callable[[Path], Tables]) -> None:
    sizes = {**SMALL, "days": 1}
    own, more = tmp_path / "own", tmp_path / "more"
    sample.write(own, **sizes)
    sample.write(more, **sizes, accounts=13)
    before, after = (read(folder / "2026-01-30" / "EOD") for folder in (own, more))
    assert len(before["accounts"]) == 7, "four houses, two omnibus accounts, one gross account"
    assert len(after["accounts"]) == 13
    added = {row["margin_account_id"] for row in after["accounts"]} - {
        row["margin_account_id"] for row in before["accounts"]
    }
    assert added == {"M001C2", "M001C3", "M002C2", "M002C3", "M003C2", "007C2"}
    assert {row["margin_account_id"] for row in after["positions"]} & added
    assert set(totals(after, "qty_close").values()) == {0}
    with pytest.raises(LeveeError) as refused:
        sample.write(tmp_path, **sizes, accounts=6)
    assert refused.value.code == "USAGE"


def test_every_day_is_there_with_every_dataset(days: Days, sample_folder: Path) -> None:
    assert sorted(path.name for path in sample_folder.iterdir()) == [day.isoformat() for day, _ in days]
    for _, tables in days:
        assert set(tables) == DELIVERED
        assert all(tables.values())


def test_lexical_forms_keys_and_nulls(days: Days) -> None:
    for _, tables in days:
        for name, rows in tables.items():
            declared = schema.dataset(name)
            assert list(rows[0]) == list(declared.names)
            for column in declared.columns:
                pattern = re.compile(column.pattern)
                for row in rows:
                    value = row[column.name]
                    assert pattern.fullmatch(value) if value else column.nullable, (name, column.name, value)
            keys = [tuple(row[name] for name in declared.key) for row in rows]
            assert len(set(keys)) == len(keys)


def test_envelopes(days: Days, sample_folder: Path) -> None:
    for day, tables in days:
        for name, rows in tables.items():
            content = (sample_folder / day.isoformat() / "EOD" / f"{name}.csv").read_bytes()
            header, rest = content.split(b"\n", 1)
            body, trailer = rest[: rest.rindex(b"#T")], rest[rest.rindex(b"#T") :]
            moment = f"{day}T08:00:00Z"
            assert header.decode() == f"#H,{name},1,{day},EOD,1,HOUSE,{moment},{moment},TEST,SYNTHETIC"
            assert trailer.decode().split(",")[1] == str(len(rows))
            assert trailer.decode().strip().split(",")[3] == hashlib.sha256(body).hexdigest()


def totals(tables: Tables, *columns: str) -> dict[str, Decimal]:
    """Sum by contract of the first column less the others."""
    result: dict[str, Decimal] = defaultdict(Decimal)
    for row in tables["positions"]:
        first, *others = (Decimal(row[column]) for column in columns)
        result[row["contract_id"]] += first - sum(others, Decimal(0))
    return result


@pytest.mark.parametrize(
    "columns",
    [
        ("qty_open",),
        ("qty_buy", "qty_sell"),
        ("qty_transfer",),
        ("qty_expired",),
        ("qty_close",),
        ("premium_paid",),
        ("buy_value", "sell_value"),
    ],
)
def test_every_contract_sums_to_zero_exactly(days: Days, columns: tuple[str, ...]) -> None:
    moved = 0
    for _, tables in days:
        assert all(total == 0 for total in totals(tables, *columns).values())
        moved += sum(Decimal(row[columns[0]]) != 0 for row in tables["positions"])
    assert moved, "nothing of the kind happened in five days"


def test_lines_roll_within_and_across_days(days: Days) -> None:
    before: dict[tuple[str, str, str], Decimal] | None = None
    for _, tables in days:
        lines = {line(row): {name: Decimal(row[name]) for name in QUANTITIES} for row in tables["positions"]}
        for moved in lines.values():
            assert (
                moved["qty_close"]
                == moved["qty_open"]
                + moved["qty_buy"]
                - moved["qty_sell"]
                + moved["qty_transfer"]
                + moved["qty_exercise_assign"]
                + moved["qty_expired"]
            )
        opened = {key: moved["qty_open"] for key, moved in lines.items() if moved["qty_open"]}
        assert before is None or opened == before
        before = {key: moved["qty_close"] for key, moved in lines.items() if moved["qty_close"]}


def test_quantities_are_whole_lots(days: Days) -> None:
    for _, tables in days:
        lots = {name: Decimal(row["lot_size"]) for name, row in by_id(tables["contracts"]).items()}
        for row in tables["positions"]:
            assert all(Decimal(row[name]) % lots[row["contract_id"]] == 0 for name in QUANTITIES)


def test_trades_are_valued_at_the_mark_once_rounded(days: Days) -> None:
    """A line bought in k trades differs from its rounded total by at most k half units; here k is at most a few."""
    for _, tables in days:
        terms, marks = by_id(tables["contracts"]), settle(tables)
        for row in tables["positions"]:
            contract, quantity = terms[row["contract_id"]], Decimal(row["qty_buy"])
            inverse = contract["payoff"] == "INVERSE" and contract["kind"] != "OPT"
            exact = quantity / marks[row["contract_id"]] if inverse else quantity * marks[row["contract_id"]]
            assert abs(Decimal(row["buy_value"]) - exact) <= Decimal("5e-11")
            if contract["kind"] == "OPT":
                net = Decimal(row["buy_value"]) - Decimal(row["sell_value"])
                assert Decimal(row["premium_paid"]) == net * Decimal(contract["multiplier"])
            else:
                assert Decimal(row["premium_paid"]) == 0
            assert (Decimal(row["fees"]) > 0) <= (quantity > 0 or Decimal(row["qty_sell"]) > 0)


def test_a_single_inverse_trade_is_rounded_half_up() -> None:
    from tasks.sample_book import trade_value
    from tasks.sample_listing import Contract

    contract = Contract("BTC-PERP.INV", "PERP", "INVERSE", 0, "BTC", Decimal(10), 10, 0, date(2026, 1, 1))
    for quantity, price in ((10, 3), (125000, 78125), (7770, 80123)):
        exact = (Decimal(quantity) / 10 / price).quantize(Decimal("1e-12"), ROUND_HALF_UP)
        assert Decimal(trade_value(contract, quantity, price * 10**10)).scaleb(-12) == exact


def test_expiry_closes_positions_and_the_contract_is_gone_next_day(days: Days) -> None:
    seen = 0
    for (day, tables), (_, after) in pairwise(days):
        finals = {row["contract_id"]: row["price"] for row in tables["prices"] if row["price_type"] == "FINAL"}
        index = {row["contract_id"]: row["price"] for row in tables["prices"] if row["price_type"] == "INDEX"}
        for name, contract in by_id(tables["contracts"]).items():
            expired = contract["expiry_ts"] == f"{day}T08:00:00Z"
            assert contract["status"] == ("EXPIRED_UNSETTLED" if expired else "ACTIVE")
            assert (name in finals) == expired
            assert (name in by_id(after["contracts"])) != expired
            if expired:
                seen += 1
                assert finals[name] == index[contract["underlying_asset"] + "-USD"]
        for row in tables["positions"]:
            if row["contract_id"] in finals:
                assert Decimal(row["qty_expired"]) == -Decimal(row["qty_open"]) and Decimal(row["qty_close"]) == 0
    assert seen


def test_new_listings_keep_the_number_and_have_no_past(days: Days) -> None:
    known: set[str] = set()
    listed = 0
    for day, tables in days:
        ids = set(by_id(tables["contracts"]))
        assert len(ids) == 120
        prices = {row["contract_id"]: row for row in tables["prices"] if row["price_type"] == "SETTLE"}
        for name in ids - known if known else set():
            listed += 1
            assert by_id(tables["contracts"])[name]["list_ts"] == f"{day}T08:00:00Z"
            assert prices[name]["prev_price"] == ""
        known |= ids
    assert listed


def test_previous_prices_are_yesterday_s(days: Days) -> None:
    for (_, before), (_, tables) in pairwise(days):
        yesterday = {(row["contract_id"], row["price_type"]): row["price"] for row in before["prices"]}
        for row in tables["prices"]:
            if row["prev_price"]:
                assert row["prev_price"] == yesterday[row["contract_id"], row["price_type"]]


def test_history_agrees_on_the_past_and_ends_at_the_index(days: Days) -> None:
    past: dict[tuple[str, str], str] = {}
    for day, tables in days:
        closes = {(row["underlying"], row["date"]): row["close"] for row in tables["history"]}
        assert all(closes[key] == past[key] for key in closes.keys() & past.keys())
        index = {row["contract_id"]: row["price"] for row in tables["prices"] if row["price_type"] == "INDEX"}
        for name in {name for name, _ in closes}:
            assert closes[name, day.isoformat()] == index[f"{name}-USD"]
            dates = {date.fromisoformat(each) for asset, each in closes if asset == name}
            assert dates == {day - timedelta(days=back) for back in range(1826)}
        past |= closes


def test_parity_in_coin_and_in_quote(days: Days) -> None:
    pairs = 0
    for _, tables in days:
        marks, terms = settle(tables), by_id(tables["contracts"])
        for row in tables["vol_quotes"]:
            name = row["contract_id"]
            other = name.replace("-C.", "-P.")
            if "-C." in name and other in marks:
                pairs += 1
                F, K = Decimal(row["forward"]), Decimal(terms[name]["strike"])
                expected = 1 - K / F if terms[name]["payoff"] == "INVERSE" else F - K
                assert abs(marks[name] - marks[other] - expected) <= Decimal("2e-10") + abs(expected) * Decimal("1e-13")
    assert pairs > 50


def smiles(tables: Tables) -> dict[tuple[str, str], list[tuple[float, float, float]]]:
    """By underlying and expiry: strike, forward and undiscounted call price in quote of each strike, ascending."""
    terms, marks = by_id(tables["contracts"]), settle(tables)
    found: dict[tuple[str, str], dict[float, tuple[float, float, float]]] = defaultdict(dict)
    for row in tables["vol_quotes"]:
        contract = terms[row["contract_id"]]
        F, K = float(row["forward"]), float(contract["strike"])
        value = float(marks[row["contract_id"]]) * (F if contract["payoff"] == "INVERSE" else 1.0)
        call = value if contract["option_type"] == "C" else value + F - K
        found[contract["underlying_asset"], contract["expiry_ts"]][K] = (K, F, call)
    return {key: [each[K] for K in sorted(each)] for key, each in found.items()}


def test_delivered_marks_are_free_of_butterfly_arbitrage(days: Days) -> None:
    checked = 0
    for _, tables in days:
        for smile in smiles(tables).values():
            K, _, call = (np.array(each) for each in zip(*smile, strict=True))
            slope = np.diff(call) / np.diff(K)
            assert (slope >= -1 - 1e-9).all() and (slope <= 1e-9).all()
            assert (np.diff(slope) >= -1e-9).all()
            checked += max(len(slope) - 1, 0)
    assert checked > 20


def test_delivered_volatilities_are_free_of_calendar_arbitrage(days: Days) -> None:
    """Total variance at a later expiry's log-moneyness, straight between neighbours, is below the later one's."""
    checked = 0
    for day, tables in days:
        terms = by_id(tables["contracts"])
        slices: dict[tuple[str, str], dict[float, float]] = defaultdict(dict)
        for row in tables["vol_quotes"]:
            contract = terms[row["contract_id"]]
            years = (date.fromisoformat(contract["expiry_ts"][:10]) - day).days / 365
            k = math.log(float(contract["strike"]) / float(row["forward"]))
            slices[contract["underlying_asset"], contract["expiry_ts"]][k] = float(row["iv_mark"]) ** 2 * years
        keys = sorted(slices)
        for near, far in pairwise(keys):
            if near[0] == far[0] and len(slices[near]) > 1:
                k_near, w_near = (np.array(each) for each in zip(*sorted(slices[near].items()), strict=True))
                inside = [(k, w) for k, w in slices[far].items() if k_near[0] <= k <= k_near[-1]]
                checked += len(inside)
                assert all(w >= np.interp(k, k_near, w_near) for k, w in inside)
    assert checked > 20


def test_quotes_stand_around_the_mark(days: Days) -> None:
    for _, tables in days:
        marks, terms = settle(tables), by_id(tables["contracts"])
        for row in tables["vol_quotes"]:
            mark, tick = marks[row["contract_id"]], Decimal(terms[row["contract_id"]]["tick_size"])
            assert row["px_unit"] == ("COIN" if terms[row["contract_id"]]["payoff"] == "INVERSE" else "QUOTE")
            assert mark <= Decimal(row["ask_px"]) and Decimal(row["ask_px"]) % tick == 0
            assert float(row["iv_mark"]) < float(row["iv_ask"])
            if row["bid_px"]:
                assert 0 < Decimal(row["bid_px"]) <= mark and Decimal(row["bid_px"]) % tick == 0
                assert float(row["iv_bid"]) < float(row["iv_mark"])


def test_depth_is_symmetric_and_monotone(days: Days) -> None:
    for _, tables in days:
        marks = settle(tables)
        books: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for row in tables["book_depth"]:
            books[row["contract_id"]][row["side"]].append(row)
        live = {
            name
            for name, row in by_id(tables["contracts"]).items()
            if row["kind"] != "OPT" and row["status"] == "ACTIVE"
        }
        assert set(books) == live
        for name, sides in books.items():
            asks, bids = ([Decimal(row["price"]) for row in sides[side]] for side in ("ASK", "BID"))
            assert asks == sorted(set(asks)) and bids == sorted(set(bids), reverse=True)
            assert [ask - marks[name] for ask in asks] == [marks[name] - bid for bid in bids]
            for rows in sides.values():
                assert sum(Decimal(row["size"]) for row in rows) == Decimal(rows[-1]["cum_size"])
                assert all(Decimal(row["size"]) > 0 for row in rows)


def test_three_funding_intervals_end_within_the_day(days: Days) -> None:
    for day, tables in days:
        ends: dict[str, list[str]] = defaultdict(list)
        for row in tables["funding"]:
            ends[row["contract_id"]].append(row["interval_end_ts"])
            assert abs(Decimal(row["funding_rate"])) <= Decimal("0.005")
        perpetuals = {row["contract_id"] for row in tables["contracts"] if row["kind"] == "PERP"}
        assert set(ends) == perpetuals
        yesterday = day - timedelta(days=1)
        assert all(each == [f"{yesterday}T16:00:00Z", f"{day}T00:00:00Z", f"{day}T08:00:00Z"] for each in ends.values())


def test_open_interest_is_the_sum_of_longs(days: Days) -> None:
    for _, tables in days:
        longs: dict[str, Decimal] = defaultdict(Decimal)
        for row in tables["positions"]:
            longs[row["contract_id"]] += max(Decimal(row["qty_close"]), Decimal(0))
        for row in tables["prices"]:
            if row["price_type"] == "SETTLE":
                assert Decimal(row["open_interest"]) == longs[row["contract_id"]]


def test_stablecoins_stay_near_a_dollar(days: Days) -> None:
    for _, tables in days:
        prices = {row["contract_id"]: float(row["price"]) for row in tables["prices"] if row["price_type"] == "INDEX"}
        assert set(prices) >= {"BTC-USD", "ETH-USD", "USDC-USD", "USDT-USD"}
        assert all(abs(prices[name] - 1) <= 0.0006 for name in ("USDC-USD", "USDT-USD"))


def test_members_accounts_and_leis(days: Days) -> None:
    _, tables = days[0]
    ids = [row["clearing_member_id"] for row in tables["members"]]
    assert "007" in ids and len(set(ids)) == 9
    assert {row["account_type"] for row in tables["accounts"]} == {"HOUSE", "CLIENT_OMNI_NET", "CLIENT_GROSS"}
    for row in tables["members"]:
        assert re.fullmatch(r"9999[0-9A-Z]{14}[0-9]{2}", row["lei"])
        assert int("".join(str("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".index(each)) for each in row["lei"])) % 97 == 1
    assert len({row["lei"] for row in tables["members"]}) == len({row["legal_name"] for row in tables["members"]}) == 9
    accounts = {row["margin_account_id"]: row for row in tables["accounts"]}
    for row in tables["positions"]:
        account = accounts[row["margin_account_id"]]
        assert account["clearing_member_id"] == row["clearing_member_id"]
        assert account["account_type"] == row["account_type"]
        assert bool(row["client_id"]) == (row["account_type"] == "CLIENT_GROSS")
    traded = {row["clearing_member_id"] for row in tables["positions"]}
    assert set(ids) - traded == {"M005"}  # the flat kind of nine members


def test_known_lei_check_digits() -> None:
    """Published LEIs of well-known institutions carry the digits the rule gives."""
    from tasks.sample_members import lei_check_digits

    for published in ("529900T8BM49AURSDO55", "5493001KJTIIGC8Y1R12"):
        assert lei_check_digits(published[:18]) == published[18:]


def test_collateral_opens_once_and_moves_now_and_then(days: Days) -> None:
    for position, (_, tables) in enumerate(days):
        accounts = {row["margin_account_id"] for row in tables["accounts"]}
        assert {row["margin_account_id"] for row in tables["collateral_balances"]} == accounts
        assert all(bool(row["qty_open"]) == (position == 0) for row in tables["collateral_balances"])
    moves = [row for _, tables in days for row in tables["collateral_balances"]]
    assert any(Decimal(row["deposits"]) > 0 for row in moves) and any(Decimal(row["withdrawals"]) > 0 for row in moves)
    opening = {(row["margin_account_id"], row["asset"]): Decimal(row["qty_open"]) for row in moves if row["qty_open"]}
    for row in moves:
        assert 0 <= Decimal(row["withdrawals"]) <= opening[row["margin_account_id"], row["asset"]]


def test_transfers_stay_within_a_member(days: Days) -> None:
    found = 0
    for _, tables in days:
        moved: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for row in tables["positions"]:
            moved[row["clearing_member_id"], row["contract_id"]] += Decimal(row["qty_transfer"])
            found += Decimal(row["qty_transfer"]) != 0
        assert all(total == 0 for total in moved.values())
    assert found
