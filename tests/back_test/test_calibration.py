"""Calibration from delivered history: what is proposed, what is named as missing, and nothing of what came later."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tasks import calibration_books, policy_store, resources
from tasks.calibration import Calibration, calibrate, write
from tasks.calibration_data import day_moves, evidence_of
from tasks.home import Home
from tasks.model import policy_file
from tasks.model.errors import LeveeError

AS_OF = date(2019, 8, 1)
FIRST = date(2018, 1, 1)
DAYS = (AS_OF - FIRST).days + 41
LATER = AS_OF + timedelta(days=5)


def base_file(tmp_path: Path) -> Path:
    """The opening policy with short look-backs, so that a short history is enough."""
    text = resources.data("policy/2014-01-01.toml").read_text(encoding="utf-8")
    text = text.replace("lookback_scenarios = 1500", "lookback_scenarios = 500")
    text = text.replace("minimum_scenarios = 1000", "minimum_scenarios = 300")
    path = tmp_path / "base.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def closes(daily: Callable[..., dict[date, float]]) -> dict[str, dict[date, float | None]]:
    """BTC and ETH that walk together, a coin that is born late, a stablecoin that breaks once."""
    btc, own = daily(DAYS, 1), daily(DAYS, 2)
    eth: dict[date, float | None] = {day: 0.1 * btc[day] ** 0.8 * own[day] ** 0.5 for day in btc}
    eth[date(2019, 3, 3)] = float("nan")
    usdc: dict[date, float | None] = dict.fromkeys(btc, 1.0)
    usdc[date(2019, 5, 5)] = 0.88
    sol: dict[date, float | None] = {day: close for day, close in btc.items() if day >= LATER}
    return {"BTC": dict(btc), "ETH": eth, "SOL": sol, "USDC": usdc}


@pytest.fixture
def found(
    history_folder: Callable[..., Path], closes: dict[str, dict[date, float | None]], tmp_path: Path
) -> Calibration:
    return calibrate(base_file(tmp_path), history_folder(closes), AS_OF, ("BTC", "ETH", "SOL"))


def test_nothing_later_than_the_day_is_known(
    found: Calibration,
    history_folder: Callable[..., Path],
    closes: dict[str, dict[date, float | None]],
    tmp_path: Path,
) -> None:
    cut = {coin: {day: close for day, close in rows.items() if day <= AS_OF} for coin, rows in closes.items()}
    # SOL is then unknown to the source; it is named either way by a row of later days alone.
    cut["SOL"] = {LATER: 1.0}
    again = calibrate(base_file(tmp_path), history_folder(cut), AS_OF, ("BTC", "ETH", "SOL"))
    assert again.as_dict() == found.as_dict()
    wild = {
        coin: {day: (close or 1.0) * (9.0 if day > AS_OF else 1.0) for day, close in rows.items()}
        for coin, rows in cut.items()
    }
    wild["ETH"][date(2019, 3, 3)] = float("nan")
    assert (
        calibrate(base_file(tmp_path), history_folder(wild), AS_OF, ("BTC", "ETH", "SOL")).policy_hash
        == found.policy_hash
    )


def test_every_estimate_says_how_sure_it_is_and_what_cannot_be_estimated_is_named(found: Calibration) -> None:
    assert found.decisions
    for decision in found.decisions:
        estimate, figure = decision.estimate, decision.estimate.figure
        assert figure.low <= figure.value <= figure.high, estimate.parameter
        assert 0.8 < figure.level <= 1.0
        assert figure.method in ("asymptotic", "exact", "bootstrap")
        assert FIRST - timedelta(days=1) <= estimate.first <= estimate.last <= AS_OF
        assert len(estimate.data_hash) == 64
    by_name = {each.estimate.parameter: each.estimate for each in found.decisions}
    assert by_name["grid.range_fraction.ETH"].excluded_days == 1
    assert by_name["grid.range_fraction.BTC"].excluded_days == 0
    assert by_name["collateral.haircut_fraction.USDC"].figure.value == pytest.approx(0.12)
    named = {(each.parameter, each.coin) for each in found.left_out}
    assert ("every parameter", "SOL") in named
    assert ("vol_proxy.beta_down.BTC", "BTC") in named
    assert any(parameter.startswith("liquidity_concentration.half_spread_fraction") for parameter, _ in named)


def test_the_proposed_policy_differs_where_data_say_so_and_its_files_are_the_same_bytes_again(
    found: Calibration, tmp_path: Path
) -> None:
    proposed, base = policy_file.parse(found.content, "proposed"), found.base
    before, after = policy_file.flat(base), policy_file.flat(proposed)
    moved = {name for name in after if before.get(name) != after[name]} - {"policy_id", "effective_date"}
    assert moved == set(found.as_dict()["changes"])
    assert proposed.collateral.haircut_fraction["USDC"] == 0.12
    assert proposed.effective_date > AS_OF
    # A range above the outright base would be the margin.
    assert proposed.grid.range_fraction["BTC"] < 0.25
    out = tmp_path / "proposal.toml"
    files = write(Home(tmp_path / "home"), found, out)
    assert sorted(files) == ["PC01.csv", "PC01.html", "PC01.json", "out", "policy.toml"]
    assert policy_file.content_hash(tomllib.loads(out.read_text(encoding="utf-8"))) == found.policy_hash
    assert policy_store.load(files["policy.toml"]).policy_hash == found.policy_hash
    before = {name: path.read_bytes() for name, path in files.items()}
    assert {name: path.read_bytes() for name, path in write(Home(tmp_path / "home"), found, out).items()} == before
    rows = list(csv.DictReader(before["PC01.csv"].decode().splitlines()))
    assert len(rows) == len(found.decisions) + len(found.left_out)
    assert not (tmp_path / "home" / "policy").exists(), "nothing is put in force"
    page = before["PC01.html"].decode()
    assert found.calibration_id in page
    assert "base_<wbr>margin.<wbr>half_<wbr>life_<wbr>days" in page, "a long name is broken between words alone"
    reasons = {each.reason for each in found.left_out}
    assert page.count('<th class="why">') == len(reasons) < len(found.left_out), "one line for each reason"
    assert json.loads(before["PC01.json"]) == json.loads(json.dumps(found.as_dict()))


def test_a_coin_nobody_knows_is_refused(
    history_folder: Callable[..., Path], closes: dict[str, dict[date, float | None]], tmp_path: Path
) -> None:
    with pytest.raises(LeveeError, match="UNKNOWN_ID"):
        calibrate(base_file(tmp_path), history_folder(closes), AS_OF, ("DOGE",))


def test_excluded_days_come_back_beside_the_clean_ones(
    history_folder: Callable[..., Path], closes: dict[str, dict[date, float | None]]
) -> None:
    eth = closes["ETH"] | {FIRST - timedelta(days=at): 50.0 for at in range(1, 4)}
    bars = [(date(2017, 12, 20) + timedelta(days=at), 900.0, 1.0) for at in range(12)]
    evidence = evidence_of(history_folder(closes | {"ETH": eth}, bars), ("BTC", "ETH"), AS_OF)
    row = evidence.clean.underlyings.index("ETH")
    clean, whole = (np.isfinite(each.close[row]).sum() for each in (evidence.clean, evidence.whole))
    assert whole - clean == 3


def test_moves_are_of_consecutive_days_alone() -> None:
    first = date(2020, 1, 1)
    levels = {first + timedelta(days=at): value for at, value in ((0, 1.0), (1, 2.0), (3, 8.0), (4, 4.0))}
    days, moves = day_moves(levels)
    assert days == [first + timedelta(days=1), first + timedelta(days=4)]
    assert moves == pytest.approx(np.log([2.0, 0.5]))
    assert day_moves(levels, levels)[1].tolist() == [0.0, 0.0]


def books(folder: Path, gap: float) -> Path:
    """One perpetual with ten levels a side, whose middle is 10,000 and whose best prices are `gap` apart."""

    def rows() -> Iterator[dict[str, object]]:
        for message in range(24):
            when = datetime(2021, 7, 22, 1, 0, message, tzinfo=UTC)
            for level in range(10) if message == 0 else (0,):
                for side, sign in (("bid", -1.0), ("ask", 1.0)):
                    yield {
                        "venue": "bitmex",
                        "symbol": "XBTUSD",
                        "recv_ts": when,
                        "msg_type": "snapshot" if message == 0 else "update",
                        "seq_first": None,
                        "seq_last": None,
                        "prev_seq": None,
                        "side": side,
                        "price": 10_000.0 + sign * (0.5 * gap + 10.0 * level),
                        "size": 200_000.0 + message,
                    }

    kinds = {"seq_first": pl.Int64, "seq_last": pl.Int64, "prev_seq": pl.Int64}
    folder.mkdir(exist_ok=True)
    pl.DataFrame(list(rows()), schema_overrides=kinds).write_parquet(folder / "l2_order_books.parquet")
    return folder


def test_a_thin_book_has_a_wider_spread_and_a_dear_walk(tmp_path: Path) -> None:
    day = date(2021, 7, 22)
    tight, wide = (calibration_books.depths(books(tmp_path / str(gap), gap), day)["BTC"] for gap in (1.0, 40.0))
    assert tight.half_spread.tolist() == pytest.approx([0.00005] * 8)
    assert wide.half_spread.tolist() == pytest.approx([0.002] * 8)
    first = tight.excess[tight.size_usd == 1_000_000.0][0]
    # Five levels of 200,000 USD, ten USD apart: the fill is 20 USD beyond the best price on average.
    assert first == pytest.approx(0.002, rel=1e-3)
    assert 5_000_000.0 not in tight.size_usd, "a size the book does not hold is left out"


def test_books_that_are_old_or_later_are_not_taken(tmp_path: Path) -> None:
    folder = books(tmp_path / "books", 1.0)
    assert calibration_books.book_day(folder, date(2021, 7, 21)) is None
    assert calibration_books.book_day(folder, date(2021, 8, 21)) == date(2021, 7, 22)
    assert calibration_books.book_day(folder, date(2021, 8, 22)) is None
    assert calibration_books.book_day(tmp_path, date(2021, 8, 22)) is None


def test_the_command_writes_a_proposal_and_puts_nothing_in_force(
    history_folder: Callable[..., Path],
    closes: dict[str, dict[date, float | None]],
    tmp_path: Path,
    levee: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEVEE_MARKET_DATA_DIR", str(history_folder(closes)))
    out, home = tmp_path / "out.toml", tmp_path / "home"
    common = (
        "--policy",
        base_file(tmp_path),
        "--out",
        out,
        "--from",
        date(2019, 9, 1),
        "--home",
        home,
        "--no-orchestrator",
        "--json",
    )
    result = levee("calibrate", "--as-of", AS_OF, "--coins", "BTC", *common)
    assert result.code == 0, result.err
    told = json.loads(result.out)
    assert policy_store.load(out).policy_hash == told["policy_hash"]
    assert told["changes"]
    assert policy_store.load(out).effective_date == date(2019, 9, 1)
    in_force = list((home / "policy").glob("*.toml"))
    assert all(policy_store.load(path).policy_hash != told["policy_hash"] for path in in_force)
