"""Snapshots of the plain Python values that a step reads, which become constants when it is compiled.

If they change between two calls of `fit`, the step is compiled again. If the step itself changes them, that would
happen once instead of at every step: an error names the line.
"""

import functools
import inspect
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from kerasbridge.errors import StepError
from kerasbridge.keras_compat import keras
from kerasbridge.runtime.user_frames import is_user_module

PLAIN = (bool, int, float, complex, str, bytes, type(None))
CHANGED_BY_TRAINING = ("built", "history", "stop_evaluating", "stop_predicting", "stop_training", "training")
"""Attributes of a model that Keras or torch changes in training."""

MAX_VISITED = 10_000
LARGEST_ARRAY = 1_000_000  # bytes; a larger array counts as unchanged as long as it is the same object
_REMEDY = "Return a named value instead, or keep it in a keras.Variable that is an attribute of the model."


class Identity:
    """Wrapper that compares an object by identity and keeps it alive."""

    def __init__(self, thing: Any) -> None:
        self._thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self._thing is other._thing

    def __hash__(self) -> int:
        return id(self._thing)


def snapshot(step: Any, model: Any) -> dict[str, Any]:
    """Return the plain Python values that the step can reach, by name, in a form that can be compared."""
    look = _Look()
    return {name: look.at(value) for name, value in _reachable(step, model)}


def check_unchanged(step: Any, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Raise if the step changed a plain Python value while it ran.

    Raises:
        StepError: names the value and the line.
    """
    for name in [*after, *before]:
        if name not in before or name not in after or before[name] != after[name]:
            raise StepError(
                f"Expected a step without side effects, found that it changes {name}{_where(step, name)}: the step is "
                f"compiled, so its Python runs once and not once a step. {_REMEDY}"
            )


def check_nothing_drawn(step: Any, drawn: Iterable[str]) -> None:
    """Raise if the step drew from one of these modules, "Python's random" or "NumPy's random".

    Raises:
        StepError: names the module and the line.
    """
    for name in drawn:
        raise StepError(
            f"Expected a step that draws with keras.random, found that it draws from {name} module"
            f"{_where(step, 'random')}: the step is compiled, so every step would see the same number. Write "
            "keras.random.normal(shape, seed=model.seeds) with a keras.random.SeedGenerator of the model."
        )


class _Look:
    """Converter of values to a form that can be compared, for at most `MAX_VISITED` values."""

    def __init__(self) -> None:
        self._left = MAX_VISITED
        self._above: set[int] = set()

    def at(self, value: Any) -> Any:
        """Return the value of a plain object or a container of plain objects; for other objects, their identity."""
        if isinstance(value, PLAIN):
            return type(value), repr(value)
        self._left -= 1
        if self._left < 0 or id(value) in self._above:
            return Identity(value)
        self._above.add(id(value))
        try:
            return self._within(value)
        finally:
            self._above.discard(id(value))

    def _within(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return Identity(value), value.tobytes() if value.nbytes <= LARGEST_ARRAY else None
        if isinstance(value, np.generic):
            return type(value), repr(value)
        if isinstance(value, (np.random.Generator, np.random.RandomState)):
            state = value.bit_generator.state if isinstance(value, np.random.Generator) else value.get_state()
            return Identity(value), repr(state)
        if isinstance(value, Mapping) and len(value) <= MAX_VISITED:
            return type(value), tuple((self.at(key), self.at(item)) for key, item in value.items())
        if isinstance(value, (list, tuple, set, frozenset, deque)) and len(value) <= MAX_VISITED:
            return type(value), tuple(self.at(item) for item in value)
        if isinstance(value, ModuleType):
            return Identity(value), tuple((name, self.at(item)) for name, item in _plain_of_module(value))
        return Identity(value), tuple((name, self.at(item)) for name, item in _attributes(value))


def _reachable(step: Any, model: Any) -> Iterator[tuple[str, Any]]:
    """Yield the name and value of each variable that the step, or a helper of the user, reads from outside."""
    for attribute, value in _attributes(model):
        yield f"model.{attribute}", value
    waiting, seen = list(step) if isinstance(step, (list, tuple)) else [step], set[int]()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        for name, value in _read_by(part):
            if isinstance(value, (FunctionType, functools.partial)) or inspect.ismethod(value):
                waiting.append(value)
            elif value is not model:
                yield name, value


def _read_by(part: Any) -> Iterator[tuple[str, Any]]:
    """Yield the name and value of each variable that a callable reads, and the functions that it wraps."""
    if isinstance(part, functools.partial):
        yield "the step", part.func
        yield from ((f"partial[{key!r}]", value) for key, value in [*enumerate(part.args), *part.keywords.items()])
    elif inspect.ismethod(part):
        yield from ((f"self.{name}", value) for name, value in _attributes(part.__self__))
        yield "the step", part.__func__
    elif isinstance(part, FunctionType):
        yield from _read_by_function(part)
    else:
        yield from ((f"self.{name}", value) for name, value in _attributes(part))
        yield "the step", getattr(type(part), "__call__", None)  # noqa: B004 - for its code, not to test whether it is callable


def _read_by_function(function: FunctionType) -> Iterator[tuple[str, Any]]:
    if not is_user_module(function.__module__ or ""):
        return
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not bound yet
            continue
    known = function.__globals__
    yield from ((name, known[name]) for name in _names(function.__code__) if name in known)
    yield from _defaults(function)


def _defaults(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield the name and the default value of each parameter that has one."""
    for parameter in inspect.signature(function).parameters.values():
        if parameter.default is not parameter.empty:
            yield parameter.name, parameter.default


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names that code refers to, also in nested functions and lambdas."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _attributes(thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of an object of a user-defined class; for Keras objects, only the public ones."""
    kinds = [kind for kind in type(thing).__mro__ if is_user_module(kind.__module__)]
    of_keras = isinstance(thing, (keras.layers.Layer, keras.optimizers.Optimizer, keras.metrics.Metric))
    if not of_keras and not kinds and type(thing).__module__ not in ("types", "argparse"):
        return
    found = {name: value for kind in reversed(kinds) for name, value in vars(kind).items() if isinstance(value, PLAIN)}
    found.update(getattr(thing, "__dict__", {}))
    for name, value in found.items():
        if not name.startswith("__") and not (of_keras and (name.startswith("_") or name in CHANGED_BY_TRAINING)):
            yield name, value


def _plain_of_module(module: ModuleType) -> Iterator[tuple[str, Any]]:
    if is_user_module(module.__name__):
        yield from ((name, value) for name, value in vars(module).items() if isinstance(value, PLAIN))


def _where(step: Any, name: str) -> str:
    """Return the line of the step that changes a name, as part of a message; empty if there is no such line."""
    word = re.escape(name.rpartition(".")[2])
    changes = re.compile(rf"\b{word}\b(\s*\.\w+\(|(\[.*\])?\s*[-+*/|&%]?=(?!=))")
    for function in _functions_of(step):
        try:
            lines, first = inspect.getsourcelines(function)
        except (OSError, TypeError):
            continue
        for offset, line in enumerate(lines):
            if changes.search(line):
                file = Path(function.__code__.co_filename).name
                return f' in line {first + offset} of {file}, "{line.strip()}"'
    return ""


def _functions_of(step: Any) -> Iterator[Any]:
    """Yield the Python functions of a step and the user's functions that they call by name."""
    waiting, seen = list(step) if isinstance(step, (list, tuple)) else [step], set[int]()
    while waiting:
        part = waiting.pop(0)
        if id(part) not in seen:
            seen.add(id(part))
            if isinstance(part, FunctionType):
                yield part
            waiting += [value for _, value in _read_by(part) if isinstance(value, Callable)]  # type: ignore[arg-type]
