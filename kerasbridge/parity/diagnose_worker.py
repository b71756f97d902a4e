"""Child side of `kb.diagnose`: takes one training step apart and writes it down. ``python -m …inspecting JOB OUT``.

Weights and inputs are what float32 holds of them, in every dtype: a float64 run computes with the same numbers.
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
from kerasbridge.keras_compat.models import output_spec
from kerasbridge.keras_compat.tensors import map_tensors
from kerasbridge.parity import load_subject, tolerances
from kerasbridge.parity.jobs import Job
from kerasbridge.parity.step_probe import StepProbe, to_numpy
from kerasbridge.parity.step_trace import DOWN, PLAIN, SHAKEN, UP, Inspection, Numbers
from kerasbridge.random import generator, keras_patch
from kerasbridge.runtime.subprocesses import exit_with_message
from kerasbridge.seeding import seed_random_layers
from kerasbridge.training import build

_AMOUNT = tolerances.NUDGE * tolerances.unit("float32")
_NUDGES = {UP: _AMOUNT, DOWN: -_AMOUNT, SHAKEN: tolerances.unit("float64")}


def inspect(job: Job) -> Inspection:
    """Take the job's first step apart; where leaks are corrected, three times more with everything nudged."""
    subject = load_subject.load_subject(job)
    model, y, notes = subject.model, subject.y, []
    if not model.compiled:
        y = _compile(model, subject.x)
        notes.append("the model is not compiled: mean square of its outputs as loss, and SGD with a rate of 1")
    data = arrays(*(map_tensors(_narrowed, nest) for nest in (subject.x, y)))
    with keras_patch.portable_random():
        engine, passes = engines.current(), RowSampler(data.rows, job.batch_size, job.seed)
        build.prepare(model, engine, DeviceArrays(data, passes, engine))
        seed_random_layers(model, job.seed)
        engine.set_mode(model, training=True)
        _narrow(model)
        batch = _first_step(data, passes)
        stepper = StepProbe(model, engine)
        runs = {PLAIN: stepper.run_eagerly_probe(batch)}
        compiled, how = stepper.compiled(batch)
        runs[PLAIN].update(compiled)
        for name, amount in _NUDGES.items() if job.correct_leaks else ():
            with _nudged(model, job.seed, amount):
                runs[name] = StepProbe(model, engine).run_eagerly_probe(_nudged_batch(batch, job.seed, amount))
    return Inspection(job, engine.name, how, tuple(notes + stepper.notes), runs)


def _compile(model: Any, x: Any) -> Any:
    """Give a model that has no loss one; returns targets of zero."""
    outputs = output_spec(model, map_tensors(lambda leaf: leaf[:1], x))
    rows = len(next(leaf for leaf in keras.tree.flatten(x) if leaf is not None))
    model.compile(keras.optimizers.SGD(1.0), keras.tree.map_structure(lambda _: "mean_squared_error", outputs))
    return keras.tree.map_structure(lambda tensor: np.zeros((rows, *tensor.shape[1:]), "float32"), outputs)


def _first_step(data: Arrays, passes: RowSampler) -> Arrays:
    """The rows of the first step of a training."""
    rows = passes.epoch(0)[0][0]
    return Arrays(data.gather(rows), len(rows))


def _narrow(model: Any) -> None:
    for variable in model.weights:
        variable.assign(_narrowed(to_numpy(variable.value)))


def _narrowed(array: Any) -> Any:
    array = np.asarray(array)
    return array.astype("float32").astype(array.dtype) if array.dtype.kind == "f" else array


@contextlib.contextmanager
def _nudged(model: Any, seed: int, amount: float) -> Iterator[None]:
    """While open, every weight is a little more or less, by chance; a weight of zero stays one."""
    before = [(variable, to_numpy(variable.value)) for variable in model.weights]
    for place, (variable, value) in enumerate(before):
        variable.assign(_moved(value, generator.fold_in(seed, "nudge", place), amount))
    try:
        yield
    finally:
        for variable, value in before:
            variable.assign(value)


def _nudged_batch(batch: Arrays, seed: int, amount: float) -> Arrays:
    moved = map_tensors(lambda leaf: _moved_alike(leaf, generator.fold_in(seed, "nudge of x"), amount), batch.nest.x)
    return Arrays(batch.nest._replace(x=moved), batch.rows)


def _moved_alike(value: Numbers, seed: int, amount: float) -> Numbers:
    """Equal numbers move alike: of two white patches of an image, a pooling layer goes on taking the first."""
    different, places = np.unique(value, return_inverse=True)
    return _moved(different, seed, amount)[places].reshape(value.shape)


def _moved(value: Numbers, seed: int, amount: float) -> Numbers:
    if value.dtype.kind != "f":
        return value
    up = generator.random_bits(seed, 0, value.size).reshape(value.shape) & 1
    moved: Numbers = value * (1 + np.where(up, amount, -amount))
    return moved


if __name__ == "__main__":
    with exit_with_message(KerasbridgeError):
        inspect(Job.read(Path(sys.argv[1]))).write(Path(sys.argv[2]))
