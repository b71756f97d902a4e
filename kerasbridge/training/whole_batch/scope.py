"""The surroundings of a step that computes some rows of each batch."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from kerasbridge.engines.base import Engine
from kerasbridge.runtime.world import Share, computing
from kerasbridge.training.whole_batch.losses import global_reductions
from kerasbridge.training.whole_batch.metrics import global_metrics
from kerasbridge.training.whole_batch.moments import global_moments


@contextlib.contextmanager
def share_scope(engine: Engine, share: Share, metrics: Sequence[Any] = ()) -> Iterator[None]:
    """Let the step inside compute this share of a batch; what depends on all rows is computed with the other workers.

    Args:
        engine: the engine of the run.
        share: the rows of this worker.
        metrics: the metrics that the step updates.
    """
    with computing(share), contextlib.ExitStack() as stack:
        if not share.is_whole:
            stack.enter_context(global_moments(engine))
            stack.enter_context(global_reductions(engine))
            stack.enter_context(global_metrics(engine, metrics))
        yield
