"""The book as arrays: margin portfolios as sparse rows of live positions, one row per product group.

A portfolio is a margin account, each client of a gross account, or a position line that was suspended; every account
also has the portfolio with an empty client_id, which in a gross account holds no position and carries the account-wide
minimum alone. Frames become arrays here and nowhere else. Floats are the nearest to each decimal, and rows are sorted
by key, so the order of the delivered rows leaves no trace. Reference: METHODOLOGY 4.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from decimal import Decimal

import numpy as np
import polars as pl

from tasks.model.arrays import Bools, Contracts, Floats, Ints, Slices, require_finite, slices_of
from tasks.model.errors import Finding, ModelInputError
from tasks.model.market.svi import Svi
from tasks.model.policy import Policy
from tasks.model.pricing import averaging, discount
from tasks.model.pricing.black76 import years_to_expiry
from tasks.model.pricing.payoff import form_of

ACCOUNT = ["clearing_member_id", "margin_account_id"]
KEY = [*ACCOUNT, "client_id"]
GROSS = "CLIENT_GROSS"
_SMILE = ["svi_a", "svi_b", "svi_rho", "svi_mu", "svi_s"]
_SECONDS_PER_DAY = 86_400.0
_LARGEST_WHOLE = 2**53  # up to which float64 holds every whole number
_LARGEST_POWER_OF_TEN = 22  # it holds exactly


@dataclass(frozen=True)
class Book:
    """Portfolios and live positions of a run; g rows of a portfolio's positions in one underlying.

    `portfolios`: clearing_member_id, margin_account_id, client_id, account_type, one row each in key order.
    `positions`: all open ones in key order, with `portfolio` (row of portfolios), `expired` and the joined terms.
    """

    portfolios: pl.DataFrame
    positions: pl.DataFrame
    contracts: Contracts  # live contracts held
    row_portfolio: Ints  # (g,) position in portfolios, ascending
    row_underlying: Ints  # (g,) position in contracts.underlyings, ascending within a portfolio
    pointer: Ints  # (g + 1,) row r holds entries pointer[r] to pointer[r + 1]
    contract_index: Ints  # (entries,) position in contracts
    quantity: Floats  # (entries,) contracts, long > 0
    mark_uncertainty: Floats  # (n_contracts,) USD per contract, >= 0
    has_smile: Bools  # (n_slices,) whether a certified slice of the surface stands behind it; flat otherwise

    @property
    def is_averaging(self) -> Bools:
        """(n_contracts,) whether part of the final price is fixed, at a declared price for want of a delivered one."""
        return self.contracts.fixed_part > 0.0

    @property
    def days_to_expiry(self) -> Floats:
        """(n_contracts,) infinite for a perpetual."""
        return self.contracts.slices.days[self.contracts.slice_of]

    @property
    def entry_row(self) -> Ints:
        """(entries,) row each entry belongs to."""
        return np.repeat(np.arange(len(self.row_portfolio)), np.diff(self.pointer))


def build_book(
    positions: pl.DataFrame, accounts: pl.DataFrame, surface: pl.DataFrame, as_of: datetime, policy: Policy
) -> Book:
    """Book of the open positions (quantity not zero) of the accounts.

    `positions`: key, contract_id, quantity, kind, payoff, underlying, multiplier, strike, option_type, expiry_ts,
    expired (its value is final: no scenario moves it), settle_asset, settlement_price, index_price, forward_price,
    implied_volatility, settle_asset_price, mark_uncertainty_usd. `accounts`: clearing_member_id, margin_account_id,
    account_type. `surface`: underlying, expiry_ts and svi_a to svi_s of certified slices; an expiry without one keeps a
    flat smile.
    Raises ModelInputError listing every position that cannot be margined; a position is never left out.
    """
    portfolios = _portfolios(positions, accounts)
    keyed = _with_portfolio(positions, portfolios)
    _require_complete(keyed, as_of)
    live = keyed.filter(~pl.col("expired"))
    terms = live.unique("contract_id").sort("contract_id")
    contracts, has_smile = _with_smiles(_contracts(terms, as_of, policy), terms, surface)
    place = {name: index for index, name in enumerate(contracts.underlyings)}
    ordered = live.with_columns(group=pl.col("underlying").replace_strict(place, return_dtype=pl.Int64)).sort(
        "portfolio", "group", "contract_id"
    )
    uncertainty = require_finite("mark uncertainty", floats(terms["mark_uncertainty_usd"]), contracts.ids)
    return Book(portfolios, keyed, contracts, *_sparse(ordered, contracts), uncertainty, has_smile)


def row_horizon(book: Book, policy: Policy) -> Floats:
    """(g,) liquidation period in days of each row: by the account's type and the underlying."""
    kinds = book.portfolios["account_type"].to_list()
    table = policy.base_margin.liquidation_period_days
    return np.array(
        [
            table.of(kinds[portfolio])[book.contracts.underlyings[group]]
            for portfolio, group in zip(book.row_portfolio.tolist(), book.row_underlying.tolist(), strict=True)
        ],
        dtype=np.float64,
    )


def floats(values: Iterable[Decimal | float | None]) -> Floats:
    """Nearest float64 of each number, NaN for None."""
    if isinstance(values, pl.Series) and _has_whole_float(values):
        return values.cast(pl.Float64).fill_null(np.nan).to_numpy(writable=True)
    return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)


def _has_whole_float(values: pl.Series) -> bool:
    """Whether every decimal of a column is a whole number a float64 holds over a power of ten it holds too.

    Then one division gives the nearest float64; beyond, a column's cast may be off by a unit in the last place.
    """
    kind = values.dtype
    if not isinstance(kind, pl.Decimal) or kind.scale > _LARGEST_POWER_OF_TEN:
        return False
    largest = values.abs().max()
    return not isinstance(largest, Decimal) or largest.scaleb(kind.scale) < _LARGEST_WHOLE


def _portfolios(positions: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    whole = accounts.select(*ACCOUNT, pl.lit("").alias("client_id"), "account_type")
    parts = positions.select(KEY).join(accounts.select(*ACCOUNT, "account_type"), on=ACCOUNT).select(whole.columns)
    return pl.concat([whole, parts]).unique().sort(KEY).with_row_index("portfolio").cast({"portfolio": pl.Int64})


def _with_portfolio(positions: pl.DataFrame, portfolios: pl.DataFrame) -> pl.DataFrame:
    return positions.join(portfolios.select(*KEY, "account_type", "portfolio"), on=KEY, how="left").sort(
        *KEY, "contract_id"
    )


def _require_complete(positions: pl.DataFrame, as_of: datetime) -> None:
    """Raises for every position without an account, client, contract, mark or a term it needs.

    A contract past its expiry is settled: without a final price there is none to margin it at, and none to move.
    """
    option, known = pl.col("kind") == "OPT", pl.col("kind").is_not_null()
    faults = [
        ("UNKNOWN_ACCOUNT", "a position belongs to no account", pl.col("portfolio").is_null()),
        (
            "CLIENT_MISSING",
            "a position of a gross account names no client",
            (pl.col("account_type") == GROSS) & (pl.col("client_id") == ""),
        ),
        ("UNKNOWN_CONTRACT", "a contract that is held has no terms", pl.col("kind").is_null()),
        ("PRICE_MISSING", "a contract that is held has no mark", pl.col("settlement_price").is_null()),
        (
            "UNKNOWN_CONTRACT",
            "an option lacks strike, type or expiry",
            option & pl.any_horizontal(pl.col("strike", "option_type", "expiry_ts").is_null()),
        ),
        (
            "UNKNOWN_CONTRACT",
            "a contract that is held lacks a term",
            known
            & pl.any_horizontal(pl.col("contract_id", "payoff", "underlying", "expired", "settle_asset").is_null()),
        ),
        ("UNKNOWN_CONTRACT", "a future lacks its expiry", (pl.col("kind") == "FUT") & pl.col("expiry_ts").is_null()),
        (
            "NO_PRICE",
            "a contract past its expiry has no final price",
            ~pl.col("expired") & (pl.col("expiry_ts") <= as_of),
        ),
    ]
    findings = [
        Finding(
            code,
            what,
            where=" ".join(row[name] for name in (*KEY, "contract_id") if row[name]),
            value=str(row["quantity"]),
            action="correct the delivery",
        )
        for code, what, condition in faults
        for row in positions.filter(condition).iter_rows(named=True)
    ]
    if findings:
        raise ModelInputError(*findings)


def _contracts(terms: pl.DataFrame, as_of: datetime, policy: Policy) -> Contracts:
    underlyings = tuple(sorted(set(terms["underlying"])))
    forms = [form_of(kind, payoff) for kind, payoff in terms.select("kind", "payoff").iter_rows()]
    expiry = terms["expiry_ts"].cast(pl.Datetime("us")).to_numpy()
    option = np.array([kind == "OPT" for kind in terms["kind"]], dtype=np.bool_)
    underlying = np.array([underlyings.index(name) for name in terms["underlying"]], dtype=np.int64)
    days, forward, index = _days_to_expiry(terms, as_of), floats(terms["forward_price"]), floats(terms["index_price"])
    share = averaging.fixed_share(days * _SECONDS_PER_DAY, policy.settlement.averaging_seconds)
    slice_of, slices = slices_of(underlying, days)
    years = years_to_expiry(expiry, np.datetime64(as_of))
    kept = discount.factors(terms["settle_asset"].to_numpy().astype(np.str_), years, option, policy.discounting)
    return Contracts(
        ids=tuple(terms["contract_id"]),
        underlyings=underlyings,
        underlying=underlying,
        form=np.array(forms, dtype=np.int64),
        multiplier=floats(terms["multiplier"]),
        index_price=index,
        forward=forward,
        settle_price=floats(terms["settle_asset_price"]) * kept,
        strike=floats(terms["strike"]),
        is_call=np.array([kind == "C" for kind in terms["option_type"]], dtype=np.bool_),
        years_to_expiry=np.where(option, years, np.nan),
        volatility=np.where(option, floats(terms["implied_volatility"]), np.nan),
        fixed_part=averaging.cautious_fixed_part(share, forward, index),
        slice_of=slice_of,
        slices=slices,
    )


def _with_smiles(contracts: Contracts, terms: pl.DataFrame, surface: pl.DataFrame) -> tuple[Contracts, Bools]:
    """Contracts whose slices have the smiles of the surface, and which slices do (n_slices,).

    A slice whose total variance reaches zero anywhere has no ratio to it that an option could keep: it stays flat.
    """
    svi = {
        (name, expiry): Svi(*raw) for name, expiry, *raw in surface.select("underlying", "expiry_ts", *_SMILE).rows()
    }
    slices, smile = contracts.slices, contracts.slices.smile.copy()
    has_smile = np.zeros(len(slices.days), dtype=np.bool_)
    for at, key in zip(contracts.slice_of, terms.select("underlying", "expiry_ts").iter_rows(), strict=True):
        if key in svi and svi[key].lowest > 0.0:
            smile[at], has_smile[at] = astuple(svi[key]), True
    return replace(contracts, slices=Slices(slices.underlying, slices.days, smile)), has_smile


def _days_to_expiry(terms: pl.DataFrame, as_of: datetime) -> Floats:
    seconds = (terms["expiry_ts"].cast(pl.Datetime("us")) - as_of).dt.total_microseconds() / 1e6
    return floats(seconds.fill_null(np.inf) / _SECONDS_PER_DAY)


def _sparse(live: pl.DataFrame, contracts: Contracts) -> tuple[Ints, Ints, Ints, Ints, Floats]:
    portfolio = live["portfolio"].to_numpy().astype(np.int64)
    group = live["group"].to_numpy().astype(np.int64)
    changes = (np.diff(portfolio) != 0) | (np.diff(group) != 0)
    starts = np.concatenate([np.arange(min(len(portfolio), 1)), np.flatnonzero(changes) + 1])
    place = {name: index for index, name in enumerate(contracts.ids)}
    index = np.array([place[name] for name in live["contract_id"]], dtype=np.int64)
    pointer = np.append(starts, len(portfolio)).astype(np.int64)
    return portfolio[starts], group[starts], pointer, index, floats(live["quantity"])
