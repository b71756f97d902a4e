"""Find the files of kerasbridge that an array passes from `kb.fit` to the device and back, by tracing calls.

    KERAS_BACKEND=jax python scripts/fit_trace.py

Trains the small model on a few images for an epoch and prints, as JSON, two lists of files, in the order in which they
first run:

    any: files with a function that runs during the training.
    array: those of them with a function that receives or returns the images: the array, and each batch, copy, tensor
        or traced placeholder with the shape of an image. They may be inside tuples, lists and dicts, also in an
        attribute of an argument, including `self`.

Code that runs only because a module is imported does not count, unless it is a function that the module calls.
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

ROWS, BATCH, IMAGE = 33, 11, (28, 28)  # no weight of the model has the shape of an image
DEPTH = 3  # of nested tuples, lists and dicts


class Trace:
    """Profiler that records files in all threads; `paths` maps each file to whether the images pass it."""

    def __init__(self, package: Path) -> None:
        self._package = f"{package}/"
        self.paths: dict[str, bool] = {}

    def __call__(self, frame: FrameType, event: str, result: Any) -> None:
        path, is_function = frame.f_code.co_filename, frame.f_code.co_flags & inspect.CO_OPTIMIZED
        if event not in ("call", "return") or not is_function or not path.startswith(self._package):
            return
        if not self.paths.setdefault(path, False):
            self.paths[path] = any(map(contains_images, arguments(frame) if event == "call" else [result]))

    def files(self, every: bool) -> list[str]:
        """Return the files by their paths in the package: all, or those that the images pass."""
        return [path.removeprefix(self._package) for path, passed in self.paths.items() if every or passed]


def arguments(frame: FrameType) -> list[Any]:
    """Return the arguments of a call."""
    names, more, keywords, values = inspect.getargvalues(frame)
    return [values[name] for name in (*names, more, keywords) if name in values]


def contains_images(value: Any) -> bool:
    """Return whether a value is or contains the images, or has them in an attribute."""
    return is_nest(value) or any(map(is_nest, [*getattr(value, "__dict__", {}).values()]))


def is_nest(value: Any, depth: int = DEPTH) -> bool:
    """Return whether a value is the images or a nested structure that contains them."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, (list, tuple)):
        return depth > 0 and any(is_nest(each, depth - 1) for each in value)
    return is_images(value)


def is_images(value: Any) -> bool:
    """Return whether a value has the shape of the images; symbolic Keras tensors have no number of rows."""
    with contextlib.suppress(Exception):  # attributes may be anything
        shape = tuple(value.shape)
        return len(shape) > len(IMAGE) and shape[-len(IMAGE) :] == IMAGE and None not in shape
    return False


def main() -> None:
    """Train, and print the files."""
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
