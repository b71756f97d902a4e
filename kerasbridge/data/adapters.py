"""Adapt the data passed to `fit`: arrays, a table of rows, or an iterable of batches."""

import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kerasbridge import checks
from kerasbridge.data import hugging_face, memory_budget, ray_data
from kerasbridge.data.arrays import Arrays, are_arrays, arrays
from kerasbridge.data.epoch_iterators import BatchStream, DeviceArrays, EpochIterator, HostArrays, StackedArrays
from kerasbridge.data.input_checks import about
from kerasbridge.data.pydataset import FirstBatch, ShuffledPyDataset
from kerasbridge.data.sampler import DEFAULT_BATCH_SIZE, RowSampler
from kerasbridge.engines.base import Engine
from kerasbridge.errors import ArgumentError, DataError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.by_name import standard_containers
from kerasbridge.keras_compat.data_adapters import copy_prefetched, keras_epoch_iterator, yields_batches

ACCEPTED = (
    "arrays (NumPy, pandas, tensors; in lists, tuples or dicts), a keras.utils.PyDataset, a generator, a "
    "tf.data.Dataset, a torch DataLoader, a Grain loader, a Hugging Face dataset, or a Ray Data shard"
)


@dataclass(frozen=True)
class Loader:
    """An iterable of batches: a generator, a dataset, a loader."""

    x: Any
    class_weight: Mapping[int, float] | None


Source = Arrays | hugging_face.Table | ray_data.Shard | Loader


@dataclass(frozen=True)
class BatchingConfig:
    """Division of a source into steps and epochs.

    Args:
        batch_size: samples per step; by default 32, or the rows divided by `steps`. Loaders define their own.
        steps: steps per epoch; by default those of all the data.
        seed: seed of the sample order; without it the samples are not shuffled.
        shuffle: True, or "batch" to shuffle only within batches.
        device_budget: bytes of device memory that data may use; larger data is streamed.
        steps_name: the argument that `steps` comes from, for messages.
        in_stacks: copy arrays to the device in stacks of batches, in their order, as they are needed.
        keep: keep these stacks on the device for the next epoch, if they fit.
    """

    batch_size: int | None = None
    steps: int | None = None
    seed: int | None = None
    shuffle: bool | str = True
    device_budget: int | str | None = None
    steps_name: str = "steps_per_epoch"
    in_stacks: bool = False
    keep: bool = False


def read(x: Any, y: Any = None, sample_weight: Any = None, class_weight: Mapping[int, float] | None = None) -> Source:
    """Return the source for the data passed to `fit`, `evaluate` or `predict`.

    Raises:
        DataError: the type of the data is not supported, or its arrays do not match.
    """
    x, y, sample_weight = standard_containers((x, y, sample_weight))
    if hugging_face.is_dataset(x):
        return hugging_face.Table(x, y, sample_weight, class_weight)
    if ray_data.is_shard(x):
        return ray_data.Shard.of(x, y, sample_weight, class_weight)
    if are_arrays(x, y, sample_weight):
        return arrays(x, y, sample_weight, class_weight)
    if not yields_batches(x):
        # for example a list of numbers: the error names the argument
        named = {"x": x, "y": y, "sample_weight": sample_weight}
        wrong = next((name for name, part in named.items() if part is not None and not are_arrays(part)), "x")
        raise DataError(f"Expected {wrong} to be {ACCEPTED}; received {_describe(named[wrong])}.")
    for name, part in (("y", y), ("sample_weight", sample_weight)):
        if part is not None:
            raise ArgumentError(
                f"Expected no {name} with a {type(x).__name__}, whose batches contain it: (x, y) or "
                f"(x, y, sample_weight). Leave {name} out."
            )
    return Loader(x, class_weight)


def defines_its_order(x: Any) -> bool:
    """Return whether the data passed to `fit` is a loader, which no seed shuffles."""
    if ray_data.is_shard(x):
        return True
    return not isinstance(x, keras.utils.PyDataset) and not hugging_face.is_dataset(x) and yields_batches(x)


def with_validation(source: Source, validation_data: Any, validation_split: float) -> tuple[Source, Source | None]:
    """Return the training source and the validation source: `validation_data`, or the last part of the arrays."""
    if validation_data is not None:
        if isinstance(validation_data, list):
            validation_data = tuple(validation_data)
        parts = validation_data if isinstance(validation_data, tuple) else (validation_data,)
        if len(parts) not in (1, 2, 3):
            raise ArgumentError(
                "Expected validation_data=(x, y) or (x, y, sample_weight), or an iterable of such batches; "
                f"received a tuple of {len(parts)}."
            )
        with about("validation_data"):
            held_out = read(*parts)
        if _lacks_targets(held_out, source):
            raise ArgumentError(
                "Expected validation_data=(x, y) or (x, y, sample_weight), as training has a y; received x alone."
            )
        return source, held_out
    if not validation_split:
        return source, None
    if not isinstance(source, Arrays):
        raise ArgumentError("Expected arrays with validation_split, received batches. Pass validation_data instead.")
    return source.split(validation_split)


def epoch_iterator(source: Source, engine: Engine, config: BatchingConfig) -> EpochIterator:
    """Return the iterator over the steps of a source."""
    steps = _limit_steps(config.steps, config.steps_name)
    if isinstance(source, Loader):
        return _batch_stream(source, engine, steps, config)
    if isinstance(source, ray_data.Shard):
        return source.stream(engine, config.batch_size or DEFAULT_BATCH_SIZE, steps, config.steps_name)
    if config.batch_size is not None:
        checks.check_batch_size(config.batch_size, source.rows)
    batch_size = config.batch_size or (-(-source.rows // steps) if steps else DEFAULT_BATCH_SIZE)
    sampler = RowSampler(
        source.rows, batch_size, config.seed, steps, config.shuffle == "batch", steps_name=config.steps_name
    )
    budget = config.device_budget
    if config.in_stacks and isinstance(source, Arrays) and source.bytes_in_memory is not None:
        memory_budget.check(budget)
        keep = config.keep and memory_budget.fits_in_memory(source, engine, budget)
        return StackedArrays(source, sampler, engine, keep)
    if isinstance(source, Arrays) and memory_budget.fits_in_memory(source, engine, budget):
        return DeviceArrays(source, sampler, engine)
    return HostArrays(source, sampler, engine)


def _lacks_targets(held_out: Source, source: Source) -> bool:
    if not isinstance(source, Arrays) or not isinstance(held_out, Arrays):
        return False
    return source.nest.y is not None and held_out.nest.y is None


def _batch_stream(loader: Loader, engine: Engine, steps: int | None, config: BatchingConfig) -> BatchStream:
    x, name, weights = loader.x, type(loader.x).__name__, loader.class_weight
    if isinstance(x, types.GeneratorType):
        x = copy_prefetched(x)
    if not isinstance(x, keras.utils.PyDataset):
        return BatchStream(name, keras_epoch_iterator(x, steps, weights), engine, steps_name=config.steps_name)
    first = keras_epoch_iterator(FirstBatch(x), None, weights)
    if x.num_batches is None:
        return BatchStream(name, keras_epoch_iterator(x, steps, weights), engine, first, steps_name=config.steps_name)
    shuffled = ShuffledPyDataset(x, config.seed, steps, config.steps_name)
    return BatchStream(name, keras_epoch_iterator(shuffled, None, weights), engine, first, shuffled)


def _limit_steps(steps: int | None, name: str) -> int | None:
    """Apply KERAS_MAX_STEPS_PER_EPOCH, which limits debugging runs in Keras too."""
    if steps is not None and steps < 1:
        raise ArgumentError(f"{name} must be a whole number of 1 or more; received {steps!r}.")
    limit = keras.config.max_steps_per_epoch()
    return min(limit, steps or limit) if limit else steps


def _describe(part: Any) -> str:
    leaves = keras.tree.flatten(part)
    wrong = next((leaf for leaf in leaves if not are_arrays(leaf)), part)
    return type(wrong).__name__ if wrong is part else f"{type(wrong).__name__} in a {type(part).__name__}"
