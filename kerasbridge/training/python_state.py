"""Plain Python values that a model's code reads, such as the weight of a loss: constants in a compiled step.

A callback may change one of them. The step is then compiled again.
"""

import contextlib
import functools
import inspect
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from kerasbridge.engines.compile_cache import MAX_ENTRIES
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.model_state import hyperparameters
from kerasbridge.keras_compat.models import flatten_layers
from kerasbridge.runtime.user_frames import is_user_module
from kerasbridge.training.custom_step.side_effects import (
    MAX_ARRAY_BYTES,
    MAX_VISITED,
    PLAIN_TYPES,
    referenced_names,
    snapshot,
)

_ATTRIBUTE = "_kerasbridge_python_state"
Values = tuple[list[Any], dict[str, Any]]


class PythonState:
    """The values that the model and the user's functions read, and a version that changes with them.

    Changes that a step makes while it is traced or runs as Python do not count: they are its own.
    """

    def __init__(self, model: keras.Model) -> None:
        self.version = 0
        self._model = model
        self._values: Values = ([], {})
        self._of_steps: list[Callable[..., Any]] = []  # the most recent ones last
        self._watch(())

    @classmethod
    def of(cls, model: keras.Model, functions: Sequence[Callable[..., Any]]) -> "PythonState":
        """Return the state of the model, which watches its functions and these, of a custom step."""
        if _ATTRIBUTE not in model.__dict__:
            object.__setattr__(model, _ATTRIBUTE, cls(model))
        state: PythonState = model.__dict__[_ATTRIBUTE]
        state.update()
        state._watch(functions)
        return state

    def _watch(self, functions: Sequence[Callable[..., Any]]) -> None:
        """Watch the model as it is now and the functions of its latest steps, as many as there are compiled steps."""
        others = [other for other in self._of_steps if all(other is not function for function in functions)]
        self._of_steps = [*others, *functions][-MAX_ENTRIES:]
        self._functions = [*user_functions(self._model), *self._of_steps]
        self._find_hyperparameters()
        self.absorb()

    def _find_hyperparameters(self) -> None:
        found = hyperparameters(self._model)
        self._hyperparameters = [(attributes, itemgetter(*names)) for attributes, names in found]

    def update(self) -> None:
        """Count the version up if a value has changed."""
        values = self._read()
        if values != self._values:
            self.version, self._values = self.version + 1, values

    def absorb(self) -> bool:
        """Ignore what has changed since the last call; return whether something has."""
        before, self._values = self._values, self._read()
        return before != self._values

    @contextlib.contextmanager
    def restored(self) -> Iterator[None]:
        """Restore, at the end, the plain values and containers that the user's functions can change."""
        restore = self.saved()
        try:
            yield
        finally:
            restore()

    def saved(self) -> Callable[[], None]:
        """Return a function that restores the plain values and containers that the user's functions can change."""
        saved = _Saved()
        for function in self._functions:
            saved.save_function(function)
        saved.save(self._model)
        return saved.restore

    def _read(self) -> Values:
        """Return the values; where the model runs no code of the user, those of Keras layers are all."""
        try:
            values = [get(attributes) for attributes, get in self._hyperparameters]
        except KeyError:  # an attribute was deleted
            self._find_hyperparameters()
            values = [get(attributes) for attributes, get in self._hyperparameters]
        return values, snapshot(self._functions, self._model) if self._functions else {}


def user_functions(model: keras.Model) -> list[Callable[..., Any]]:
    """Return the functions and methods of the user that the model's step may call.

    They belong to the model, its layers, metrics, losses or optimizer, or to an object that is an attribute of one:
    a regularizer, a schedule.
    """
    metrics = [part for metric in model.metrics for part in (metric, *getattr(metric, "metrics", ()))]
    losses = keras.tree.flatten(getattr(model, "loss", None))
    owners = [model, *flatten_layers(model), *metrics, *losses, getattr(model, "optimizer", None)]
    parts = [part for owner in owners for part in (owner, *getattr(owner, "__dict__", {}).values())]
    distinct = {id(part): part for part in parts}.values()
    return [function for part in distinct if _may_be_of_user(part.__class__) for function in _functions(part)]


@functools.lru_cache(maxsize=1024)
def _may_be_of_user(cls: type) -> bool:
    return cls is FunctionType or is_user_module(cls.__module__)


def variables_of(functions: Iterable[Callable[..., Any]]) -> list[Any]:
    """Return the Keras variables that functions and methods refer to: as attributes, by closures, in their modules."""
    values: list[Any] = []
    for function in functions:
        values += getattr(getattr(function, "__self__", None), "__dict__", {}).values()
        code = inspect.unwrap(getattr(function, "__func__", function))
        if isinstance(code, FunctionType):
            values += inspect.getclosurevars(code).nonlocals.values()
            values += (code.__globals__.get(name) for name in referenced_names(code.__code__))
    return list({id(value): value for value in values if isinstance(value, keras.Variable)}.values())


def _functions(part: Any) -> Iterator[Callable[..., Any]]:
    """Yield a function of the user, or the methods that the user's class of an object defines."""
    if isinstance(part, FunctionType):
        yield from [part] if is_user_module(part.__module__ or "") else []
    if not is_user_module(type(part).__module__):
        return
    for cls in type(part).__mro__:
        if is_user_module(cls.__module__):
            yield from (getattr(part, name) for name, value in vars(cls).items() if isinstance(value, FunctionType))


class _Saved:
    """Values by the object that contains them, and how to put them back."""

    def __init__(self) -> None:
        self._restore: list[Callable[[], Any]] = []
        self._seen: set[int] = set()

    def restore(self) -> None:
        for restore in self._restore:
            restore()

    def save_function(self, function: Callable[..., Any]) -> None:
        """Save the object of a method, and what a function reads from its closure and its module."""
        self.save(getattr(function, "__self__", None))
        code = inspect.unwrap(getattr(function, "__func__", function))
        if isinstance(code, FunctionType):
            names = [name for name in referenced_names(code.__code__) if name in code.__globals__]
            self._save_items(code.__globals__, names)
            for value in inspect.getclosurevars(code).nonlocals.values():
                self.save(value)

    def save(self, value: Any) -> None:
        """Save the contents of a container or array, or the plain attributes of an object of the user's."""
        if id(value) in self._seen or len(self._seen) > MAX_VISITED:
            return
        self._seen.add(id(value))
        if isinstance(value, np.ndarray) and value.flags.writeable and value.nbytes <= MAX_ARRAY_BYTES:
            self._restore.append(partial(np.copyto, value, value.copy()))
        elif isinstance(value, dict) and len(value) <= MAX_VISITED:
            self._save_items(value, value)
            self._restore.append(partial(_drop_new, value, set(value)))
        elif isinstance(value, (list, deque)) and len(value) <= MAX_VISITED:
            self._restore.append(partial(_set_contents, value, list(value)))
        elif is_user_module(type(value).__module__) and hasattr(value, "__dict__"):
            self._save_items(vars(value), list(vars(value)))
            self._restore.append(partial(_drop_new, vars(value), set(vars(value)), PLAIN_TYPES))

    def _save_items(self, namespace: dict[Any, Any], names: Iterable[Any]) -> None:
        for name in names:
            value = namespace[name]
            if isinstance(value, PLAIN_TYPES):
                self._restore.append(partial(namespace.__setitem__, name, value))
            elif not isinstance(value, (FunctionType, ModuleType, type)):
                self.save(value)


def _drop_new(contents: dict[Any, Any], names: set[Any], types: Any = object) -> None:
    for name in set(contents) - names:
        if isinstance(contents[name], types):
            del contents[name]


def _set_contents(sequence: Any, contents: list[Any]) -> None:
    if len(sequence) != len(contents) or any(new is not old for new, old in zip(sequence, contents, strict=True)):
        sequence.clear()
        sequence.extend(contents)
