"""Margin of a book in which the model fails for single accounts: they are held at a gross scan, the others as ever.

    GROSS_SCAN = Σ |quantity| · multiplier · index (an inverse future or perpetual: its USD), in the account's portfolio

Nothing is set off and no option value is credited; what persons have added to the account stands besides. Which
accounts fail is found by halving the book. What fails without any position or collateral concerns everybody, and so
does an override that may not act: then nobody is margined.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import polars as pl

from tasks.model import money
from tasks.model.errors import Finding, ModelInputError
from tasks.model.margin.initial_margin import MarginInputs, MarginResult, initial_margin
from tasks.model.margin.lines import LINE_NO, NOTHING
from tasks.model.margin.overrides import standing
from tasks.model.margin.portfolio import ACCOUNT
from tasks.model.policy import Policy

GROSS_SCAN = "GROSS_SCAN"
_OWN = ("positions", "accounts", "balances", "overrides", "joint_accounts")
_ZERO = Decimal("0.00")
Key = tuple[str, str]


@dataclass(frozen=True)
class Salvaged:
    """What could be margined and, by account in key order, why the model failed for the others."""

    result: MarginResult
    failed: dict[Key, Finding]


def margin(inputs: MarginInputs, as_of: datetime, policy: Policy) -> Salvaged:
    """Margin of every account. Raises ModelInputError where it fails for all of them, or no scan can be made of one."""
    try:
        return Salvaged(initial_margin(inputs, as_of, policy), {})
    except ModelInputError as error:
        if any(finding.code.startswith("OVERRIDE") for finding in error.findings):
            raise
        keys = sorted(inputs.accounts.select(ACCOUNT).rows())
        _try(inputs, [], as_of, policy)
        failed = dict(_failing(inputs, keys, as_of, policy))
        if not failed or len(failed) == len(keys):
            raise
        return _salvaged(inputs, failed, as_of, policy)


def _salvaged(inputs: MarginInputs, failed: dict[Key, Finding], as_of: datetime, policy: Policy) -> Salvaged:
    keys = [key for key in sorted(inputs.accounts.select(ACCOUNT).rows()) if key not in failed]
    result = initial_margin(_only(inputs, keys), as_of, policy)
    asked = {key: _asked(_only(inputs, [key])) for key in failed}
    components = [component for component in LINE_NO if component != "HELD"]
    lines = [_line(key, each, component, policy) for key, each in asked.items() for component in components]
    portfolios = [_portfolio(key, each, policy) for key, each in asked.items()]
    more = {
        "requirement": pl.DataFrame(lines, schema=result.requirement.schema),
        "portfolio": pl.DataFrame(portfolios, schema=result.portfolio.schema),
    }
    tables = {name: pl.concat([getattr(result, name), table]) for name, table in more.items()}
    return Salvaged(replace(result, **tables), failed)


class _Asked(NamedTuple):
    """USD that an account the model fails for must hold: of its positions, and by overrides."""

    scan: Decimal
    override: Decimal


def _asked(own: MarginInputs) -> _Asked:
    granted = standing(own.overrides, own.business_date)["amount_usd"]
    return _Asked(gross_scan(own.positions), money.round_up(money.total(granted)))


def gross_scan(positions: pl.DataFrame) -> Decimal:
    """USD of every position at its whole notional, rounded up. Raises ModelInputError PRICE_MISSING for want of one."""
    sizes = []
    for row in positions.iter_rows(named=True):
        in_usd = row["payoff"] == "INVERSE" and row["kind"] != "OPT"
        price = Decimal(1) if in_usd else row["index_price"]
        if price is None or row["multiplier"] is None:
            raise ModelInputError(
                Finding(
                    "PRICE_MISSING",
                    "not even the size of a position is known",
                    where=" ".join(row[name] for name in (*ACCOUNT, "contract_id")),
                    action="deliver contract and index",
                )
            )
        sizes.append(money.product(abs(row["quantity"]), row["multiplier"], price))
    return money.round_up(money.total(sizes))


def _failing(
    inputs: MarginInputs, keys: Sequence[Key], as_of: datetime, policy: Policy
) -> Iterator[tuple[Key, Finding]]:
    try:
        _try(inputs, keys, as_of, policy)
    except ModelInputError as error:
        if len(keys) == 1:
            yield keys[0], error.findings[0]
            return
        half = len(keys) // 2
        yield from _failing(inputs, keys[:half], as_of, policy)
        yield from _failing(inputs, keys[half:], as_of, policy)


def _try(inputs: MarginInputs, keys: Sequence[Key], as_of: datetime, policy: Policy) -> None:
    """Margin the given accounts; without any the whole market alone, for all accounts as if they held nothing."""
    own = _only(inputs, keys)
    initial_margin(own if keys else replace(own, accounts=inputs.accounts), as_of, policy)


def _only(inputs: MarginInputs, keys: Sequence[Key]) -> MarginInputs:
    wanted = pl.DataFrame(keys, schema=dict.fromkeys(ACCOUNT, pl.String), orient="row")
    return replace(inputs, **{name: getattr(inputs, name).join(wanted, on=ACCOUNT, how="semi") for name in _OWN})


def _portfolio(key: Key, asked: _Asked, policy: Policy) -> dict[str, Any]:
    initial = asked.scan + asked.override
    maintenance = money.round_up(money.product(initial, money.exact(policy.maintenance.fraction)))
    return {
        **dict(zip((*ACCOUNT, "client_id"), (*key, ""), strict=True)),
        "initial_margin_usd": initial,
        "net_option_value_usd": _ZERO,
        "total_initial_margin_usd": initial,
        "maintenance_margin_usd": maintenance,
        "total_maintenance_margin_usd": maintenance,
        "initial_margin_without_override_usd": asked.scan,
        "maintenance_binding_component": "INITIAL_MARGIN_SHARE" if initial else NOTHING,
    }


def _line(key: Key, asked: _Asked, component: str, policy: Policy) -> dict[str, Any]:
    amount = {"BASE_MARGIN": asked.scan, "OVERRIDE": asked.override}.get(component, _ZERO)
    causes = {"BASE_MARGIN": GROSS_SCAN, "OVERRIDE": "OVERRIDE"}
    return {
        **dict(zip((*ACCOUNT, "client_id"), (*key, ""), strict=True)),
        "component": component,
        "line_no": LINE_NO[component],
        "amount_usd": amount,
        "rule_id": component.lower(),
        "policy_hash": policy.policy_hash,
        "worst_scenario_id": "",
        "binding_component": causes[component] if amount else NOTHING,
    }
