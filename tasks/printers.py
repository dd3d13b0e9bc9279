"""Printers: orders of a large house are printed by processes of their own; of a small one by the caller."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import lru_cache, partial
from multiprocessing.connection import wait

from tasks.collector import collect_rarely
from tasks.model.errors import Finding, LeveeError
from tasks.press import Copy, Order, Press

_THREADS = "POLARS_MAX_THREADS"

Run = Callable[[Iterable[Order]], Iterator[Copy]]


@contextmanager
def printers(press: Press, processes: int) -> Iterator[Run]:
    """What prints orders: copies come in the orders' order, and wait for each other.

    Several processes load their libraries from now on, and print from the first order on while the caller does
    something else. Raises LeveeError PRINTER_LOST where one of them ends before its order.
    """
    if processes == 1:
        yield partial(map, press.run)
        return
    # Spawned, not forked: a fork would share the home's lock and threads that are in the middle of something.
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _set_up)
    try:
        with _one_thread_each():
            for _ in range(processes):
                pool.submit(_is_up)  # which starts one
        yield partial(pool.map, partial(_print, pickle.dumps(press)))
    except BrokenProcessPool as error:
        raise LeveeError(
            Finding(
                "PRINTER_LOST",
                "a process that prints packs has ended",
                where=str(press.folder),
                action="see whether memory ran out; nothing was published, run again",
            )
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """What a process started in the body reads off its environment: there are as many processes as cores."""
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = "1"
    try:
        yield
    finally:
        os.environ.pop(_THREADS)
        os.environ |= {_THREADS: before} if before is not None else {}


def _set_up() -> None:
    """Make this process a printer: it leaves Ctrl-C to its parent, and does not outlive it."""
    collect_rarely()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        wait([parent.sentinel])
        os._exit(1)


def _is_up() -> bool:
    return True


def _print(press: bytes, order: Order) -> Copy:
    """Print with a press that comes with each order.

    Given to a process as it starts, a press of a large house is more than a pipe holds: whoever starts a process that
    ends before it reads waits for ever.
    """
    return _standing(press).run(order)


@lru_cache(1)
def _standing(press: bytes) -> Press:
    read: Press = pickle.loads(press)
    return read
