"""The search of a policy as files: every policy tried as csv, the whole as JSON, and a page with both frontiers."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tasks import optimise_chart
from tasks.home import canonical_json
from tasks.model.assurance.frontier import Figures
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
        "active": choice.active,
        "chosen": choice.chosen,
        "chosen_in_stages": choice.unbound,
        "reason": {each: reason(found, each) for each in (choice.chosen, choice.unbound) if each},
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
        for name, each in found.choice.trials.items()
    ]
    baselines = [
        {"policy": name, "kind": "baseline", **_figures("first", old), **_figures("second", new)}
        for name, (old, new) in found.baselines.items()
    ]
    return [*trials, *baselines]


def reason(found: Optimised, name: str) -> str:
    """Why a policy was chosen and how it did, in numbers."""
    choice = found.choice
    own, base = choice.trials[name].first, choice.trials[choice.active].first
    own_after, base_after = found.seconds[name], found.seconds[choice.active]
    within = sum(not each.refused for each in choice.trials.values())
    return (
        f"{name}: of {found.tried} policies tried, {within} of them within one change of the active one. First half: "
        f"covers {own.lowest_coverage:.2%}, cost times swing {own.score:.4f} against {base.score:.4f} of the active "
        f"policy ({own.score / base.score - 1.0:+.1%}), place {_place(found, name, 0)}. Second half: covers "
        f"{own_after.lowest_coverage:.2%}, {own_after.score:.4f} against {base_after.score:.4f} "
        f"({own_after.score / base_after.score - 1.0:+.1%}), place {_place(found, name, 1)}."
    )


def files(found: Optimised) -> dict[str, bytes]:
    """Files of the search by name."""
    return {CSV_FILE: _csv(found).encode(), JSON_FILE: canonical_json(told(found)), PAGE_FILE: _page(found)}


def _place(found: Optimised, name: str, half: int) -> int:
    """Place of a policy by its score among all that were tried, whether they cover or not."""
    scores = {each: (found.seconds[each] if half else trial.first).score for each, trial in found.choice.trials.items()}
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
    choice = found.choice
    shown = dict.fromkeys(each for each in (choice.active, choice.chosen, choice.unbound) if each)
    every = {row["policy"]: row for row in rows(found)}
    marked = [every[name] for name in (*shown, *found.baselines)]
    return render(
        "frontier",
        header={
            "title": f"Policy search: {', '.join(sorted(found.request.coins))}",
            "last": found.last,
            "splits": ", ".join(f"{coin} {each}" for coin, each in found.splits.items()),
            "tried": found.tried,
        },
        moves=choice.chosen not in (None, choice.active),
        chosen=choice.chosen,
        unbound=choice.unbound,
        active=choice.active,
        reasons=[reason(found, name) for name in shown if name != choice.active],
        charts=[Markup(optimise_chart.frontier(found, half)) for half in (0, 1)],
        marked=marked,
        efficient=[[every[name] for name in found.frontier(half)] for half in (0, 1)],
        standings=found.standings,
    )
