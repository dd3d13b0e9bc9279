"""Declared fallbacks behind an account's figures, as words with counts on its statement.

FUNDING_PROXY: positions on a reference funding rate. MODEL_PRICE, STALE, MANUAL, PRIOR, PROXY: contracts held at such a
mark. COLLATERAL_PRICE: assets held at a price that is not OK. FILTERED_PROXY, STRESSED_PROXY: scenarios with a proxied
return of an underlying held. VOL_PROXY: scenarios whose move of implied volatility is a proxy, where options are held.
HISTORY_DROPPED: start dates without a scenario. DEPTH_PROXY, VOLUME_PROXY: underlyings held whose cost of closing out
rests on a declared spread or volume. VEGA_PROXY: underlyings of options held, whose spread and turnover of vega are
always declared. SURFACE_UNCERTIFIED, SURFACE_REPAIRED, SURFACE_PRIOR: expiries of the underlyings of options held whose
slice of the volatility surface failed its certificate, passes once repaired, or is borrowed for want of quotes.
SMILE_FLAT: options held whose volatility no certified slice moves in a scenario. FIXING_PROXY: contracts held whose
settlement average runs and whose fixed part is a declared price, the lower of forward and index.
RATING_MISSING: the member has neither surveillance level nor credit score and pays the credit step of the unrated.
SINGLE_SOURCE: assets held whose price comes from one source. HAIRCUT_PROXY: assets held whose calibrated haircut is a
declared one. JOINT_AS_HAIRCUT: a gross account asks for the joint mode of collateral and is margined in haircut mode.
HELD: broken lines because of which the account is held.
"""

from __future__ import annotations

import polars as pl


def flags(counts: pl.DataFrame) -> pl.DataFrame:
    """One row per account: quality_flags, its words in order with their counts (`STALE=2 VOL_PROXY=1314`).

    `counts`: clearing_member_id, margin_account_id, word, count; a count of zero is left out.
    """
    return (
        counts.filter(pl.col("count") > 0)
        .sort("clearing_member_id", "margin_account_id", "word")
        .with_columns(flag=pl.format("{}={}", "word", "count"))
        .group_by("clearing_member_id", "margin_account_id", maintain_order=True)
        .agg(quality_flags=pl.col("flag").str.join(" "))
    )
