"""How other margin models would ask for the book of a finished cycle: the command and its table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from flows.options import Common, Cycle, Day
from tasks import codes

_ABREAST = 7  # models beside the house in a table of 124 characters


def compare(
    business_date: Day,
    cycle: Cycle = "EOD",
    member: str | None = None,
    common: Common | None = None,
) -> int:
    """Margin a finished cycle's book by every reference model, beside the house's requirement. Reads no database.

    Parameters
    ----------
    business_date
        Business date of the cycle.
    member
        Only the accounts of this member.
    """
    from tasks import compare as models

    common = common or Common()
    found = models.compare(common.open(), business_date, cycle, member)
    common.show(found, lambda: _tables(found, models.total(found["accounts"])))
    return codes.PUBLISHED


def _tables(found: Mapping[str, Any], total: Mapping[str, Any]) -> Group:
    """The house and as many models as a page is wide for, then the house and the next ones."""
    house, *names = found["models"]
    pages = [names[start : start + _ABREAST] for start in range(0, len(names), _ABREAST)]
    sets = ", ".join(f"{name} {found['models'][name]}" for name in names)
    note = (
        f"{found['run_id']}; thousand USD to be covered by collateral: margin less net option value where the model "
        f"counts it. Parameter sets: {sets}"
    )
    margins = (_table(found["accounts"], total, [house, *page]) for page in pages or [[]])
    return Group(*margins, Text(note), _counted(found["collateral"]), Text("thousand USD of collateral that count"))


def _table(accounts: Sequence[Mapping[str, Any]], total: Mapping[str, Any], names: Sequence[str]) -> Table:
    """One line for each account, one column for each model, and what they ask of all."""
    table = Table("member", "account", box=None, pad_edge=False, show_footer=True)
    for name in names:
        table.add_column(name.replace("_", "\n"), _thousands(total.get(name)), justify="right", no_wrap=True)
    for account in accounts:
        margins = (_thousands(account["margin_usd"][name]) for name in names)
        table.add_row(account["clearing_member_id"], account["margin_account_id"], *margins)
    return table


def _counted(accounts: Sequence[Mapping[str, Any]]) -> Table:
    """One line for each account that holds collateral, one column for each set of haircuts."""
    table = Table("member", "account", box=None, pad_edge=False)
    for name in accounts[0]["counted_usd"] if accounts else ():
        table.add_column(name, justify="right", no_wrap=True)
    for account in accounts:
        counted = (_thousands(value) for value in account["counted_usd"].values())
        table.add_row(account["clearing_member_id"], account["margin_account_id"], *counted)
    return table


def _thousands(amount: Decimal | float | None) -> str:
    return "" if amount is None else f"{amount / 1000:,.1f}"


COMMANDS: tuple[Callable[..., int], ...] = (compare,)
