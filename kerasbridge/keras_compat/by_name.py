"""Nested data by name: the entries of a container go to the input or output that has their name, in whatever order.

Keras flattens a nest by position. An OrderedDict is flattened in its own order, a dict in alphabetical order: so the
two tensors of one can be exchanged without an error.
"""

import contextlib
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kerasbridge.keras_compat.monkeypatch import patched
from kerasbridge.keras_compat.private_api import private_api


def standard_containers(nest: Any) -> Any:
    """Return the nest with the containers that every backend knows.

    Any mapping becomes a dict, any list or deque a list; an OrderedDict, a tuple and a named tuple keep their type.
    """
    if isinstance(nest, Mapping):
        kind = OrderedDict if isinstance(nest, OrderedDict) else dict
        return kind((key, standard_containers(nest[key])) for key in nest)
    if isinstance(nest, list | deque):
        return [standard_containers(each) for each in nest]
    if isinstance(nest, tuple):
        return _tuple_like(nest, [standard_containers(each) for each in nest])
    return nest


def by_name(nest: Any, like: Any, names: Sequence[str] = (), ignore_others: bool = False) -> Any:
    """Return the nest with the containers and the order of `like`; what has no names there is unchanged.

    Args:
        nest: a nest of tensors.
        like: the nest of the inputs or outputs of a model.
        names: their names; with them, a mapping also matches a list.
        ignore_others: leave out the entries of a mapping that `like` does not have.
    """
    entries, wanted = _entries(nest), _entries(like)
    if entries is not None and wanted is not None:
        if set(entries) <= set(wanted) or (ignore_others and set(wanted) <= set(entries)):
            found = {key: by_name(entries[key], wanted[key]) for key in wanted if key in entries}
            return _mapping_like(like, found)
    elif entries is not None and isinstance(like, list | tuple) and set(entries) == set(names):
        return [by_name(entries[name], part) for name, part in zip(names, like, strict=True)]
    elif isinstance(nest, list | tuple) and isinstance(like, list | tuple) and len(nest) == len(like):
        return _tuple_like(nest, [by_name(each, part) for each, part in zip(nest, like, strict=True)])
    return dict(nest) if isinstance(nest, OrderedDict) else nest


@contextlib.contextmanager
def match_by_name() -> Iterator[None]:
    """Make functional models, and the compiled losses and metrics, match their data by name in this thread."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(patched(private_api("functional models"), "__call__", _call))
        losses, metrics = private_api("compiled losses"), private_api("compiled metrics")
        for owner, method in ((losses, "call"), (metrics, "update_state"), (metrics, "build")):
            stack.enter_context(patched(owner, method, _match_targets))
        yield


def _call(original: Any, model: Any, *arguments: Any, **keywords: Any) -> Any:
    """Call a functional model; those nested in it are matched too."""
    names = [tensor.name for tensor in model.inputs]
    if arguments:
        arguments = (by_name(arguments[0], model.input, names, ignore_others=True), *arguments[1:])
    with patched(private_api("functional models"), "__call__", _call):
        return original(model, *arguments, **keywords)


def _match_targets(original: Any, compiled: Any, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
    names, y_pred = compiled.output_names or (), _plain_dicts(y_pred)
    weights = () if sample_weight is None else (by_name(sample_weight, y_pred, names),)
    return original(compiled, by_name(y_true, y_pred, names), y_pred, *weights)


def _plain_dicts(nest: Any) -> Any:
    """Return the nest with dicts for OrderedDicts, in which Keras does not find what a dict of losses names."""
    if isinstance(nest, Mapping):
        return {key: _plain_dicts(each) for key, each in nest.items()}
    if isinstance(nest, list | tuple):
        return _tuple_like(nest, [_plain_dicts(each) for each in nest])
    return nest


def _entries(nest: Any) -> Mapping[Any, Any] | None:
    if isinstance(nest, Mapping):
        return nest
    return nest._asdict() if _is_named_tuple(nest) else None


def _is_named_tuple(nest: Any) -> bool:
    return isinstance(nest, tuple) and hasattr(nest, "_fields")


def _tuple_like(nest: Any, parts: list[Any]) -> Any:
    if isinstance(nest, list):
        return parts
    return type(nest)(*parts) if _is_named_tuple(nest) else tuple(parts)


def _mapping_like(like: Any, found: dict[Any, Any]) -> Any:
    if isinstance(like, OrderedDict):
        return OrderedDict(found)
    return type(like)(**found) if _is_named_tuple(like) and len(found) == len(like) else found
