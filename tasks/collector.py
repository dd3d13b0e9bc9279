"""How often Python looks for garbage."""

from __future__ import annotations

import gc

_YOUNG, _MIDDLE, _OLD = 200_000, 20, 20


def collect_rarely() -> None:
    """Look for cycles of references after many new objects, not after a few hundred.

    A cycle of a large house makes millions of figures that refer to nothing: looking through them again and again was
    a seventh of its printing, and a quarter of loading what checks it.
    """
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
