"""Where the shipped sql/ and data/ lie: beside this module in a wheel, else at the repository root.

An editable install gets a copy under site-packages that goes stale, so sys.path is never searched for it.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

_HERE = Path(__file__).resolve().parent


@cache
def root() -> Path:
    """Folder that holds sql/, data/ and constraints.txt."""
    packed = _HERE / "_resources"
    return packed if packed.is_dir() else _HERE.parent


@cache
def sql(name: str) -> str:
    """Text of sql/<name>.sql."""
    return (root() / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def sql_names(folder: str) -> list[str]:
    """Names of the SQL files of a folder, sorted, relative to sql/ and without the ending."""
    base = root() / "sql"
    return sorted(path.relative_to(base).with_suffix("").as_posix() for path in (base / folder).rglob("*.sql"))


def data(name: str) -> Path:
    """Path of data/<name>."""
    return root() / "data" / name


def tree_hash(*paths: Path) -> str:
    """sha256 over the names and bytes of all files under the given paths, sorted by name."""
    digest = hashlib.sha256()
    files = sorted(
        (path.name, file.relative_to(path).as_posix(), file)
        for path in paths
        for file in ([path] if path.is_file() else path.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    )
    for top, name, file in files:
        digest.update(f"{top}/{name}\n".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


@cache
def code_version() -> str:
    """Package version and sha256 of the shipped flows, tasks and sql files."""
    from importlib.metadata import version

    flows = _HERE.parent / "flows"
    return f"{version('levee')}+{tree_hash(flows, _HERE, root() / 'sql')[:16]}"
