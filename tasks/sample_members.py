"""Who clears in a synthetic house: members of different kinds, their accounts, and the portfolios that trade."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tasks.model.arrays import Floats
from tasks.model.errors import Finding, LeveeError

KINDS = ("MARKET_MAKER", "HEDGER", "DIRECTIONAL", "OPTION_SELLER", "FLAT")
LEADING_ZERO = "007"  # the seventh member (the last of a smaller house): an id that must survive as text
TIMEZONES = ("Europe/London", "America/New_York", "Asia/Singapore", "Europe/Zurich", "Asia/Tokyo")

# Weight of being drawn as (buyer, seller) of forwards, calls and puts.
_APPETITE = {
    "MARKET_MAKER": ((3.0, 3.0), (3.0, 3.0), (3.0, 3.0)),
    "HEDGER": ((0.3, 2.0), (0.2, 1.0), (1.5, 0.2)),
    "DIRECTIONAL": ((2.0, 0.5), (1.5, 0.2), (0.3, 0.5)),
    "OPTION_SELLER": ((0.5, 0.5), (0.1, 2.0), (0.1, 2.0)),
    "FLAT": ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0)),
}
FORWARD, CALL, PUT = range(3)

_ONSETS = (
    "Bar",
    "Cel",
    "Dov",
    "Fen",
    "Gal",
    "Hest",
    "Jor",
    "Kel",
    "Lum",
    "Mor",
    "Nev",
    "Orl",
    "Pel",
    "Quil",
    "Ros",
    "Sel",
    "Tarn",
    "Ul",
    "Ves",
    "Wyl",
)
_CODAS = ("adine", "brook", "crest", "dal", "enholm", "fort", "garth", "haven", "ister", "mere")
_TRADES = ("Clearing", "Derivatives", "Markets", "Trading", "Capital")
_FORMS = ("Ltd", "GmbH", "SA", "LLC", "Pte Ltd")
_SYNTHETIC_ISSUER = "9999"  # no issuer of LEIs uses this prefix


@dataclass(frozen=True)
class Member:
    """A clearing member. `accounts` are (margin_account_id, account_type)."""

    member_id: str
    kind: str
    legal_name: str
    lei: str
    timezone: str
    base_ccy: str
    accounts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Portfolio:
    """What trades: an account, or one client of a gross account (client '' otherwise)."""

    member: int
    account_id: str
    account_type: str
    client_id: str
    kind: str


@dataclass(frozen=True)
class House:
    """Members and portfolios, those of one member side by side; `buy` and `sell` (3, n_portfolios) are appetites."""

    members: tuple[Member, ...]
    portfolios: tuple[Portfolio, ...]
    buy: Floats
    sell: Floats
    size: Floats  # (n_portfolios,) size of a portfolio's trades, 1 = ordinary


def build_house(count: int, rng: np.random.Generator, accounts: int | None = None) -> House:
    """A house of `count` members with as many accounts as asked for, else those that every member has.

    Raises LeveeError USAGE below two members (somebody must take the other side) and for fewer accounts than that.
    """
    if count < 2:
        raise LeveeError(Finding("USAGE", "a book needs two members", value=str(count), limit="at least 2"))
    members = tuple(_member(number, count) for number in range(1, count + 1))
    members = members if accounts is None else _with_accounts(members, accounts)
    portfolios = tuple(portfolio for member in range(count) for portfolio in _portfolios(member, members[member]))
    appetite = np.array([_APPETITE[portfolio.kind] for portfolio in portfolios])
    lead = np.array([4.0 if portfolio.kind == "MARKET_MAKER" else 1.0 for portfolio in portfolios])
    size = lead * np.exp(0.6 * rng.standard_normal(len(portfolios)))
    return House(members, portfolios, appetite[:, :, 0].T, appetite[:, :, 1].T, size)


def _with_accounts(members: tuple[Member, ...], accounts: int) -> tuple[Member, ...]:
    """Members that take turns in opening further omnibus accounts until there are so many in all."""
    further = accounts - sum(len(member.accounts) for member in members)
    if further < 0:
        least = f"at least {accounts - further}"
        raise LeveeError(Finding("USAGE", "these members have more accounts", value=str(accounts), limit=least))
    turns, rest = divmod(further, len(members))
    return tuple(_with_further(member, turns + (order < rest)) for order, member in enumerate(members))


def _with_further(member: Member, count: int) -> Member:
    opened = tuple((f"{member.member_id}C{number}", "CLIENT_OMNI_NET") for number in range(2, count + 2))
    return replace(member, accounts=member.accounts + opened)


def lei_check_digits(stem: str) -> str:
    """Two check digits of an eighteen-character stem. Reference: ISO 17442, ISO 7064 MOD 97-10."""
    return f"{98 - int(''.join(str(int(character, 36)) for character in stem + '00')) % 97:02d}"


def synthetic_lei(number: int) -> str:
    """A well-formed LEI that nobody holds."""
    stem = f"{_SYNTHETIC_ISSUER}00LEVEE{number:07d}"
    return stem + lei_check_digits(stem)


def _member(number: int, count: int) -> Member:
    width = max(3, len(str(count)))
    member_id = LEADING_ZERO if number == min(7, count) else f"M{number:0{width}d}"
    accounts = [(f"{member_id}H", "HOUSE")]
    if number % 2 == 0:
        accounts.append((f"{member_id}C", "CLIENT_OMNI_NET"))
    if number % 3 == 0:
        accounts.append((f"{member_id}G", "CLIENT_GROSS"))
    return Member(
        member_id,
        KINDS[(number - 1) % len(KINDS)],
        _legal_name(number),
        synthetic_lei(number),
        TIMEZONES[number % len(TIMEZONES)],
        "USD" if number % 4 else "USDC",
        tuple(accounts),
    )


def _legal_name(number: int) -> str:
    """An invented name; numbers are added once the words run out."""
    index, again = number - 1, (number - 1) // (len(_ONSETS) * len(_CODAS))
    stem = _ONSETS[index % len(_ONSETS)] + _CODAS[index // len(_ONSETS) % len(_CODAS)]
    series = f" {again + 1}" if again else ""
    return f"{stem} {_TRADES[index % len(_TRADES)]}{series} {_FORMS[index // len(_TRADES) % len(_FORMS)]}"


def _portfolios(index: int, member: Member) -> list[Portfolio]:
    portfolios = []
    for account_id, account_type in member.accounts:
        clients = [f"C{number:03d}" for number in range(1, 3 + index % 3)] if account_type == "CLIENT_GROSS" else [""]
        for order, client in enumerate(clients):
            kind = _kind(index, member, account_type, order)
            portfolios.append(Portfolio(index, account_id, account_type, client, kind))
    return portfolios


def _kind(index: int, member: Member, account_type: str, order: int) -> str:
    """A house account trades as its member does; clients take turns; a flat member has flat clients."""
    if member.kind == "FLAT" or account_type == "HOUSE":
        return member.kind
    return ("DIRECTIONAL", "HEDGER", "OPTION_SELLER")[(index + order) % 3]
