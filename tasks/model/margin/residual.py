"""What the rest of the book says about a position line that cannot be right.

Every contract nets to zero over all accounts, so what all other lines leave over is the position of the one line that
is doubtful. A line is put right only where that says the same as the break did: one figure of it is off by what the
contract is out of balance by; it is the line that another contract or account of the member lacks; or it was carried
open, was not delivered, and opens as it closed. Otherwise it stays as delivered, or is suspended where it cannot stay;
a contract that is then out of balance stops the cycle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

Row = dict[str, Any]
KEPT, RENAMED, RESIDUAL, CARRIED, SUSPENDED = "KEPT", "RENAMED", "RESIDUAL", "CARRIED", "SUSPENDED"
_ZERO = Decimal(0)
_KEY = ("clearing_member_id", "margin_account_id", "client_id")


class Figures(NamedTuple):
    """Figures of a line, or of all lines of a contract: contracts, then value and premium in native units."""

    opened: Decimal
    traded: Decimal
    transferred: Decimal
    exercised: Decimal
    expired: Decimal
    closed: Decimal
    value: Decimal
    premium: Decimal

    @property
    def rolls(self) -> bool:
        """Whether opening and movements are the close."""
        return sum(self[1:5], self.opened) == self.closed


class Placed(NamedTuple):
    """A line as it is booked, and how that came about."""

    line: Row
    how: str


_QUANTITIES = Figures._fields[:6]
_COLUMN = {
    "opened": "qty_open",
    "transferred": "qty_transfer",
    "exercised": "qty_exercise_assign",
    "expired": "qty_expired",
    "closed": "qty_close",
}


def place(lines: Sequence[Row], excess: Mapping[str, Figures], known: frozenset[str]) -> list[Placed]:
    """Where every doubtful line belongs.

    `lines`: columns of book.position, source_line 0 for one that was not delivered, and contract_known, account_known,
    client_fits. `excess`: figures of every contract whose delivered lines do not net to zero; `known`: those of its
    contracts that are listed.
    """
    book = _Doubtful(lines, dict(excess), known)
    placed = [new for line in lines if line["source_line"] and (new := book.renamed(line))]
    return [*placed, *(book.settled(line) for line in book.left())]


def figures(line: Row) -> Figures:
    """Figures of one line."""
    return Figures(
        line["qty_open"],
        line["qty_buy"] - line["qty_sell"],
        line["qty_transfer"],
        line["qty_exercise_assign"],
        line["qty_expired"],
        line["qty_close"],
        line["buy_value"] - line["sell_value"],
        line["premium_paid"],
    )


class _Doubtful:
    """Doubtful lines by contract, and what every contract is out of balance by; both shrink as lines are placed."""

    def __init__(self, lines: Sequence[Row], over: dict[str, Figures], known: frozenset[str]) -> None:
        self.over, self.known = over, known
        self.by_contract: dict[str, list[Row]] = {}
        self.undelivered: dict[tuple[str, str], list[Row]] = {}
        for line in lines:
            self.by_contract.setdefault(line["contract_id"], []).append(line)
            if not line["source_line"]:
                self.undelivered.setdefault(_position(line), []).append(line)

    def left(self) -> list[Row]:
        """Lines that are not placed yet."""
        return [line for lines in self.by_contract.values() for line in lines]

    def settled(self, line: Row) -> Placed:
        """A line under its own name: put right by the residual, kept, carried on or suspended."""
        fits = line["contract_known"] and line["account_known"] and line["client_fits"]
        contract = line["contract_id"]
        if fits and len(self.by_contract[contract]) == 1 and contract in self.over:
            new = _residual(line, self.over[contract])
            if new:
                return Placed(new, RESIDUAL)
        if fits and figures(line).rolls:
            return Placed(line, KEPT if line["source_line"] else CARRIED)
        return Placed(line, SUSPENDED)

    def renamed(self, line: Row) -> Placed | None:
        """The line under the one name that is missing it; it and the undelivered line it stands for are placed."""
        found = self._candidates(line)
        if len(found) != 1:
            return None
        stands_for, new = found[0]
        self._take(line)
        if stands_for:
            self._take(stands_for)
            self.undelivered[_position(stands_for)].remove(stands_for)
        for contract in {line["contract_id"], new["contract_id"]}:
            self.over.pop(contract, None)
        return Placed(new, RENAMED)

    def _take(self, line: Row) -> None:
        contract = line["contract_id"]
        self.by_contract[contract] = [each for each in self.by_contract[contract] if each is not line]

    def _candidates(self, line: Row) -> list[tuple[Row | None, Row]]:
        """Undelivered lines a line would stand for, if any, each with the line as it would be booked."""
        if line["contract_id"] not in self.over:
            return []
        if line["contract_known"] and line["account_known"]:
            return [pair for pair in self._pairs(line, False) if self._closes(line, *pair)]
        if line["account_known"]:
            return self._contracts(line)
        return [pair for pair in self._pairs(line, True) if self._closes(line, *pair)]

    def _pairs(self, line: Row, account_known: bool) -> list[tuple[Row, Row]]:
        """The member's undelivered lines of the contract, of accounts known or not, continued by the line: under the
        undelivered line's account where that is known, and else with its opening added to the line's own."""
        pairs = []
        for each in self.undelivered.get(_position(line), ()):
            if each["account_known"] != account_known:
                continue
            names = (*_KEY, "account_type", "account_known", "client_fits")
            new = {**line, **{name: each[name] for name in names}} if account_known else dict(line)
            new["qty_open"] = each["qty_open"] if account_known else line["qty_open"] + each["qty_open"]
            pairs.append((each, new))
        return pairs

    def _closes(self, line: Row, _: Row, new: Row) -> bool:
        """Whether the line with its new opening rolls, and the contract then nets to zero."""
        short = Figures(line["qty_open"] - new["qty_open"], *(_ZERO,) * 7)
        return figures(new).rolls and self.over[line["contract_id"]] == short

    def _contracts(self, line: Row) -> list[tuple[Row | None, Row]]:
        """Listed contracts that lack exactly this line, whose own name is the only one of an unlisted contract."""
        if not line["client_fits"] or self.over[line["contract_id"]] != figures(line):
            return []
        found: list[tuple[Row | None, Row]] = []
        for contract in sorted(self.known & self.over.keys()):
            doubtful = self.by_contract.get(contract, [])
            same = [each for each in doubtful if not each["source_line"] and _same(each, line, _KEY)]
            opened = same[0]["qty_open"] if same else line["qty_open"]
            new = {**line, "contract_id": contract, "contract_known": True, "qty_open": opened}
            if len(doubtful) == len(same) and figures(new).rolls and figures(new) == _negated(self.over[contract]):
                found.append((same[0] if same else None, new))
        return found


def _residual(line: Row, over: Figures) -> Row | None:
    """The line as all others leave it, None where that contradicts what is known of it."""
    if not line["source_line"]:
        left = _negated(over)
        return _with(line, left) if left.opened == line["qty_open"] and left.rolls else None
    off = [name for name, figure in over._asdict().items() if figure]
    if len(off) != 1 or off[0] not in _QUANTITIES:
        return None
    own = figures(line)
    right = own._replace(**{off[0]: getattr(own, off[0]) - getattr(over, off[0])})
    return _with(line, right) if right.rolls else None


def _with(line: Row, right: Figures) -> Row:
    """A line with other figures. A side that was traded stays as it was where that is possible."""
    new = {**line, **{column: getattr(right, name) for name, column in _COLUMN.items()}}
    new["premium_paid"] = right.premium
    new["qty_buy"], new["qty_sell"] = _sides(line["qty_buy"], line["qty_sell"], right.traded)
    new["buy_value"], new["sell_value"] = _sides(line["buy_value"], line["sell_value"], right.value)
    return new


def _sides(bought: Decimal, sold: Decimal, net: Decimal) -> tuple[Decimal, Decimal]:
    """Both sides, neither below zero, that differ by `net`: the larger one gives way where it can."""
    if (bought >= sold and sold + net >= 0) or bought < net:
        return sold + net, sold
    return bought, bought - net


def _position(line: Row) -> tuple[str, str]:
    return line["clearing_member_id"], line["contract_id"]


def _negated(each: Figures) -> Figures:
    return Figures(*(-figure for figure in each))


def _same(one: Row, other: Row, names: Sequence[str]) -> bool:
    return all(one[name] == other[name] for name in names)
