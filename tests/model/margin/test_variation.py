"""Variation margin, funding, premium and payoff: numbers worked by hand, and a second implementation in fractions."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.errors import ModelInputError, ReconciliationError
from tasks.model.margin import variation
from tasks.model.margin.variation import Settlement
from tasks.model.policy import ByName

QUANTITIES = ("qty_open", "qty_buy", "qty_sell", "qty_transfer", "qty_exercise_assign", "qty_expired", "qty_close")
VALUES = ("buy_value", "sell_value", "premium_paid", "fees")
POSITIONS = {
    **dict.fromkeys(variation.POSITION_KEY, pl.String),
    **dict.fromkeys(QUANTITIES, pl.Decimal(28, 8)),
    **dict.fromkeys(VALUES, pl.Decimal(38, 12)),
}
PRICE = pl.Decimal(28, 10)
CONTRACTS = {
    "contract_id": pl.String,
    "kind": pl.String,
    "payoff": pl.String,
    "underlying_asset": pl.String,
    "settle_asset": pl.String,
    "multiplier": pl.Decimal(28, 12),
    "strike": PRICE,
    "option_type": pl.String,
    "funding_interval_s": pl.Int32,
    "funding_cap": pl.Decimal(18, 12),
    "expired": pl.Boolean,
    "settlement_price": PRICE,
    "prev_settlement_price": PRICE,
    "final_price": PRICE,
}
FUNDING = {"contract_id": pl.String, "funding_rate": pl.Decimal(18, 12)}
DECIMALS = {"BTC": 8, "USDC": 6, "ETH": 18, "USD": 2}
REFERENCE = ByName({"default": 0.0001, "ETH": 0.0002})


def contract(**fields: Any) -> dict[str, Any]:
    """A linear BTC perpetual in USDC that goes from 100 to 110, changed by the fields given."""
    usual = {
        "contract_id": "X",
        "kind": "PERP",
        "payoff": "LINEAR",
        "underlying_asset": "BTC",
        "settle_asset": "USDC",
        "multiplier": "1",
        "expired": False,
        "settlement_price": "110",
        "prev_settlement_price": "100",
    }
    return _typed({**dict.fromkeys(CONTRACTS), **usual, **fields}, CONTRACTS)


def position(account: str = "A", contract_id: str = "X", client: str = "", **amounts: str) -> dict[str, Any]:
    """A position; the close follows from the movements where it is not given."""
    row = {**dict.fromkeys((*QUANTITIES, *VALUES), "0"), **amounts}
    if "qty_close" not in amounts:
        opened, bought, sold, *signed, _ = (Decimal(row[name]) for name in QUANTITIES)
        row["qty_close"] = str(opened + bought - sold + sum(signed))
    key = dict(zip(variation.POSITION_KEY, ("M", account, client, contract_id), strict=True))
    return _typed({**key, **row}, POSITIONS)


def _typed(row: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    decimal = {name for name, kind in schema.items() if isinstance(kind, pl.Decimal)}
    return {name: Decimal(row[name]) if name in decimal and row[name] is not None else row[name] for name in schema}


def settled(
    positions: list[dict[str, Any]], *contracts: dict[str, Any], rates: tuple[tuple[str, str], ...] = ()
) -> Settlement:
    """Settlement of some rows."""
    funding = pl.DataFrame([(name, Decimal(rate)) for name, rate in rates], schema=FUNDING, orient="row")
    return variation.settle(
        pl.DataFrame(positions, schema=POSITIONS),
        pl.DataFrame(contracts, schema=CONTRACTS),
        funding,
        DECIMALS,
        REFERENCE,
    )


def amount(result: Settlement, column: str, account: str = "A") -> Decimal:
    """One figure of the only position of an account."""
    return result.variation.filter(pl.col("margin_account_id") == account)[column].item()


def opposite(row: dict[str, Any], account: str = "Z") -> dict[str, Any]:
    """The other side of a position: every signed figure reversed, buys and sells exchanged."""
    other = {name: value if isinstance(value, str) else -value for name, value in row.items()}
    return {
        **other,
        "qty_buy": row["qty_sell"],
        "qty_sell": row["qty_buy"],
        "buy_value": row["sell_value"],
        "sell_value": row["buy_value"],
        "fees": row["fees"],
        "margin_account_id": account,
    }


def pair(contract_row: dict[str, Any], rates: tuple[tuple[str, str], ...] = (), **amounts: str) -> Settlement:
    """Settlement of a position and its other side."""
    held = position(contract_id=contract_row["contract_id"], **amounts)
    return settled([held, opposite(held)], contract_row, rates=rates)


NO_FUNDING = (("X", "0"),)
INVERSE = {
    "payoff": "INVERSE",
    "settle_asset": "BTC",
    "multiplier": "10",
    "prev_settlement_price": "100000",
    "settlement_price": "80000",
}


@pytest.mark.parametrize(
    ("terms", "amounts", "expected"),
    [
        # Carried: 3 · 0.5 · (110 − 100).
        ({"multiplier": "0.5"}, {"qty_open": "3"}, "15"),
        ({}, {"qty_open": "-3"}, "-30"),
        # Bought two at 104 and 105 from flat: 2·110 − 209.
        ({}, {"qty_buy": "2", "buy_value": "209"}, "11"),
        # Long 5, sold 5 at 108: 540 − 500.
        ({}, {"qty_open": "5", "qty_sell": "5", "sell_value": "540"}, "40"),
        # In and out within the day needs no price.
        (
            {"settlement_price": None, "prev_settlement_price": None},
            {"qty_buy": "1", "qty_sell": "1", "buy_value": "100", "sell_value": "101.5"},
            "1.5",
        ),
        # A transfer enters at the previous price: as if it had been held from yesterday.
        ({}, {"qty_transfer": "4"}, "40"),
        ({}, {"qty_open": "4", "qty_transfer": "-4"}, "0"),
        # Inverse: 10·(100/100000 − 100/80000); one short, one with a trade at 80000, one transferred in.
        (INVERSE, {"qty_open": "100"}, "-0.0025"),
        (INVERSE, {"qty_open": "-100"}, "0.0025"),
        (INVERSE, {"qty_open": "100", "qty_buy": "50", "buy_value": "0.000625"}, "-0.0025"),
        (INVERSE, {"qty_sell": "100", "sell_value": "0.001"}, "0.0025"),
        (INVERSE, {"qty_transfer": "100"}, "-0.0025"),
        # Expiry leaves at the final price, whatever the mark: 3·(130 − 100).
        ({"kind": "FUT", "expired": True, "final_price": "130"}, {"qty_open": "3", "qty_expired": "-3"}, "90"),
        ({"kind": "FUT", "expired": True, "final_price": "130"}, {"qty_open": "3", "qty_exercise_assign": "-3"}, "90"),
        # Expired and not yet taken out of the book: still valued at the final price.
        ({"kind": "FUT", "expired": True, "final_price": "130"}, {"qty_open": "3"}, "90"),
        # Inverse expiry after a sale of 40 at 80000: 10·(0.001 − 0.0005 − 60/50000).
        (
            {**INVERSE, "kind": "FUT", "expired": True, "final_price": "50000"},
            {"qty_open": "100", "qty_sell": "40", "sell_value": "0.0005", "qty_expired": "-60"},
            "-0.007",
        ),
    ],
)
def test_variation_margin_worked_by_hand(terms: dict[str, Any], amounts: dict[str, str], expected: str) -> None:
    result = pair(contract(**terms), NO_FUNDING, **amounts)
    assert amount(result, "variation_margin") == Decimal(expected)
    assert amount(result, "variation_margin", "Z") == -Decimal(expected)


@pytest.mark.parametrize(
    ("terms", "rates", "expected", "quality"),
    [
        # Longs pay a positive rate on what they carried in: −3·100·(0.0001 + 0.0002 − 0.00005).
        ({}, ("0.0001", "0.0002", "-0.00005"), "-0.075", "OK"),
        # Each interval is held within the cap, not their sum.
        ({"funding_cap": "0.0001"}, ("0.0003", "-0.0002", "0.0001"), "-0.03", "OK"),
        # In coin: −3·10·0.01/100000.
        (INVERSE, ("0.01",), "-0.000003", "OK"),
        # None delivered: three intervals of eight hours at the reference rate, or as many as the contract has.
        ({}, (), "-0.09", "PROXY"),
        ({"funding_interval_s": 3600}, (), "-0.72", "PROXY"),
        ({"underlying_asset": "ETH"}, (), "-0.18", "PROXY"),
        ({"funding_cap": "0.00005"}, (), "-0.045", "PROXY"),
        ({"kind": "FUT"}, (), "0", "NONE"),
    ],
)
def test_funding_worked_by_hand(terms: dict[str, Any], rates: tuple[str, ...], expected: str, quality: str) -> None:
    delivered = tuple(("X", rate) for rate in rates)
    result = pair(contract(**terms), delivered, qty_open="3", qty_buy="7", buy_value="770")
    assert amount(result, "funding") == Decimal(expected)
    assert amount(result, "funding", "Z") == -Decimal(expected)
    assert amount(result, "funding_quality") == quality


def test_a_perpetual_that_is_new_today_accrues_nothing() -> None:
    result = pair(contract(prev_settlement_price=None), qty_buy="2", buy_value="200")
    assert amount(result, "funding") == 0
    assert amount(result, "funding_quality") == "OK"


@pytest.mark.parametrize(
    ("option_type", "payoff", "final", "expected"),
    [
        # 2 · 0.1 · max(0, 1 − 80000/100000) coins, its put, and both paid in quote.
        ("C", "INVERSE", "100000", "0.04"),
        ("P", "INVERSE", "100000", "0"),
        ("P", "INVERSE", "64000", "0.05"),
        ("C", "LINEAR", "100000", "4000"),
        ("P", "LINEAR", "64000", "3200"),
        ("C", "LINEAR", "80000", "0"),
    ],
)
@pytest.mark.parametrize("movement", ["qty_expired", "qty_exercise_assign"])
def test_option_settlement_worked_by_hand(
    option_type: str, payoff: str, final: str, expected: str, movement: str
) -> None:
    terms = contract(
        kind="OPT",
        payoff=payoff,
        settle_asset="BTC" if payoff == "INVERSE" else "USDC",
        strike="80000",
        option_type=option_type,
        multiplier="0.1",
        final_price=final,
        expired=True,
    )
    result = pair(terms, qty_open="2", **{movement: "-2"})
    assert amount(result, "settlement") == Decimal(expected)
    assert amount(result, "settlement", "Z") == -Decimal(expected)
    assert amount(result, "variation_margin") == 0


def test_an_option_pays_premium_and_fees_and_no_variation_margin() -> None:
    terms = contract(kind="OPT", strike="80000", option_type="C", prev_settlement_price=None)
    result = pair(terms, qty_buy="2", buy_value="500", premium_paid="500.25", fees="0.1")
    assert amount(result, "premium") == Decimal("-500.25")
    assert amount(result, "premium", "Z") == Decimal("500.25")
    assert amount(result, "fees") == amount(result, "fees", "Z") == Decimal("-0.1")
    assert amount(result, "variation_margin") == amount(result, "funding") == 0


@pytest.mark.parametrize(("quantity", "expected"), [("0.5", "0"), ("1.5", "2"), ("2.5", "2"), ("-1.5", "-2")])
def test_a_tie_goes_to_the_even_unit_for_both_signs(quantity: str, expected: str) -> None:
    result = pair(contract(multiplier="0.0000001"), NO_FUNDING, qty_open=quantity)
    assert amount(result, "variation_margin") == Decimal(expected).scaleb(-6)


def test_a_tie_made_of_an_endless_fraction_is_still_seen_as_a_tie() -> None:
    # Three times one sixth of a satoshi is half a satoshi, which goes to the even zero; nine times goes up to two.
    for multiplier, expected in (("0.00000003", "0"), ("0.00000009", "0.00000002")):
        terms = contract(payoff="INVERSE", settle_asset="BTC", multiplier=multiplier, prev_settlement_price="6")
        sold = pair(terms, NO_FUNDING, qty_open="1", qty_sell="1")
        assert amount(sold, "variation_margin") == Decimal(expected)


def test_one_satoshi_survives_and_a_fiat_asset_settles_in_cents() -> None:
    coin = contract(
        payoff="INVERSE", settle_asset="BTC", prev_settlement_price="100000000", settlement_price="50000000"
    )
    assert amount(pair(coin, NO_FUNDING, qty_open="-1"), "variation_margin") == Decimal("0.00000001")
    dollars = pair(contract(settle_asset="USD", multiplier="0.001"), NO_FUNDING, qty_open="1.5")
    assert amount(dollars, "variation_margin") == Decimal("0.02")


@pytest.mark.parametrize(
    ("terms", "amounts", "code"),
    [
        ({"prev_settlement_price": None}, {"qty_open": "1"}, "PRICE_MISSING"),
        ({"prev_settlement_price": None}, {"qty_transfer": "1"}, "PRICE_MISSING"),
        ({"settlement_price": None}, {"qty_open": "1"}, "PRICE_MISSING"),
        ({"settlement_price": "0"}, {"qty_open": "1"}, "PRICE_MISSING"),
        ({"prev_settlement_price": "-5"}, {"qty_open": "1"}, "PRICE_MISSING"),
        ({"expired": True}, {"qty_open": "1"}, "FINAL_PRICE_MISSING"),
        ({"expired": False}, {"qty_open": "1", "qty_expired": "-1"}, "FINAL_PRICE_MISSING"),
        ({"kind": "OPT", "expired": True, "strike": "1", "option_type": "C"}, {"qty_open": "1"}, "FINAL_PRICE_MISSING"),
        ({}, {"qty_open": "1", "qty_buy": "1", "qty_close": "1.99999999"}, "POSITION_ROLL"),
    ],
)
def test_what_is_missing_or_wrong_is_raised_for_every_position(
    terms: dict[str, Any], amounts: dict[str, str], code: str
) -> None:
    with pytest.raises(ModelInputError) as refused:
        pair(contract(**terms), NO_FUNDING, **amounts)
    assert [(finding.code, finding.where) for finding in refused.value.findings] == [
        (code, "account A contract X"),
        (code, "account Z contract X"),
    ]


def test_a_contract_or_asset_nobody_knows_is_raised() -> None:
    with pytest.raises(ModelInputError, match=r"UNKNOWN_CONTRACT.*Y"):
        settled([position(contract_id="Y")], contract())
    with pytest.raises(ModelInputError, match=r"UNKNOWN_ASSET.*DOGE"):
        settled([], contract(settle_asset="DOGE"))


def test_an_empty_amount_is_raised_never_zero() -> None:
    with pytest.raises(ModelInputError, match=r"MISSING_AMOUNT.*account A contract X"):
        settled([{**position(qty_open="1"), "sell_value": None}], contract())


@pytest.mark.parametrize(
    ("terms", "amounts", "movement"),
    [
        ({}, {"qty_open": "1"}, "VM"),
        ({}, {"qty_buy": "1", "qty_sell": "1", "buy_value": "0.000000000001"}, "VM"),
        ({"kind": "OPT", "strike": "1", "option_type": "C"}, {"premium_paid": "0.000000000001"}, "PREMIUM"),
        (
            {"kind": "OPT", "strike": "1", "option_type": "C", "expired": True, "final_price": "2"},
            {"qty_open": "1", "qty_expired": "-1"},
            "SETTLEMENT",
        ),
    ],
)
def test_a_book_that_does_not_net_is_not_settled(terms: dict[str, Any], amounts: dict[str, str], movement: str) -> None:
    with pytest.raises(ReconciliationError) as refused:
        settled([position(**amounts)], contract(**terms), rates=NO_FUNDING)
    finding = refused.value.findings[0]
    assert (finding.code, finding.where) == ("UNBALANCED_SETTLEMENT", "USDC X")
    assert finding.what.startswith(movement)


def test_an_empty_book_settles_to_empty_tables() -> None:
    result = settled([])
    assert result.variation.height == result.rounding.height == 0
    assert result.variation.columns == [
        *variation.POSITION_KEY,
        "settle_asset",
        "variation_margin",
        "funding",
        "premium",
        "fees",
        "settlement",
        "funding_quality",
    ]


def test_rounding_is_reported_by_contract_and_movement() -> None:
    # Three longs of 0.6 units, each rounded to 1, and a short of 1.8 against them, rounded to 2.
    terms = contract(multiplier="0.00000006", settlement_price="101")
    shorts = position("Z", qty_open="-30", fees="1")
    result = settled([*(position(name, qty_open="10", fees="1") for name in "ABC"), shorts], terms, rates=NO_FUNDING)
    assert result.rounding.rows() == [("USDC", "X", "VM", Decimal(0), Decimal("0.000001"), 4)]


# A second implementation, in fractions, of whole random books.

ACCOUNTS = ("A", "B", "C", "D")
LINEAR = contract(
    contract_id="LINEAR", multiplier="0.01", settlement_price="81234.5678901234", prev_settlement_price="79999.1"
)
COIN = contract(
    contract_id="COIN", **{**INVERSE, "settlement_price": "81234.5678901234", "prev_settlement_price": "79999.1"}
)
DYING = contract(
    contract_id="DYING",
    kind="FUT",
    **{**INVERSE, "settlement_price": "77777.7", "prev_settlement_price": "79999.1"},
    expired=True,
    final_price="78123.4567",
)
CALL = contract(
    contract_id="CALL",
    kind="OPT",
    payoff="INVERSE",
    settle_asset="BTC",
    multiplier="0.1",
    strike="70000",
    option_type="C",
    expired=True,
    final_price="78123.4567",
)
RATES = (("LINEAR", "0.0001"), ("LINEAR", "-0.000333333333"), ("COIN", "0.000123456789"))

quantities = st.integers(-(10**13), 10**13).map(lambda units: Decimal(units).scaleb(-8))
shares = st.lists(quantities, min_size=3, max_size=3)


@st.composite
def books(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Positions of four accounts in four contracts; every column nets to zero within a contract."""
    rows = []
    for terms in (LINEAR, COIN, DYING, CALL):
        opened, transferred, bought, premium = (_netted(draw(shares)) for _ in range(4))
        values = _netted([part.scaleb(-4) for part in draw(shares)])
        for each, account in enumerate(ACCOUNTS):
            leaves = -(opened[each] + transferred[each] + bought[each]) if terms["expired"] else Decimal(0)
            rows.append(
                position(
                    account,
                    terms["contract_id"],
                    client=f"K{each % 2}",
                    qty_open=str(opened[each]),
                    qty_transfer=str(transferred[each]),
                    qty_expired=str(leaves),
                    qty_buy=str(max(bought[each], Decimal(0))),
                    qty_sell=str(max(-bought[each], Decimal(0))),
                    buy_value=str(max(values[each], Decimal(0))),
                    sell_value=str(max(-values[each], Decimal(0))),
                    premium_paid=str(premium[each] if terms is CALL else 0),
                    fees="0.0000012345",
                )
            )
    return rows


def _netted(parts: list[Decimal]) -> list[Decimal]:
    return [*parts, -sum(parts)]


def in_fractions(row: dict[str, Any]) -> dict[str, Fraction]:
    """The same figures from the formulas of the methodology, term by term, exact."""
    terms = {each["contract_id"]: each for each in (LINEAR, COIN, DYING, CALL)}[row["contract_id"]]
    number = {name: Fraction(value) for name, value in {**row, **terms}.items() if isinstance(value, Decimal)}
    m, rate = number["multiplier"], sum(Fraction(rate) for name, rate in RATES if name == row["contract_id"])
    if row["contract_id"] == "CALL":
        payoff = max(Fraction(0), 1 - number["strike"] / number["final_price"])
        return {"PREMIUM": -number["premium_paid"], "SETTLEMENT": -number["qty_expired"] * m * payoff}
    before, now = number["prev_settlement_price"], number["settlement_price"]
    gone, gone_at = number["qty_expired"], number.get("final_price", Fraction(1))
    inverse = terms["payoff"] == "INVERSE"
    value = (lambda quantity, price: quantity / price) if inverse else (lambda quantity, price: quantity * price)
    buys, sells = number["buy_value"], number["sell_value"]
    for moved, price in ((number["qty_transfer"], before), (gone, gone_at)):
        buys, sells = buys + value(max(moved, 0), price), sells + value(max(-moved, 0), price)
    change = value(number["qty_close"], now) - value(number["qty_open"], before) - buys + sells
    return {"VM": m * (-change if inverse else change), "FUNDING": -m * value(number["qty_open"], before) * rate}


@settings(derandomize=True, deadline=None, max_examples=60)
@given(books())
def test_a_second_implementation_in_fractions_agrees_to_the_unit(rows: list[dict[str, Any]]) -> None:
    result = settled(rows, LINEAR, COIN, DYING, CALL, rates=RATES)
    exact = {(row["margin_account_id"], row["contract_id"]): in_fractions(row) for row in rows}
    sums: dict[tuple[str, str], Fraction] = {}
    for found in result.variation.iter_rows(named=True):
        unit = Fraction(1, 10**8 if found["settle_asset"] == "BTC" else 10**6)
        for movement, figure in exact[found["margin_account_id"], found["contract_id"]].items():
            assert found[variation.AMOUNT_COLUMNS[movement]] == round(figure / unit) * unit
            key = (found["contract_id"], movement)
            sums[key] = sums.get(key, Fraction(0)) + figure
    assert set(sums.values()) == {Fraction(0)}


@settings(derandomize=True, deadline=None, max_examples=60)
@given(books(), st.randoms(use_true_random=False))
def test_rounding_stays_within_half_a_unit_each_and_rows_may_come_in_any_order(
    rows: list[dict[str, Any]], random: Any
) -> None:
    result = settled(rows, LINEAR, COIN, DYING, CALL, rates=RATES)
    for line in result.rounding.iter_rows(named=True):
        unit = Decimal("1e-8") if line["asset"] == "BTC" else Decimal("1e-6")
        amounts = result.variation.filter(pl.col("contract_id") == line["contract_id"])
        assert line["rounded_total"] == sum(amounts[variation.AMOUNT_COLUMNS[line["movement_type"]]])
        assert abs(line["rounded_total"]) <= line["accounts"] * unit / 2
        assert abs(line["unrounded_total"]) < Decimal("1e-15")
    shuffled = list(rows)
    random.shuffle(shuffled)
    again = settled(shuffled, CALL, DYING, COIN, LINEAR, rates=RATES[::-1])
    assert again.variation.equals(result.variation)
    assert again.rounding.equals(result.rounding)
