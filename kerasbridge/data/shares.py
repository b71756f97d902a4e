"""The rows of each batch that a worker computes."""

from typing import Any

import numpy as np

from kerasbridge.engines.base import Engine
from kerasbridge.runtime.world import Share


def share_of(rows: int, engine: Engine) -> Share | None:
    """Return the share of a batch that this worker computes; None if its step is given whole batches."""
    is_alone = engine.world.size == 1 or engine.sees_whole_batches
    return None if is_alone else Share.of(rows, engine.world)


def own_rows(batches: np.ndarray[Any, Any], engine: Engine) -> np.ndarray[Any, Any]:
    """Return the rows that this worker computes, of an array (batches, rows, …)."""
    share = share_of(batches.shape[1], engine)
    return batches if share is None else np.ascontiguousarray(batches[:, share.start : share.stop])
