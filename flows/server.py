"""A Prefect server of our own on the loopback: started for `levee serve`, stopped with it."""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from flows import environment
from tasks.home import Home
from tasks.model.errors import Finding, LeveeError

HOST = "127.0.0.1"
START_SECONDS, STOP_SECONDS = 120.0, 15.0
_SET_PARENT_DEATH_SIGNAL = 1


@contextmanager
def answering(home: Home, port: int | None = None) -> Iterator[str]:
    """URL of the server that answers: the one of PREFECT_API_URL, else a child of this process on a free port.

    The URL is set in the environment before Prefect is imported by anyone. Raises LeveeError SERVER_DOWN.
    """
    given = os.environ.get("PREFECT_API_URL")
    if given:
        if not environment.orchestrator_answers():
            raise _down("no server answers", given, "start it, or unset PREFECT_API_URL to have one started here")
        yield given
        return
    port = port or free_port()
    os.environ["PREFECT_API_URL"] = f"http://{HOST}:{port}/api"
    with _child(home, port) as child:
        _wait_until_it_answers(home, child)
        yield os.environ["PREFECT_API_URL"]
        _send_what_is_logged()


def _send_what_is_logged() -> None:
    """Flows send their logs in batches: with the server gone, the end of the process would try for a minute."""
    from prefect.logging.handlers import APILogHandler

    APILogHandler().flush()


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


@contextmanager
def _child(home: Home, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "flows.server", "server", "start", "--host", HOST, "--port", str(port)]
    surroundings = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    with (home.logs / "server.log").open("ab") as log:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=surroundings, start_new_session=True
        )
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _die_with_parent() -> None:
    """A killed parent cannot stop its child: on Linux the kernel does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)


def _wait_until_it_answers(home: Home, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not environment.orchestrator_answers():
        if child.poll() is not None:
            raise _down("the server ended at its start", f"exit {child.returncode}", f"read {home.logs}/server.log")
        if time.monotonic() > deadline:
            raise _down("the server does not answer", f"{START_SECONDS:.0f} s", f"read {home.logs}/server.log")
        time.sleep(0.2)


def _down(what: str, value: str, action: str) -> LeveeError:
    return LeveeError(Finding("SERVER_DOWN", what, value=value, action=action))


if __name__ == "__main__":
    _die_with_parent()
    runpy.run_module("prefect", run_name="__main__")
