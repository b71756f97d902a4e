"""Texts that all workers can read, in a table of worker 0, which its TensorFlow server gives to sessions of all."""

import hashlib
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kerasbridge.engines.tensorflow.peer_watch import task_of

_TIMEOUT_MS = 1000


class Board:
    """A connection to the table of worker 0, which any thread may use.

    Args:
        address: host:port of worker 0.
        has_ended: returns whether worker 0 has ended.
    """

    def __init__(self, address: str, has_ended: Callable[[], bool]) -> None:
        self._has_ended, self._is_gone = has_ended, False
        with tf.Graph().as_default() as graph, tf.device(f"{task_of(0)}/device:CPU:0"):
            self._key = tf.compat.v1.placeholder(tf.int64, [])
            self._text = tf.compat.v1.placeholder(tf.string, [])
            table = tf.raw_ops.MutableHashTableV2(key_dtype=tf.int64, value_dtype=tf.string, shared_name="kerasbridge")
            self._insert = tf.raw_ops.LookupTableInsertV2(table_handle=table, keys=self._key, values=self._text)
            self._find = tf.raw_ops.LookupTableFindV2(table_handle=table, keys=self._key, default_value=b"")
        config = tf.compat.v1.ConfigProto(device_filters=[task_of(0)])
        self._session = tf.compat.v1.Session(f"grpc://{address}", graph, config)

    def post(self, key: str, text: str) -> None:
        """Post a text under a key."""
        self._run(self._insert, {self._key: _number(key), self._text: text.encode()})

    def posted(self, key: str) -> str | None:
        """Return the text that was posted under a key; None if nothing was."""
        found: bytes = self._run(self._find, {self._key: _number(key)})
        return found.decode() or None

    def _run(self, operation: Any, values: dict[Any, Any]) -> Any:
        """Run an operation on worker 0, which may take long to answer, but fail if it has ended."""
        while not self._is_gone:
            try:
                options = tf.compat.v1.RunOptions(timeout_in_ms=_TIMEOUT_MS)
                return self._session.run(operation, values, options)
            except tf.errors.DeadlineExceededError:
                self._is_gone = self._has_ended()
        raise ConnectionError("Worker 0 has ended.")


def _number(key: str) -> int:
    """Return the number of a key, since TensorFlow has no table from text to text."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:7], "big")
