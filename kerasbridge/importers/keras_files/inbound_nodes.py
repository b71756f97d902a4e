"""The calls of layers, as functional models store them, and their order."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.keras_files.ir import Call, Ref

_NOT_STORED = ("training", "name")
"""Arguments of calls that a Keras 3 model receives when it is called."""


def parse_calls(name: str, nodes: Any) -> list[Call]:
    """Return the calls in the ``inbound_nodes`` of a layer: each has one tensor or a list, and further arguments.

    Raises:
        LegacyFileError: the nodes are those of Keras 3.
    """
    return [_parse_call(name, index, node) for index, node in enumerate(nodes)]


def _parse_call(name: str, index: int, node: Any) -> Call:
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
        inputs.append(_ref(entry))
        for key, value in (entry[3] if len(entry) > 3 else {}).items():
            if key not in _NOT_STORED and value is not None:
                options[key] = _parse_argument(value)
    return Call(name, index, tuple(inputs), options)


def _parse_argument(value: Any) -> Any:
    """Return a tensor as a `Ref`, and any other value unchanged."""
    if isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str):
        return value[2] if value[0] == "_CONSTANT_VALUE" else _ref(value)
    return value


def _ref(entry: Sequence[Any]) -> Ref:
    return Ref(str(entry[0]), int(entry[1]), int(entry[2]))


def parse_refs(tensors: Any) -> list[Ref]:
    """Return the inputs or outputs of a model: one tensor as [layer, call, result], or a list or dict of such."""
    if isinstance(tensors, dict):
        tensors = list(tensors.values())
    entries = [tensors] if tensors and isinstance(tensors[0], str) else tensors
    return [Ref(str(name), int(call), int(result)) for name, call, result in entries]


def renumber_calls(
    outputs: Sequence[Ref], calls: Sequence[Call], names: Collection[str]
) -> tuple[tuple[Ref, ...], list[Call]]:
    """Return the outputs and the calls with the calls of each layer numbered from 0.

    A model that is a layer of another model was called once while it was built, so its calls there count from 1.

    Args:
        names: of all layers and inputs.

    Raises:
        LegacyFileError: a call or an output refers to another name.
    """
    counts = Counter(call.layer for call in calls)
    refs = [*outputs, *(ref for call in calls for ref in call.tensors())]
    first = {
        name: max((ref.call for ref in refs if ref.layer == name), default=0) - count + 1
        for name, count in counts.items()
    }

    def renumber(ref: Ref) -> Ref:
        if ref.layer not in names:
            raise LegacyFileError(f"uses the output of {ref.layer!r}, which is not one of its layers")
        return ref._replace(call=ref.call - max(first.get(ref.layer, 0), 0))

    def renumber_inputs(call: Call) -> Call:
        options = {name: renumber(value) if isinstance(value, Ref) else value for name, value in call.options.items()}
        return replace(call, inputs=tuple(map(renumber, call.inputs)), options=options)

    return tuple(map(renumber, outputs)), [renumber_inputs(call) for call in calls]


def sort_calls(calls: Iterable[Call], inputs: Iterable[str]) -> tuple[Call, ...]:
    """Return the calls in topological order.

    Raises:
        LegacyFileError: some depend on each other.
    """
    waiting, computed = list(calls), {(name, 0) for name in inputs}
    ordered: list[Call] = []
    while waiting:
        ready = [call for call in waiting if all((ref.layer, ref.call) in computed for ref in call.tensors())]
        if not ready:
            raise LegacyFileError(
                f"has layers that wait for each other: {waiting[0].layer!r} and {len(waiting) - 1} more"
            )
        ready_ids = {id(call) for call in ready}
        waiting = [call for call in waiting if id(call) not in ready_ids]
        ordered += ready
        computed |= {(call.layer, call.index) for call in ready}
    return tuple(ordered)
