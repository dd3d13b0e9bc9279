"""The league on real accounts: what every model asked on each night, beside what the accounts then lost.

Accounts differ in size by orders of magnitude and change their books every day, so that no rate of notional compares
them: covered nights are counted, and what models ask is related to the champion's. Nights of one book over periods that
overlap and accounts on one market are no independent observations: counts are told without a verdict.
Reference: METHODOLOGY 9.
"""

from __future__ import annotations

import polars as pl

NIGHT = ["business_date", "clearing_member_id", "margin_account_id"]


def night_table(margins: pl.DataFrame, losses: pl.DataFrame) -> pl.DataFrame:
    """One row for each night, account and model: the margins, loss_usd (null until known), beyond_usd, breached.

    margins: the key, model, margin_usd, option_value_usd (what the options held are worth, long > 0: they stand beside
    the margin, which is net of them). losses: the key, loss_usd (loss > 0, null or NaN where it cannot be told).
    beyond_usd: of the loss over both; a night without a loss is not judged, beyond_usd and breached are null.
    """
    known = losses.with_columns(pl.col("loss_usd").fill_nan(None))
    beyond = pl.col("loss_usd") - (pl.col("margin_usd") + pl.col("option_value_usd"))
    found = margins.join(known, on=NIGHT, how="left").with_columns(beyond_usd=beyond)
    return found.with_columns(breached=pl.col("beyond_usd") > 0.0).sort(*NIGHT, "model")


def book_table(nights: pl.DataFrame, champion: str) -> pl.DataFrame:
    """One row for each model, the champion first: nights asked and judged, breaches, uncovered_usd (sum of what was
    beyond), margin_usd (sum), of_champion (ratio of sums) and median_of_champion (of accounts' ratios, where
    the champion asks something)."""
    base = nights.filter(pl.col("model") == champion).select(*NIGHT, champion_usd="margin_usd")
    beside = nights.join(base, on=NIGHT, how="inner").sort(*NIGHT, "model")
    ratio = pl.when(pl.col("champion_usd") > 0.0).then(pl.col("margin_usd") / pl.col("champion_usd"))
    found = beside.group_by("model", maintain_order=True).agg(
        nights=pl.len(),
        judged=pl.col("breached").count(),
        breaches=pl.col("breached").sum(),
        uncovered_usd=pl.col("beyond_usd").clip(0.0).sum(),
        margin_usd=pl.col("margin_usd").sum(),
        of_champion=pl.col("margin_usd").sum() / pl.col("champion_usd").sum(),
        median_of_champion=ratio.median(),
    )
    return found.sort(pl.col("model") != champion, "model")
