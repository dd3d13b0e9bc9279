"""Back-tests of static portfolios: the same figures whoever computes them and however they are cut, once each."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import polars as pl
import pytest

from tasks import back_test_history, back_test_report, back_test_verdicts, resources
from tasks.back_test import BackTested, Judged, back_test, judgements
from tasks.back_test_plan import Job, Request, day
from tasks.back_test_slice import compute
from tasks.home import Home
from tasks.model.assurance.rolling_margin import roll
from tasks.model.errors import LockedError
from tasks.store import Store

POLICY = resources.data("policy") / "2014-01-01.toml"
FIRST, LAST = date(2018, 11, 1), date(2019, 3, 31)
Mapped = Callable[[Sequence[Job]], Sequence[str]]


def one_by_one(jobs: Sequence[Job]) -> list[str]:
    return [compute(job) for job in jobs]


@pytest.fixture
def folder(history_folder: Callable[..., Path], daily: Callable[..., dict[date, float]]) -> Path:
    return history_folder({"BTC": daily(500, 1), "ETH": daily(500, 2, 0.05), "SOL": daily(60, 3)})


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").prepare("TEST")


@pytest.fixture
def tested(home: Home, folder: Path) -> Callable[..., BackTested]:
    def run(mapped: Mapped = one_by_one, coins: tuple[str, ...] = ("BTC",)) -> BackTested:
        return back_test(home, Request(coins, FIRST, LAST, (POLICY,)), folder, mapped)

    return run


def stored(home: Home) -> pl.DataFrame:
    with Store(home.database) as store:
        return store.read("SELECT * FROM result.back_test_rate ORDER BY ALL")


def test_slices_of_years_are_the_path_of_the_whole_span(tested: Callable[..., BackTested], folder: Path) -> None:
    found = tested()
    closes = back_test_history.joint(back_test_history.history_of(folder, ("BTC", "ETH")).closes)
    (policy,) = found.plan.policies.values()
    for path in roll(closes, policy, found.plan.portfolios, day(FIRST), day(LAST)):
        assert found.paths[policy.policy_hash][path.portfolio.name].table().equals(path.table())


def test_only_what_changed_is_computed_again(
    tested: Callable[..., BackTested], history_folder: Callable[..., Path], daily: Callable[..., dict[date, float]]
) -> None:
    assert (tested().computed, tested().computed) == (8, 0)
    more = tested(coins=("BTC", "ETH"))
    assert (more.computed, more.stood) == (12, 8)
    btc, eth = daily(500, 1), daily(500, 2, 0.05)
    btc[date(2019, 2, 1)] *= 1.01
    history_folder({"BTC": btc, "ETH": eth})
    again = tested(coins=("BTC", "ETH"))
    assert (again.computed, again.stood) == (10, 10), "a close of 2019 changes no figure of 2018"


def test_threads_and_processes_give_the_same_bits(
    tested: Callable[..., BackTested], home: Home, tmp_path: Path
) -> None:
    def in_threads(jobs: Sequence[Job]) -> list[str]:
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(compute, jobs))

    def in_processes(jobs: Sequence[Job]) -> list[str]:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            return list(pool.map(compute, jobs))

    rows = []
    for mapped in (one_by_one, in_threads, in_processes):
        home.database.unlink(missing_ok=True)
        tested(mapped)
        rows.append(stored(home))
    assert rows[0].height
    assert rows[0].equals(rows[1])
    assert rows[0].equals(rows[2])


def judged(home: Home, found: BackTested) -> Judged:
    return judgements(home, found, lambda series: [back_test_verdicts.rows_of(each) for each in series])


def test_a_path_is_judged_once_and_told_from_its_rows(tested: Callable[..., BackTested], home: Home) -> None:
    found = tested()
    first, again = judged(home, found), judged(home, found)
    assert (first.judged, again.judged) == (4, 0)
    told = back_test_report.as_dict(again, back_test_report.write(home, again))
    assert told["portfolios"] == back_test_report.as_dict(first, {})["portfolios"]
    long = next(each for each in told["portfolios"] if each["portfolio"] == "BTC long")
    path = found.paths[long["policy_hash"]]["BTC long"]
    breached = path.dates[path.judged & (path.loss > path.rate)]
    assert long["observations"] == int(path.judged.sum()) == 151
    assert long["breach_days"] == breached.tolist()
    assert long["mean_margin"] == pytest.approx(path.rate[path.judged].mean(), rel=1e-12)
    assert {"POF", "binomial", "DQ", "Z2"} & set(long["p_values"])
    json.dumps(told, default=str, allow_nan=False)


def test_a_coin_too_young_is_left_out_with_its_reason(tested: Callable[..., BackTested], home: Home) -> None:
    found = judged(home, tested(coins=("BTC", "SOL")))
    left = {each["portfolio"]: each["reason"] for each in back_test_report.left_out(found)}
    assert left["SOL long"] == "HISTORY_SHORT"
    assert "BTC long" not in left


def test_breaches_become_windows_from_the_day_they_are_known() -> None:
    days = [(date(2020, 3, 10), date(2020, 3, 12)), (date(2020, 3, 12), date(2020, 3, 14))]
    later = (date(2021, 5, 18), date(2021, 5, 20))
    told = back_test_report.stress_windows(pl.DataFrame([*days, later], schema=["date", "end_date"], orient="row"))
    assert told.splitlines()[2:] == [
        'label = ["breach 2020-03-10", "breach 2021-05-18"]',
        "first = [2020-03-10, 2021-05-18]",
        "last = [2020-03-12, 2021-05-18]",
        "active_from = [2020-03-15, 2021-05-21]",
    ]


def test_a_back_test_whose_slices_another_has_replaced_does_not_judge_what_is_left(
    home: Home,
    tested: Callable[..., BackTested],
    history_folder: Callable[..., Path],
    daily: Callable[..., dict[date, float]],
    folder: Path,
) -> None:
    first_year = Request(("BTC",), FIRST, date(2018, 12, 31), (POLICY,))
    back_test(home, first_year, folder, one_by_one)

    def while_another_runs(jobs: Sequence[Job]) -> list[str]:
        changed = history_folder({"BTC": daily(500, 7), "ETH": daily(500, 2, 0.05), "SOL": daily(60, 3)})
        back_test(home, first_year, changed, one_by_one)
        return one_by_one(jobs)

    with pytest.raises(LockedError, match="LEASE_HELD"):
        tested(while_another_runs)
