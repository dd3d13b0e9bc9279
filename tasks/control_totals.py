"""OC01, the control totals of a run: files counted again, the book matched, reports against each other, day over day.

Totals only: no member, account or client is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

import polars as pl

from tasks import schema, texts
from tasks.cross_report import Told, compared
from tasks.envelope import cell, control_scale, control_total
from tasks.model.money import total
from tasks.report_files import Record
from tasks.stage import Context

KEYS = {
    "dataset": ("dataset",),
    "file": ("file_id",),
    "book": ("kind", "settle_asset"),
    "ledger": ("asset", "movement"),
    "report": ("figure", "asset"),
    "day": ("figure", "asset"),
}
_COUNTED = (
    "records_delivered",
    "records_counted",
    "records_accepted",
    "records_rejected",
    "control_total_delivered",
    "control_total_counted",
)


def records(context: Context, told: Told) -> Iterator[Record]:
    """Every block of OC01; `told` is what the reports that are going out say in sum."""
    files = list(_files(context))
    yield from _datasets(files)
    yield from (Record("file", row["file_id"], "", _without(row, "file_id")) for row in files)
    yield from _keyed("book", context.query("out/oc01_book"))
    yield from _keyed("ledger", context.query("out/oc01_ledger"))
    yield from compared(told, context.query("out/oc01_calls").item())
    yield from _day_over_day(context)


def _files(context: Context) -> Iterator[dict[str, str]]:
    """Each file with its records and control total as declared, and as counted in the landed rows."""
    counted = {name: figures for name in schema.DATASETS for name, figures in _counted(context, name)}
    for row in context.query("out/oc01_file").iter_rows(named=True):
        records, summed = counted.get(row["file_id"], (0, Decimal(0)))
        delivered = row["control_total_delivered"]
        used = row["records_accepted"] + row["records_rejected"]
        agrees = row["records_delivered"] == records == used and delivered == summed
        row |= {"records_counted": records, "control_total_counted": summed, "agrees": agrees}
        yield {name: cell(row[name]) for name in ("file_id", "dataset", *_COUNTED, "agrees")}


def _counted(context: Context, dataset: str) -> Iterator[tuple[str, tuple[int, Decimal]]]:
    declared = schema.dataset(dataset)
    columns = ["file_id", *(column.name for column in declared.control_columns)]
    rows = context.store.read(
        f"SELECT {', '.join(columns)} FROM raw.{dataset} "
        "WHERE file_id IN (SELECT file_id FROM control.input_manifest WHERE run_id = $run_id)",
        {"run_id": context.key.run_id},
    )
    for (file_id,), own in rows.group_by("file_id", maintain_order=True):
        figures = (value for column in own.columns[1:] for value in own[column])
        yield str(file_id), (own.height, control_total(figures, control_scale(declared)))


def _datasets(files: Iterable[Mapping[str, str]]) -> Iterator[Record]:
    by_dataset: dict[str, list[Mapping[str, str]]] = {}
    for row in files:
        by_dataset.setdefault(row["dataset"], []).append(row)
    for dataset, rows in by_dataset.items():
        sums = {name: cell(total(Decimal(row[name] or 0) for row in rows)) for name in _COUNTED}
        agrees = all(row["agrees"] == "TRUE" for row in rows)
        yield Record("dataset", dataset, "", {"files": str(len(rows)), **sums, "agrees": cell(agrees)})


def _day_over_day(context: Context) -> Iterator[Record]:
    """Totals today, in the run it carries from, and their difference; nothing to compare in a genesis cycle."""
    predecessor = context.run["predecessor_run_id"]
    today, before = _totals(context, context.key.run_id), _totals(context, predecessor)
    for figure, asset in sorted(today.keys() | before.keys()):
        now, then = today.get((figure, asset), Decimal(0)), before.get((figure, asset), Decimal(0))
        compared = (
            {"previous": cell(then), "change": cell(now - then)} if predecessor else {"previous": "", "change": ""}
        )
        yield Record("day", figure, asset, {"today": cell(now)} | compared)


def _totals(context: Context, run_id: str) -> dict[tuple[str, str], Decimal]:
    rows = context.query("out/oc01_totals", run_id=run_id).rows()
    return {(figure, asset): Decimal(amount) for figure, asset, amount in rows}


def _keyed(block: str, frame: pl.DataFrame) -> Iterator[Record]:
    """A record per row, addressed by the first two columns."""
    for row in texts.printed(frame).iter_rows(named=True):
        key1, key2 = (row.pop(name) for name in frame.columns[:2])
        yield Record(block, key1, key2, row)


def _without(row: Mapping[str, str], name: str) -> dict[str, str]:
    return {column: value for column, value in row.items() if column != name}
