"""What else could margin these portfolios, and what each parameter does: the commands and their tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Group
from rich.table import Table
from rich.text import Text

from flows import printing
from flows.options import Common
from tasks import codes


def league(
    first: Annotated[date, Parameter(name="--from")],
    last: Annotated[date, Parameter(name="--to")],
    coins: str = "BTC,ETH",
    policy: tuple[Path, ...] = (),
    tried: int | None = None,
    materiality: float = 0.02,
    page: Path | None = None,
    common: Common | None = None,
) -> int:
    """Judge the policy beside its challengers on the daily history of LEVEE_MARKET_DATA_DIR: who covers at what cost.

    Parameters
    ----------
    first
        First day a margin is judged on.
    last
        Last day.
    coins
        Coins whose outright, inverse and spread portfolios are margined.
    policy
        Policy files: the first is the champion, the others challenge it; the home's policy in force by default.
    tried
        Policies whose back-test was ever looked at: evidence is shared among them. At least the challengers here.
    materiality
        Smallest difference that matters, fraction of the champion's figure.
    page
        File to write the page of it to.
    """
    from tasks import back_test, back_test_slice, convert, policy_store
    from tasks import league as leagues
    from tasks.back_test_plan import Request
    from tasks.model.assurance.promotion import PromotionRule

    common = common or Common()
    home = common.open().prepare()
    files = policy or (policy_store.file_in_force(home, last),)
    request = Request(tuple(coins.split(",")), first, last, files)
    challengers = len(leagues.challengers()) + len(files) - 1
    rule = PromotionRule(materiality_fraction=materiality, policies_tried=max(tried or 0, challengers))
    with printing.waiting("margining every day by every model"):
        tested = back_test.back_test(
            home, request, convert.market_data_folder(), lambda jobs: [back_test_slice.compute(job) for job in jobs]
        )
        played = leagues.play(tested, rule)
    if page:
        leagues.write_page(played, page)
    common.show(played.as_dict(), lambda: _standings(played, page))
    return codes.PUBLISHED


def _standings(played: Any, page: Path | None) -> Group:
    table = Table("model", box=None, pad_edge=False)
    for name in ("coverage", "mean rate", "matched cost", "peak/trough", "cost", "swing", "score", "p, all tried"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict")
    for each in played.standings:
        relative = (
            f"{each.relative_cost:+.1%}",
            f"{each.relative_peak_to_trough:+.0%}",
            f"{each.score_difference:+.1%}",
            f"{each.p_tried:.3f}",
        )
        table.add_row(
            each.model,
            f"{each.lowest_coverage:.4f}",
            f"{each.mean_rate:.4f}",
            f"{each.coverage_matched_cost:.4f}",
            f"{each.peak_to_trough:.2f}",
            *(("", "", "", "") if each.verdict == "CHAMPION" else relative),
            each.verdict,
        )
    note = (
        f"{played.first} to {played.last}, means over {played.standings[0].portfolios} outright portfolios, the lowest "
        f"of their coverages; target {played.league.target:.1%}; {played.rule.policies_tried:,} policies tried"
    )
    return Group(table, Text(note), Text(f"page: {page}" if page else "--page FILE draws it"))


COMMANDS: tuple[Callable[..., int], ...] = (league,)
