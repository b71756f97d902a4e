"""Standing between a function of another library and its callers, in one thread at a time."""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any


class _Hooks(threading.local):
    """Hooks that are active in this thread."""

    def __init__(self) -> None:
        self.active: dict[tuple[int, str], Callable[..., Any] | None] = {}


_active_hooks = _Hooks()
_patched: set[tuple[int, str]] = set()
_installing = threading.Lock()


@contextlib.contextmanager
def patched(owner: Any, name: str, hook: Callable[..., Any], chained: bool = False) -> Iterator[None]:
    """Redirect calls of a function to ``hook(original, *arguments)`` in this thread, inside the context.

    Args:
        owner: a module or class.
        name: the name of the function in it, by which its callers look it up.
        hook: what stands between; calls that it makes of the function itself are not hooked.
        chained: whether what `hook` receives as `original` calls the hook that it stands before; else it replaces that.
    """
    key = (id(owner), name)
    with _installing:
        if key not in _patched:
            setattr(owner, name, _dispatching(getattr(owner, name), key))
            _patched.add(key)
    active = _active_hooks.active
    before = active.get(key)
    active[key] = _before(hook, before) if chained and before else hook
    try:
        yield
    finally:
        active[key] = before


def _before(hook: Callable[..., Any], outer: Callable[..., Any]) -> Callable[..., Any]:
    """Return a hook whose original is another hook."""

    def call(original: Any, *arguments: Any, **keywords: Any) -> Any:
        return hook(functools.partial(outer, original), *arguments, **keywords)

    return call


def _dispatching(original: Callable[..., Any], key: tuple[int, str]) -> Callable[..., Any]:
    """Return the function, wrapped so that it calls the hook of the current thread."""

    @functools.wraps(original)
    def call(*arguments: Any, **keywords: Any) -> Any:
        active = _active_hooks.active
        hook = active.get(key)
        if hook is None:
            return original(*arguments, **keywords)
        active[key] = None
        try:
            return hook(original, *arguments, **keywords)
        finally:
            active[key] = hook

    return call
