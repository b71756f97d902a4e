"""A watch over the other workers, which ends the wait for one that has ended.

TensorFlow notices the end of a worker from which it receives. For one to which it sends it would wait forever.
"""

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from kerasbridge.runtime.world import World

_ATTEMPTS, _TIMEOUT_MS = 3, 2000

# Parts of TensorFlow's errors when a worker is lost.
_LOST = ("Collective ops is aborted", "RecvBuf", "CompleteGroup", "CompleteInstance")


def task_of(rank: int) -> str:
    """Return TensorFlow's name of a worker."""
    return f"/job:worker/replica:0/task:{rank}"


def is_worker_lost(error: BaseException) -> bool:
    """Return whether an error means that the connection to another worker broke."""
    return isinstance(error, tf.errors.OpError) and any(part in str(error) for part in _LOST)


class PeerWatch:
    """A thread that asks each other worker in turn whether it still runs, while this one waits for them.

    Args:
        context: TensorFlow's context, which has started.
        world: the workers.
    """

    def __init__(self, context: Any, world: World) -> None:
        self._context, self._world, self._waits = context, world, 0
        threading.Thread(target=self._run, daemon=True).start()

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait for the other workers inside; operations that do fail if one has ended."""
        self._waits += 1
        try:
            yield
        finally:
            self._waits -= 1

    def _run(self) -> None:
        rank, size = self._world.rank, self._world.size
        for step in itertools.cycle(range(1, size)):
            time.sleep(max(0.05, 1 / (size - 1)))
            peer = (rank + step) % size
            if self._waits and self.has_ended(peer):
                self.abort(f"{task_of(peer)} has ended")
                return

    def abort(self, reason: str) -> None:
        """Let all collective operations fail, and what other workers wait for here."""
        self._context.abort_collective_ops(tf.errors.UNAVAILABLE, reason)

    def has_ended(self, rank: int) -> bool:
        """Return whether a worker has ended."""
        for _ in range(_ATTEMPTS):
            try:
                self._context.check_collective_ops_peer_health(task_of(rank), timeout_in_ms=_TIMEOUT_MS)
            except (tf.errors.UnavailableError, tf.errors.FailedPreconditionError):  # gone, or started again
                time.sleep(0.2)
            except tf.errors.OpError:
                return False  # it takes long to answer
            else:
                return False
        return True
