"""The search of a policy on a short stretch of real history: its files, and a policy that can be proposed."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import pytest

from tasks import optimise, policy_store, resources, search_evidence
from tasks.league import challengers
from tasks.model.assurance.governance import steps_refused
from tasks.model.assurance.policy_change import changes
from tasks.model.assurance.policy_grid import Axis
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
    monkeypatch.setattr(optimise, "axes", lambda coins: (weight,))
    rivals = {name: model for name, model in challengers().items() if name in ("SPAN", "TIMS", "HS_1000")}
    monkeypatch.setattr(optimise, "challengers", lambda: rivals)
    opening = resources.data("policy") / "2014-01-01.toml"
    request = optimise.Request(("BTC",), opening, date(2018, 6, 1), date(2019, 8, 31))
    found = optimise.optimise(request, market_data)
    files = optimise.write(found, tmp_path)
    told = json.loads(files["frontier.json"].read_text(encoding="utf-8"))
    # Four of the grid, and those half way from the leaders to their neighbours.
    assert told["policies_tried"] > 4 and told["second_half_from"] == {"BTC": "2019-01-01"}
    assert told["active"] == "weight 0.25"
    with files["frontier.csv"].open(encoding="utf-8") as lines:
        rows = {row["policy"]: row for row in csv.DictReader(lines)}
    grid = {f"weight {each}" for each in ("0.2", "0.25", "0.3", "0.5")}
    finer = {float(name.removeprefix("weight ")) for name in set(rows) - grid - set(rivals)}
    assert finer and finer <= {0.225, 0.275, 0.4} and set(rows) >= grid | set(rivals)
    assert told["policies_tried"] == len(grid) + len(finer)
    assert rows["weight 0.5"]["refused"].startswith("base_margin.stressed_weight_fraction: 0.25 to 0.5")
    # A scan of a fixed range never moves.
    assert float(rows["SPAN"]["first_peak_to_trough"]) == pytest.approx(1.0, abs=1e-4)
    base, largest = policy_store.load(opening), terms().rails
    names = {"policy": told["chosen"], "policy-in-stages": told["chosen_in_stages"], "cheapest": told["cheapest"]}
    written = {stem: name for stem, name in names.items() if f"{stem}.toml" in files}
    assert set(written.values()) == set(names.values()) - {None, told["active"]}
    for stem, name in written.items():
        policy = policy_store.load(files[f"{stem}.toml"])
        assert policy.effective_date == date(2019, 9, 1)
        moved = changes(base, policy)
        assert stem == "policy-in-stages" or not list(steps_refused(moved, largest))
        evidence = search_evidence.read(files[f"{stem}.json"])
        assert evidence["policy_hash"] == policy.policy_hash and evidence["figures"]["policy"] == name
        search_evidence.require(evidence, base.policy_hash, moved, "here")
        with pytest.raises(LeveeError, match="PARAM_STATE"):
            search_evidence.require(evidence, "another", moved, "here")
    page = files["frontier.html"].read_text(encoding="utf-8")
    assert page.count("<svg") == 4 and f"{told['policies_tried']} policies tried" in page
    assert "SPAN, TIMS" in page, "points that stand together share a name"
