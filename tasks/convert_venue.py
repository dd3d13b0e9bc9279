"""How Deribit names and sizes what it lists, and how Levee does.

Option `BTC-27MAR26-90000-C`, future `BTC-27MAR26`, a decimal strike with `d` for the point (`0d625`).
Sizes are the venue's own (its instrument list of 2021-2022): options are for one coin, inverse futures for 10 USD of
BTC and 1 USD of ETH, USDC-margined perpetuals for 0.001 BTC and 0.01 ETH.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

VENUE = "DERIBIT"
EXPIRY_TIME = time(8, tzinfo=UTC)
SYNTHETIC_FORWARD = "SYN."

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_FUTURE = re.compile(r"([A-Z0-9_]+)-(\d{1,2})([A-Z]{3})(\d{2})")
_OPTION = re.compile(_FUTURE.pattern + r"-(\d+(?:d\d+)?)-([CP])")


@dataclass(frozen=True)
class Sizes:
    """Contract sizes of a coin: option lot (coins), inverse future (USD), linear perpetual (coins)."""

    option_lot: Decimal
    inverse_usd: Decimal
    linear_coins: Decimal


SIZES = {
    "BTC": Sizes(Decimal("0.1"), Decimal(10), Decimal("0.001")),
    "ETH": Sizes(Decimal(1), Decimal(1), Decimal("0.01")),
}


@dataclass(frozen=True)
class Future:
    """A dated future, coin-settled."""

    coin: str
    expires: date

    @property
    def expiry(self) -> datetime:
        """Time of expiry, UTC."""
        return datetime.combine(self.expires, EXPIRY_TIME)

    @property
    def venue_symbol(self) -> str:
        """Deribit's name."""
        return f"{self.coin}-{self.expires.day}{_MONTHS[self.expires.month - 1]}{self.expires:%y}"

    @property
    def contract_id(self) -> str:
        """Levee's name."""
        return f"{self.coin}-{self.expires:%Y%m%d}.INV"


@dataclass(frozen=True)
class Option:
    """A European option on the future of its expiry, coin-settled; right is C or P."""

    future: Future
    strike: Decimal
    right: str

    @property
    def venue_symbol(self) -> str:
        """Deribit's name."""
        return f"{self.future.venue_symbol}-{self._strike}-{self.right}"

    @property
    def contract_id(self) -> str:
        """Levee's name."""
        return f"{self.future.coin}-{self.future.expires:%Y%m%d}-{self._strike}-{self.right}.INV"

    @property
    def _strike(self) -> str:
        return f"{self.strike:f}".replace(".", "d")


def parse_future(name: str) -> Future | None:
    """The future of a venue name; None where the name is not the one Deribit would give it."""
    found = _FUTURE.fullmatch(name)
    future = found and _future(*found.groups())
    return future if future and future.venue_symbol == name else None


def parse_option(name: str) -> Option | None:
    """The option of a venue name; None where the name is not the one Deribit would give it."""
    found = _OPTION.fullmatch(name)
    future = found and _future(*found.groups()[:4])
    if not found or not future:
        return None
    option = Option(future, Decimal(found[5].replace("d", ".")), found[6])
    return option if option.venue_symbol == name and option.strike > 0 else None


def perpetual_id(coin: str) -> str:
    """Levee's name of the inverse perpetual."""
    return f"{coin}-PERP.INV"


def linear_perpetual_id(coin: str) -> str:
    """Levee's name of the USDC-margined perpetual."""
    return f"{coin}-PERP.LIN.USDC"


def _future(coin: str, day: str, month: str, year: str) -> Future | None:
    try:
        return Future(coin, date(2000 + int(year), _MONTHS.index(month) + 1, int(day)))
    except ValueError:  # no such month, or no such day in it
        return None
