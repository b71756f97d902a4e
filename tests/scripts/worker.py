"""Run scripts with stock Keras or with kerasbridge, and record what `fit`, `evaluate` and `predict` return.

    python -m tests.scripts.worker MODE RECORD SCRIPT...

The result is a JSON file: for each script its calls, the seconds it took, and the error that ended it, if any. Modes:

stock         Keras without kerasbridge, but with its random numbers, and rows in order
in-order      kerasbridge with rows in order: equal to stock
seeded        kerasbridge with shuffled rows, from one seed: equal on all backends
"""

import contextlib
import functools
import gc
import importlib
import json
import runpy
import sys
import time
import traceback
from pathlib import Path

import numpy as np

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from kerasbridge.training import keras_fit
from tests.stock import whole_gradients

HERE = Path(__file__).parent
MODES = ("stock", "in-order", "seeded")
SEED = 7
METHODS = ("fit", "evaluate", "predict")


class Recorder:
    """The results of calls of the methods of Keras models that the script makes itself."""

    def __init__(self):
        self.calls, self._depth = [], 0

    def wrap(self, name, method, **arguments):
        """Return the method with fixed arguments, recording the results of calls that are not nested in another."""

        @functools.wraps(method)
        def call(model, *positional, **keywords):
            self._depth += 1
            try:
                result = method(model, *positional, **{**keywords, **arguments})
            finally:
                self._depth -= 1
            if not self._depth:
                self.calls.append({"method": name, **_described(result)})
            return result

        return call


def _described(result):
    if isinstance(result, keras.callbacks.History):
        params = {name: result.params.get(name) for name in ("execution", "execution_reason")}
        return {"values": _plain(result.history), **params}
    if isinstance(result, (float, int, list, dict)) and _is_numeric(result):
        return {"values": _plain(result)}
    leaves = [np.asarray(leaf, dtype="float64") for leaf in keras.tree.flatten(result)]
    return {"values": [[float(leaf.mean()), float(leaf.std())] for leaf in leaves]}


def _is_numeric(result):
    return all(np.ndim(leaf) == 0 for leaf in keras.tree.flatten(result))


def _plain(result):
    return keras.tree.map_structure(lambda leaf: np.asarray(leaf, dtype="float64").tolist(), result)


@contextlib.contextmanager
def recording(mode):
    """Run the models of a script in a mode, and yield the list of recorded calls."""
    recorder, trainer = Recorder(), next(base for base in keras.Model.__mro__ if "fit" in vars(base))
    with contextlib.ExitStack() as stack:
        stack.enter_context(kb.seed_everything(SEED))
        if mode == "stock":
            stack.enter_context(whole_gradients())
        else:
            stack.enter_context(seeded_fit() if mode == "seeded" else contextlib.nullcontext())
            stack.enter_context(kb.as_keras_fit())
        for name in METHODS:
            original = getattr(trainer, name)
            in_order = {"shuffle": False} if name == "fit" and mode != "seeded" else {}
            stack.callback(setattr, trainer, name, original)
            setattr(trainer, name, recorder.wrap(name, original, **in_order))
        yield recorder.calls


@contextlib.contextmanager
def seeded_fit():
    """Give every `fit` a seed."""
    fit = keras_fit._REPLACEMENTS["fit"]
    keras_fit._REPLACEMENTS["fit"] = functools.partial(kb.fit, seed=SEED)
    try:
        yield
    finally:
        keras_fit._REPLACEMENTS["fit"] = fit


def free_memory():
    """Forget the models and compiled functions of earlier scripts."""
    keras.backend.clear_session()
    gc.collect()
    if keras.config.backend() == "jax":
        importlib.import_module("jax").clear_caches()


def run(mode, script):
    """Run a script, and return its calls, seconds and error."""
    free_memory()
    keras.config.set_dtype_policy("float32")
    began, error, calls = time.perf_counter(), None, []
    try:
        with recording(mode) as calls:
            runpy.run_path(str(HERE / script), run_name="__main__")
    except Exception:
        error = traceback.format_exc()
    return {"calls": calls, "seconds": time.perf_counter() - began, "error": error}


if __name__ == "__main__":
    mode, record, *scripts = sys.argv[1:]
    found = {}
    for script in scripts:
        found[script] = run(mode, script)
        Path(record).write_text(json.dumps(found), "utf-8")
