"""The database: the only module that imports duckdb. One writer, short transactions, slices replaced whole.

A `Store` is opened for one stage and closed after it; the file of a small one stays open for the next store under the
same hold. Frames go in and come out as polars; SQL text comes from sql/.
Written for DuckDB 1.5 and 2.0 alike: `sql(...).pl()` for reads, `execute` for the rest.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import polars as pl

from tasks import disk, fence, lock, resources, schema_version
from tasks.crash import crash_point
from tasks.model.errors import Finding, LeveeError, LockedError

SCHEMAS = ("raw", "book", "result", "control", "out")
_MEMORY = Path(":memory:")
_LOCKED_BY = re.compile(r"\(PID \d+[^)]*\)")
_CORRUPT_WORDS = ("corrupt", "checksum", "not a valid duckdb database file", "database has been invalidated")
_KEPT_BYTES = 64 * 2**20  # opening and closing a small file takes a tenth of a second; a large one frees its memory
_OFFLINE = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


@dataclass(frozen=True)
class _Kept:
    """A database that stays open: a connection of its own, and which file it is."""

    connection: duckdb.DuckDBPyConnection
    file: tuple[int, int]

    def close(self) -> None:
        with suppress(duckdb.Error):  # what it held is in the log beside the file
            self.connection.close()


class Store:
    """The home's database, open for writing. Use as a context manager."""

    def __init__(self, database: Path) -> None:
        """Open or create; LEVEE_THREADS limits threads. The first one under a hold raises the fencing token.

        Raises LockedError DB_LOCKED, LeveeError DB_CORRUPT, SCHEMA_VERSION, DISK_FULL or READ_ONLY.
        """
        self._database = database
        schema_version.require_not_lost(database)
        self._in_transaction = False
        self._to_tell: list[Callable[[], None]] = []
        self._hold = None if database == _MEMORY else lock.hold_of(database.parent)
        if database != _MEMORY and not database.exists():
            _make(database)
        kept = _kept(database, self._hold)
        if self._hold and not kept:
            self._hold.unchanged.clear()  # whatever wrote to it while it was closed
        self._base = kept or _opened(database, self._hold.wait_seconds if self._hold else 0.0)
        self._connection = self._base.cursor()
        try:
            with _told(database):
                self._connection.execute("SET TimeZone = 'UTC'")
                self._connection.execute(resources.sql("text_to_decimal"))
                if not kept:
                    _create_schema(self._connection, database)
                if self._hold and self._hold.token is None:
                    fence.enter(self, self._hold)
        except BaseException:
            self._close(failed=True)
            raise

    @property
    def folder(self) -> Path:
        """Folder the database lies in: the home."""
        return self._database.parent

    @property
    def token(self) -> int:
        """Fencing token this store writes under, 0 without a hold."""
        return (self._hold.token if self._hold else None) or 0

    @classmethod
    def in_memory(cls) -> Store:
        """A store of its own that is gone when it is closed."""
        return cls(_MEMORY)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(failed=isinstance(error, duckdb.Error))
        if isinstance(error, duckdb.Error):
            refused = _refusal(error, self._database)
            if refused:
                raise refused from error

    def _close(self, failed: bool) -> None:
        """Close; a small database that works stays open for the next store of the hold."""
        with suppress(duckdb.Error):  # what the body met is what is told
            self._connection.close()
        if self._hold and not failed and _is_small(self._database):
            self._hold.kept = self._hold.kept or _Kept(self._base, _identity(self._database))
            return
        if self._hold:
            self._hold.let_go()
        with suppress(duckdb.Error):
            self._base.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the body's writes, or none. Raises LockedError FENCED where another holder has taken over."""
        self._connection.execute("BEGIN TRANSACTION")
        self._in_transaction = True
        try:
            self.require_hold()
            yield
            crash_point("transaction:before_commit")
            self._connection.execute("COMMIT")
        except BaseException:
            self._to_tell.clear()
            with suppress(duckdb.Error):  # a broken database has rolled back already
                self._connection.execute("ROLLBACK")
            raise
        finally:
            self._in_transaction = False
        crash_point("transaction:after_commit")
        self._tell()

    @contextmanager
    def joined(self) -> Iterator[None]:
        """The transaction that is open, or one of its own. Raises as `transaction`."""
        if self._in_transaction:
            yield
            return
        with self.transaction():
            yield

    def when_committed(self, tell: Callable[[], None]) -> None:
        """Do it once what is written now is committed: at once where no transaction is open, never if it fails."""
        self._to_tell.append(tell)
        if not self._in_transaction:
            self._tell()

    def _tell(self) -> None:
        told, self._to_tell = self._to_tell, []
        for tell in told:
            tell()

    def require_hold(self) -> None:
        """Raises LockedError FENCED where another holder has taken over; for steps that are taken outside."""
        if self._hold:
            fence.check(self, self._hold)

    def read(self, query: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """Result of a query with $named parameters (others are ignored) as a frame."""
        bound = _used(query, parameters)
        if not bound:
            return self._connection.sql(query).pl()
        # Not sql(query, params=...): DuckDB 1.5 makes an expression of every value of such a result.
        return pl.DataFrame(self._connection.execute(query, bound).to_arrow_table())

    def execute(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run one statement with $named parameters (others are ignored)."""
        self._changes(statement)
        self._connection.execute(statement, _used(statement, parameters) or None)

    def run_file(self, name: str, parameters: Mapping[str, Any]) -> None:
        """Run every statement of sql/<name>.sql with the same $named parameters."""
        for statement in self._connection.extract_statements(resources.sql(name)):
            self.execute(statement.query, parameters)

    def append(self, table: str, frame: pl.DataFrame) -> int:
        """Insert a frame's rows by column name; returns how many."""
        if frame.height:
            self._changes(table)
            self._connection.register("incoming", frame)
            names = ", ".join(frame.columns)
            self._connection.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM incoming")
            self._connection.unregister("incoming")
        return frame.height

    def replace(self, table: str, frame: pl.DataFrame, key: Mapping[str, Any]) -> int:
        """Replace the slice of a table that has the key's values by a frame; returns its rows."""
        self.delete(table, key)
        return self.append(table, frame)

    def delete(self, table: str, key: Mapping[str, Any]) -> None:
        """Delete the rows that have the key's values."""
        condition = " AND ".join(f"{name} = ${name}" for name in key)
        self._changes(table)
        self._connection.execute(f"DELETE FROM {table} WHERE {condition}", dict(key))

    def unchanged(self) -> frozenset[str]:
        """Tables nothing was written to since `all_shown`, the database staying open; none without a hold."""
        return frozenset(self._hold.unchanged if self._hold else ())

    def all_shown(self, tables: Collection[str]) -> None:
        """Readers see these tables as they are now; within a transaction that may still be taken back."""
        if self._hold:
            self._hold.unchanged = set() if self._in_transaction else set(tables)

    def _changes(self, statement: str) -> None:
        """Whatever a statement names it may have changed, also where it is rolled back."""
        if self._hold:
            self._hold.unchanged -= {table for table in self._hold.unchanged if table in statement}

    def slice(self, table: str, run_id: str, order: str = "ALL") -> pl.DataFrame:
        """Rows of a run in a table, ordered by all columns or as named."""
        return self.read(
            f"SELECT * EXCLUDE (run_id) FROM {table} WHERE run_id = $run_id ORDER BY {order}", {"run_id": run_id}
        )

    def export(self, table: str, run_id: str, target: Path) -> None:
        """Write a run's rows of a table as Parquet, ordered by all columns."""
        frame = self.read(f"SELECT * FROM {table} WHERE run_id = $run_id ORDER BY ALL", {"run_id": run_id})
        with disk.writing(target, "an export cannot be written"), target.open("wb") as file:
            frame.write_parquet(file)


def _opened(database: Path, wait_seconds: float) -> duckdb.DuckDBPyConnection:
    """A connection; another process that has the database open is waited for that long."""
    with _told(database):
        refused: duckdb.Error | None = None
        for _ in lock.pauses(wait_seconds):
            try:
                return _connect(database)
            except duckdb.IOException as error:
                if "lock on file" not in str(error):
                    raise
                refused = error
    raise LockedError(
        Finding(
            "DB_LOCKED",
            "another process has the database open",
            where=str(database),
            value=" ".join(_LOCKED_BY.findall(str(refused))),
            action="close it, or use --wait, and run again; readers use exports/ and published/",
        )
    ) from refused


def _kept(database: Path, hold: lock.Hold | None) -> duckdb.DuckDBPyConnection | None:
    """The database as the hold keeps it open; None where it keeps none, or the file is another one by now."""
    if not (hold and isinstance(hold.kept, _Kept)):
        return None
    if hold.kept.file != _identity(database):
        hold.let_go()
        return None
    return hold.kept.connection


def _is_small(database: Path) -> bool:
    return database.exists() and database.stat().st_size <= _KEPT_BYTES


def _identity(database: Path) -> tuple[int, int]:
    found = database.stat()
    return found.st_dev, found.st_ino


def _connect(database: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(database), config=dict(_OFFLINE))
    connection.execute("SET enable_progress_bar = false")
    connection.execute("SET allocator_background_threads = true")  # what a query used goes back to the system
    if limit := threads():
        connection.execute(f"SET threads = {limit}")
    return connection


def _make(database: Path) -> None:
    """An empty database with every table, there whole or not at all."""
    made = database.with_name(f".{database.name}.new")
    made.unlink(missing_ok=True)
    with _told(database), closing(_connect(made)) as connection:
        _create_schema(connection, database)
    crash_point("database:made")
    made.rename(database)


def _create_schema(connection: duckdb.DuckDBPyConnection, database: Path) -> None:
    existing = {name for (name,) in connection.sql("SELECT schema_name FROM duckdb_schemas()").fetchall()}
    if set(SCHEMAS) <= existing:
        told = connection.sql("SELECT 1 FROM duckdb_tables() WHERE table_name = 'schema_version'").fetchall()
        found = connection.sql("SELECT version FROM control.schema_version").fetchall() if told else []
        schema_version.require_current(found[0][0] if found else "", database)
        return
    connection.execute("BEGIN TRANSACTION")
    for schema in SCHEMAS:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    for schema in SCHEMAS:
        for name in resources.sql_names(f"schema/{schema}"):
            connection.execute(resources.sql(name))
    connection.execute("INSERT INTO control.schema_version VALUES (?)", [schema_version.current()])
    connection.execute("COMMIT")


@contextmanager
def _told(database: Path) -> Iterator[None]:
    """What the engine says while the database is opened, as a finding: what is none of the known ones is DB_CORRUPT."""
    try:
        yield
    except duckdb.Error as error:
        raise _refusal(error, database) or LeveeError(_corrupt(error, database)) from error


def _refusal(error: duckdb.Error, database: Path) -> LeveeError | None:
    """DISK_FULL, READ_ONLY or DB_CORRUPT where the engine's words mean that, else None."""
    if isinstance(error, duckdb.FatalException) or any(each in str(error).lower() for each in _CORRUPT_WORDS):
        return LeveeError(_corrupt(error, database))
    return disk.refusal(error, "the database cannot be written", str(database))


def _corrupt(error: duckdb.Error, database: Path) -> Finding:
    return Finding(
        "DB_CORRUPT",
        f"the database cannot be used: {str(error).splitlines()[0]}",
        where=str(database),
        action="make it again from frozen files and exports: `levee rebuild`",
    )


def threads() -> int:
    """LEVEE_THREADS, 0 for as many as there are cores. Raises LeveeError USAGE."""
    said = os.environ.get("LEVEE_THREADS", "0")
    if not (said.isascii() and said.isdigit()):
        raise LeveeError(Finding("USAGE", "LEVEE_THREADS is no number of threads", value=said, action="unset it"))
    return int(said)


def _used(query: str, parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """Only the parameters a query names: DuckDB refuses others."""
    return {name: value for name, value in (parameters or {}).items() if _names(query, name)}


def _names(query: str, name: str) -> bool:
    position = query.find(f"${name}")
    while position >= 0:
        after = query[position + len(name) + 1 : position + len(name) + 2]
        if not (after.isalnum() or after == "_"):
            return True
        position = query.find(f"${name}", position + 1)
    return False
