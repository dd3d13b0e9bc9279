"""Final settlement to an average: what is fixed of it moves with no scenario any more.

Over the last part of a contract's life its final price is the mean of the index at every second. What has passed is
fixed, what is to come floats with the forward. Volatility keeps the convention of its quote: it is that of the whole
forward, fixed part included, so the mark is met and only a move of the market is dampened.
Reference: METHODOLOGY 1.
"""

from __future__ import annotations

import numpy as np

from tasks.model.arrays import Floats


def fixed_share(seconds_left: Floats, averaging_seconds: float) -> Floats:
    """(n,) share of the average that has passed, in [0, 1]: (averaging - left) / averaging by true seconds.

    seconds_left: to expiry, infinite for a perpetual. averaging_seconds: 0 where contracts settle to one price.
    """
    if averaging_seconds == 0.0:
        return np.zeros_like(seconds_left)
    return np.clip((averaging_seconds - seconds_left) / averaging_seconds, 0.0, 1.0)


def cautious_fixed_part(share: Floats, forward: Floats, index: Floats) -> Floats:
    """(n,) quote: the share at the lower of forward and index, where the average so far was not delivered.

    The lower price leaves the larger part to float, and never more is fixed than the forward is worth.
    """
    return np.asarray(share * np.minimum(forward, index))
