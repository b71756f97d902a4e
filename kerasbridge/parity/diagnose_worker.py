"""Child side of `kb.diagnose`: trace one training step. ``python -m kerasbridge.parity.diagnose_worker JOB OUT``.

Weights and inputs are rounded to float32 in every dtype, so that a float64 run computes with the same numbers.
"""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kerasbridge import engines
from kerasbridge.data.arrays import Arrays, arrays
from kerasbridge.data.epoch_iterators import DeviceArrays
from kerasbridge.data.sampler import RowSampler
from kerasbridge.errors import KerasbridgeError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.model_state import optimizer_variables
from kerasbridge.keras_compat.models import output_spec
from kerasbridge.keras_compat.tensors import map_tensors
from kerasbridge.parity import load_subject, tolerances
from kerasbridge.parity.jobs import Job
from kerasbridge.parity.step_probe import StepProbe, to_numpy
from kerasbridge.parity.step_trace import DOWN, FLOAT64_NUDGE, PLAIN, UP, Numbers, StepTrace
from kerasbridge.random import generator, keras_patch
from kerasbridge.runtime.subprocesses import exit_with_message
from kerasbridge.seeding import seed_random_layers
from kerasbridge.training import build
from kerasbridge.training.run_scope import run_scope

_AMOUNT = tolerances.NUDGE * tolerances.unit("float32")
_NUDGES = {UP: _AMOUNT, DOWN: -_AMOUNT, FLOAT64_NUDGE: tolerances.unit("float64")}


def trace_step(job: Job) -> StepTrace:
    """Trace the job's first step; with `correct_leaks` three times more, with nudged weights and inputs."""
    subject = load_subject.load_subject(job)
    model, y, notes = subject.model, subject.y, []
    if not model.compiled:
        y = _compile(model, subject.x)
        notes.append("the model is not compiled: mean square of its outputs as loss, and SGD with a rate of 1")
    data = arrays(*(map_tensors(_to_float32, nest) for nest in (subject.x, y)))
    with run_scope(engines.current(), model), keras_patch.portable_random():
        engine, sampler = engines.current(), RowSampler(data.rows, job.batch_size, job.seed)
        build.prepare(model, engine, DeviceArrays(data, sampler, engine))
        seed_random_layers(model, job.seed)
        engine.set_mode(model, training=True)
        for variable in (*model.weights, *optimizer_variables(model.optimizer)):
            variable.assign(_to_float32(to_numpy(variable.value)))
        batch = _first_batch(data, sampler)
        probe = StepProbe(model, engine)
        runs = {PLAIN: probe.trace_eager(batch)}
        compiled, execution = probe.trace_compiled(batch)
        runs[PLAIN].update(compiled)
        for name, amount in _NUDGES.items() if job.correct_leaks else ():
            with _nudged_weights(model, job.seed, amount):
                runs[name] = StepProbe(model, engine).trace_eager(_nudged_batch(batch, job.seed, amount))
    return StepTrace(job, engine.name, execution, tuple(notes + probe.notes), runs)


def _compile(model: Any, x: Any) -> Any:
    """Compile a model that has no loss, and return targets of zeros."""
    outputs = output_spec(model, map_tensors(lambda leaf: leaf[:1], x))
    rows = len(next(leaf for leaf in keras.tree.flatten(x) if leaf is not None))
    model.compile(keras.optimizers.SGD(1.0), keras.tree.map_structure(lambda _: "mean_squared_error", outputs))
    return keras.tree.map_structure(lambda tensor: np.zeros((rows, *tensor.shape[1:]), "float32"), outputs)


def _first_batch(data: Arrays, sampler: RowSampler) -> Arrays:
    rows = sampler.epoch(0)[0][0]
    return Arrays(data.gather(rows), len(rows))


def _to_float32(array: Any) -> Any:
    """Return the array rounded to float32, in its own dtype."""
    array = np.asarray(array)
    return array.astype("float32").astype(array.dtype) if array.dtype.kind == "f" else array


@contextlib.contextmanager
def _nudged_weights(model: Any, seed: int, amount: float) -> Iterator[None]:
    """Nudge every weight within the block; a weight of zero stays zero."""
    before = [(variable, to_numpy(variable.value)) for variable in model.weights]
    for index, (variable, value) in enumerate(before):
        variable.assign(_nudge(value, generator.fold_in(seed, "nudge", index), amount))
    try:
        yield
    finally:
        for variable, value in before:
            variable.assign(value)


def _nudged_batch(batch: Arrays, seed: int, amount: float) -> Arrays:
    nudged = map_tensors(
        lambda leaf: _nudge_by_value(leaf, generator.fold_in(seed, "nudge of x"), amount), batch.nest.x
    )
    return Arrays(batch.nest._replace(x=nudged), batch.rows)


def _nudge_by_value(array: Numbers, seed: int, amount: float) -> Numbers:
    """Nudge equal numbers alike, so that a pooling layer still takes the first of two white pixels."""
    values, indices = np.unique(array, return_inverse=True)
    return _nudge(values, seed, amount)[indices].reshape(array.shape)


def _nudge(array: Numbers, seed: int, amount: float) -> Numbers:
    """Return the array with each number multiplied by 1 + amount or 1 - amount, at random."""
    if array.dtype.kind != "f":
        return array
    up = generator.random_bits(seed, 0, array.size).reshape(array.shape) & 1
    nudged: Numbers = array * (1 + np.where(up, amount, -amount))
    return nudged


if __name__ == "__main__":
    with exit_with_message(KerasbridgeError):
        trace_step(Job.read(Path(sys.argv[1]))).write(Path(sys.argv[2]))
