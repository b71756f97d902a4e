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
    last: dict[str, int] = {}
    for ref in refs:
        last[ref.layer] = max(ref.call, last.get(ref.layer, ref.call))
    first = {name: last.get(name, 0) - count + 1 for name, count in counts.items()}

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
    all_calls, computed = list(calls), {(name, 0) for name in inputs}
    missing = [{(ref.layer, ref.call) for ref in call.tensors()} - computed for call in all_calls]
    readers: dict[tuple[str, int], list[int]] = {}
    for position, keys in enumerate(missing):
        for key in keys:
            readers.setdefault(key, []).append(position)
    ready, ordered = [position for position, keys in enumerate(missing) if not keys], list[int]()
    while ready:  # the calls whose inputs are known, then those that these make known, each in the order of the file
        ordered += ready
        known = {(all_calls[position].layer, all_calls[position].index) for position in ready}
        later = {position for key in known for position in readers.pop(key, ())}
        for position in later:
            missing[position] -= known
        ready = sorted(position for position in later if not missing[position])
    waiting = sorted({*range(len(all_calls))} - {*ordered})
    if waiting:
        first = all_calls[waiting[0]].layer
        raise LegacyFileError(f"has layers that wait for each other: {first!r} and {len(waiting) - 1} more")
    return tuple(all_calls[position] for position in ordered)
