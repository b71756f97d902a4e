"""Child side of `kb.compare`: train like `kb.fit`, write a record. ``python -m kerasbridge.parity.compare_worker``.

Its arguments are the paths of the job and of the record.
"""

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
from kerasbridge.data.arrays import arrays
from kerasbridge.data.epoch_iterators import DeviceArrays, EpochIterator
from kerasbridge.data.sampler import RowSampler
from kerasbridge.engines.base import Engine
from kerasbridge.engines.step import Batch, Step
from kerasbridge.errors import ArgumentError, KerasbridgeError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import call_model
from kerasbridge.keras_compat.tensors import map_tensors
from kerasbridge.parity import load_subject
from kerasbridge.parity.jobs import Job
from kerasbridge.parity.record import Curve, Numbers, Record
from kerasbridge.parity.variable_names import array_names, variable_names
from kerasbridge.parity.verdict import weight_difference
from kerasbridge.random import generator, keras_patch
from kerasbridge.random.bits import capture_draws
from kerasbridge.runtime.subprocesses import exit_with_message
from kerasbridge.seeding import seed_random_layers
from kerasbridge.training import build
from kerasbridge.training.epoch_loop import FitConfig, Phase, run_training
from kerasbridge.training.run_scope import run_scope
from kerasbridge.training.step_loop import PreparedStep, Runner
from kerasbridge.training.steps import train_step_with_gradient_norm


def record(job: Job) -> Record:
    """Train twice, the second time from weights that are each changed by one unit in the last place."""
    subject = load_subject.load_subject(job)
    model, data = subject.model, arrays(subject.x, subject.y)
    if not model.compiled:
        raise ArgumentError(f"Expected {job.subject} to be compiled. Call model.compile(…) before saving it.")
    with run_scope(engines.current(), model), keras_patch.portable_random():
        engine, sampler = engines.current(), RowSampler(data.rows, job.batch_size, job.seed)
        iterator = DeviceArrays(data, sampler, engine)
        build.prepare(model, engine, iterator)
        seed_random_layers(model, job.seed)
        variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
        initial = [(variable, keras.ops.convert_to_numpy(variable.value).copy()) for variable in variables]
        initial_weights = _digests((name, variable.value) for name, variable in variable_names(model.variables))
        masks, masks_missing = _masks(model, engine, iterator)
        _assign(initial)
        trainer = _Trainer(model, engine, iterator, job)
        start = time.perf_counter()
        run, metrics = trainer.train()
        seconds = time.perf_counter() - start
        _assign(initial)
        _nudge(model, job)
        nudged, _ = trainer.train()
    return Record(
        job=job,
        label=engine.name,
        backend=engine.name,
        device=engine.device_of(model.variables[0].value),
        execution=str(trainer.execution_mode),
        versions=runs.versions(engine.name),
        seconds=round(seconds, 3),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        data=_digests(array_names(data)),
        initial_weights=initial_weights,
        orders={f"epoch {k + 1}": _digest(*sampler.epoch(k)) for k in range(job.epochs)},
        masks=masks,
        masks_missing=masks_missing,
        metrics=metrics,
        run=run,
        nudged=replace(nudged, final_weights={}),
        nudged_weights=weight_difference(nudged, run),
    )


class _Trainer:
    """Train a model repeatedly with the same compiled steps, like `kb.fit`, and keep the numbers of every step."""

    def __init__(self, model: Any, engine: Engine, iterator: EpochIterator, job: Job) -> None:
        self._model, self._job = model, job
        self._reports: list[Numbers] = []
        step = PreparedStep(train_step_with_gradient_norm)
        self._phase = Phase(Runner(model, engine, lambda: step, note=self._reports.append), iterator)

    @property
    def execution_mode(self) -> str | None:
        """The execution mode of the steps."""
        return self._phase.runner.execution_mode

    def train(self) -> tuple[Curve, list[dict[str, float]]]:
        """Train once; return the curve and the logs of each epoch."""
        self._reports.clear()
        history = run_training(self._model, self._phase, None, FitConfig(self._job.epochs)).history
        losses, norms = np.concatenate(self._reports).T
        weights = {name: keras.ops.convert_to_numpy(each.value) for name, each in variable_names(self._model.variables)}
        metrics = [dict(zip(history, map(float, logs), strict=True)) for logs in zip(*history.values(), strict=True)]
        return Curve(losses, norms, weights), metrics


def _masks(model: Any, engine: Engine, iterator: EpochIterator) -> tuple[dict[str, str], str | None]:
    """Return digests of the random bits of the first step's forward pass, compiled, or the reason for their absence."""

    def run(batch: Batch) -> list[Any]:
        with capture_draws() as draws:
            call_model(model, batch[0], training=True)
        return draws

    step = Step.of_model(model, run, model.variables)
    chunk = next(iter(iterator.chunks(0, None)))
    try:
        stack = map_tensors(lambda leaf: leaf[None], engine.gather_rows(chunk.data, chunk.order[0]))
        (draws,) = engine.compile_predict(step)(stack, 0, 1, 1)
    except Exception as error:  # tensors created inside a loop of the framework cannot be returned from it
        return {}, f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    return _digests((f"draw {k} of {bits.shape[0]} words", bits) for k, bits in enumerate(draws, 1)), None


def _nudge(model: Any, job: Job) -> None:
    """Change every trainable number by one unit in the last place of the job's precision, up or down at random."""
    for index, variable in enumerate(model.trainable_variables):
        value = keras.ops.convert_to_numpy(variable.value)
        bits = generator.random_bits(generator.fold_in(job.seed, "nudge", index), 0, value.size)
        unit = np.spacing(np.abs(value).astype(job.precision)).astype(value.dtype)
        variable.assign(np.where(bits.reshape(value.shape) & 1, value + unit, value - unit))


def _assign(values: Iterable[tuple[Any, Numbers]]) -> None:
    for variable, value in values:
        variable.assign(value)


def _digests(tensors: Iterable[tuple[str, Any]]) -> dict[str, str]:
    return {name: _digest(keras.ops.convert_to_numpy(tensor)) for name, tensor in tensors}


def _digest(*arrays: Any) -> str:
    """Return the sha256 of arrays, integers as int64: Keras stores some in other widths on other backends."""
    digest = hashlib.sha256()
    for array in arrays:
        wide = array.astype("int64") if array.dtype.kind in "iu" else array
        digest.update(np.ascontiguousarray(wide).tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    with exit_with_message(KerasbridgeError):
        record(Job.read(Path(sys.argv[1]))).write(Path(sys.argv[2]))
