"""The calls of a layer as functional models write them, and their order."""

from collections.abc import Iterable, Mapping
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.keras_files.ir import Call, Ref

_LEFT_OUT = ("training", "name")
"""Arguments of calls that a model of Keras 3 is told when it is called."""


def parse_calls(name: str, nodes: Any) -> list[Call]:
    """The calls that ``inbound_nodes`` holds: of each, one tensor or a list, with the arguments of the call.

    Raises:
        LegacyFileError: it is of Keras 3, or no such thing.
    """
    return [_call(name, index, node) for index, node in enumerate(nodes)]


def _call(name: str, index: int, node: Any) -> Call:
    if isinstance(node, dict) and "args" in node:
        raise LegacyFileError("is of Keras 3: keras.models.load_model opens it")
    entries = list(node.values()) if isinstance(node, dict) else node
    entries = [entries] if entries and isinstance(entries[0], str) else entries
    inputs: list[Ref] = []
    options: dict[str, Any] = {}
    for entry in entries:
        if entry[0] == "_CONSTANT_VALUE":
            options["constant"] = entry[2]
            continue
        inputs.append(Ref(str(entry[0]), int(entry[1]), int(entry[2])))
        for key, value in (entry[3] if len(entry) > 3 else {}).items():
            if key not in _LEFT_OUT and value is not None:
                options[key] = _argument(value)
    return Call(name, index, tuple(inputs), options)


def _argument(value: Any) -> Any:
    """A tensor as a `Ref`; anything else as it is."""
    if isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str):
        if value[0] == "_CONSTANT_VALUE":
            return value[2]
        return Ref(value[0], int(value[1]), int(value[2]))
    return value


def sort_calls(calls: Iterable[Call], inputs: Mapping[str, Any]) -> tuple[Call, ...]:
    """The calls, each after those whose results it takes.

    Raises:
        LegacyFileError: some take what none gives.
    """
    waiting, ready = list(calls), {(name, 0) for name in inputs}
    ordered: list[Call] = []
    while waiting:
        now = [call for call in waiting if all((ref.layer, ref.call) in ready for ref in call.needs())]
        if not now:
            raise LegacyFileError(
                f"has layers that wait for each other: {waiting[0].layer!r} and {len(waiting) - 1} more"
            )
        done = {id(call) for call in now}
        waiting = [call for call in waiting if id(call) not in done]
        ordered += now
        ready |= {(call.layer, call.index) for call in now}
    return tuple(ordered)
