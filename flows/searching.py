"""The `levee optimise` command: the grid of policies on the daily history, and the one to propose."""

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
from flows.options import COINS, Common, coins_of
from tasks import codes


def optimise(
    coins: str = COINS,
    first: Annotated[date | None, Parameter(name="--from")] = None,
    last: Annotated[date | None, Parameter(name="--to")] = None,
    policy: Path | None = None,
    out: Path | None = None,
    effective_date: date | None = None,
    common: Common | None = None,
) -> int:
    """Search for the policy with the least cost times swing that covers 99.5 % of every outright and swings no more.

    Chosen on the first half of the daily history of LEVEE_MARKET_DATA_DIR, judged on the second. Nothing is put in
    force: with --out a page, a table and the chosen policies are written, each with what it rests on, to be proposed
    with `levee policy propose policy.toml --search policy.json`.

    Parameters
    ----------
    coins
        Coins whose outright portfolios are margined.
    first
        First day a margin is judged on; by default each coin's own.
    last
        Last day; by default the last whose loss is known.
    policy
        Policy file the search begins from; the home's policy in force by default.
    out
        Folder to write to.
    effective_date
        First business date of the proposed policy; the day after the last by default.
    """
    from tasks import convert, policy_store
    from tasks import optimise as search

    common = common or Common()
    home = common.read().prepare()
    file = policy or policy_store.file_in_force(home, last or date.max)
    names = coins_of(coins)
    with printing.waiting("margining every day under every policy of the search"):
        found = search.optimise(search.Request(names, file, first, last, effective_date), convert.market_data_folder())
        files = search.write(found, out) if out else {}
    told = found.as_dict() | {"files": {name: str(path) for name, path in files.items()}}
    common.show(told, lambda: _shown(told))
    return codes.PUBLISHED


def _shown(told: dict[str, Any]) -> Group:
    """The active policy, the chosen ones and the baselines on both halves, then the reason in numbers."""
    named = dict.fromkeys(each for each in (told["active"], *told["reason"]) if each)
    table = Table("policy", "half", box=None, pad_edge=False)
    for name in ("coverage", "mean rate", "matched cost", "peak/trough", "cost × swing"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in told["points"]:
        if row["policy"] not in named and row["kind"] != "baseline":
            continue
        for half in ("first", "second"):
            table.add_row(
                row["policy"] if half == "first" else "",
                half,
                f"{row[f'{half}_lowest_coverage']:.4f}",
                f"{row[f'{half}_mean_rate']:.4f}",
                f"{row[f'{half}_matched_cost']:.4f}",
                f"{row[f'{half}_peak_to_trough']:.2f}",
                f"{row[f'{half}_score']:.4f}",
            )
    verdicts = [f"{each['model']}: {each['verdict'].lower()} on the second half" for each in told["standings"]]
    files = [f"{name}: {path}" for name, path in told["files"].items()]
    lines = (*told["reason"].values(), *verdicts, *(files or ["--out DIR writes page, table and policy"]))
    return Group(table, *(Text(each, overflow="fold") for each in lines))


COMMANDS: tuple[Callable[..., int], ...] = (optimise,)
