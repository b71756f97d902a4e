"""A watch over the other workers of a run: one that gives no sign of life ends all.

A thread of each worker posts that it is alive, also while the main thread compiles, saves or waits for the others. So
what it finds is a process that was stopped, or a machine that hangs or cannot be reached.
"""

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from kerasbridge.engines.base import Engine
from kerasbridge.runtime import backend
from kerasbridge.runtime.leaving import leave

_GRACE = 8
"""Seconds in which a worker whose neighbour has failed should have ended by itself."""


def alive_key(run: str, rank: int) -> str:
    """Return the key under which a worker posts that it is alive."""
    return f"{run}/alive/{rank}"


class WorkerMonitor:
    """Ends this process if another worker of a run gives no sign of life, or has failed and this one cannot notice.

    Each worker watches the one before it, and posts what it finds for all. Times are counted in rounds of this
    process, so that one that is stopped with all others, and continues with them, finds nothing.

    Args:
        engine: the engine of the run.
        run: the name of the run in what is posted.
    """

    def __init__(self, engine: Engine, run: str) -> None:
        self._engine, self._run, self._world = engine, run, engine.world
        seconds = backend.worker_timeout()
        self._period = min(1.0, seconds / 4)
        self._patience, self._grace = round(seconds / self._period), round(_GRACE / self._period)
        self._ended = threading.Event()
        self._rounds = 0

    def __enter__(self) -> None:
        self._engine.post(alive_key(self._run, self._world.rank), "begun")  # the others know that it must go on
        for loop in (self._exchange, self._watch_exchange):
            threading.Thread(target=self._run_loop, args=(loop,), daemon=True).start()

    def __exit__(self, *error: Any) -> None:
        self._ended.set()
        with contextlib.suppress(Exception):
            self._engine.post(alive_key(self._run, self._world.rank), "ended")

    def _run_loop(self, loop: Callable[[], None]) -> None:
        with contextlib.suppress(Exception):  # the place of posts is gone, which the main thread notices
            loop()

    def _exchange(self) -> None:
        before, silent, failed = (self._world.rank - 1) % self._world.size, 0, 0
        seen = None
        while not self._ended.wait(self._period):
            self._engine.post(alive_key(self._run, self._world.rank), str(self._rounds))
            sign = self._engine.posted(alive_key(self._run, before))
            silent = 0 if sign in (None, "ended") or sign != seen else silent + 1
            seen = sign
            if silent >= self._patience:
                self._engine.post(f"{self._run}/silent", self._silent(f"Worker {before} of {self._world.size}"))
            if found := self._engine.posted(f"{self._run}/silent"):
                self._leave(found)
            if found := self._engine.posted(f"{self._run}/failed"):
                failed += 1
                if failed > self._grace:
                    self._leave(found)
            self._rounds += 1

    def _watch_exchange(self) -> None:
        """End if the exchange waits for an answer: the process at which all post is the one that stopped."""
        silent, seen = 0, -1
        while not self._ended.wait(self._period):
            silent = 0 if self._rounds != seen else silent + 1
            seen = self._rounds
            if silent >= self._patience + 2:
                place = "The launcher" if self._world.has_store else f"Worker 0 of {self._world.size}"
                self._leave(self._silent(place))

    def _silent(self, who: str) -> str:
        return (
            f"{who} has given no sign of life for {backend.worker_timeout():g} s (KERASBRIDGE_WORKER_TIMEOUT), so all "
            "workers end. With checkpoints, the same command with resume=True continues the run."
        )

    def _leave(self, sentence: str) -> None:
        """End the process: its main thread waits in the framework, where no exception reaches it."""
        if not self._ended.is_set():
            leave(sentence)
