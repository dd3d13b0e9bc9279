"""The search of a policy as files: every policy tried as csv, the whole as JSON, and a page with both frontiers."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tasks import optimise_chart, search_evidence
from tasks.home import canonical_json
from tasks.model import policy_file
from tasks.model.assurance.frontier import Figures
from tasks.model.assurance.policy_change import changes
from tasks.rendering import render

if TYPE_CHECKING:
    from tasks.optimise import Optimised

CSV_FILE, JSON_FILE, PAGE_FILE = "frontier.csv", "frontier.json", "frontier.html"
_DIGITS = 6  # significant ones


def told(found: Optimised) -> dict[str, Any]:
    """What a program reads."""
    choice = found.choice
    return {
        "coins": sorted(found.request.coins),
        "last": found.last.isoformat(),
        "second_half_from": {coin: each.isoformat() for coin, each in found.splits.items()},
        "data_hash": found.data_hash,
        "policies_tried": found.tried,
        "outside_of_bounds": list(found.refused),
        "base_policy_hash": found.base.policy_hash,
        "active": choice.active,
        "chosen": choice.chosen,
        "chosen_in_stages": choice.unbound,
        "cheapest": choice.cheapest,
        "reason": {each: reason(found, each) for each in choice.leaders},
        "standings": [asdict(each) for each in found.standings],
        "points": rows(found),
    }


def rows(found: Optimised) -> list[dict[str, Any]]:
    """One row for each policy tried and each baseline."""
    efficient = found.frontier(0), found.frontier(1)
    trials = [
        {
            "policy": name,
            "kind": "policy",
            **_figures("first", each.first),
            "first_efficient": name in efficient[0],
            **_figures("second", found.seconds[name]),
            "second_efficient": name in efficient[1],
            "rise": _shown(each.rise),
            "refused": "; ".join(f"{fault.where}: {fault.value}" for fault in each.refused),
        }
        for name, each in found.trials.items()
    ]
    baselines = [
        {"policy": name, "kind": "baseline", **_figures("first", old), **_figures("second", new)}
        for name, (old, new) in found.baselines.items()
    ]
    return [*trials, *baselines]


def reason(found: Optimised, name: str) -> str:
    """Why a policy was chosen and how it did, in numbers."""
    choice = found.choice
    own, base = found.trials[name].first, found.trials[choice.active].first
    own_after, base_after = found.seconds[name], found.seconds[choice.active]
    within = sum(not each.refused for each in found.trials.values())
    return (
        f"{name}: of {found.tried} policies tried, {within} of them within one change of the active one. First half: "
        f"covers {own.lowest_coverage:.2%}, cost times swing {own.score:.4f} against {base.score:.4f} of the active "
        f"policy ({own.score / base.score - 1.0:+.1%}), place {_place(found, name, 0)}. Second half: covers "
        f"{own_after.lowest_coverage:.2%}, {own_after.score:.4f} against {base_after.score:.4f} "
        f"({own_after.score / base_after.score - 1.0:+.1%}), place {_place(found, name, 1)}."
    )


def evidence(found: Optimised, name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """What a proposal of a chosen policy rests on, for `levee policy propose --search`."""
    policy = policy_file.parse(content, name)
    row = next(each for each in rows(found) if each["policy"] == name)
    first = found.request.first
    told = {
        "as_of": found.last.isoformat(),
        "from": first.isoformat() if first else None,
        "effective_date": policy.effective_date.isoformat(),
        "coins": sorted(found.request.coins),
        "data_hash": found.data_hash,
        "base_policy_hash": found.base.policy_hash,
        "policy_hash": policy.policy_hash,
        "policies_tried": found.tried,
        "reason": reason(found, name),
        "figures": row,
        "changes": {each.rule_id: each.after for each in changes(found.base, policy)},
    }
    return {"search_id": search_evidence.identify(told), **told}


def files(found: Optimised) -> dict[str, bytes]:
    """Files of the search by name."""
    return {CSV_FILE: _csv(found).encode(), JSON_FILE: canonical_json(told(found)), PAGE_FILE: _page(found)}


def _place(found: Optimised, name: str, half: int) -> int:
    """Place of a policy by its score among all that were tried, whether they cover or not."""
    scores = {each: (found.seconds[each] if half else trial.first).score for each, trial in found.trials.items()}
    return 1 + sum(score < scores[name] for score in scores.values())


def _figures(half: str, of: Figures) -> dict[str, float]:
    return {f"{half}_{name}": _shown(value) for name, value in asdict(of).items()} | {f"{half}_score": _shown(of.score)}


def _shown(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _csv(found: Optimised) -> str:
    lines = rows(found)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(lines[0]), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def _page(found: Optimised) -> bytes:
    choice, roles = found.choice, optimise_chart.roles(found.choice)
    shown = tuple(dict.fromkeys((choice.active, *choice.leaders)))
    every = {row["policy"]: row for row in rows(found)}
    return render(
        "frontier",
        header={
            "title": f"Policy search: {', '.join(sorted(found.request.coins))}",
            "last": found.last,
            "splits": ", ".join(f"{coin} {each}" for coin, each in found.splits.items()),
            "tried": found.tried,
        },
        choice=choice,
        moves=choice.chosen not in (None, choice.active),
        reasons=[f"{roles[name].capitalize()}: {reason(found, name)}" for name in shown if name != choice.active],
        roles=roles,
        charts=[[Markup(draw(found, half)) for draw in optimise_chart.CHARTS] for half in (0, 1)],
        marked=[every[name] for name in (*shown, *found.baselines)],
        efficient=[[every[name] for name in found.frontier(half)] for half in (0, 1)],
        standings=found.standings,
    )
