"""Stage margin: what every account must hold, and the scenarios and risk figures it comes from."""

from __future__ import annotations

from dataclasses import fields

from tasks.model.margin.initial_margin import MarginInputs, initial_margin
from tasks.stage import Context, stage


@stage("margin")
def margin(context: Context) -> None:
    """Write scenario, scenario_set, portfolio_risk, requirement, portfolio and position_risk of the run."""
    inputs = MarginInputs(
        positions=context.query("book/slices/margin_positions"),
        accounts=context.query("book/slices/margin_accounts"),
        listed=context.query("book/slices/margin_underlyings"),
        history=context.query("book/slices/margin_history", business_date=context.key.business_date),
    )
    result = initial_margin(inputs, context.run["as_of_ts"], context.policy)
    for table in fields(result):
        context.write(f"result.{table.name}", getattr(result, table.name))
