"""Keras's own handling of data: its adapters and its iterator over the epochs of what yields batches."""

import contextlib
import itertools
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from kerasbridge.errors import ArgumentError, DataError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.by_name import standard_containers
from kerasbridge.keras_compat.private_api import private_api


def class_weight_to_sample_weights(y: Any, class_weight: Mapping[int, float]) -> np.ndarray[Any, Any]:
    """Return the weight of each sample: that of its class, 1 for a class without one.

    Keras has a function for it that looks up one sample after the other.

    Args:
        y: class numbers, shape (samples,) or (samples, 1), or one-hot, shape (samples, classes).
        class_weight: the weight of each class.

    Raises:
        ArgumentError: y has another form, of which Keras would take the position of the largest number as the class.
    """
    y = np.asarray(y)
    several = y.ndim > 1 and y.shape[1:] != (1,)
    if y.ndim > 2 or (several and y.size and not 0 <= y.min() <= y.max() <= 1):
        raise ArgumentError(
            "Expected y with class_weight to have one class number per sample or to be one-hot, received an array of "
            f"shape {y.shape}, {y.min():.6g} to {y.max():.6g}. Pass sample_weight instead, a weight per label."
        )
    numbers = y.argmax(-1) if several else np.round(y.reshape(-1)).astype("int32")
    classes = np.array(sorted(class_weight), "int64")
    weights = np.array([*(class_weight[each] for each in classes.tolist()), 1.0], keras.config.floatx())
    places = np.searchsorted(classes, numbers)
    is_listed = np.append(classes, 0)[places] == numbers
    return weights[np.where(is_listed & (places < len(classes)), places, len(classes))]


def is_sparse_or_ragged(tensor: Any) -> bool:
    """Return whether the tensor is sparse or ragged."""
    kinds = ("SciPy sparse arrays", "JAX sparse arrays", "TensorFlow sparse tensors", "ragged tensors")
    return any(private_api(kind)(tensor) for kind in kinds)


def to_sliceable(tensor: Any) -> Any:
    """Wrap a tensor of any library so that its rows can be read as NumPy arrays."""
    return private_api("sliceable tensors")(tensor, target_backend="numpy")


def yields_batches(x: Any) -> bool:
    """Return whether `x` is a dataset, loader or generator of batches that Keras can train on."""
    kinds = (keras.utils.PyDataset, types.GeneratorType, private_api("data adapter"))
    datasets = ("tf.data datasets", "torch data loaders", "Grain datasets")
    return isinstance(x, kinds) or any(private_api(kind)(x) for kind in datasets)


def keras_epoch_iterator(x: Any, steps: int | None, class_weight: Mapping[int, float] | None) -> Any:
    """Return Keras's own iterator over the epochs of `x`, which yields batches; it does not warn when they run out."""
    iterator = private_api("epoch iterator")(x, steps_per_epoch=steps, class_weight=class_weight)
    iterator._interrupted_warning = lambda: None
    return iterator


def reset_num_batches(iterator: Any) -> None:
    """Forget the number of batches of the last epoch, to which Keras would limit the next one."""
    iterator._num_batches = iterator.data_adapter.num_batches


def stop_workers(iterator: Any) -> None:
    """Stop the workers of a PyDataset, ignoring errors raised while they stop."""
    workers = getattr(iterator.data_adapter, "enqueuer", None)
    if workers is not None:
        with contextlib.suppress(Exception):
            workers.stop()


def refuse_dicts(keys: Iterable[Any]) -> None:
    """Raise DataError for batches that are dicts, with these keys, where Keras takes tuples."""
    names = [*map(repr, keys)]
    raise DataError(
        f"Expected batches that are tuples (x, y), received dicts with {', '.join(names)}. Let the dataset return "
        f"tuples, or pass a generator of them: ((batch[{names[0]}], batch[{names[-1]}]) for batch in …)."
    )


def _standard_batch(batch: Any) -> Any:
    if isinstance(batch, Mapping) and batch:
        refuse_dicts(batch)
    return standard_containers(batch)


def copy_prefetched(generator: Iterator[Any]) -> Iterator[Any]:
    """Yield a generator's batches in containers that Keras knows, the first ones as copies: Keras reads those ahead.

    The generator may reuse its arrays for the next batch. Closing this iterator leaves the generator open.
    """
    batches = map(_standard_batch, generator)  # which does not close it
    for batch in itertools.islice(batches, private_api("number of batches read ahead")):
        yield keras.tree.map_structure(lambda leaf: leaf.copy() if isinstance(leaf, np.ndarray) else leaf, batch)
    yield from batches
