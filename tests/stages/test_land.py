"""Landing: a file loads whole or not at all, inputs are fixed under one fingerprint, a run is taken up where it was."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks import asked, codes, decisions, envelope, lineage, reissue, resources, roster, schema, stage
from tasks import freeze as freezing
from tasks.freeze import freeze
from tasks.home import Home
from tasks.key import CycleKey
from tasks.land import Landed, intake, land
from tasks.model.errors import DeliveryError, LeveeError
from tasks.store import Store

DAY = date(2026, 1, 30)
EMPTY_ROOT = hashlib.sha256(b"").hexdigest()
ROWS: dict[str, list[dict[str, Any]]] = {
    "accounts": [
        {
            "clearing_member_id": member,
            "margin_account_id": f"{member}H",
            "account_type": "HOUSE",
            "base_ccy": "USD",
            "collateral_mode": "haircut",
            "status": "ACTIVE",
        }
        for member in ("M001", "007")
    ],
    "collateral_balances": [
        {
            "clearing_member_id": "M001",
            "margin_account_id": "M001H",
            "asset": "BTC",
            "form": "COIN",
            "qty_open": "1.5",
            "deposits": "0",
            "withdrawals": "0",
        }
    ],
    "contracts": [
        {
            "contract_id": name,
            "kind": kind,
            "payoff": "INVERSE",
            "underlying_asset": "BTC",
            "quote_ccy": "USD",
            "settle_asset": "BTC",
            "multiplier": "1",
            "status": "ACTIVE",
        }
        for name, kind in (("BTC-PERP.INV", "PERP"), ("BTC-20260327-90000-C.INV", "OPT"))
    ],
    "history": [{"underlying": "BTC", "date": DAY - timedelta(days=1), "close": "80000"}],
    "members": [
        {"clearing_member_id": member, "legal_name": f"Member {member}", "status": "ACTIVE", "base_ccy": "USD"}
        for member in ("M001", "007")
    ],
    "positions": [
        {
            "clearing_member_id": member,
            "margin_account_id": f"{member}H",
            "account_type": "HOUSE",
            "contract_id": "BTC-PERP.INV",
            "qty_open": quantity,
            "qty_buy": "0",
            "qty_sell": "0",
            "qty_transfer": "0",
            "qty_exercise_assign": "0",
            "qty_expired": "0",
            "qty_close": quantity,
            "buy_value": "0",
            "sell_value": "0",
            "premium_paid": "0",
            "fees": "0",
            "position_as_of_ts": datetime(2026, 1, 30, 8),
        }
        for member, quantity in (("M001", "100"), ("007", "-100"))
    ],
    "prices": [
        {"price_set_id": "S1", "contract_id": "BTC-USD", "price_type": "INDEX", "price": "80000", "quality": "OK"}
    ],
    "vol_quotes": [],
}


class Desk:
    """A home and the senders that deliver to it."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root).prepare("TEST")

    def folder(self, day: date = DAY, cycle: str = "EOD") -> Path:
        folder = self.home.inbox / day.isoformat() / cycle
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def deliver(
        self,
        dataset: str,
        rows: list[dict[str, Any]] | None = None,
        day: date = DAY,
        cycle: str = "EOD",
        seq: int = 1,
        sender: str = "HOUSE",
        hour: int = 8,
        origin: str = "REAL",
    ) -> Path:
        names = schema.dataset(dataset).names
        rows = ROWS[dataset] if rows is None else rows
        as_of = datetime(day.year, day.month, day.day, hour)
        content = envelope.write_csv(
            dataset,
            day,
            cycle,
            seq,
            sender,
            as_of,
            as_of,
            "TEST",
            origin,
            names,
            [[row.get(name) for name in names] for row in rows],
        )
        path = self.folder(day, cycle) / envelope.file_name(dataset, sender, seq)
        path.write_bytes(content)
        return path

    def deliver_all(self, day: date = DAY, cycle: str = "EOD", **options: Any) -> None:
        for dataset in roster.required():
            self.deliver(dataset, day=day, cycle=cycle, **options)

    def count(self, *tables: str) -> list[int]:
        with Store(self.home.database) as store:
            return [int(store.read(f"SELECT count(*) AS n FROM {table}").item()) for table in tables]

    def read(self, query: str) -> pl.DataFrame:
        with Store(self.home.database) as store:
            return store.read(query)

    def run(self, key: CycleKey) -> dict[str, Any]:
        with Store(self.home.database) as store:
            return stage.run_row(store, key)

    def set_state(self, key: CycleKey, state: str) -> None:
        with Store(self.home.database) as store, store.transaction():
            stage.set_state(store, key, state)

    def publish(self, key: CycleKey, version: int = 1, state: str = "PUBLISHED") -> None:
        with Store(self.home.database) as store, store.transaction():
            store.append(
                "control.release",
                pl.DataFrame(
                    [
                        {
                            "cycle_id": key.cycle_id,
                            "version": version,
                            "issue_no": version,
                            "run_id": key.run_id,
                            "state": state,
                            "root_hash": "r",
                            "chain_hash": "c",
                            "files": 1,
                            "prepared_ts": datetime(2026, 1, 30, 9),
                        }
                    ]
                ),
            )
            if state == "PUBLISHED":
                stage.set_state(store, key, "PUBLISHED")

    def land(self, day: date = DAY, cycle: str = "EOD") -> Landed:
        return land(self.home, day, cycle)

    def refuses(self, day: date = DAY, cycle: str = "EOD") -> list[str]:
        with pytest.raises(LeveeError) as caught:
            land(self.home, day, cycle)
        return [finding.code for finding in caught.value.findings]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("LEVEE_THREADS", "1")
    monkeypatch.setenv("LEVEE_NOW", "2026-01-30T08:00:00Z")  # every cut-off is still to come
    return Desk(tmp_path / "home")


def altered(dataset: str, **values: Any) -> list[dict[str, Any]]:
    first, *others = ROWS[dataset]
    return [{**first, **values}, *others]


def test_every_row_of_every_file_is_loaded_with_its_address(desk: Desk) -> None:
    desk.deliver_all()
    done = intake(desk.home, DAY, "EOD")
    assert done.landed == [f"{dataset}-HOUSE-20260130-EOD-v1" for dataset in sorted(roster.required())]
    tables = [f"raw.{dataset}" for dataset in roster.required()]
    assert desk.count(*tables) == [len(ROWS[dataset]) for dataset in roster.required()]
    rows = desk.read("SELECT * FROM raw.positions ORDER BY source_line")
    assert rows["clearing_member_id"].to_list() == ["M001", "007"]
    assert rows["source_line"].to_list() == [3, 4]
    assert set(rows["file_id"]) == {"positions-HOUSE-20260130-EOD-v1"}
    file = desk.read("SELECT * FROM raw.file WHERE dataset = 'positions'").row(0, named=True)
    assert (file["records"], file["control_total"], file["path"]) == (2, 200, "2026-01-30/EOD/positions.csv")
    assert file["as_of_ts"] == datetime(2026, 1, 30, 8)


def test_delivered_bytes_are_kept_under_their_hash_even_when_refused(desk: Desk) -> None:
    good, bad = desk.deliver("positions"), desk.deliver("prices")
    bad.write_bytes(bad.read_bytes()[:-10])
    with pytest.raises(DeliveryError):
        intake(desk.home, DAY, "EOD")
    for path in (good, bad):
        content = path.read_bytes()
        assert (desk.home.frozen / hashlib.sha256(content).hexdigest()).read_bytes() == content


def test_nothing_of_a_refused_file_is_loaded_and_the_good_ones_are(desk: Desk) -> None:
    desk.deliver_all()
    for dataset in ("positions", "prices"):
        path = desk.folder() / f"{dataset}.csv"
        path.write_bytes(path.read_bytes().replace(b",0,", b",+0,").replace(b",80000,", b",8e4,"))
    with pytest.raises(DeliveryError) as caught:
        intake(desk.home, DAY, "EOD")
    assert {finding.where.split(":")[0] for finding in caught.value.findings} == {
        "2026-01-30/EOD/positions.csv",
        "2026-01-30/EOD/prices.csv",
    }
    assert codes.exit_code(caught.value.code) == 10
    assert desk.count("raw.positions", "raw.prices", "raw.accounts", "control.cycle_run") == [0, 0, 2, 0]
    for dataset in ("positions", "prices"):
        desk.deliver(dataset)
    assert desk.land().state == "FROZEN"
    assert desk.count("raw.positions", "raw.accounts") == [2, 2]


def test_the_same_file_again_changes_nothing(desk: Desk) -> None:
    desk.deliver_all()
    intake(desk.home, DAY, "EOD")
    (desk.folder() / "positions.HOUSE.csv").write_bytes((desk.folder() / "positions.csv").read_bytes())
    again = intake(desk.home, DAY, "EOD")
    assert again.landed == []
    assert len(again.standing) == len(roster.required()) + 1
    assert desk.count("raw.positions", "raw.file") == [2, len(roster.required())]


def test_the_same_version_with_other_content_is_a_conflict_until_the_next_version(desk: Desk) -> None:
    desk.deliver_all()
    intake(desk.home, DAY, "EOD")
    desk.deliver("positions", altered("positions", fees="0.5"))
    assert desk.refuses() == ["DUP_CONFLICT"]
    assert desk.read("SELECT fees FROM raw.positions")["fees"].to_list() == ["0", "0"]
    desk.deliver("positions", altered("positions", fees="0.5"), seq=2)
    assert desk.land().state == "FROZEN"


def test_a_lower_version_after_a_higher_one_is_out_of_order(desk: Desk) -> None:
    desk.deliver_all()
    (desk.folder() / "positions.csv").unlink()
    desk.deliver("positions", seq=2)
    intake(desk.home, DAY, "EOD")
    desk.deliver("positions", altered("positions", fees="0.5"), seq=1)
    assert desk.refuses() == ["OUT_OF_ORDER"]
    assert desk.refuses() == ["OUT_OF_ORDER"]
    assert desk.count("raw.positions") == [2]


def test_versions_that_arrive_together_all_land_and_the_highest_counts(desk: Desk) -> None:
    desk.deliver_all()
    for seq in (10, 2):
        desk.deliver("positions", altered("positions", fees=f"0.{seq}"), seq=seq)
    landed = desk.land()
    assert desk.count("raw.positions") == [6]
    manifest = desk.read("SELECT * FROM control.input_manifest WHERE dataset = 'positions'")
    assert manifest["file_id"].to_list() == ["positions-HOUSE-20260130-EOD-v10"]
    assert landed.key.run_id == "20260130-EOD-r01"


def test_a_refused_version_is_overcome_by_the_next_one(desk: Desk) -> None:
    desk.deliver_all()
    path = desk.folder() / "positions.csv"
    path.write_bytes(path.read_bytes()[:-10])
    assert desk.refuses() == ["BAD_TRAILER"]
    desk.deliver("positions", seq=2)
    assert desk.land().state == "FROZEN"
    warned = intake(desk.home, DAY, "EOD").warnings
    assert [warning.code for warning in warned] == ["BAD_TRAILER"]


def test_a_file_that_fits_no_dataset_is_said_and_one_on_its_way_is_not(desk: Desk) -> None:
    desk.deliver_all()
    for name in (".positions.csv", "prices.csv.tmp"):
        (desk.folder() / name).write_text("half")
    assert desk.land().state == "FROZEN"
    desk.set_state(CycleKey(DAY, "EOD", 1), "BLOCKED")
    (desk.folder() / "position.csv").write_text("what is this")
    assert desk.refuses() == ["BAD_HEADER"]


def test_every_missing_dataset_is_waited_for(desk: Desk) -> None:
    for dataset in ("accounts", "contracts", "members", "prices"):
        desk.deliver(dataset)
    with pytest.raises(DeliveryError) as caught:
        desk.land()
    assert codes.exit_code(caught.value.code) == 20
    assert {finding.code for finding in caught.value.findings} == {"WAITING"}
    missing = [finding.where for finding in caught.value.findings]
    assert missing == [f"2026-01-30/EOD/{name}.csv" for name in ("collateral_balances", "history", "positions")]
    assert desk.count("control.cycle_run") == [0]


def test_an_empty_home_waits_for_everything(desk: Desk) -> None:
    assert desk.refuses() == ["WAITING"] * len(roster.required())


@pytest.mark.parametrize(("close", "needed"), [("100", True), (None, True), ("0", False), ("0.00000000", False)])
def test_vol_quotes_are_required_where_options_are_held(desk: Desk, close: str | None, needed: bool) -> None:
    desk.deliver_all()
    desk.deliver("positions", altered("positions", contract_id="BTC-20260327-90000-C.INV", qty_close=close))
    if needed:
        assert desk.refuses() == ["WAITING"]
        desk.deliver("vol_quotes")
    assert desk.land().state == "FROZEN"


def test_the_run_holds_what_it_was_frozen_on(desk: Desk) -> None:
    desk.deliver_all()
    desk.deliver("prices", hour=9)
    desk.deliver("prices", [], sender="VENUE", hour=10, origin="SYNTHETIC")
    desk.deliver("collateral_balances", hour=7)
    landed = desk.land()
    run = desk.run(landed.key)
    assert (run["state"], run["genesis"], run["predecessor_run_id"], run["env"]) == ("FROZEN", True, "", "TEST")
    assert [run[f"{name}_as_of_ts"].hour for name in ("price", "position", "collateral")] == [10, 8, 7]
    assert (run["as_of_ts"].hour, run["origin"]) == (10, "SYNTHETIC")
    lines = [
        f"{path.name.split('.')[0]} {'VENUE' if 'VENUE' in path.name else 'HOUSE'} 1 "
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}\n"
        for path in desk.folder().iterdir()
    ]
    assert run["input_root"] == hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
    assert run["opening_root"] == run["decisions_root"] == EMPTY_ROOT
    constraints = (resources.root() / "constraints.txt").read_bytes()
    assert run["constraints_hash"] == hashlib.sha256(constraints).hexdigest()
    assert desk.count("control.input_manifest") == [len(roster.required()) + 1]


def test_readers_see_the_frozen_run(desk: Desk) -> None:
    desk.deliver_all()
    landed = desk.land()
    folder = desk.home.exports / landed.key.run_id
    assert pl.read_parquet(folder / "control.input_manifest.parquet").height == len(roster.required())
    assert '"state": "FROZEN"' in (desk.home.state / "2026-01-30-EOD.json").read_text()


def test_two_homes_fix_the_same_fingerprint(tmp_path: Path) -> None:
    desks = [Desk(tmp_path / name) for name in ("one", "two")]
    for each in desks:
        each.deliver_all()
    fingerprints = {each.run(each.land().key)["fingerprint"] for each in desks}
    assert len(fingerprints) == 1


def test_an_interrupted_run_resumes_without_the_inbox(desk: Desk) -> None:
    desk.deliver_all()
    first = desk.land()
    desk.set_state(first.key, "COMPUTED")
    (desk.folder() / "positions.csv").write_text("spoiled")
    (desk.folder() / "prices.csv").unlink()
    assert desk.land() == Landed(first.key, "COMPUTED")
    assert desk.count("control.cycle_run") == [1]


PARTS = (
    "opening_root",
    "decisions_root",
    "policy_hash",
    "reference_hash",
    "model_version",
    "code_version",
    "constraints_hash",
    "env",
)


def test_an_interrupted_run_on_another_basis_is_left_for_a_new_one(desk: Desk) -> None:
    desk.deliver_all()
    assert desk.land().key.run_no == 1
    for number, part in enumerate(PARTS, 1):
        with Store(desk.home.database) as store:
            store.execute(
                f"UPDATE control.cycle_run SET {part} = 'other', fingerprint = '{part}' WHERE run_no = {number}"
            )
        assert desk.land() == Landed(CycleKey(DAY, "EOD", number + 1), "FROZEN"), part


def test_a_prepared_release_is_final_whatever_changed(desk: Desk) -> None:
    desk.deliver_all()
    first = desk.land()
    desk.set_state(first.key, "APPROVED")
    desk.publish(first.key, state="PREPARED")
    with Store(desk.home.database) as store:
        store.execute("UPDATE control.cycle_run SET code_version = 'other', fingerprint = 'other'")
    assert desk.land() == Landed(first.key, "APPROVED")


def test_a_blocked_run_is_taken_up_again_on_the_same_inputs(desk: Desk) -> None:
    desk.deliver_all()
    first = desk.land()
    desk.set_state(first.key, "BLOCKED")
    assert desk.land() == Landed(first.key, "FROZEN")
    assert desk.run(first.key)["state"] == "FROZEN"
    assert '"state": "FROZEN"' in (desk.home.state / "2026-01-30-EOD.json").read_text()


def test_a_blocked_run_and_a_corrected_file_make_the_next_run(desk: Desk) -> None:
    desk.deliver_all()
    first = desk.land()
    desk.set_state(first.key, "BLOCKED")
    desk.deliver("positions", altered("positions", fees="0.5"), seq=2)
    second = desk.land()
    assert (second.key.run_no, second.state) == (2, "FROZEN")
    assert desk.run(first.key)["input_root"] != desk.run(second.key)["input_root"]


def test_a_published_cycle_stands(desk: Desk) -> None:
    desk.deliver_all()
    first = desk.land()
    desk.publish(first.key)
    assert desk.land() == Landed(first.key, "PUBLISHED")
    with Store(desk.home.database) as store:
        store.execute("UPDATE control.cycle_run SET code_version = 'older', reference_hash = 'older'")
    assert desk.land() == Landed(first.key, "PUBLISHED")
    assert desk.count("control.cycle_run") == [1]


@pytest.mark.parametrize("part", ["opening_root", "decisions_root", "policy_hash"])
def test_a_published_cycle_is_corrected_for_another_basis(desk: Desk, part: str) -> None:
    desk.deliver_all()
    first = desk.land()
    desk.publish(first.key)
    with Store(desk.home.database) as store:
        store.execute(f"UPDATE control.cycle_run SET {part} = 'other', fingerprint = 'other'")
    assert desk.land() == Landed(CycleKey(DAY, "EOD", 2), "FROZEN")


def test_a_corrected_file_after_publication_makes_the_next_run_and_the_published_one_stays(desk: Desk) -> None:
    desk.deliver_all()
    first = desk.land()
    desk.publish(first.key)
    before = desk.run(first.key)
    desk.deliver("positions", altered("positions", fees="0.5"), seq=2)
    assert desk.land() == Landed(CycleKey(DAY, "EOD", 2), "FROZEN")
    assert desk.run(first.key) == before
    assert desk.land() == Landed(CycleKey(DAY, "EOD", 2), "FROZEN"), "the correction resumes, no third run"


def test_once_a_correction_is_out_the_cycle_stands_again(desk: Desk) -> None:
    desk.deliver_all()
    desk.publish(desk.land().key)
    desk.deliver("positions", altered("positions", fees="0.5"), seq=2)
    second = desk.land()
    desk.publish(second.key, version=2)
    assert desk.land() == Landed(second.key, "PUBLISHED")
    assert desk.count("control.cycle_run") == [2]


def test_what_a_cycle_was_first_published_on_is_published_again_as_a_run_of_its_own(desk: Desk) -> None:
    desk.deliver_all()
    first = desk.land()
    desk.publish(first.key)
    with Store(desk.home.database) as store:
        store.execute("UPDATE control.cycle_run SET policy_hash = 'other', fingerprint = 'other'")
    second = desk.land()
    with Store(desk.home.database) as store:
        store.execute(
            "UPDATE control.cycle_run SET (policy_hash, fingerprint) = "
            "(SELECT (policy_hash, fingerprint) FROM control.cycle_run WHERE run_no = 2) WHERE run_no = 1"
        )
        store.execute("UPDATE control.cycle_run SET policy_hash = 'other', fingerprint = 'other' WHERE run_no = 2")
    desk.publish(second.key, version=2)
    assert desk.land() == Landed(CycleKey(DAY, "EOD", 3), "FROZEN")


def test_corrected_files_before_anything_is_out_make_the_next_run_in_silence(desk: Desk) -> None:
    desk.deliver_all()
    first = desk.land()
    desk.set_state(first.key, "APPROVED")
    desk.deliver("positions", altered("positions", fees="0.5"), seq=2)
    assert desk.land() == Landed(first.key, "APPROVED"), "a run under way is finished on what it was frozen on"
    desk.set_state(first.key, "BLOCKED")
    second = desk.land()
    assert second == Landed(CycleKey(DAY, "EOD", 2), "FROZEN")
    assert [desk.run(each.key)["state"] for each in (first, second)] == ["SUPERSEDED", "FROZEN"]


def test_a_run_that_waits_for_a_person_gives_way_to_a_corrected_file(desk: Desk) -> None:
    desk.deliver_all()
    first = desk.land()
    desk.set_state(first.key, stage.WAITING_FOR_APPROVAL)
    assert desk.land() == Landed(first.key, stage.WAITING_FOR_APPROVAL)
    desk.deliver("positions", altered("positions", fees="0.5"), seq=2)
    assert desk.land() == Landed(CycleKey(DAY, "EOD", 2), "FROZEN")
    assert desk.run(first.key)["state"] == "SUPERSEDED"


def close(desk: Desk) -> CycleKey:
    """Publish a day and the day after it, which closes it."""
    desk.deliver_all()
    first = desk.land()
    carry(desk, first.key, "1.5")
    desk.publish(first.key)
    tomorrow = DAY + timedelta(days=1)
    desk.deliver_all(tomorrow)
    desk.publish(desk.land(tomorrow).key, version=2)
    return first.key


def test_a_closed_cycle_is_not_restated(desk: Desk) -> None:
    close(desk)
    assert desk.land().state == "PUBLISHED"
    desk.deliver("positions", altered("positions", fees="0.5"), seq=2)
    with pytest.raises(LeveeError, match="closed by 20260131-EOD-r01") as caught:
        desk.land()
    assert (caught.value.code, codes.exit_code(caught.value.code)) == ("RESTATE_REFUSED", 40)
    assert desk.count("control.cycle_run") == [2]


def state_of(desk: Desk, day: date) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((desk.home.state / f"{day.isoformat()}-EOD.json").read_bytes())
    return content


def test_what_follows_a_corrected_cycle_is_stale_until_it_is_redone(desk: Desk) -> None:
    published = desk.run(close(desk))
    tomorrow = DAY + timedelta(days=1)
    assert "stale" not in state_of(desk, tomorrow)
    desk.deliver("prices", altered("prices", price="81000"), seq=2)
    assert desk.refuses() == ["RESTATE_REFUSED"]
    unread = ["20260130-EOD-r01 does not hold prices-HOUSE-20260130-EOD-v2"]
    assert [state_of(desk, day)["stale"] for day in (DAY, tomorrow)] == [unread, unread]
    with Store(desk.home.database) as store:
        asked = reissue.ask_to_restate(desk.home, store, published, "ada", "the index was misquoted")
        assert asked is not None
        decisions.decide(store, desk.home, asked.decision_id, "grace", approve=True)
    restated = desk.land()
    carry(desk, restated.key, "1.5")
    desk.publish(restated.key, version=3)
    with Store(desk.home.database) as store:
        assert lineage.stale(store) == {}, "the day after opens with the same balances"
    carry(desk, restated.key, "1.6")
    with Store(desk.home.database) as store:
        assert lineage.stale(store) == {
            "20260131-EOD-r01": [*unread, "20260130-EOD-r01 was replaced by 20260130-EOD-r02"]
        }
    assert desk.land(tomorrow) == Landed(CycleKey(tomorrow, "EOD", 2), "FROZEN"), "another opening, and it is open"
    desk.publish(CycleKey(tomorrow, "EOD", 2), version=4)
    with Store(desk.home.database) as store:
        lineage.show(desk.home, store)
        assert lineage.stale(store) == {}


def test_a_closed_cycle_is_restated_once_another_person_has_approved_exactly_that(desk: Desk) -> None:
    published = desk.run(close(desk))
    desk.deliver("positions", altered("positions", fees="0.5"), seq=2)
    assert desk.refuses() == ["RESTATE_REFUSED"]
    with Store(desk.home.database) as store:
        asked = reissue.ask_to_restate(desk.home, store, published, "ada", "a fee was missed")
        assert asked is not None
    assert desk.refuses() == ["WAITING"]
    with Store(desk.home.database) as store:
        with pytest.raises(LeveeError, match="SELF_APPROVAL"):
            decisions.decide(store, desk.home, asked.decision_id, "ada", approve=True)
        decisions.decide(store, desk.home, asked.decision_id, "grace", approve=True)
    assert desk.land() == Landed(CycleKey(DAY, "EOD", 2), "FROZEN")


def test_an_approved_restatement_does_not_cover_a_later_file(desk: Desk) -> None:
    published = desk.run(close(desk))
    desk.deliver("positions", altered("positions", fees="0.5"), seq=2)
    desk.refuses()
    with Store(desk.home.database) as store:
        asked = reissue.ask_to_restate(desk.home, store, published, "ada", "a fee was missed")
        assert asked is not None
        decisions.decide(store, desk.home, asked.decision_id, "grace", approve=True)
    desk.deliver("positions", altered("positions", fees="0.7"), seq=3)
    assert desk.refuses() == ["RESTATE_REFUSED"]


def test_a_correction_that_waited_too_long_meets_a_closed_cycle(desk: Desk) -> None:
    desk.deliver_all()
    first = desk.land()
    carry(desk, first.key, "1.5")
    desk.publish(first.key)
    desk.deliver("positions", altered("positions", fees="0.5"), seq=2)
    assert desk.land().key.run_no == 2
    tomorrow = DAY + timedelta(days=1)
    desk.deliver_all(tomorrow)
    desk.publish(desk.land(tomorrow).key, version=2)
    assert desk.refuses() == ["RESTATE_REFUSED"]


def test_an_intraday_cycle_is_closed_by_the_end_of_its_day(desk: Desk) -> None:
    desk.deliver_all(cycle="ITD1")
    desk.publish(desk.land(cycle="ITD1").key)
    desk.deliver_all()
    desk.publish(desk.land().key, version=2)
    desk.deliver("positions", altered("positions", fees="0.5"), cycle="ITD1", seq=2)
    assert desk.refuses(cycle="ITD1") == ["RESTATE_REFUSED"]


def test_nothing_is_asked_where_nothing_changed_or_the_cycle_is_open(desk: Desk) -> None:
    desk.deliver_all()
    first = desk.land()
    desk.publish(first.key)
    with Store(desk.home.database) as store:
        published = stage.run_row(store, first.key)
        assert reissue.ask_to_restate(desk.home, store, published, "ada", "no reason") is None
    desk.deliver("positions", altered("positions", fees="0.5"), seq=2)
    desk.land()
    with Store(desk.home.database) as store:
        assert reissue.ask_to_restate(desk.home, store, published, "ada", "no reason") is None


def test_what_was_published_is_carried_to_the_next_day(desk: Desk) -> None:
    desk.deliver_all()
    first = desk.land()
    carry(desk, first.key, "1.5")
    desk.publish(first.key)
    tomorrow = DAY + timedelta(days=1)
    for cycle in ("SOD", "ITD1", "EOD"):
        desk.deliver_all(tomorrow, cycle)
        run = desk.run(desk.land(tomorrow, cycle).key)
        assert (run["predecessor_run_id"], run["genesis"]) == (first.key.run_id, False)
        line = "balance|M001|M001H|BTC|COIN|1.500000000000000000\n"
        assert run["opening_root"] == hashlib.sha256(line.encode()).hexdigest()


def carry(desk: Desk, key: CycleKey, closing: str) -> None:
    with Store(desk.home.database) as store, store.transaction():
        store.execute("DELETE FROM result.balance")
        store.execute(
            f"INSERT INTO result.balance VALUES ('{key.run_id}', 'M001', 'M001H', 'BTC', 'COIN', 1, 0, {closing}, 0, 0)"
        )


def test_another_opening_is_another_run(desk: Desk) -> None:
    desk.deliver_all()
    first = desk.land()
    carry(desk, first.key, "1.5")
    desk.publish(first.key)
    tomorrow = DAY + timedelta(days=1)
    desk.deliver_all(tomorrow)
    before = desk.land(tomorrow)
    carry(desk, first.key, "1.6")
    after = desk.land(tomorrow)
    assert (before.key.run_no, after.key.run_no) == (1, 2)


def test_only_the_version_in_force_is_carried(desk: Desk) -> None:
    desk.deliver_all()
    first = desk.land()
    desk.set_state(first.key, "BLOCKED")
    desk.deliver("positions", altered("positions", fees="0.5"), seq=2)
    second = desk.land()
    desk.publish(second.key, version=1)
    desk.publish(first.key, version=2, state="PREPARED")
    with Store(desk.home.database) as store:
        assert (freezing.predecessor(store, DAY + timedelta(days=1)) or {})["run_id"] == second.key.run_id
        assert freezing.predecessor(store, DAY) is None
        store.execute("UPDATE control.release SET state = 'PUBLISHED'")
        assert (freezing.predecessor(store, DAY + timedelta(days=1)) or {})["run_id"] == first.key.run_id


def test_a_missing_day_is_named(desk: Desk) -> None:
    desk.deliver_all()
    desk.publish(desk.land().key)
    later = DAY + timedelta(days=3)
    desk.deliver_all(later)
    (desk.folder(later) / "prices.csv").unlink()
    with pytest.raises(DeliveryError) as caught:
        desk.land(later)
    assert [finding.code for finding in caught.value.findings] == ["WAITING", "PRIOR_CYCLE_MISSING"]
    gap = caught.value.findings[-1]
    assert (gap.where, gap.value) == ("2026-01-31 EOD", "2 missing day(s)")
    assert codes.exit_code("PRIOR_CYCLE_MISSING") == 20


def test_missing_days_are_passed_over_by_two_persons_alone(desk: Desk) -> None:
    desk.deliver_all()
    first = desk.land()
    desk.publish(first.key)
    later = DAY + timedelta(days=3)
    desk.deliver_all(later)
    with Store(desk.home.database) as store:
        gap = asked.gap(desk.home, store, (later, "EOD"), "ada", "the venue was closed for good")
    with pytest.raises(DeliveryError, match="PRIOR_CYCLE_MISSING"):
        desk.land(later)
    with Store(desk.home.database) as store:
        decisions.decide(store, desk.home, gap.decision_id, "grace", approve=True)
    landed = desk.land(later)
    with Store(desk.home.database) as store:
        run = store.read("SELECT * FROM control.cycle_run WHERE run_id = $run_id", {"run_id": landed.key.run_id})
        kept = store.read(
            "SELECT kind, approved_by FROM book.decision WHERE run_id = $run_id", {"run_id": run["run_id"][0]}
        )
    assert run["predecessor_run_id"].to_list() == [first.key.run_id]
    assert kept.rows() == [("PRIOR_CYCLE_MISSING", "grace")]
    desk.deliver_all(later + timedelta(days=2))
    with pytest.raises(DeliveryError, match="PRIOR_CYCLE_MISSING"):
        desk.land(later + timedelta(days=2))


@pytest.mark.parametrize("cycle", ["eod", "NIGHT", "ITD0"])
def test_an_unknown_cycle_is_usage(desk: Desk, cycle: str) -> None:
    assert desk.refuses(cycle=cycle) == ["USAGE"]
    with pytest.raises(LeveeError, match="USAGE"), Store(desk.home.database) as store:
        freeze(desk.home, store, DAY, cycle)


def test_the_home_s_own_environment_is_asked_for(desk: Desk) -> None:
    desk.deliver_all()
    path = desk.folder() / "prices.csv"
    path.write_bytes(path.read_bytes().replace(b",TEST,", b",PROD,"))
    assert desk.refuses() == ["WRONG_ENV"]


CRASHES = ("land:positions:before_commit", "land:positions:after_commit", "land:before_commit", "land:after_commit")
KILLED = """
import sys
from datetime import date
from pathlib import Path
from tasks import resources
from tasks.home import Home
from tasks.land import land
resources.code_version = lambda: "fixed"
land(Home(Path(sys.argv[1])), date(2026, 1, 30), "EOD")
"""


@pytest.mark.parametrize("point", CRASHES)
def test_killed_while_landing_every_row_is_there_once_after_the_next_run(
    desk: Desk, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "code_version", lambda: "fixed")
    desk.deliver_all()
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(desk.home.root)],
        check=False,
        capture_output=True,
        env={**os.environ, "LEVEE_CRASH_AT": point, "LEVEE_ENV": "TEST"},
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert desk.count("control.cycle_run") == [point == "land:after_commit"]
    assert desk.land().key.run_id == "20260130-EOD-r01"
    tables = [f"raw.{dataset}" for dataset in roster.required()]
    assert desk.count(*tables) == [len(ROWS[dataset]) for dataset in roster.required()]
    assert desk.count("control.input_manifest", "raw.file") == [len(roster.required())] * 2


def test_a_full_disk_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.deliver_all()

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("tasks.land.write_atomically", full)
    assert desk.refuses() == ["DISK_FULL"]
    assert desk.count("raw.file") == [0]


def test_figures_that_are_refused_block_the_run(desk: Desk) -> None:
    from tasks.model.errors import Finding, ModelInputError

    @stage.stage("mark")
    def mark(context: stage.Context) -> None:
        raise ModelInputError(Finding("NO_PRICE", "an asset has no price"))

    desk.deliver_all()
    landed = desk.land()
    with pytest.raises(ModelInputError):
        mark(desk.home, landed.key)
    assert desk.run(landed.key)["state"] == "BLOCKED"
    desk.deliver("prices", altered("prices", price="81000"), seq=2)
    assert desk.land().key.run_no == 2
