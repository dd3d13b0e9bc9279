"""Which reports a release holds, for whom, with which columns; and how their values are printed.

CSV, JSON and pages of a report are printed from one set of texts, so they cannot differ. Columns are only ever added
at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from math import isfinite
from typing import Any, overload

import polars as pl

from tasks import envelope, pack
from tasks.envelope import cell, needs_quotes, record_line, write_texts
from tasks.model.errors import Finding, ModelInputError
from tasks.pack import Edition
from tasks.schema import SCHEMA_VERSION

Row = tuple[str, ...]
Rows = Sequence[Row]
ByAccount = Mapping[tuple[str, str], Rows]

FLOAT_DIGITS = 8
_DIGITS = {
    "spot_return": 12,
    "scale_factor": 12,
    "vol_score": 12,
    "implied_volatility": 12,
    "mark_age_seconds": 3,
    "half_spread_fraction": 12,
    "margin_rate": 12,
    "average_rate": 12,
    "charged_rate": 12,
    "buffer_fraction": 12,
    "volatility_per_day": 12,
    "age_seconds": 3,
    "years_to_expiry": 12,
    "svi_a": 16,
    "svi_b": 16,
    "svi_rho": 16,
    "svi_mu": 16,
    "svi_s": 16,
    "min_calendar_gap": 12,
    "rmse_bp": 4,
    "tolerance_bp": 4,
}
LONG_FORM = ("block", "key1", "key2", "field", "value")


@dataclass(frozen=True)
class Report:
    """A report: its code, audience, title and columns; `control` columns are summed in the trailer."""

    code: str
    audience: str
    title: str
    columns: tuple[str, ...]
    control: tuple[str, ...] = ()


MS01 = Report("MS01", pack.MEMBERS, "Margin statement", LONG_FORM)
MC01 = Report("MC01", pack.MEMBERS, "Call notice", LONG_FORM)
MR01 = Report(
    "MR01",
    pack.MEMBERS,
    "Requirement by component and product group",
    (
        "row_type",
        "client_id",
        "line_no",
        "item",
        "product_group",
        "amount_usd",
        "risk_usd",
        "rule_id",
        "policy_hash",
        "worst_scenario_id",
        "binding_component",
        "reason",
        "approved_by",
        "last_date",
        "review_date",
    ),
    ("amount_usd",),
)
MP01 = Report(
    "MP01",
    pack.MEMBERS,
    "Positions and variation margin",
    (
        "client_id",
        "contract_id",
        "kind",
        "payoff",
        "underlying_asset",
        "multiplier",
        "qty_open",
        "qty_buy",
        "qty_sell",
        "qty_transfer",
        "qty_exercise_assign",
        "qty_expired",
        "qty_close",
        "buy_value",
        "sell_value",
        "prev_settlement_price",
        "settlement_price",
        "final_price",
        "settle_asset",
        "settlement_unit",
        "variation_margin",
        "funding",
        "premium",
        "fees",
        "settlement",
        "settle_asset_price_usd",
        "option_value_usd",
        "delta",
        "gamma",
        "vega_usd",
        "implied_volatility",
        "index_price_usd",
        "forward_price",
        "mark_method",
        "mark_quality",
        "mark_source",
        "mark_obs_ts",
        "mark_age_seconds",
        "funding_quality",
        "position_as_of_ts",
        "variation_margin_usd",
    ),
    ("qty_close",),
)
MT01 = Report(
    "MT01",
    pack.MEMBERS,
    "Collateral",
    (
        "asset",
        "form",
        "quantity",
        "price_usd",
        "price_quality",
        "price_obs_ts",
        "haircut_fraction",
        "market_value_usd",
        "post_haircut_value_usd",
        "rule_id",
        "pending_in",
        "pending_out",
        "counted_value_usd",
        "tier_cut_usd",
        "own_margin_usd",
        "price_source",
        "price_sources",
    ),
    ("post_haircut_value_usd",),
)
ML01 = Report(
    "ML01",
    pack.MEMBERS,
    "Statement of account",
    ("asset", "line_no", "movement_type", "contract_id", "amount", "balance"),
    ("amount",),
)
MX01 = Report(
    "MX01",
    pack.MEMBERS,
    "Reconciliation of submitted with booked positions",
    (
        "margin_account_id",
        "client_id",
        "contract_id",
        "submitted_qty_open",
        "submitted_qty_close",
        "booked_qty_open",
        "booked_qty_close",
        "difference_open",
        "difference_close",
        "status",
    ),
    ("booked_qty_close",),
)
MX02 = Report(
    "MX02",
    pack.MEMBERS,
    "Submission status",
    (
        "row_type",
        "dataset",
        "file_id",
        "source_line",
        "sha256",
        "code",
        "severity",
        "margin_account_id",
        "contract_id",
        "value",
        "limit_value",
        "meaning",
        "action",
        "accepted_rows",
        "rejected_rows",
    ),
)
PP01 = Report("PP01", pack.PUBLIC, "Parameters, scenarios and conventions", LONG_FORM)
PP02 = Report(
    "PP02",
    pack.PUBLIC,
    "Settlement prices",
    (
        "contract_id",
        "kind",
        "underlying_asset",
        "settlement_price",
        "prev_settlement_price",
        "final_price",
        "index_price",
        "forward_price",
        "implied_volatility",
        "settle_asset",
        "settle_asset_price",
        "method",
        "quality",
        "source",
        "obs_ts",
        "age_seconds",
        "mark_uncertainty_usd",
    ),
    ("settlement_price",),
)
GRID_HUNDREDTHS = (-150, -100, -75, -50, -35, -20, -10, -5, 0, 5, 10, 20, 35, 50, 75, 100, 150)
PP03 = Report(
    "PP03",
    pack.PUBLIC,
    "Volatility surface",
    (
        "underlying",
        "expiry_ts",
        "years_to_expiry",
        "forward_price",
        "svi_a",
        "svi_b",
        "svi_rho",
        "svi_mu",
        "svi_s",
        "method",
        "certified",
        "min_g",
        "min_calendar_gap",
        "n_quotes",
        "rmse_bp",
        "tolerance_bp",
        "n_quoted",
        "n_inside_half_spread",
        *(f"vol_{'m' if at < 0 else 'p' if at else ''}{abs(at)}" for at in GRID_HUNDREDTHS),
    ),
)
PP04 = Report(
    "PP04",
    pack.PUBLIC,
    "Contracts and calendars",
    (
        "row_type",
        "id",
        "kind",
        "payoff",
        "underlying_asset",
        "quote_ccy",
        "settle_asset",
        "multiplier",
        "strike",
        "option_type",
        "expiry_ts",
        "final_settle_ts",
        "settlement_index_id",
        "funding_interval_s",
        "funding_cap",
        "status",
        "calendar_id",
        "window_opens_ts",
        "window_closes_ts",
        "next_payment_ts",
    ),
    ("multiplier",),
)
OC01 = Report("OC01", pack.OPS, "Control totals", LONG_FORM)
OR01 = Report("OR01", pack.OPS, "Run manifest", LONG_FORM)
OV01 = Report("OV01", pack.OPS, "Validation", ())

REPORTS = (MS01, MC01, MR01, MP01, MT01, ML01, MX01, MX02, PP01, PP02, PP03, PP04, OC01, OR01, OV01)
ACCOUNT_TABLES = (MR01, MP01, MT01, ML01)
MEMBER_TABLES = (MX01, MX02)


@dataclass(frozen=True)
class Header:
    """What every file of a release says of itself. Times are UTC and come from the inputs, never from a clock."""

    edition: Edition
    as_of_ts: datetime
    origin: str

    def csv(self, report: Report, rows: Rows) -> bytes:
        """The report's rows in the inbox envelope."""
        return write_texts(self._envelope(report), report.columns, rows, sorted(report.control))

    def _envelope(self, report: Report) -> envelope.Header:
        """Sender HOUSE, seq the version, created when it was as of."""
        edition, as_of = self.edition, self.as_of_ts
        day, cycle, version = edition.business_date, edition.cycle, edition.version
        return envelope.Header(report.code, day, cycle, version, "HOUSE", as_of, as_of, edition.env, self.origin)

    def fields(self, report: Report) -> dict[str, str]:
        """The envelope's fields, for JSON."""
        edition, as_of = self.edition, cell(self.as_of_ts)
        return {
            "report": report.code,
            "title": report.title,
            "schema_version": str(SCHEMA_VERSION),
            "business_date": edition.business_date.isoformat(),
            "cycle": edition.cycle,
            "seq": str(edition.version),
            "sender": "HOUSE",
            "created_ts": as_of,
            "as_of_ts": as_of,
            "env": edition.env,
            "origin": self.origin,
        }

    def json(self, report: Report, rows: Rows) -> bytes:
        """The same rows as one object each."""
        records = [dict(zip(report.columns, row, strict=True)) for row in rows]
        return pack.canonical({"envelope": self.fields(report), "records": records})

    def table(self, report: Report, party: str, account: str, rows: Rows) -> dict[str, bytes]:
        """Files of a tabular report by name: CSV and JSON of the same rows."""
        made = {"csv": self.csv(report, rows), "json": self.json(report, rows)}
        return {self.edition.file_name(report.code, party, account, ending): made[ending] for ending in made}

    def document(
        self, report: Report, party: str, account: str, records: Sequence[Record], keys: Mapping[str, tuple[str, ...]]
    ) -> dict[str, bytes]:
        """Files of a long-form report by name: CSV of one line per field, JSON nested by block."""
        lines = [line for each in records for line in long_lines(each)]
        made = {
            "csv": envelope.seal(self._envelope(report), [record_line(report.columns), *lines], Decimal(0)),
            "json": pack.canonical({"envelope": self.fields(report), **nested(records, keys)}),
        }
        return {self.edition.file_name(report.code, party, account, ending): made[ending] for ending in made}


@dataclass(frozen=True, slots=True)
class Record:
    """A thing with named fields inside a block of a long-form report, addressed by up to two keys."""

    block: str
    key1: str
    key2: str
    fields: Mapping[str, str]


def long_lines(record: Record) -> list[str]:
    """A line `block,key1,key2,field,value` of a CSV file for each field of a record."""
    start = (record.block, record.key1, record.key2)
    if needs_quotes("".join((*start, *record.fields.values()))):
        return [record_line((*start, name, value)) for name, value in record.fields.items()]
    return [f"{record.block},{record.key1},{record.key2},{name},{value}" for name, value in record.fields.items()]


def nested(records: Iterable[Record], keys: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Records by block: an object where a block has no keys, else a list of objects that carry their keys."""
    blocks: dict[str, Any] = {block: [] if names else {} for block, names in keys.items()}
    for each in records:
        names = keys[each.block]
        if names:
            blocks[each.block].append(dict(zip(names, (each.key1, each.key2), strict=False)) | dict(each.fields))
        else:
            blocks[each.block].update(each.fields)
    return blocks


def printed(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with every value as the text that is published; missing is empty. Floats get fixed digits."""
    return frame.select(_printed(frame[name]) for name in frame.columns)


def _printed(column: pl.Series) -> pl.Series:
    if column.dtype == pl.String:
        return column.fill_null("")
    if column.dtype.is_decimal():
        return column.cast(pl.String).fill_null("")
    form = partial(fixed, digits=_DIGITS.get(column.name, FLOAT_DIGITS)) if column.dtype.is_float() else cell
    values = column.drop_nulls().unique()
    texts = pl.Series(map(form, values), dtype=pl.String)
    return column.replace_strict(values, texts, default="", return_dtype=pl.String)


def fixed(value: float, digits: int) -> str:
    """A float at a fixed number of digits, without a negative zero. Raises ModelInputError where it is not finite."""
    if not isfinite(value):
        raise ModelInputError(Finding("NON_FINITE", "a figure to be published is not finite", value=str(value)))
    text = f"{value:.{digits}f}"
    return text if float(text) else text.lstrip("-")


class TableRows(Sequence[Row]):
    """Rows of a frame of texts, made whenever they are read: those of a whole book would fill the memory."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __len__(self) -> int:
        return self._frame.height

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | list[Row]:
        return self._frame[at].rows() if isinstance(at, slice) else self._frame.row(at)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._frame.rows())


def by_account(frame: pl.DataFrame, columns: Sequence[str]) -> dict[tuple[str, str], TableRows]:
    """Rows of a printed frame by its first two columns (member, account), which it is ordered by."""
    member, account = frame.columns[:2]
    groups = frame.group_by(member, account, maintain_order=True).len()
    tables, start, found = frame.select(columns), 0, {}
    for *who, rows in groups.iter_rows():
        found[tuple(who)] = TableRows(tables.slice(start, rows))
        start += rows
    return found
