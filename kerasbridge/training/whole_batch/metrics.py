"""Metrics of several workers: those of Keras are sums over rows; others are given the rows of all workers.

After a block, what the workers have added to the states of the first kind is added up. A metric of the user may keep
anything, such as a maximum: it is updated with the targets and predictions of the whole batch, on each worker.
"""

import contextlib
import inspect
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from kerasbridge.engines.base import Engine
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.monkeypatch import patched
from kerasbridge.runtime.world import computing, current_share
from kerasbridge.training.whole_batch.rows import has_own_rows, of_whole_batch


def needs_whole_batches(metric: Any) -> bool:
    """Return whether the state of a metric may be something else than a sum over rows."""
    if not type(metric).update_state.__module__.startswith("keras."):
        return True
    function = getattr(metric, "_fn", None)
    return function is not None and not (inspect.isfunction(function) and str(function.__module__).startswith("keras."))


def single_metrics(metrics: Iterable[Any]) -> list[Any]:
    """Return metrics without those that only contain others."""
    return [each for metric in metrics for each in (getattr(metric, "metrics", None) or [metric])]


@contextlib.contextmanager
def global_metrics(engine: Engine, metrics: Sequence[Any]) -> Iterator[None]:
    """Make the metrics answer for the whole batch, once their states are added up over the workers."""
    owners = {type(metric): None for metric in metrics if needs_whole_batches(metric)}
    with contextlib.ExitStack() as stack:
        for owner in owners:
            stack.enter_context(patched(owner, "update_state", partial(_update_with_all_rows, engine), chained=True))
        stack.enter_context(patched(keras.metrics.Mean, "update_state", _update_mean, chained=True))
        yield


def _update_with_all_rows(engine: Engine, original: Any, metric: Any, *arguments: Any, **keywords: Any) -> Any:
    share = current_share()
    if share is None or not needs_whole_batches(metric):
        return original(metric, *arguments, **keywords)
    arguments, keywords = keras.tree.map_structure(
        lambda leaf: of_whole_batch(engine, leaf, share), (arguments, keywords)
    )
    with computing(None):
        return original(metric, *arguments, **keywords)


def _update_mean(original: Any, metric: Any, values: Any, sample_weight: Any = None) -> Any:
    """Count a value that is a mean over the rows of the worker by its weight, not as one for each worker."""
    share = current_share()
    if share is not None and sample_weight is None and not has_own_rows(values, share):
        sample_weight = share.weight
    return original(metric, values, sample_weight)
