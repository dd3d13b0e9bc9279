"""Nothing leaves the machine: in a whole cycle under an orchestrator every socket stays on the loopback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# Loaded by every Python process of the cycle, the orchestrator's own server among them, before anything else.
WATCH = """
import os, sys
_seen = os.open(os.environ["SOCKETS_SEEN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
_asked = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1, "socket.bind": 1, "socket.getaddrinfo": 0,
          "socket.gethostbyname": 0, "socket.gethostbyaddr": 0}

def _watch(event, given):
    if event in _asked:
        address = given[_asked[event]]
        host = address[0] if isinstance(address, tuple) else address
        os.write(_seen, f"{event} {type(address).__name__} {host!r}\\n".encode())

sys.addaudithook(_watch)
"""
LOOPBACK = {"'127.0.0.1'", "'localhost'", "'::1'", "b'127.0.0.1'", "b'localhost'", "None"}


def test_every_socket_of_a_cycle_stays_on_the_loopback(house: Any, tmp_path: Path, as_undisturbed: Any) -> None:
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    seen = tmp_path / "seen"
    ended = house.run(PYTHONPATH=str(tmp_path / "watch"), SOCKETS_SEEN=str(seen))
    assert ended.returncode == 0, ended.stderr
    assert "running without one" not in ended.stderr
    lines = [line.split(" ", 2) for line in seen.read_text(encoding="utf-8").splitlines()]
    connected = [host for event, _, host in lines if event == "socket.connect"]
    assert connected, "an orchestrator is spoken to, so the watch works"
    assert [line for line in lines if line[1] == "tuple" and line[2] not in LOOPBACK] == []
    assert [line for line in lines if line[1] != "tuple" and "sock" not in line[2] and line[2] not in LOOPBACK] == []
    as_undisturbed(house)
