"""What a step keeps in plain Python: a compiled step holds it fixed, so a change is noticed.

Between two calls of `fit` a change means compiling anew. A change that the step itself makes would happen once, not
once a step: an error that names the line.
"""

import functools
import inspect
import random
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerasbridge.errors import StepError

PLAIN = (bool, int, float, complex, str, bytes, type(None))
MOST_ELEMENTS = 1000
CHANGED_BY_TRAINING = ("built", "history", "stop_evaluating", "stop_predicting", "stop_training", "training")
"""Attributes of a model that Keras, or torch, changes as it trains."""
_DEPTH = 3
_REMEDY = "Return a named value instead, or keep it in a keras.Variable that the model holds."


class Same:
    """A thing that equals itself alone, and is kept alive as long as it is remembered."""

    def __init__(self, thing: Any) -> None:
        self._thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self._thing is other._thing

    def __hash__(self) -> int:
        return id(self._thing)


def remembered(step: Any, model: Any) -> dict[str, Any]:
    """Everything in plain Python that the step can reach by name, in a form to compare: by name."""
    return {name: _fingerprint(value, _DEPTH) for name, value in _reachable(step, model)}


def check_unchanged(step: Any, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Refuses a step that changed something in plain Python while it ran.

    Raises:
        StepError: naming what changed and the line.
    """
    for name in [*after, *before]:
        if name not in before or name not in after or before[name] != after[name]:
            raise StepError(
                f"Expected a step without side effects, found that it changes {name}{_where(step, name)}: the step is "
                f"compiled, so its Python runs once and not once a step. {_REMEDY}"
            )


def drawn_on_host() -> tuple[Any, Any]:
    """The states of Python's and NumPy's random numbers."""
    kind, keys, *rest = np.random.get_state()
    return random.getstate(), (kind, keys.tobytes() if isinstance(keys, np.ndarray) else keys, *rest)


def check_nothing_drawn(step: Any, before: tuple[Any, Any], after: tuple[Any, Any]) -> None:
    """Refuses a step that drew from Python's or NumPy's random numbers.

    Raises:
        StepError: naming which, and the line.
    """
    for name, old, new in zip(("Python's random", "NumPy's random"), before, after, strict=True):
        if old != new:
            raise StepError(
                f"Expected a step that draws with keras.random, found that it draws from {name} module"
                f"{_where(step, 'random')}: the step is compiled, so every step would see the same number. Write "
                "keras.random.normal(shape, seed=self.seeds) with a keras.random.SeedGenerator that the model holds."
            )


def functions_of(step: Any) -> Iterator[Callable[..., Any]]:
    """The Python functions behind a step: of a list, a partial, a method, an object that is called."""
    if isinstance(step, (list, tuple)):
        for part in step:
            yield from functions_of(part)
    elif isinstance(step, functools.partial):
        yield from functions_of(step.func)
    elif inspect.ismethod(step):
        yield step.__func__
    elif inspect.isfunction(step):
        yield step
    elif callable(step):
        yield from functions_of(type(step).__call__)


def _reachable(step: Any, model: Any) -> Iterator[tuple[str, Any]]:
    for part in step if isinstance(step, (list, tuple)) else [step]:
        yield from _held("self", getattr(part, "__self__", part if not inspect.isroutine(part) else None))
    yield from _held("model", model)
    for function in functions_of(step):
        found = inspect.getclosurevars(function)
        yield from [*found.nonlocals.items(), *found.globals.items()]
        yield from [(parameter.name, parameter.default) for parameter in _with_defaults(function)]


def _held(name: str, owner: Any) -> Iterator[tuple[str, Any]]:
    for attribute, value in getattr(owner, "__dict__", {}).items():
        if not attribute.startswith("_") and attribute not in CHANGED_BY_TRAINING:
            yield f"{name}.{attribute}", value


def _with_defaults(function: Callable[..., Any]) -> list[inspect.Parameter]:
    parameters = inspect.signature(function).parameters.values()
    return [parameter for parameter in parameters if parameter.default is not parameter.empty]


def _fingerprint(value: Any, depth: int) -> Any:
    if isinstance(value, PLAIN):
        return type(value), repr(value)
    if isinstance(value, (np.random.Generator, np.random.RandomState)):
        state = value.bit_generator.state if isinstance(value, np.random.Generator) else value.get_state()
        return Same(value), repr(state)
    if isinstance(value, (list, tuple, set, frozenset, deque, dict)) and depth:
        if len(value) > MOST_ELEMENTS:
            return Same(value), len(value)
        items = value.items() if isinstance(value, dict) else value
        return type(value), tuple(_fingerprint(item, depth - 1) for item in items)
    return Same(value)


def _where(step: Any, name: str) -> str:
    """Where in the source of the step a name is changed, as far as that can be seen."""
    word = re.escape(name.rpartition(".")[2])
    changes = re.compile(rf"\b{word}\b(\s*\.\w+\(|(\[.*\])?\s*[-+*/|&%]?=(?!=))")
    for function in functions_of(step):
        try:
            lines, first = inspect.getsourcelines(function)
        except (OSError, TypeError):
            continue
        for offset, line in enumerate(lines):
            if changes.search(line):
                file = Path(function.__code__.co_filename).name
                return f' in line {first + offset} of {file}, "{line.strip()}"'
    return ""
