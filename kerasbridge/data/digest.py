"""A digest of the content of a batch."""

import hashlib

import numpy as np

from kerasbridge.engines.step import Batch
from kerasbridge.keras_compat import keras


def digest_of(batch: Batch) -> str:
    """Return a digest of the bytes of all arrays of a batch."""
    found = hashlib.sha256()
    for leaf in keras.tree.flatten(batch):
        if leaf is not None:
            array = np.asarray(leaf)
            found.update(repr(array.tolist()).encode() if array.dtype == object else np.ascontiguousarray(array).data)
    return found.hexdigest()[:32]
