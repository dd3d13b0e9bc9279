"""Stage settle: what every position settles, the double-entry ledger, and the balances that follow."""

from __future__ import annotations

from tasks import reference
from tasks.model.margin import ledger, variation
from tasks.stage import Context, stage


@stage("settle")
def settle(context: Context) -> None:
    """Settle first: variation margin, funding, premium, fees and payoffs post before anything is called for."""
    assets = reference.assets().values()
    settled = variation.settle(
        context.query("book/slices/settle_positions"),
        context.query("book/slices/settle_contracts"),
        context.slice("book.funding", "contract_id, interval_end_ts"),
        {each.asset: each.decimals for each in assets},
        context.policy.reference.funding_rate_per_interval,
    )
    books = ledger.post(
        settled.variation,
        context.query("book/slices/settle_collateral"),
        {each.asset: each.form for each in assets},
    )
    context.write("result.variation", settled.variation)
    context.write("result.settlement_rounding", settled.rounding)
    context.write("result.ledger", books.ledger)
    context.write("result.balance", books.balance)
