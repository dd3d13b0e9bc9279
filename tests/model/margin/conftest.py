"""A small book of four contracts and a history of made-up closes, for the tests of the margin room."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import exp
from typing import Any

import polars as pl
import pytest

from tasks import policy_store, resources
from tasks.model.margin.apc import BUFFER_SCHEMA
from tasks.model.margin.initial_margin import MarginInputs
from tasks.model.margin.overrides import OVERRIDE_SCHEMA
from tasks.model.policy import Policy

AS_OF = datetime(2026, 1, 30, 8)
Position = tuple[str, str, str, str, str]

TERMS: dict[str, tuple[Any, ...]] = {
    # kind, payoff, underlying, multiplier, strike, type, expiry, expired, mark, index, forward, vol, settle asset
    "BTC-PERP.LIN.USDC": (
        "PERP",
        "LINEAR",
        "BTC",
        "0.001",
        None,
        None,
        None,
        False,
        "90010",
        "90000",
        "90010",
        None,
        "1",
    ),
    "BTC-PERP.INV": ("PERP", "INVERSE", "BTC", "10", None, None, None, False, "90000", "90000", "90000", None, "90000"),
    "ETH-PERP.LIN.USDC": ("PERP", "LINEAR", "ETH", "0.01", None, None, None, False, "3000", "3000", "3000", None, "1"),
    "BTC-20260327-90000-C.INV": (
        "OPT",
        "INVERSE",
        "BTC",
        "1",
        "90000",
        "C",
        datetime(2026, 3, 27, 8),
        False,
        "0.0512345678",
        "90000",
        "90500",
        0.55,
        "90000",
    ),
    "BTC-20260327-90000-P.INV": (
        "OPT",
        "INVERSE",
        "BTC",
        "1",
        "90000",
        "P",
        datetime(2026, 3, 27, 8),
        False,
        "0.0457",
        "90000",
        "90500",
        0.55,
        "90000",
    ),
    "BTC-20260327-80000-P.INV": (
        "OPT",
        "INVERSE",
        "BTC",
        "1",
        "80000",
        "P",
        datetime(2026, 3, 27, 8),
        False,
        "0.0211",
        "90000",
        "90500",
        0.60,
        "90000",
    ),
    "ETH-20260327-3000-C.LIN.USDC": (
        "OPT",
        "LINEAR",
        "ETH",
        "0.1",
        "3000",
        "C",
        datetime(2026, 3, 27, 8),
        False,
        "210.55",
        "3000",
        "3010",
        0.75,
        "0.9995",
    ),
    "SOL-PERP.LIN.USDC": ("PERP", "LINEAR", "SOL", "1", None, None, None, False, "150", "150", "150", None, "1"),
    "BTC-20260327.LIN.USDC": (
        "FUT",
        "LINEAR",
        "BTC",
        "0.001",
        None,
        None,
        datetime(2026, 3, 27, 8),
        False,
        "90500",
        "90000",
        "90500",
        None,
        "1",
    ),
    "BTC-20260130-90000-C.INV": (
        "OPT",
        "INVERSE",
        "BTC",
        "1",
        "90000",
        "C",
        datetime(2026, 1, 30, 8),
        True,
        "0.0111",
        "90000",
        "91010",
        0.0,
        "90000",
    ),
}
_SCHEMA = {
    "clearing_member_id": pl.String,
    "margin_account_id": pl.String,
    "client_id": pl.String,
    "contract_id": pl.String,
    "quantity": pl.Decimal(28, 8),
    "kind": pl.String,
    "payoff": pl.String,
    "underlying": pl.String,
    "multiplier": pl.Decimal(28, 12),
    "strike": pl.Decimal(28, 10),
    "option_type": pl.String,
    "expiry_ts": pl.Datetime("us"),
    "expired": pl.Boolean,
    "settlement_price": pl.Decimal(28, 10),
    "index_price": pl.Decimal(28, 10),
    "forward_price": pl.Decimal(28, 10),
    "implied_volatility": pl.Float64,
    "settle_asset_price": pl.Decimal(28, 10),
    "settle_asset": pl.String,
    "mark_uncertainty_usd": pl.Float64,
}
SURFACE = {
    "underlying": pl.String,
    "expiry_ts": pl.Datetime("us"),
    **dict.fromkeys(("svi_a", "svi_b", "svi_rho", "svi_mu", "svi_s"), pl.Float64),
}
_DECIMALS = (3, 4, 8, 9, 10, 12)


@pytest.fixture(scope="session")
def opening() -> Policy:
    """The opening policy as shipped."""
    return policy_store.load(resources.data("policy/2014-01-01.toml"))


@pytest.fixture(scope="session")
def policy(opening: Policy) -> Policy:
    """The opening policy with a look-back short enough for a quick test."""
    base = replace(opening.base_margin, lookback_scenarios=400, minimum_scenarios=300)
    return replace(opening, base_margin=base)


@pytest.fixture(scope="session")
def positions() -> Callable[[list[Position]], pl.DataFrame]:
    """Frame of (member, account, client, contract, quantity)."""

    def build(held: list[Position]) -> pl.DataFrame:
        rows = [(*row[:4], Decimal(row[4]), *_terms(row[3]), _settle_asset(row[3]), 0.0) for row in held]
        return pl.DataFrame(rows, schema=_SCHEMA, orient="row")

    return build


@pytest.fixture(scope="session")
def accounts() -> pl.DataFrame:
    """A house account, a net and a gross client account, and a flat one; no holiday ahead, members well rated."""
    return pl.DataFrame(
        [
            ("M001", "M001H", "HOUSE", 0, 0, None),
            ("M001", "M001N", "CLIENT_OMNI_NET", 0, 0, None),
            ("M002", "M002G", "CLIENT_GROSS", 0, 0, None),
            ("M003", "M003H", "HOUSE", 0, 0, None),
        ],
        schema={
            "clearing_member_id": pl.String,
            "margin_account_id": pl.String,
            "account_type": pl.String,
            "gap_days": pl.Int64,
            "surveillance_level": pl.Int64,
            "credit_score": pl.Float64,
        },
        orient="row",
    )


@pytest.fixture(scope="session")
def history() -> pl.DataFrame:
    """900 closes of BTC and ETH, half of ETH's move being BTC's."""
    draw = random.Random(5)
    logs, rows = {"BTC": 11.0, "ETH": 8.0}, []
    for day in range(900):
        shared = draw.gauss(0, 0.03)
        logs["BTC"] += shared
        logs["ETH"] += 0.5 * shared + draw.gauss(0, 0.035)
        on = date(2026, 1, 30) - timedelta(days=899 - day)
        rows += [(name, on, Decimal(f"{exp(log):.6f}")) for name, log in logs.items()]
    return pl.DataFrame(
        rows, schema={"underlying": pl.String, "date": pl.Date, "close": pl.Decimal(28, 10)}, orient="row"
    )


@pytest.fixture(scope="session")
def inputs(
    positions: Callable[[list[Position]], pl.DataFrame], accounts: pl.DataFrame, history: pl.DataFrame
) -> Callable[[list[Position]], MarginInputs]:
    """Inputs of the margin stage for a book, in deep markets with nothing delivered of them, and no collateral."""
    listed = pl.DataFrame({"underlying": ["BTC", "ETH", "SOL"], "held": [False] * 3})
    surface = pl.DataFrame(schema=SURFACE)
    volumes = pl.DataFrame(schema={"underlying": pl.String, "volume_usd": pl.Decimal(38, 2)})
    books = pl.DataFrame(
        schema={"underlying": pl.String, "contract_id": pl.String, "bid": pl.Decimal(28, 10), "ask": pl.Decimal(28, 10)}
    )
    balances = pl.DataFrame(
        schema={
            "clearing_member_id": pl.String,
            "margin_account_id": pl.String,
            "asset": pl.String,
            "quantity": pl.Decimal(38, 18),
            "price_usd": pl.Decimal(28, 10),
            "permitted_assets": pl.String,
            "haircut_fraction": pl.Decimal(9, 6),
            "haircut_rule": pl.String,
            "issuer": pl.String,
            "related_parties": pl.String,
        }
    )
    overrides = pl.DataFrame(schema=OVERRIDE_SCHEMA).with_columns(withdrawn_date=pl.lit(None, pl.Date))
    return lambda held: MarginInputs(
        positions(held),
        accounts,
        surface,
        listed,
        history,
        volumes,
        books,
        balances,
        ("USDC", "USDT"),
        pl.DataFrame(schema=BUFFER_SCHEMA),
        overrides,
        date(2026, 1, 30),
        accounts.select("clearing_member_id", "margin_account_id").clear(),
        pl.DataFrame(
            {"asset": ["BTC", "ETH"], "price_usd": [Decimal(90000), Decimal(3000)]},
            schema={"asset": pl.String, "price_usd": pl.Decimal(28, 10)},
        ),
    )


def _settle_asset(contract_id: str) -> str:
    return "USDC" if contract_id.endswith(".USDC") else contract_id.partition("-")[0]


def _terms(contract_id: str) -> list[Any]:
    return [
        Decimal(value) if index in _DECIMALS and value is not None else value
        for index, value in enumerate(TERMS[contract_id])
    ]
