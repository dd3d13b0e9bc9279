"""An alert is told once, counted while it lasts, told again when it is over; it holds no value and stops nothing."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tasks import alerts
from tasks.home import Home
from tasks.model.errors import Finding

SUBJECT = "20260130-EOD"
BOOK = Finding("UNBALANCED_BOOK", "lines do not sum to zero", "positions:7 M001", "12345.678", "0", "find the side")
PRICE = Finding("MISSING_PRICE", "no price", "prices:3", "", "", "deliver it")


class Receiver(BaseHTTPRequestHandler):
    """Takes what is posted, or refuses it."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server: Any = self.server
        if server.refuses:
            self.send_error(500)
            return
        server.received.append(json.loads(body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing on stderr."""


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    server: Any = HTTPServer(("127.0.0.1", 0), Receiver)
    server.received, server.refuses = [], False
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("LEVEE_ALERT_URL", f"http://127.0.0.1:{server.server_port}/hook")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def told(home: Home) -> list[tuple[str, str, int]]:
    path = home.logs / "alerts.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [(event["event"], event["code"], event["count"]) for event in map(json.loads, lines)]


def test_the_same_failure_is_one_alert_that_counts_and_is_resolved_once(home: Home) -> None:
    for _ in range(3):
        alerts.settle(home, SUBJECT, [BOOK])
    assert told(home) == [("RAISED", "UNBALANCED_BOOK", 1)]
    assert [(each["code"], each["count"]) for each in alerts.standing(home)] == [("UNBALANCED_BOOK", 3)]
    alerts.settle(home, SUBJECT, [])
    alerts.settle(home, SUBJECT, [])
    assert told(home)[1:] == [("RESOLVED", "UNBALANCED_BOOK", 3)]
    assert alerts.standing(home) == []


def test_many_places_of_one_code_are_one_alert(home: Home) -> None:
    alerts.settle(home, SUBJECT, [BOOK, BOOK, PRICE])
    assert [(each["code"], each["places"]) for each in alerts.standing(home)] == [
        ("MISSING_PRICE", 1),
        ("UNBALANCED_BOOK", 2),
    ]


def test_another_failure_resolves_the_first_and_leaves_other_subjects_alone(home: Home) -> None:
    alerts.settle(home, "EOD", [PRICE])
    alerts.settle(home, SUBJECT, [BOOK])
    alerts.settle(home, SUBJECT, [PRICE])
    assert [(each["subject"], each["code"]) for each in alerts.standing(home)] == [
        ("20260130-EOD", "MISSING_PRICE"),
        ("EOD", "MISSING_PRICE"),
    ]
    assert ("RESOLVED", "UNBALANCED_BOOK", 1) in told(home)


def test_a_ticket_that_becomes_a_page_is_told_again_and_only_then(home: Home) -> None:
    alerts.settle(home, SUBJECT, [BOOK])
    for _ in range(2):
        alerts.settle(home, SUBJECT, [BOOK], paged=["UNBALANCED_BOOK"])
    assert [event for event, _, _ in told(home)] == ["RAISED", "ESCALATED"]
    assert alerts.standing(home)[0]["level"] == "page"


def test_an_alert_names_code_owner_and_runbook_but_no_value_member_or_line(home: Home, receiver: Any) -> None:
    alerts.settle(home, SUBJECT, [BOOK])
    (event,) = receiver.received
    assert (event["event"], event["owner"], event["runbook"]) == (
        "RAISED",
        "operations",
        "docs/runbook.md#unbalanced_book",
    )
    everywhere = json.dumps(event) + "".join(path.read_text(encoding="utf-8") for path in home.logs.iterdir())
    assert "12345.678" not in everywhere
    assert "M001" not in everywhere


def test_what_an_address_refused_arrives_with_the_next_alert_in_order(home: Home, receiver: Any) -> None:
    receiver.refuses = True
    alerts.settle(home, SUBJECT, [BOOK])
    assert receiver.received == []
    receiver.refuses = False
    alerts.settle(home, SUBJECT, [])
    assert [event["event"] for event in receiver.received] == ["RAISED", "RESOLVED"]
    alerts.settle(home, SUBJECT, [])
    assert len(receiver.received) == 2


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/nobody", "no address", "file:///etc/hostname"])
def test_an_address_that_does_not_answer_fails_nothing_and_is_journalled(
    home: Home, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    records: list[logging.LogRecord] = []
    journal = logging.Handler()
    monkeypatch.setattr(journal, "emit", records.append)
    monkeypatch.setattr(logging.getLogger("levee"), "handlers", [journal])
    monkeypatch.setenv("LEVEE_ALERT_URL", url)
    assert [event["event"] for event in alerts.settle(home, SUBJECT, [BOOK])] == ["RAISED"]
    assert [getattr(record, "code", "") for record in records] == ["ALERT_UNDELIVERED"]
    assert told(home) == [("RAISED", "UNBALANCED_BOOK", 1)]


@pytest.mark.parametrize("content", ["", "not JSON", "[]", '{"standing": 3, "undelivered": []}'])
def test_a_ledger_that_cannot_be_read_is_begun_anew(home: Home, content: str) -> None:
    (home.logs / "alerts.json").write_text(content, encoding="utf-8")
    alerts.settle(home, SUBJECT, [BOOK])
    assert [each["code"] for each in alerts.standing(home)] == ["UNBALANCED_BOOK"]


def test_a_folder_that_cannot_be_written_keeps_no_message_back(
    home: Home, receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(alerts, "_append", full)
    monkeypatch.setattr(alerts, "write_json", full)
    alerts.settle(home, SUBJECT, [BOOK])
    assert [event["code"] for event in receiver.received] == ["UNBALANCED_BOOK"]
