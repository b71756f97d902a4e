"""The arrays of a batch by name, and a digest of their content: the same on every backend."""

import hashlib
from typing import Any

import numpy as np

from kerasbridge.engines.step import Batch
from kerasbridge.keras_compat import keras


def named_arrays(batch: Batch) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays by part and path, "x/image", in the order of these names; missing parts are left out."""
    named = {
        "/".join(map(str, (name, *path))): np.asarray(leaf)
        for name, part in zip(Batch._fields, batch, strict=True)
        if part is not None
        for path, leaf in keras.tree.flatten_with_path(part)
        if leaf is not None
    }
    return dict(sorted(named.items()))


def digest_of(batch: Batch) -> str:
    """Return a digest of the bytes of all arrays of a batch."""
    found = hashlib.sha256()
    for array in named_arrays(batch).values():
        found.update(repr(array.tolist()).encode() if array.dtype == object else np.ascontiguousarray(array).data)
    return found.hexdigest()[:32]
