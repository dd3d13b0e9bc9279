"""A clock that cannot be believed freezes nothing; other versions than the proven ones do not start in production."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tasks import lock, skew, versions
from tasks.home import Home
from tasks.model.errors import DeliveryError, LeveeError

RUN = ("cycle", "run", "--date", "2026-01-30", "--no-orchestrator", "--json")


def refused(levee: Callable[..., Any], home: Home) -> dict[str, str]:
    ended = levee(*RUN, "--home", home.root)
    assert ended.code == 10, ended.err
    said: dict[str, str] = json.loads(ended.out)["findings"][0]
    assert said["code"] == "CLOCK_SKEW"
    return said


def test_a_clock_that_was_set_meanwhile_freezes_nothing(
    house: Any, levee: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skew, "steady_seconds", lambda: lock.steady_seconds() + 3.0)
    said = refused(levee, house.home)
    assert "was set" in said["what"]
    assert float(said["value"].removesuffix(" s")) == pytest.approx(-3.0, abs=0.2)
    assert house.read("SELECT count(*) FROM control.cycle_run") == [(0,)]


def test_a_clock_behind_what_was_written_last_freezes_nothing(house: Any, levee: Callable[..., Any]) -> None:
    with house.home.locked("cycle run"):
        house.read("SELECT 1")
    later = "UPDATE control.holder SET since_ts = now()::TIMESTAMP + INTERVAL 1 HOUR"
    with skew.Store(house.home.database) as store:
        store.execute(later)
    assert "behind" in refused(levee, house.home)["what"]


def test_a_real_file_of_the_future_is_refused_and_a_synthetic_one_may_be_of_any_day(cleared: Any) -> None:
    with skew.Store(cleared.home.database) as store:
        later = skew.datetime.now(skew.UTC).replace(tzinfo=None) + timedelta(seconds=60)
        store.execute("UPDATE raw.file SET as_of_ts = $later WHERE dataset = 'prices'", {"later": later})
        files = store.read("SELECT * FROM raw.file")
        skew.require_believable(store, files.with_columns(origin=skew.pl.lit("SYNTHETIC")))
        with pytest.raises(DeliveryError) as told:
            skew.require_believable(store, files.with_columns(origin=skew.pl.lit("REAL")))
        (finding,) = told.value.findings
        store.execute("UPDATE raw.file SET as_of_ts = $now", {"now": later - timedelta(seconds=59)})
        near = store.read("SELECT * FROM raw.file").with_columns(origin=skew.pl.lit("REAL"))
        skew.require_believable(store, near)
    assert "prices" in finding.where


class Distribution(NamedTuple):
    name: str
    version: str


def test_production_does_not_start_on_other_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = [Distribution(each.name, each.version) for each in versions.metadata.distributions()]
    drifted = [each._replace(version="0.0.1") if each.name == "duckdb" else each for each in there]
    monkeypatch.delenv("LEVEE_ENV", raising=False)
    monkeypatch.setattr(versions.metadata, "distributions", lambda: drifted)
    Home(tmp_path / "test").prepare("TEST")
    with pytest.raises(LeveeError, match=r"duckdb 0\.0\.1 \(pinned") as told:
        Home(tmp_path / "prod").prepare("PROD")
    assert told.value.code == "ENV_DRIFT"
