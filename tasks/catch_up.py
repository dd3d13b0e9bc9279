"""What a command that died had committed and shown nobody: readers see it once they ask.

Such a command leaves its lease behind. Whoever reads next takes the home over for a moment, as any other command would,
and shows decisions and ledgers as the database holds them; nothing is decided or computed.
"""

from __future__ import annotations

import logging

from tasks import decisions, ledgers, status
from tasks.home import Home
from tasks.model.errors import LeveeError, LockedError
from tasks.store import Store

log = logging.getLogger("levee")


def catch_up(home: Home) -> None:
    """Show what was left unshown; nothing where nobody died, or another command holds the home and will show it.

    Where that cannot be done what was shown before stays, and a warning says that it may be behind.
    """
    if not (home.lease.exists() and home.database.exists()) or status.holder(home):
        return
    try:
        with home.locked("catch up"), Store(home.database) as store:
            decisions.show_all(home, store)
            ledgers.show(home, store)
    except LockedError:
        return
    except LeveeError as error:
        behind = "a command died and what it committed cannot be read: what follows may be behind"
        log.warning(behind, extra={"code": error.code, "findings": str(error)})
