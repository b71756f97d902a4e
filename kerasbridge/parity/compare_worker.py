"""Child side of `kb.compare`: trains as `kb.fit` does and writes the record. ``python -m …recording JOB OUT``."""

import hashlib
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from kerasbridge import engines, runs
from kerasbridge.data.arrays import Arrays, arrays
from kerasbridge.data.epoch_iterators import DeviceArrays, EpochIterator
from kerasbridge.data.sampler import RowSampler
from kerasbridge.engines.base import Engine
from kerasbridge.engines.step import Batch, Step
from kerasbridge.errors import ArgumentError, KerasbridgeError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import call_model
from kerasbridge.parity import load_subject
from kerasbridge.parity.jobs import Job
from kerasbridge.parity.record import Curve, Numbers, Record
from kerasbridge.parity.variable_names import variable_names
from kerasbridge.parity.verdict import weight_difference
from kerasbridge.random import generator, keras_patch
from kerasbridge.random.bits import capture_draws
from kerasbridge.runtime.subprocesses import exit_with_message
from kerasbridge.seeding import seed_random_layers
from kerasbridge.training import build
from kerasbridge.training.epoch_loop import FitConfig, Phase, run_training
from kerasbridge.training.step_loop import Runner
from kerasbridge.training.steps import train_step_with_gradient_norm


def record(job: Job) -> Record:
    """Train twice, the second time from weights that are each one unit in the last place away."""
    subject = load_subject.load_subject(job)
    model, data = subject.model, arrays(subject.x, subject.y)
    if not model.compiled:
        raise ArgumentError(f"Expected {job.subject} to be compiled. Call model.compile(…) before it is saved.")
    with keras_patch.portable_random():
        engine, passes = engines.current(), RowSampler(data.rows, job.batch_size, job.seed)
        feed = DeviceArrays(data, passes, engine)
        build.prepare(model, engine, feed)
        seed_random_layers(model, job.seed)
        start = _values(model)
        initial = _digests((name, variable.value) for name, variable in variable_names(model.variables))
        masks, missing = _masks(model, engine, feed)
        _assign(model, start)
        trainer = _Trainer(model, engine, feed, job)
        clock = time.perf_counter()
        run, metrics = trainer.train()
        seconds = time.perf_counter() - clock
        _assign(model, start)
        _nudge(model, job)
        nudged, _ = trainer.train()
        apart = weight_difference(nudged, run)
    return Record(
        job=job,
        label=engine.name,
        backend=engine.name,
        device=engine.device_of(model.variables[0].value),
        execution=str(trainer.execution_mode),
        versions=runs.versions(engine.name),
        seconds=round(seconds, 3),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        data=_digests(_named(data)),
        initial_weights=initial,
        orders=_orders(passes, job.epochs),
        masks=masks,
        masks_missing=missing,
        metrics=metrics,
        run=run,
        nudged=replace(nudged, final_weights={}),
        nudged_weights=apart,
    )


class _Trainer:
    """`kb.fit` of one model, again and again through the same compiled steps, with the numbers of every step kept."""

    def __init__(self, model: Any, engine: Engine, feed: EpochIterator, job: Job) -> None:
        self._model, self._job = model, job
        self._reports: list[Numbers] = []
        self._course = Phase(Runner(model, engine, train_step_with_gradient_norm, note=self._reports.append), feed)

    @property
    def execution_mode(self) -> str | None:
        """How the steps ran."""
        return self._course.runner.execution_mode

    def train(self) -> tuple[Curve, list[dict[str, float]]]:
        """The curve, and the logs of each epoch."""
        self._reports.clear()
        history = run_training(self._model, self._course, None, FitConfig(self._job.epochs)).history
        losses, norms = np.concatenate(self._reports).T
        final = {name: keras.ops.convert_to_numpy(held.value) for name, held in variable_names(self._model.variables)}
        metrics = [dict(zip(history, map(float, logs), strict=True)) for logs in zip(*history.values(), strict=True)]
        return Curve(losses, norms, final), metrics


def _masks(model: Any, engine: Engine, feed: EpochIterator) -> tuple[dict[str, str], str | None]:
    """The words that the first step draws, out of a compiled forward pass; or why they cannot be had."""

    def run(batch: Batch) -> list[Any]:
        with capture_draws() as words:
            call_model(model, batch[0], training=True)
        return words

    step = Step.of_model(model, run, model.variables)
    portion = next(iter(feed.chunks(0, None)))
    try:
        words = engine.compile_call(step)(portion.data, portion.order[0])
    except Exception as error:  # words drawn inside a loop of the framework's own do not come out of it
        return {}, f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    return _digests((f"draw {k} of {word.shape[0]} words", word) for k, word in enumerate(words, 1)), None


def _orders(passes: RowSampler, epochs: int) -> dict[str, str]:
    return {f"epoch {k + 1}": _digest(b"".join(map(_bytes, passes.epoch(k)))) for k in range(epochs)}


def _nudge(model: Any, job: Job) -> None:
    """Move every trainable number by one unit in the last place of the job's precision, up or down by chance."""
    for position, variable in enumerate(model.trainable_variables):
        value = keras.ops.convert_to_numpy(variable.value)
        up = (
            generator.random_bits(generator.fold_in(job.seed, "nudge", position), 0, value.size).reshape(value.shape)
            & 1
        )
        unit = np.spacing(np.abs(value).astype(job.precision)).astype(value.dtype)
        variable.assign(np.where(up, value + unit, value - unit))


def _values(model: Any) -> list[tuple[Any, Numbers]]:
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    return [(variable, keras.ops.convert_to_numpy(variable.value).copy()) for variable in variables]


def _assign(model: Any, values: Iterable[tuple[Any, Numbers]]) -> None:
    for variable, value in values:
        variable.assign(value)


def _named(data: Arrays) -> Iterable[tuple[str, Any]]:
    for name, part in zip(("x", "y"), data.nest, strict=False):
        for path, leaf in keras.tree.flatten_with_path(part):
            yield name + "".join(f"[{key!r}]" for key in path), leaf


def _digests(tensors: Iterable[tuple[str, Any]]) -> dict[str, str]:
    return {name: _digest(_bytes(keras.ops.convert_to_numpy(tensor))) for name, tensor in tensors}


def _bytes(array: Any) -> bytes:
    """Whole numbers as int64: some Keras keeps in other widths on other backends."""
    wide = array.astype("int64") if array.dtype.kind in "iu" else array
    return np.ascontiguousarray(wide).tobytes()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    with exit_with_message(KerasbridgeError):
        record(Job.read(Path(sys.argv[1]))).write(Path(sys.argv[2]))
