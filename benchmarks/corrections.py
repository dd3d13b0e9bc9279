"""Corrections of real days, walked through by command: `python -m benchmarks.corrections [--docs FILE] [--home DIR]`.

Positions corrected after issue so that the need rises, then falls; a correction of a day whose balances were carried
on; a price restated three days later. Each step is told with its exit code and with what readers find afterwards.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from flows import cli
from tasks import convert, envelope, ledgers, status
from tasks.home import Home

FIRST = date(2026, 1, 28)
DAYS = [FIRST + timedelta(days=each) for each in range(4)]
PERPETUAL = "BTC-PERP.INV"
_LISTED_EVERY = 8
Row = dict[str, str]


class Walk:
    """A home, the commands that were given, and what they said."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.lines: list[str] = []

    def command(self, *words: object) -> tuple[int, str]:
        """Give a command; its exit code and the first line it complained with."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                cli.main([*map(str, words), "--home", str(self.home.root), "--json"])
            except SystemExit as ended:
                code = int(ended.code or 0)
        return code, next(iter(err.getvalue().splitlines()), "")

    def tell(self, *words: object) -> None:
        """Give a command and write down how it ended."""
        code, said = self.command(*words)
        shown = " ".join(word if " " not in (word := str(each)) else f'"{word}"' for each in words)
        self.lines += ["```", f"$ levee {shown}", *([said] if said else []), f"exit {code}", "```", ""]

    def say(self, *text: str) -> None:
        """Write text."""
        self.lines += [*text, ""]

    def run(self, day: date, *options: object) -> None:
        """Run a day's end of day."""
        self.tell("cycle", "run", "--date", day, "--no-orchestrator", "--user", "ada", *options)

    def approve(self) -> None:
        """Approve what is open, as another person."""
        for path in sorted((self.home.root / "approvals").glob("*.json")):
            asked = json.loads(path.read_text(encoding="utf-8"))
            if asked["state"] == "OPEN":
                self.tell("cycle", "approve", asked["decision_id"], "--user", "grace")

    def deliver(self, day: date, dataset: str, change: Callable[[list[Row]], None]) -> None:
        """Deliver the next version of a dataset's file, changed."""
        folder = self.home.inbox / day.isoformat() / "EOD"
        path = max(folder.glob(f"{dataset}*.csv"), key=lambda each: _version(each.name))
        lines = path.read_text(encoding="utf-8").split("\n")
        head, names = lines[0].split(","), lines[1].split(",")
        rows: list[Row] = [dict(zip(names, each, strict=True)) for each in csv.reader(lines[2:-2])]
        change(rows)
        seq = int(head[5]) + 1
        content = envelope.write_csv(
            dataset, day, "EOD", seq, head[6], datetime.fromisoformat(head[7]), datetime.fromisoformat(head[8]),
            head[9], head[10], names, [[row[name] or None for name in names] for row in rows],
        )  # fmt: skip
        (folder / envelope.file_name(dataset, head[6], seq)).write_bytes(content)


def _version(name: str) -> int:
    return int(name.split(".v")[1].split(".", maxsplit=1)[0]) if ".v" in name else 1


def walk(home: Home) -> list[str]:
    """Every step; the text of docs/corrections.md."""
    told = Walk(home)
    told.say("# Corrections of real days", "", _preface())
    told.say(f"## {FIRST} is published")
    _publish(told, FIRST)
    asked, other = _accounts(home)
    for heading, lots, why in (
        ("The need rises", -400, f"A sale by {asked} to {other} was reported late"),
        ("The need falls", 400, "It was none of theirs, and is taken back by a trade the other way"),
    ):
        told.say(f"## {heading} after the calls are out", "", f"{why}: 40,000 contracts of {PERPETUAL}.")
        told.deliver(FIRST, "positions", partial(_trade, buyer=asked, seller=other, lots=lots))
        told.run(FIRST)
        told.approve()
        told.say(*_outcome(home, asked))
    told.say("## The calls are paid and the next days are out: the day is closed")
    for day in DAYS[1:]:
        _publish(told, day)
    return [*told.lines, *_restated(home, asked)]


def _restated(home: Home, account: str) -> list[str]:
    """A price of the first day is restated after the fourth is out."""
    told = Walk(home)
    told.say("## A price is restated three days later")
    before = [_run(home, day) for day in DAYS]
    told.deliver(FIRST, "prices", _lower_perpetual)
    told.run(FIRST)
    told.say("What is paid is never opened again, unless two persons restate it. Until then:", "", *_stale(home))
    for day in DAYS:
        told.run(day, "--restate", f"{PERPETUAL} was misquoted on {FIRST}")
        told.approve()
        told.run(day)
        told.approve()
        told.say(_versions(home, day))
    told.say(
        f"The price counts twice: {account} settles to the restated one on {FIRST}, and from it on the day after. The "
        "balances in BTC end where they were, but for funding and the last digit.",
        "",
        *_ledger(home, account, before),
    )
    told.say(f"The call of {FIRST}:", "", *_calls_table(home, account))
    told.say(*_moved(*(_closing(home, run) for run in (before[-1], _run(home, DAYS[-1])))))
    return told.lines


def _publish(told: Walk, day: date) -> None:
    told.command("convert", "deribit-chain", "--date", day)
    told.run(day)


def _accounts(home: Home) -> tuple[str, str]:
    """An account that is called and one that is not, both with a position in the perpetual."""
    run = _run(home, FIRST)
    held = status.exported(home, run, "book.position").filter(pl.col("contract_id") == PERPETUAL)
    rows = status.exported(home, run, "result.margin_account").filter(
        pl.col("margin_account_id").is_in(held["margin_account_id"].to_list()),
        ~pl.col("margin_account_id").str.ends_with("G"),
    )
    by_call = rows.sort("margin_call_amount_usd", "margin_account_id")["margin_account_id"]
    return str(by_call[-1]), str(by_call[0])


def _trade(rows: list[Row], buyer: str, seller: str, lots: int) -> None:
    """A trade that was missed; the same value on both sides."""
    price, size = Decimal(84000), Decimal(lots) * 100
    for account, side in ((buyer, 1), (seller, -1)):
        row = next(each for each in rows if each["margin_account_id"] == account and each["contract_id"] == PERPETUAL)
        signed = size * side
        way = "buy" if signed > 0 else "sell"
        value = (abs(signed) * 10 / price).quantize(Decimal("1E-12"))
        row[f"qty_{way}"] = str(Decimal(row[f"qty_{way}"]) + abs(signed))
        row[f"{way}_value"] = str(Decimal(row[f"{way}_value"]) + value)
        if row["qty_close"]:
            row["qty_close"] = str(Decimal(row["qty_close"]) + signed)


def _lower_perpetual(rows: list[Row]) -> None:
    for row in rows:
        if row["contract_id"] == PERPETUAL:
            row["price"] = str((Decimal(row["price"]) * Decimal("0.995")).quantize(Decimal("0.5")))


def _run(home: Home, day: date) -> str:
    latest = home.published / f"{day:%Y%m%d}/EOD/latest.json"
    return str(json.loads(latest.read_text(encoding="utf-8"))["run_id"])


def _outcome(home: Home, account: str) -> Iterator[str]:
    """Versions in force, the account's corrected fields, and its calls."""
    yield _versions(home, FIRST)
    yield ""
    yield from ("| report | item | field | before | after |", "|---|---|---|---|---|")
    yield from (f"| {' | '.join(row[1:])} |" for row in _corrected(home, account) if row[1] in ("MC01", "MT01", "MR01"))
    yield ""
    yield from _calls_table(home, account)


def _corrected(home: Home, account: str) -> list[list[str]]:
    folder = status.release_of(home, FIRST, "EOD")
    assert folder is not None
    rows = [row for path in folder.glob("members/*/*-MD01-*.csv") for row in csv.reader(path.open(encoding="utf-8"))]
    return [row for row in rows if row[0] == account and len(row) == 6][:25]


def _calls_table(home: Home, account: str) -> Iterator[str]:
    """Every version of an account's call of the first day, as the ledger has it."""
    yield from ("| version | state | call USD | increment USD | due |", "|---|---|---|---|---|")
    ledger = ledgers.read(home, "control.margin_call")
    of_day = ledger.filter(pl.col("cycle_id") == f"{FIRST:%Y%m%d}-EOD", pl.col("margin_account_id") == account)
    rows = of_day.sort("call_version")
    for row in rows.iter_rows(named=True):
        names = ("call_version", "state", "call_amount_usd", "increment_amount_usd", "due_ts")
        yield f"| {' | '.join(str(row[name]) for name in names)} |"


def _versions(home: Home, day: date) -> str:
    folder = status.release_of(home, day, "EOD")
    assert folder is not None
    versions = list(status.completion(folder)["version_in_force"].values())
    counted = ", ".join(f"v{each:02d} of {versions.count(each)} accounts" for each in sorted(set(versions)))
    return f"In force of {day}: {counted}; {sum(1 for _ in folder.rglob('*.*'))} files in {folder.name}."


def _stale(home: Home) -> Iterator[str]:
    yield from ("| cycle | stale because |", "|---|---|")
    for state in status.cycles(home):
        yield f"| {state['business_date']} | {'; '.join(state.get('stale', []))} |"


def _ledger(home: Home, account: str, before: list[str]) -> Iterator[str]:
    """What an account was credited in BTC day by day, by the runs that were out and by those in force."""
    yield from ("| day | movement | before | after |", "|---|---|---|---|")
    for day, run in zip(DAYS, before, strict=True):
        was, is_now = (_movements(home, each, account) for each in (run, _run(home, day)))
        for movement in sorted(name for name in was.keys() | is_now.keys() if was.get(name) != is_now.get(name)):
            yield f"| {day} | {movement} | {was.get(movement, 0):f} | {is_now.get(movement, 0):f} |"


def _movements(home: Home, run_id: str, account: str) -> dict[str, Decimal]:
    rows = status.exported(home, run_id, "result.ledger").filter(
        pl.col("margin_account_id") == account, pl.col("asset") == "BTC"
    )
    return dict(rows.group_by("movement_type").agg(pl.col("amount").sum()).iter_rows())


def _closing(home: Home, run_id: str) -> dict[str, Decimal]:
    rows = status.exported(home, run_id, "result.balance").filter(pl.col("asset") == "BTC")
    return dict(rows.select("margin_account_id", "closing").iter_rows())


def _moved(before: dict[str, Decimal], after: dict[str, Decimal]) -> list[str]:
    moved = {name: after[name] - before[name] for name in before if after[name] != before[name]}
    shown = [f"| {name} | {before[name]:f} | {after[name]:f} | {each:f} |" for name, each in sorted(moved.items())[:8]]
    head = ["| account | before | after | difference |", "|---|---|---|---|"]
    return [
        f"Closing balances of {DAYS[-1]}: {len(moved)} of {len(before)} accounts differ, together by "
        f"{sum(moved.values()):f} BTC.",
        "",
        *head,
        *shown,
    ]


def _preface() -> str:
    return (
        "Written by `python -m benchmarks.corrections`: days of one venue with every eighth strike, held by twenty "
        "seeded members. `ada` asks, `grace` approves."
    )


@contextlib.contextmanager
def _data() -> Iterator[None]:
    """The market data with every eighth strike, so that a walk takes minutes."""
    given = convert.market_data_folder()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        for path in given.glob("*.parquet"):
            (data / path.name).symlink_to(path)
        options = data / "deribit_options_eod.parquet"
        day = pl.col("timestamp").dt.date()
        kept = pl.read_parquet(options).filter(
            day.is_between(FIRST - timedelta(days=1), DAYS[-1]),
            pl.col("strike").rank("dense").over("currency", "expiry_datetime") % _LISTED_EVERY == 0,
        )
        options.unlink()
        kept.write_parquet(options)
        os.environ["LEVEE_MARKET_DATA_DIR"] = str(data)
        yield
        os.environ["LEVEE_MARKET_DATA_DIR"] = str(given)


def main(arguments: Sequence[str] | None = None) -> None:
    """Walk, print, and write the document where one is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", type=Path)
    parser.add_argument("--home", type=Path)
    given: Any = parser.parse_args(arguments)
    with _data(), tempfile.TemporaryDirectory() as folder:
        text = "\n".join(walk(Home((given.home or Path(folder)).resolve()))) + "\n"
    print(text)
    if given.docs:
        given.docs.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
