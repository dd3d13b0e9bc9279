"""Options that every command takes, and how a command shows what it found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from flows import environment, printing
from tasks.home import Home


@Parameter(name="*")
@dataclass
class Common:
    """Options every command takes."""

    home: Annotated[Path, Parameter(env_var="LEVEE_HOME", help="Folder that holds everything.")] = field(
        default_factory=lambda: Path("var")
    )
    as_json: Annotated[bool, Parameter(name="--json", help="Print JSON instead of text.", negative="")] = False

    def open(self, inbox: Path | None = None) -> Home:
        """The home at its absolute path; the process's environment is set for it."""
        root = self.home.expanduser().resolve()
        environment.prepare(root)
        return Home(root, inbox.expanduser().resolve() if inbox else None)

    def show(self, value: Any, text: Callable[[], Any]) -> None:
        """Print a value as JSON, or the text made of it."""
        if self.as_json:
            print(json.dumps(value, sort_keys=True, default=str))
        else:
            printing.paper().print(text())
