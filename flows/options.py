"""Options that commands share, each written once, and how a command shows what it found."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from flows import environment, printing
from tasks.home import Home
from tasks.model.errors import Finding, LeveeError

COINS = "BTC,ETH"

Day = Annotated[date, Parameter(name="--date")]
First = Annotated[date, Parameter(name="--from")]
Last = Annotated[date, Parameter(name="--to")]
Cycle = Annotated[str, Parameter(help="SOD, ITD1 … ITDn or EOD.")]
User = Annotated[str, Parameter(help="Who acts; LEVEE_USER or the login name by default.")]
Wait = Annotated[float, Parameter(help="Seconds to wait for another command that holds the home.")]
Inbox = Annotated[Path | None, Parameter(help="Folder of delivered files instead of the home's own.")]
NoOrchestrator = Annotated[bool, Parameter(help="Do the same without Prefect.")]


@Parameter(name="*")
@dataclass
class Common:
    """Options every command takes."""

    home: Annotated[Path, Parameter(env_var="LEVEE_HOME", help="Folder that holds everything.")] = field(
        default_factory=lambda: Path("var")
    )
    as_json: Annotated[bool, Parameter(name="--json", help="Print JSON instead of text.")] = False

    def open(self, inbox: Path | None = None) -> Home:
        """The home at its absolute path; the process's environment is set for it."""
        root = self.home.expanduser().resolve()
        environment.prepare(root)
        return Home(root, inbox.expanduser().resolve() if inbox else None)

    def read(self) -> Home:
        """The home for a command that reads no database; what a command that died left unshown is shown first."""
        home = self.open()
        if home.lease.exists():
            from tasks.catch_up import catch_up

            catch_up(home)
        return home

    def show(self, value: Any, text: Callable[[], Any]) -> None:
        """Print a value as JSON, or the text made of it."""
        if self.as_json:
            print(json.dumps(_without_nan(value), sort_keys=True, default=str, allow_nan=False))
        else:
            printing.paper().print(text())


def _without_nan(value: Any) -> Any:
    """The same with null for what is no finite number: JSON has no word for it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _without_nan(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return value


def coins_of(text: str) -> tuple[str, ...]:
    """Coins or assets as a person lists them, `btc, ETH`: each once, in order."""
    return tuple(sorted({name for each in text.split(",") if (name := each.strip().upper())}))


def number_of(text: str) -> Decimal:
    """A figure as a person writes it. Raises LeveeError USAGE where that is no finite number."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise LeveeError(Finding("USAGE", "not a number", value=repr(text), action="give it like 1234.56"))
    return found
