"""What the margin stage reads: frames of the run, from which initial_margin computes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl


@dataclass(frozen=True)
class MarginInputs:
    """Frames of the margin stage.

    positions, surface (certified slices): see portfolio.build_book. accounts: as there, and gap_days (days without a
    settlement window of the asset calls are due in, beyond the usual one), surveillance_level and credit_score of the
    member, null where not known. listed: underlying of every contract listed and whether anybody holds it, so that a
    scenario set does not depend on who is asked about. history: underlying, date, close (USD), up to the business
    date. volumes, order_books: see liquidity.liquidity_table. balances: see collateral.value_collateral, after today's
    postings. stablecoins: the assets among them that are meant to be worth a dollar. apc_buffer: the rows of the cycle
    before, see apc.buffer_table. overrides: see overrides.in_force. joint_accounts: clearing_member_id and
    margin_account_id of those that ask for joint mode. coins: asset and price_usd (index) of coins that are
    collateral. threads change the time alone, no bit.
    """

    positions: pl.DataFrame
    accounts: pl.DataFrame
    surface: pl.DataFrame
    listed: pl.DataFrame
    history: pl.DataFrame
    volumes: pl.DataFrame
    order_books: pl.DataFrame
    balances: pl.DataFrame
    stablecoins: tuple[str, ...]
    apc_buffer: pl.DataFrame
    overrides: pl.DataFrame
    business_date: date
    joint_accounts: pl.DataFrame
    coins: pl.DataFrame
    threads: int = 1
