"""The `levee calibrate` command: parameters estimated from data, as a policy that may be proposed."""

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
from flows.options import COINS, Common, NoOrchestrator, coins_of
from tasks import codes


def calibrate(
    as_of: Annotated[date, Parameter(name="--as-of")],
    coins: str = COINS,
    policy: Path | None = None,
    out: Path | None = None,
    effective_date: Annotated[date | None, Parameter(name="--from")] = None,
    no_orchestrator: NoOrchestrator = False,
    common: Common | None = None,
) -> int:
    """Estimate the policy's parameters from the history of LEVEE_MARKET_DATA_DIR up to a day: a policy to propose.

    Nothing is put in force. Each estimate has its interval, window, data hash and what excluded days would make of it;
    a parameter within its interval is left alone. The proposed policy and the report PC01 are kept in the home.

    Parameters
    ----------
    as_of
        Nothing later than the end of this UTC day is read.
    coins
        Underlyings whose parameters are estimated.
    policy
        Policy file to begin from; the home's policy in force by default.
    out
        File to write the proposed policy to as well.
    effective_date
        First business date of the proposed policy; the day after by default.
    """
    from tasks import calibration, convert, policy_store

    common = common or Common()
    home = common.read().prepare()
    base, market_data = policy or policy_store.file_in_force(home, as_of), convert.market_data_folder()
    names = coins_of(coins)
    with printing.waiting(f"calibrating as of {as_of.isoformat()}"):
        if no_orchestrator:
            found = calibration.calibrate(base, market_data, as_of, names, effective_date)
            files = calibration.write(home, found, out)
        else:
            from flows.calibration import calibration as flow

            found, files = flow(home.root, market_data, as_of, names, base, effective_date, out)
    told = found.as_dict() | {"files": {name: str(path) for name, path in files.items()}}
    common.show(told, lambda: _shown(told))
    return codes.PUBLISHED


def _shown(told: dict[str, Any]) -> Group:
    """Parameters with what becomes of each, then checks, then what could not be estimated."""
    table = Table("parameter", box=None, pad_edge=False)
    for name in ("outcome", "now", "proposed", "estimate", "low", "high", "observed"):
        table.add_column(name, justify="left" if name == "outcome" else "right", no_wrap=True)
    for row in told["estimates"]:
        figures = (row[name] for name in ("present", "proposed", "value", "low", "high"))
        shown = ("" if each is None else f"{each:.4g}" for each in figures)
        table.add_row(row["parameter"], row["outcome"].lower(), *shown, str(row["observations"]))
    missing = [f"not estimated: {each['parameter']} ({each['coin']}): {each['reason']}" for each in told["left_out"]]
    files = (f"{name}: {path}" for name, path in told["files"].items())
    line = (
        f"calibration {told['calibration_id']} as of {told['as_of']}: {len(told['changes'])} changes proposed, "
        f"policy {told['policy_hash'][:12]}; next: levee policy propose FILE --calibration PC01.json"
    )
    return Group(table, *(Text(each, overflow="fold") for each in (*missing, *files, line)))


COMMANDS: tuple[Callable[..., int], ...] = (calibrate,)
