"""Which reports a release holds, for whom, and with which columns. Columns are only ever added at the end."""

from __future__ import annotations

from dataclasses import dataclass

from tasks import pack

LONG_FORM = ("block", "key1", "key2", "field", "value")


@dataclass(frozen=True)
class Report:
    """A report: its code, audience, title and columns; `control` columns are summed in the trailer."""

    code: str
    audience: str
    title: str
    columns: tuple[str, ...]
    control: tuple[str, ...] = ()


def _named(columns: str) -> tuple[str, ...]:
    """Columns from their names, blanks between."""
    return tuple(columns.split())


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
MD01 = Report(
    "MD01",
    pack.MEMBERS,
    "Corrected fields",
    ("margin_account_id", "report", "item", "field", "before", "after"),
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
OL01 = Report(
    "OL01",
    pack.OPS,
    "Call ledger and ageing",
    (
        "row_type",
        "clearing_member_id",
        "margin_account_id",
        "call_id",
        "call_version",
        "cycle_id",
        "state",
        "cause",
        "call_amount_usd",
        "increment_amount_usd",
        "met_usd",
        "open_usd",
        "fallen_due_usd",
        "disputed_usd",
        "overdue_usd",
        "due_asset",
        "due_amount",
        "issued_ts",
        "due_ts",
        "age_days",
        "overdue_hours",
        "answer",
        "reason_code",
        "deficit_usd",
    ),
    ("increment_amount_usd",),
)
OX01 = Report(
    "OX01",
    pack.OPS,
    "Exceptions, fallbacks and overrides in force",
    (
        "row_type",
        "code",
        "severity",
        "clearing_member_id",
        "margin_account_id",
        "client_id",
        "item",
        "dataset",
        "file_id",
        "source_line",
        "value",
        "limit_value",
        "amount_usd",
        "reason",
        "requested_by",
        "approved_by",
        "first_date",
        "last_date",
        "review_date",
    ),
    ("amount_usd",),
)
PQ01 = Report(
    "PQ01",
    pack.PUBLIC,
    "Quantitative disclosure",
    (
        "item",
        "part",
        "title",
        "service",
        "unit",
        "value",
        "status",
        "reason",
        "first_date",
        "last_date",
        "days",
        "window",
        "source",
    ),
)
RG01 = Report(
    "RG01",
    pack.REGULATOR,
    "Margin, cash flows and positions of the day",
    _named(
        "row_type clearing_member_id lei margin_account_id account_type client_id item asset amount price_usd "
        "haircut_fraction amount_usd post_haircut_value_usd underlying_asset multiplier qty_open qty_close "
        "settlement_price variation_margin option_value_usd delta gamma vega_usd"
    ),
    ("amount_usd", "qty_close"),
)
PT01 = Report(
    "PT01",
    pack.OPS,
    "Policy triggers",
    _named("row_type subject item kind unit level fires_above ends_below state since_date numbers action"),
)

PI01 = Report(
    "PI01",
    pack.RISK,
    "Impact of a proposed policy",
    _named(
        "row_type item current_usd proposed_usd change_usd change_fraction count current_figure proposed_figure text"
    ),
    ("proposed_usd",),
)
MA01 = Report(
    "MA01",
    pack.MEMBERS,
    "Margin under the policy in force and under an announced one",
    _named(
        "proposal_id effective_date row_type margin_account_id item unit current_value announced_value "
        "current_usd announced_usd change_usd"
    ),
    ("announced_usd",),
)
PN01 = Report("PN01", pack.PUBLIC, "Notice of a change of margin policy", ())

REPORTS = (
    MS01,
    MC01,
    MR01,
    MP01,
    MT01,
    ML01,
    MX01,
    MX02,
    MD01,
    PP01,
    PP02,
    PP03,
    PP04,
    OC01,
    OR01,
    OV01,
    OX01,
    OL01,
    PQ01,
    RG01,
    PT01,
    PI01,
    MA01,
    PN01,
)
ACCOUNT_TABLES = (MR01, MP01, MT01, ML01)
MEMBER_TABLES = (MX01, MX02)
