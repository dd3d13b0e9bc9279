"""What else could margin these portfolios, and what each parameter does: the commands and their tables."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Group
from rich.table import Table
from rich.text import Text

from flows import printing
from flows.options import COINS, Common, Cycle, Day, First, Last, coins_of
from tasks import codes


def league(
    first: First,
    last: Last,
    coins: str = COINS,
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

    common = common or Common()
    home = common.read().prepare()
    files = policy or (policy_store.file_in_force(home, last),)
    request = Request(coins_of(coins), first, last, files)
    rule = leagues.rule(materiality, len(files), tried)
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


def sensitivity(
    business_date: Day,
    cycle: Cycle = "EOD",
    coins: str | None = None,
    policy: Path | None = None,
    data: bool = False,
    common: Common | None = None,
) -> int:
    """Move each number of the policy by its declared step: what becomes of every requirement. Reads no database.

    Parameters
    ----------
    business_date
        Business date of the cycle, or the day at whose close static portfolios are margined.
    cycle
        SOD, ITD1 … ITDn or EOD, of a finished cycle of this home.
    coins
        Instead of a cycle: static portfolios in these coins, on the daily history of LEVEE_MARKET_DATA_DIR.
    policy
        With --coins: a policy file in place of the one in force.
    data
        With --coins: change the history and not the policy: days left out put back, the largest moves taken out.
    """
    from tasks import convert, policy_store
    from tasks import sensitivity as moved
    from tasks.model.errors import Finding, LeveeError

    common = common or Common()
    home = common.read()
    if (policy or data) and not coins:
        raise LeveeError(Finding("USAGE", "a run keeps its own policy and history", action="add --coins BTC,ETH"))
    with printing.waiting("margining once for every parameter"):
        if coins:
            file = policy or policy_store.file_in_force(home.prepare(), business_date)
            of = moved.of_data if data else moved.of_static_portfolios
            found = of(file, convert.market_data_folder(), coins_of(coins), business_date)
        else:
            found = moved.of_run(home, business_date, cycle)
    if data:
        common.show(found.to_dicts(), lambda: _rows(found, "data"))
        return codes.PUBLISHED
    steps = moved.summary(found)
    common.show({"steps": steps.to_dicts(), "subjects": found.to_dicts()}, lambda: _steps(steps, coins is not None))
    return codes.PUBLISHED


def _steps(steps: Any, rates: bool) -> Group:
    """Steps that moved something, and how many did not."""
    table = Table(box=None, pad_edge=False)
    table.add_column("parameter", overflow="fold")
    for name in ("before", "after", "change", "largest rise", "largest fall", "moved"):
        table.add_column(name, justify="right", no_wrap=True)
    moved = [row for row in steps.iter_rows(named=True) if row["subjects_moved"]]
    for row in moved:
        figures = (row[name] for name in ("total_change", "largest_rise", "largest_fall"))
        shown = (f"{each:+.5f}" if rates else f"{each:+,.0f}" for each in figures)
        table.add_row(row["rule_id"], row["before"], row["after"], *shown, str(row["subjects_moved"]))
    refused = sum(bool(row["refused"]) for row in steps.iter_rows(named=True))
    unit = "rates of gross notional" if rates else "USD of total initial margin"
    still = steps.height - len(moved) - refused
    note = f"{unit}; {still} steps move nothing here, {refused} cannot be taken (--json says why)"
    return Group(table, Text(note))


def haircuts(
    first: First,
    last: Last,
    assets: str = "BTC,ETH,USDC,USDT",
    common: Common | None = None,
) -> int:
    """Count the days on which collateral fell by more than its haircut, on the history of LEVEE_MARKET_DATA_DIR.

    Parameters
    ----------
    first
        First day a haircut is judged on.
    last
        Last day.
    assets
        Coins and stablecoins.
    """
    from tasks import convert, haircut_back_test, policy_store

    common = common or Common()
    policy = policy_store.in_force(common.read().prepare(), last)
    with printing.waiting("setting the haircuts of every month"):
        found = haircut_back_test.back_test(policy, convert.market_data_folder(), coins_of(assets), first, last)
    common.show(found, lambda: _rows(pl.DataFrame(found), "asset"))
    return codes.PUBLISHED


def league_book(
    first: First | None = None,
    last: Last | None = None,
    common: Common | None = None,
) -> int:
    """Margin the book of each published end of day by every model that takes one, beside what accounts then lost.

    Nights that were margined before stand. Without --from and --to: the last year, with its page in the home's site,
    which `levee serve` also does every night.

    Parameters
    ----------
    first
        First end of day.
    last
        Last end of day.
    """
    from tasks import board, book_league, book_league_page

    common = common or Common()
    home = common.open()
    with printing.waiting("margining every night by every model"):
        if first or last:
            told = book_league.told(home, first or date.min, last or date.max)
        else:
            told = book_league_page.bring_up_to_date(home)
            board.write(home)
    found = {
        "models": told.models.to_dicts(),
        "nights": told.nights.to_dicts(),
        "computed": told.asked.computed,
        "left_out": list(told.asked.left_out),
    }
    common.show(found, lambda: _rows(told.models, "model"))
    return codes.PUBLISHED


def _rows(found: pl.DataFrame, first: str) -> Table:
    """A table as it is, words to the left and figures to the right."""
    table = Table(first, box=None, pad_edge=False)
    names = [name for name in found.columns if name != first]
    for name in names:
        is_word = found.schema[name] == pl.String
        table.add_column(name.replace("_", " "), justify="left" if is_word else "right")
    for row in found.iter_rows(named=True):
        table.add_row(str(row[first]), *(_shown(row[name]) for name in names))
    return table


def _shown(value: Any) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:,.0f}" if abs(value) >= 1000.0 else f"{value:.5f}"
    return "" if value is None or isinstance(value, float) else str(value)


COMMANDS: tuple[Callable[..., int], ...] = (league, league_book, sensitivity, haircuts)
