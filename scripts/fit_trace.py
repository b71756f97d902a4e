"""Find the files of kerasbridge that an array passes from `kb.fit` to the device and back, by tracing calls.

    KERAS_BACKEND=jax python scripts/fit_trace.py

Trains the small model on a few images for an epoch and prints, as JSON, two lists of files, in the order in which they
first run:

    any: those with a function that runs meanwhile.
    array: those of them with a function that is handed the images or gives them back. That is the array, and each
        batch, copy or tensor of it, or what stands for one while a step is traced: all that has an image's shape. It
        may lie in tuples, lists and dicts, and all that in an attribute of what is handed over, `self` included.

What runs only because a module is imported does not count, unless it is a function that the module calls.
"""

import contextlib
import inspect
import json
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import kerasbridge as kb

ROWS, BATCH, IMAGE = 33, 11, (28, 28)  # no weight of the model has an image's shape
DEPTH = 3  # of tuples, lists and dicts in each other


class Trace:
    """Notes files as a profiler of all threads; `paths` maps each to whether the images were seen there."""

    def __init__(self, package: Path) -> None:
        self._package = f"{package}/"
        self.paths: dict[str, bool] = {}

    def __call__(self, frame: FrameType, event: str, result: Any) -> None:
        path, is_function = frame.f_code.co_filename, frame.f_code.co_flags & inspect.CO_OPTIMIZED
        if event not in ("call", "return") or not is_function or not path.startswith(self._package):
            return
        if not self.paths.setdefault(path, False):
            self.paths[path] = any(map(holds, arguments(frame) if event == "call" else [result]))

    def files(self, every: bool) -> list[str]:
        """Return the files by their paths in the package: all, or those that the images pass."""
        return [path.removeprefix(self._package) for path, passed in self.paths.items() if every or passed]


def arguments(frame: FrameType) -> list[Any]:
    """Return what a function was called with."""
    names, more, keywords, values = inspect.getargvalues(frame)
    return [values[name] for name in (*names, more, keywords) if name in values]


def holds(value: Any) -> bool:
    """Tell whether something is or has the images, itself or in an attribute."""
    return is_nest(value) or any(map(is_nest, [*getattr(value, "__dict__", {}).values()]))


def is_nest(value: Any, depth: int = DEPTH) -> bool:
    """Tell whether something is the images or a nest with them."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, (list, tuple)):
        return depth > 0 and any(is_nest(each, depth - 1) for each in value)
    return is_images(value)


def is_images(value: Any) -> bool:
    """Tell by the shape whether something is the images; symbols of Keras have no number of rows."""
    with contextlib.suppress(Exception):  # attributes may be anything
        shape = tuple(value.shape)
        return len(shape) > len(IMAGE) and shape[-len(IMAGE) :] == IMAGE and None not in shape
    return False


def main() -> None:
    """Train, and print what ran."""
    model = kb.models.mlp()
    model.compile("adam", "sparse_categorical_crossentropy")
    images, labels = np.zeros((ROWS, *IMAGE)), np.zeros(ROWS, "int64")
    trace, fit = Trace(Path(kb.__file__).parent), kb.fit
    threading.setprofile(trace)
    sys.setprofile(trace)
    fit(model, images, labels, batch_size=BATCH, verbose=0, seed=0)
    sys.setprofile(None)
    print(json.dumps({"array": trace.files(every=False), "any": trace.files(every=True)}))


if __name__ == "__main__":
    main()
