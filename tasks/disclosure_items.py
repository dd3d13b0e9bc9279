"""Items of the quantitative disclosure: what each asks for, in which unit, over which days, and what it is made with.

Titles are paraphrased. An item of several figures has one entry for each part; a part `*` stands for names that are not
known before (underlyings, assets), of which there is at least one.
Reference: CPMI-IOSCO (2015), Public quantitative disclosure standards for central counterparties.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product

USD, FRACTION, COUNT, DAYS, HOURS, TEXT, DATE, CLOCK = (
    "USD",
    "FRACTION",
    "COUNT",
    "DAYS",
    "HOURS",
    "TEXT",
    "DATE",
    "UTC",
)
FORMS = {
    USD: re.compile(r"[0-9]+\.[0-9]{2}"),
    FRACTION: re.compile(r"-?[0-9]+\.[0-9]{8}"),
    COUNT: re.compile(r"[0-9]+"),
    DAYS: re.compile(r"[0-9]+"),
    HOURS: re.compile(r"[0-9]+\.[0-9]{2}"),
    TEXT: re.compile(r"\S.*"),
    DATE: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    CLOCK: re.compile(r"[0-2][0-9]:[0-5][0-9]"),
}
NUMBERS = (USD, FRACTION, COUNT, DAYS, HOURS)
STANDING, QUARTER_END, QUARTER, YEAR = "STANDING", "QUARTER_END", "QUARTER", "YEAR"
ANY = "*"
HAIRCUT_SIDES = ("PRE_HAIRCUT", "POST_HAIRCUT")
ORIGINS = ("HOUSE", "CLIENT")
TOTAL = "TOTAL"
CLEAN = "CLEAN"
ASSET_CLASSES = (
    "cash at the central bank of its own currency",
    "cash at other central banks",
    "secured cash at commercial banks",
    "unsecured cash at commercial banks",
    "domestic government bonds",
    "other government bonds",
    "agency bonds",
    "state and municipal bonds",
    "corporate bonds",
    "equities",
    "gold",
    "other commodities",
    "funds",
    "other assets",
)
RISES = ("LARGEST_RISE_1D", "LARGEST_RISE_5D", "LARGEST_RISE_20D", "PEAK_TO_TROUGH")


@dataclass(frozen=True)
class Item:
    """A figure that is asked for: reference, part of it (empty where it has one), title, unit, days it is about."""

    reference: str
    part: str
    title: str
    unit: str
    window: str


def _resources() -> list[Item]:
    titles = (
        "own capital used before participants' contributions",
        "own capital used alongside participants' contributions",
        "own capital used after participants' contributions",
        "participants' contributions required",
        "participants' contributions posted, after haircut",
        "other prefunded resources",
        "own or parent funds committed",
        "participants' commitments for an initial default",
        "participants' commitments to replenish the fund",
        "other committed resources",
    )
    own = [
        Item(f"4.1.{number}", "", f"Default resources: {title}", USD, QUARTER_END)
        for number, title in enumerate(titles, 1)
    ]
    held = [
        Item(f"4.3.{number}", side, f"Prefunded default resources held: {title}", USD, QUARTER_END)
        for (number, title), side in product(enumerate((*ASSET_CLASSES, "all assets"), 1), HAIRCUT_SIDES)
    ]
    return [*own, Item("4.2.1", "", "Hypothetical capital of the clearing house", USD, QUARTER_END), *held]


def _stress() -> list[Item]:
    stated = [
        Item("4.4.1", "", "Defaults to be covered: one or two largest participants", TEXT, STANDING),
        Item("4.4.2", ANY, "Days assumed for closing a default out, by underlying", DAYS, STANDING),
    ]
    found = []
    for first, whose in ((3, "one participant"), (7, "two participants")):
        stressed, actual = f"Largest stress loss over margin of {whose}", f"Largest loss over margin of {whose}"
        found += [Item(f"4.4.{first}", part, f"{stressed}: {part.lower()}", USD, YEAR) for part in ("PEAK", "MEAN")]
        found.append(Item(f"4.4.{first + 1}", "", f"{stressed}: days above prefunded resources", DAYS, YEAR))
        found.append(Item(f"4.4.{first + 2}", "", f"{stressed}: amount above prefunded resources", USD, YEAR))
        found += [Item(f"4.4.{first + 3}", part, f"{actual}: {part.lower()}", USD, YEAR) for part in ("PEAK", "MEAN")]
    return stated + found


def _haircuts() -> list[Item]:
    return [
        Item("5.3.1", "", "Confidence level of calibrated haircuts", FRACTION, STANDING),
        Item("5.3.2", ANY, "Days a haircut is to last for, by asset", DAYS, STANDING),
        Item("5.3.3", ANY, "Days on which the haircut was tested, by asset", DAYS, YEAR),
        Item("5.3.4", ANY, "Days on which the fall was larger than the haircut, by asset", DAYS, YEAR),
    ]


def _margin() -> list[Item]:
    required = [
        Item("6.1.1", part, "Initial margin required", USD, QUARTER_END)
        for part in ("HOUSE", "CLIENT_GROSS", "CLIENT_NET", TOTAL)
    ]
    held = [
        Item(f"6.2.{number}", f"{origin}_{side}", f"Initial margin held: {title}", USD, QUARTER_END)
        for number, title in enumerate((*ASSET_CLASSES, "all assets"), 1)
        for origin, side in product((*ORIGINS, TOTAL), HAIRCUT_SIDES)
    ]
    rates = [Item("6.3.1", ANY, "Initial margin of one unit outright, share of its value", FRACTION, QUARTER_END)]
    return required + held + rates


def _model() -> list[Item]:
    return [
        Item("6.4.1", "", "Type of the initial margin model", TEXT, STANDING),
        Item("6.4.2", "", "Day its present parameters came into force", DATE, STANDING),
        Item("6.4.3", "", "Name of the model", TEXT, STANDING),
        Item("6.4.4", "", "Confidence level of one tail, filtered history", FRACTION, STANDING),
        Item("6.4.5", "", "Days of history looked back on", TEXT, STANDING),
        Item("6.4.6", "", "Scaling and weighting of history", TEXT, STANDING),
        Item("6.4.7", ANY, "Days assumed for closing out, by kind of account and underlying", DAYS, STANDING),
        Item("6.4.8", "", "Where the parameters are published", TEXT, STANDING),
        Item("6.4.9", "", "How often parameters are reviewed", TEXT, STANDING),
    ]


def _back_test() -> list[Item]:
    return [
        Item("6.5.1.1", "", "Times the margin of an account was below its loss", COUNT, YEAR),
        Item("6.5.1.2", "", "How often margin is tested", TEXT, STANDING),
        Item("6.5.1.3", "", "Time of the daily test", CLOCK, STANDING),
        Item("6.5.2", "", "Observations: accounts on days", COUNT, YEAR),
        Item("6.5.3", "", "Coverage achieved", FRACTION, YEAR),
        Item("6.5.4", "", "Largest uncovered loss", USD, YEAR),
        Item("6.5.5", "", "Average uncovered loss", USD, YEAR),
        Item("6.5.1.1", CLEAN, "Times a margin was below the loss, positions held constant", COUNT, YEAR),
        Item("6.5.2", CLEAN, "Observations, positions held constant", COUNT, YEAR),
        Item("6.5.3", CLEAN, "Coverage achieved, positions held constant", FRACTION, YEAR),
        Item("6.5.4", CLEAN, "Largest uncovered loss, positions held constant", USD, YEAR),
        Item("6.5.5", CLEAN, "Average uncovered loss, positions held constant", USD, YEAR),
        Item("6.6.1", "", "Variation margin paid in on a day: average", USD, QUARTER),
        Item("6.7.1", "", "Variation margin paid in on a day: largest", USD, QUARTER),
        Item("6.8.1", "", "Initial margin called on a day: largest", USD, QUARTER),
        *(
            Item("6.9.1", f"{ANY} {rise}", "Margin rate of one unit outright (proposed 2026)", FRACTION, QUARTER)
            for rise in RISES
        ),
    ]


def _operation() -> list[Item]:
    return [
        Item("17.1.1", "", "Availability of the core system: target", FRACTION, STANDING),
        Item("17.2.1", "", "Availability of the core system: achieved", FRACTION, YEAR),
        Item("17.3.1", "FAILURES", "Failures of the core system", COUNT, YEAR),
        Item("17.3.1", "DURATION", "Hours until failures were mended, together", HOURS, YEAR),
        Item("17.4.1", "", "Recovery time objective", HOURS, STANDING),
    ]


ITEMS = (*_resources(), *_stress(), *_haircuts(), *_margin(), *_model(), *_back_test(), *_operation())


def item_of(reference: str, part: str) -> Item | None:
    """The entry a figure belongs to, None where no such figure is asked for."""
    return next((each for each in ITEMS if each.reference == reference and fits(each.part, part)), None)


def fits(asked: str, part: str) -> bool:
    """Whether a part is the one asked for; a name of its own stands for `*`."""
    if not asked.startswith(ANY):
        return asked == part
    name = part.removesuffix(asked.removeprefix(ANY))
    return part.endswith(asked.removeprefix(ANY)) and name not in ("", ANY)
