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

PLAIN_TYPES = (bool, int, float, complex, str, bytes, type(None))
CHANGED_BY_TRAINING = ("built", "history", "stop_evaluating", "stop_predicting", "stop_training", "training")
"""Attributes of a model that Keras or torch changes in training."""

MAX_VISITED = 10_000
MAX_ARRAY_BYTES = 1_000_000  # a larger array counts as unchanged as long as it is the same object
_REMEDY = "Return a named value instead, or keep it in a keras.Variable that is an attribute of the model."


class Identity:
    """Wrapper that compares an object by identity and keeps it alive."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self._value is other._value

    def __hash__(self) -> int:
        return id(self._value)


def snapshot(step: Any, model: Any) -> dict[str, Any]:
    """Return the plain Python values that the step can reach, by name, in a form that can be compared."""
    converter = _Converter()
    return {name: converter.convert(value) for name, value in _reachable_values(step, model)}


def check_unchanged(step: Any, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Raise if the step changed a plain Python value while it ran.

    Raises:
        StepError: names the value and the line.
    """
    for name in [*after, *before]:
        if name not in before or name not in after or before[name] != after[name]:
            raise StepError(
                f"Expected a step without side effects, found that it changes {name}{_location(step, name)}: the step "
                f"is compiled, so its Python runs once and not once a step. {_REMEDY}"
            )


def check_no_host_rng(step: Any, modules: Iterable[str]) -> None:
    """Raise if the step drew from one of these modules, "Python's random" or "NumPy's random".

    Raises:
        StepError: names the module and the line.
    """
    for name in modules:
        raise StepError(
            f"Expected a step that draws with keras.random, found that it draws from {name} module"
            f"{_location(step, 'random')}: the step is compiled, so every step would see the same number. Write "
            "keras.random.normal(shape, seed=model.seeds) with a keras.random.SeedGenerator of the model."
        )


class _Converter:
    """Converter of values to a form that can be compared, for at most `MAX_VISITED` values."""

    def __init__(self) -> None:
        self._remaining = MAX_VISITED
        self._ancestors: set[int] = set()

    def convert(self, value: Any) -> Any:
        """Return the value of a plain object or a container of plain objects; for other objects, their identity."""
        if isinstance(value, PLAIN_TYPES):
            return type(value), repr(value)
        self._remaining -= 1
        if self._remaining < 0 or id(value) in self._ancestors:
            return Identity(value)
        self._ancestors.add(id(value))
        try:
            return self._convert_contents(value)
        finally:
            self._ancestors.discard(id(value))

    def _convert_contents(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return Identity(value), value.tobytes() if value.nbytes <= MAX_ARRAY_BYTES else None
        if isinstance(value, np.generic):
            return type(value), repr(value)
        if isinstance(value, (np.random.Generator, np.random.RandomState)):
            state = value.bit_generator.state if isinstance(value, np.random.Generator) else value.get_state()
            return Identity(value), repr(state)
        if isinstance(value, Mapping) and len(value) <= MAX_VISITED:
            return type(value), tuple((self.convert(key), self.convert(item)) for key, item in value.items())
        if isinstance(value, (list, tuple, set, frozenset, deque)) and len(value) <= MAX_VISITED:
            return type(value), tuple(self.convert(item) for item in value)
        if isinstance(value, ModuleType):
            return Identity(value), tuple((name, self.convert(item)) for name, item in _module_constants(value))
        return Identity(value), tuple((name, self.convert(item)) for name, item in _attributes(value))


def _reachable_values(step: Any, model: Any) -> Iterator[tuple[str, Any]]:
    """Yield the name and value of each variable that the step, or a helper of the user, reads from outside."""
    for attribute, value in _attributes(model):
        yield f"model.{attribute}", value
    pending, seen = list(step) if isinstance(step, (list, tuple)) else [step], set[int]()
    while pending:
        function = pending.pop()
        if id(function) in seen:
            continue
        seen.add(id(function))
        for name, value in _values_read_by(function):
            if isinstance(value, (FunctionType, functools.partial)) or inspect.ismethod(value):
                pending.append(value)
            elif value is not model:
                yield name, value


def _values_read_by(function: Any) -> Iterator[tuple[str, Any]]:
    """Yield the name and value of each variable that a callable reads, and the functions that it wraps."""
    if isinstance(function, functools.partial):
        yield "the step", function.func
        yield from (
            (f"partial[{key!r}]", value) for key, value in [*enumerate(function.args), *function.keywords.items()]
        )
    elif inspect.ismethod(function):
        yield from ((f"self.{name}", value) for name, value in _attributes(function.__self__))
        yield "the step", function.__func__
    elif isinstance(function, FunctionType):
        yield from _values_read_by_function(function)
    else:
        yield from ((f"self.{name}", value) for name, value in _attributes(function))
        yield "the step", getattr(type(function), "__call__", None)  # noqa: B004 - read for its code


def _values_read_by_function(function: FunctionType) -> Iterator[tuple[str, Any]]:
    if not is_user_module(function.__module__ or ""):
        return
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not bound yet
            continue
    namespace = function.__globals__
    yield from ((name, namespace[name]) for name in referenced_names(function.__code__) if name in namespace)
    for parameter in inspect.signature(function).parameters.values():
        if parameter.default is not parameter.empty:
            yield parameter.name, parameter.default


def referenced_names(code: CodeType) -> Iterator[str]:
    """Yield the names that code refers to, also in nested functions and lambdas."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from referenced_names(constant)


def _attributes(owner: Any) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of an object of a user-defined class; for Keras objects, only the public ones."""
    classes = [cls for cls in type(owner).__mro__ if is_user_module(cls.__module__)]
    is_keras = isinstance(owner, (keras.layers.Layer, keras.optimizers.Optimizer, keras.metrics.Metric))
    if not is_keras and not classes and type(owner).__module__ not in ("types", "argparse"):
        return
    attributes = {
        name: value for cls in reversed(classes) for name, value in vars(cls).items() if isinstance(value, PLAIN_TYPES)
    }
    attributes.update(getattr(owner, "__dict__", {}))
    for name, value in attributes.items():
        if name.startswith("__") or (is_keras and name in CHANGED_BY_TRAINING):
            continue
        if not is_keras or not name.startswith("_") or (isinstance(value, PLAIN_TYPES) and _is_read(name, classes)):
            yield name, value


def _is_read(name: str, classes: Iterable[type]) -> bool:
    """Return whether a method of one of these classes refers to a private attribute, which is the user's then."""
    return any(name in _names_in_methods(cls) for cls in classes)


@functools.cache
def _names_in_methods(cls: type) -> frozenset[str]:
    methods = [value for value in vars(cls).values() if isinstance(value, FunctionType)]
    return frozenset(name for method in methods for name in referenced_names(method.__code__))


def _module_constants(module: ModuleType) -> Iterator[tuple[str, Any]]:
    if is_user_module(module.__name__):
        yield from ((name, value) for name, value in vars(module).items() if isinstance(value, PLAIN_TYPES))


def _location(step: Any, name: str) -> str:
    """Return the line of the step that changes a name, as part of a message; empty if there is no such line."""
    word = re.escape(name.rpartition(".")[2])
    assignment = re.compile(rf"\b{word}\b(\s*\.\w+\(|(\[.*\])?\s*[-+*/|&%]?=(?!=))")
    for function in _user_functions(step):
        try:
            lines, first = inspect.getsourcelines(function)
        except (OSError, TypeError):
            continue
        for offset, line in enumerate(lines):
            if assignment.search(line):
                file = Path(function.__code__.co_filename).name
                return f' in line {first + offset} of {file}, "{line.strip()}"'
    return ""


def _user_functions(step: Any) -> Iterator[Any]:
    """Yield the Python functions of a step and the user's functions that they call by name."""
    pending, seen = list(step) if isinstance(step, (list, tuple)) else [step], set[int]()
    while pending:
        function = pending.pop(0)
        if id(function) not in seen:
            seen.add(id(function))
            if isinstance(function, FunctionType):
                yield function
            pending += [value for _, value in _values_read_by(function) if isinstance(value, Callable)]  # type: ignore[arg-type]
