"""The search of a policy on a short stretch of real history: its files, and a policy that can be proposed."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import pytest

from tasks import optimise, policy_store, resources
from tasks.model.assurance.governance import steps_refused
from tasks.model.assurance.policy_change import changes
from tasks.model.assurance.policy_search import Axis
from tasks.model.errors import LeveeError
from tasks.policy_proposal import terms


def test_halves_meet_at_the_start_of_a_year() -> None:
    assert optimise.split_day(date(2014, 3, 1), date(2025, 12, 22)) == date(2020, 1, 1)
    assert optimise.split_day(date(2018, 7, 1), date(2025, 12, 22)) == date(2022, 1, 1)
    with pytest.raises(LeveeError, match="USAGE"):
        optimise.split_day(date(2020, 11, 1), date(2021, 12, 1))


def test_a_search_writes_its_frontier_and_a_policy_to_propose(
    market_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weight = Axis("weight", ("base_margin.stressed_weight_fraction",), ((0.2,), (0.3,), (0.5,)))
    monkeypatch.setattr(optimise, "AXES", (weight,))
    opening = resources.data("policy") / "2014-01-01.toml"
    request = optimise.Request(("BTC",), opening, date(2018, 6, 1), date(2019, 8, 31))
    found = optimise.optimise(request, market_data)
    files = optimise.write(found, tmp_path)
    told = json.loads(files["frontier.json"].read_text(encoding="utf-8"))
    assert told["policies_tried"] == 4 and told["second_half_from"] == {"BTC": "2019-01-01"}
    assert told["active"] == "weight 0.25"
    with files["frontier.csv"].open(encoding="utf-8") as lines:
        rows = {row["policy"]: row for row in csv.DictReader(lines)}
    assert set(rows) == {f"weight {each}" for each in ("0.2", "0.25", "0.3", "0.5")} | set(optimise.BASELINES)
    assert rows["weight 0.5"]["refused"].startswith("base_margin.stressed_weight_fraction: 0.25 to 0.5")
    # A scan of a fixed range never moves.
    assert float(rows["SPAN"]["first_peak_to_trough"]) == pytest.approx(1.0, abs=1e-4)
    names = {"policy.toml": told["chosen"], "policy-in-stages.toml": told["chosen_in_stages"]}
    base, largest = policy_store.load(opening), terms().rails
    for file, name in names.items():
        assert (file in files) == (name not in (None, told["active"]))
    for file in names.keys() & files.keys():
        policy = policy_store.load(files[file])
        assert policy.effective_date == date(2019, 9, 1) and policy.policy_hash != base.policy_hash
        assert file != "policy.toml" or not list(steps_refused(changes(base, policy), largest))
    page = files["frontier.html"].read_text(encoding="utf-8")
    assert page.count("<svg") == 2 and "4 policies tried" in page and "SPAN" in page
