"""The end of a run of several workers: if one fails or is lost, all end, and the others name it in one sentence.

A worker that fails posts its error where all can read it and leaves, so that what the others wait for fails. They read
it, or find out who has posted nothing: that worker was killed. A run that fails in the same way everywhere, as for a
wrong argument, ends nothing but itself.
"""

import contextlib
import functools
import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

from kerasbridge import engines
from kerasbridge.engines.base import Engine
from kerasbridge.errors import WorkerError
from kerasbridge.runtime import world
from kerasbridge.runtime.context import context_value
from kerasbridge.training.worker_monitor import WorkerMonitor, alive_key

_PATIENCE = 3.0
"""Seconds that a worker waits for the others to post how they ended."""

_runs = itertools.count()
_is_inside: ContextVar[bool] = ContextVar("is_inside", default=False)
_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def together(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Return a function that every worker calls, so that all end together."""

    @functools.wraps(function)
    def run(*arguments: _Arguments.args, **keywords: _Arguments.kwargs) -> _Result:
        if world.current().size == 1:
            return function(*arguments, **keywords)
        with _alone() if _is_inside.get() else _guarded(engines.current()):
            return function(*arguments, **keywords)

    return run


def _alone() -> contextlib.AbstractContextManager[None]:
    """Compute what a callback of worker 0 asks for; the others do not run it."""
    return engines.current().alone()


@contextlib.contextmanager
def _guarded(engine: Engine) -> Iterator[None]:
    if engine.has_left:
        raise WorkerError(
            "Expected all workers, received an earlier error that separated them: start the script again."
        )
    run = str(next(_runs))
    with context_value(_is_inside, True), WorkerMonitor(engine, run):
        try:
            yield
        except BaseException as error:
            if any(engine.is_worker_lost(each) for each in _chain(error)):
                raise WorkerError(_end_after_loss(engine, run)) from error
            _end_with(engine, run, error)
            raise


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _end_with(engine: Engine, run: str, error: BaseException) -> None:
    """Post an error of this worker; leave the others unless all have failed alike."""
    kind, position = type(error).__name__, engine.exchanges
    ended = _exchange(engine, run, {"kind": kind, "position": position, "text": _sentence(engine, error)})
    alike = [each for each in ended.values() if (each["kind"], each["position"]) == (kind, position)]
    if len(alike) < engine.world.size:
        with contextlib.suppress(Exception):
            engine.post(f"{run}/failed", _sentence(engine, error))
        engine.leave()


def _end_after_loss(engine: Engine, run: str) -> str:
    """Leave, and return the sentence about the worker that others cannot reach any more."""
    signs = _signs_of_life(engine, run)
    ended = _exchange(engine, run, {"kind": None}, lambda posts: any(each["kind"] for each in posts.values()))
    signs_since = _signs_of_life(engine, run)
    engine.leave()
    failed = [post["text"] for _, post in sorted(ended.items()) if post["kind"]]
    if failed:
        return f"{failed[0]}. The other workers end with it."
    absent = sorted(set(range(engine.world.size)) - set(ended)) if ended else [0]
    missing = [rank for rank in absent if signs.get(rank) == signs_since.get(rank)]
    names = f"Workers {', '.join(map(str, missing))}" if len(missing) > 1 else f"Worker {missing[0]}" if missing else ""
    who = f"{names} of {engine.world.size}" if names else "The connection of the workers"
    return (
        f"{who} was lost: killed, out of memory, or cut off. The run cannot go on without it; with checkpoints, the "
        "same command with resume=True continues it."
    )


def _signs_of_life(engine: Engine, run: str) -> dict[int, str | None]:
    """Return the latest sign of life of each worker, which its monitor changes every second."""
    with contextlib.suppress(Exception):
        return {rank: engine.posted(alive_key(run, rank)) for rank in range(engine.world.size)}
    return {}


def _exchange(
    engine: Engine, run: str, post: dict[str, Any], is_enough: Callable[[dict[int, Any]], bool] = lambda posts: False
) -> dict[int, Any]:
    """Post how this worker ended, and return what the workers have posted within some seconds, by rank."""
    ended: dict[int, Any] = {}
    deadline = time.monotonic() + _PATIENCE
    with contextlib.suppress(Exception):  # the worker at which all post is lost
        engine.post(f"{run}/ended/{engine.world.rank}", json.dumps(post))
        while len(ended) < engine.world.size and not is_enough(ended) and time.monotonic() < deadline:
            for rank in set(range(engine.world.size)) - set(ended):
                text = engine.posted(f"{run}/ended/{rank}")
                if text is not None:
                    ended[rank] = json.loads(text)
            time.sleep(0.02)
        return ended
    return {}


def _sentence(engine: Engine, error: BaseException) -> str:
    """Return the sentence about this worker for the others."""
    text = " ".join(str(error).split())
    what = f"{type(error).__name__}: {text[:500]}" if text else type(error).__name__
    return f"Worker {engine.world.rank} of {engine.world.size} ended the run, with {what}"
