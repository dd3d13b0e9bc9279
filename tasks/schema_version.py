"""Which form of the tables a database was made in: another one is not worked with, but made again."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

from tasks import resources
from tasks.model.errors import Finding, LeveeError

_DEFINITION = re.compile(r"^CREATE TABLE.*?\n\);|^CREATE OR REPLACE VIEW.*?;$", re.DOTALL | re.MULTILINE)
_AGAIN = "make it again from frozen files and exports: `levee rebuild`"


@cache
def current() -> str:
    """First 16 hex of the sha256 over the definitions of all tables and views, whatever is said about their columns."""
    texts = (resources.sql(name) for name in resources.sql_names("schema"))
    definitions = (" ".join(each.split()) for text in texts for each in _DEFINITION.findall(text))
    return hashlib.sha256("\n".join(definitions).encode()).hexdigest()[:16]


def require_current(made_in: str, database: Path) -> None:
    """Raises LeveeError SCHEMA_VERSION where a database was made in another form; empty: before forms were told."""
    if made_in != current():
        raise LeveeError(
            Finding(
                "SCHEMA_VERSION",
                "the database was made in another form of the tables",
                where=str(database),
                value=made_in or "not told",
                limit=current(),
                action=_AGAIN,
            )
        )


def require_not_lost(database: Path) -> None:
    """Raises LeveeError DB_CORRUPT where a home that has worked has no database: an empty one knows of no release."""
    if not database.exists() and (database.parent / "ledgers").exists():
        raise LeveeError(Finding("DB_CORRUPT", "the database is gone", where=str(database), action=_AGAIN))
