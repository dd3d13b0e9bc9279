"""How a person reads where a figure comes from: one tree, the figure at its root, delivered lines at its leaves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.text import Text
from rich.tree import Tree

Fields = Mapping[str, Any]

POSITIONS_SHOWN = 12
SHARES_SHOWN = 6


def tree(found: Fields) -> Tree:
    """Call, result, requirement lines, positions with marks, collateral; files at the end."""
    top = Tree(Text(_headline(found)))
    top.add(Text(_comparison(found["result"])))
    for portfolio in found["portfolios"]:
        _portfolio(top, portfolio)
    _shares(top, "by position", found["contributions"])
    _shares(top, "by factor", found["factors"])
    _change(top, found["change"])
    cover = top.add(Text(f"collateral after haircut {_usd(found['result']['collateral_post_haircut_value_usd'])}"))
    for row in found["collateral"]:
        sign = "+" if row["quantity"] < 0 else "−"
        cut = f"{row['quantity'].normalize():,f} × {row['price_usd'].normalize():,f} × "
        cut += f"(1 {sign} {row['haircut_fraction'].normalize():f})"
        leaf = cover.add(Text(f"{row['asset']} {cut} = {_usd(row['post_haircut_value_usd'])}; rule {row['rule_id']}"))
        _leaves(leaf, row["input"])
        _leaves(leaf, row["price_input"])
    files = top.add(Text("files as delivered, sha256"))
    for file_id, sha256 in sorted(_files(found)):
        files.add(Text(f"{file_id} {sha256}"))
    return top


def _headline(found: Fields) -> str:
    call, run, result = found["call"], found["run"], found["result"]
    who = f"{result['clearing_member_id']} {result['margin_account_id']}"
    basis = f"run {run['run_id']}, policy {run['policy_hash'][:16]}"
    if call is None:
        return f"no call: {who}, {basis}"
    due = f"{call['due_amount'].normalize():,f} {call['due_asset']} by {call['due_ts']:%Y-%m-%d %H:%M} UTC"
    return f"call {call['call_id']} v{call['call_version']} {call['state']}: {who}, {due}, {basis}"


def _comparison(result: Fields) -> str:
    names = ("total_initial_margin_usd", "collateral_post_haircut_value_usd", "outstanding_calls_usd")
    must, cover, asked = (_usd(result[name]) for name in names)
    minimum, step = _usd(result["minimum_transfer_amount_usd"]), _usd(result["call_increment_usd"])
    return (
        f"result {result['status']}: requirement {must} − collateral {cover} − outstanding calls {asked}: "
        f"deficit {_usd(result['deficit_amount_usd'])}, excess {_usd(result['excess_amount_usd'])}; "
        f"called {_usd(result['margin_call_amount_usd'])} (from {minimum}, in steps of {step})"
    )


def _portfolio(top: Tree, portfolio: Fields) -> None:
    name = f"client {portfolio['client_id']}" if portfolio["client_id"] else "account"
    figures = (portfolio[f"{each}_usd"] for each in ("initial_margin", "net_option_value", "total_initial_margin"))
    initial, options, must = map(_usd, figures)
    branch = top.add(Text(f"{name}: lines {initial} − net option value {options} → requirement {must}"))
    for line in portfolio["lines"]:
        cause = f"{line['binding_component']} {line['worst_scenario_id']}".strip()
        leaf = branch.add(Text(f"{line['component']} {_usd(line['amount_usd'])} ({cause}); rule {line['rule_id']}"))
        for move in line["scenario"]:
            leaf.add(Text(_move(move)))
    held = sorted(portfolio["positions"], key=lambda each: (-abs(each.get("delta") or 0.0), each["contract_id"]))
    for position in held[:POSITIONS_SHOWN]:
        _position(branch, position)
    if len(held) > POSITIONS_SHOWN:
        branch.add(Text(f"… and {len(held) - POSITIONS_SHOWN} positions of smaller delta; --json lists all"))


def _shares(top: Tree, title: str, rows: Sequence[Fields]) -> None:
    """What adds how much to the lines, summed over them: the largest first, what takes away last."""
    sums: dict[tuple[str, str], list[Fields]] = {}
    for row in rows:
        sums.setdefault((row["client_id"], row["item"]), []).append(row)
    ranked = sorted(sums.items(), key=lambda each: (-sum(row["contribution_usd"] for row in each[1]), each[0]))
    branch = top.add(Text(f"requirement {title} {_usd(sum(row['contribution_usd'] for row in rows))}"))
    shown = ranked if len(ranked) <= 2 * SHARES_SHOWN else [*ranked[:SHARES_SHOWN], *ranked[-SHARES_SHOWN:]]
    for (client, item), own in shown:
        lines = ", ".join(f"{row['component']} {_usd(row['contribution_usd'])}" for row in own)
        whole = _usd(sum(row["contribution_usd"] for row in own))
        branch.add(Text(f"{f'client {client} ' if client else ''}{item} {whole}: {lines}"))
    if len(shown) < len(ranked):
        branch.add(Text(f"… and {len(ranked) - len(shown)} between them; --json lists all"))


def _change(top: Tree, change: Fields | None) -> None:
    """One cause after another since the cycle before."""
    if change is None:
        top.add(Text("no change is told: the account was not there in the cycle before"))
        return
    steps, before = change["steps"], change["total_initial_margin_usd"]
    after = steps[-1]["total_initial_margin_usd"]
    branch = top.add(Text(f"since {change['since']}: {_usd(before)} → {_usd(after)}, {after - before:+,.2f}"))
    for step in steps:
        branch.add(
            Text(f"{step['cause'].lower()} {step['change_usd']:+,.2f} → {_usd(step['total_initial_margin_usd'])}")
        )


def _move(move: Fields) -> str:
    return (
        f"{move['underlying']} {move['spot_return']:+.4f} log return over {move['horizon_days']} days from "
        f"{move['start_date']} × {move['scale_factor']:.4f}, vol score {move['vol_score']:+.2f}, {move['quality']}"
    )


def _position(branch: Tree, position: Fields) -> None:
    risk = f", delta {position['delta']:,.4f}" if "delta" in position else ""
    leaf = branch.add(Text(f"{position['contract_id']} {position['qty_close'].normalize():,f} contracts{risk}"))
    _leaves(leaf, position["input"])
    mark = position["mark"]
    if "settlement_price" in mark:
        price = mark["settlement_price"].normalize()
        words = " ".join(str(mark[name]) for name in ("method", "quality", "source") if mark[name])
        _leaves(leaf.add(Text(f"mark {price:,f} {words}, observed {mark['obs_ts']}")), mark["input"])


def _leaves(branch: Tree, lines: Iterable[Fields]) -> None:
    for line in lines:
        text = "not in the archive" if line["text"] is None else line["text"]
        branch.add(Text(f"{line['file_id']}:{line['source_line']}  {text}", style="dim"))


def _files(found: Any) -> set[tuple[str, str]]:
    """Every file named anywhere below."""
    if isinstance(found, Mapping):
        own = {(found["file_id"], found["sha256"])} if "sha256" in found else set()
        return own.union(*(_files(each) for each in found.values()))
    if isinstance(found, Sequence) and not isinstance(found, str):
        return set().union(*(_files(each) for each in found))
    return set()


def _usd(amount: Any) -> str:
    return f"{amount:,.2f}"
