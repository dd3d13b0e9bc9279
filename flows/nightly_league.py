"""The challenger league on a home's book under Prefect, every night by the clock once the end of day is out."""

from __future__ import annotations

from pathlib import Path

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed

from tasks import board, book_league_page, status
from tasks.home import Home


@flow(name="book_league", persist_result=False)
def book_league(home: Path) -> int | State[None]:
    """Margin by every model the nights that do not stand yet, write the page, show it on the board; how many were new.

    A home without an end of day has no league: the run ends Completed as Skipped.
    """
    here = Home(home).prepare()
    if not status.in_force(here):
        return Completed(name="Skipped", message="no end of day is out")
    play = task(name="play", cache_policy=NO_CACHE, persist_result=False)(book_league_page.bring_up_to_date)
    told = play(here)
    board.write(here)
    return told.asked.computed
