"""A graph as a network: what is asked of it, what is fed to it, and what became of its nodes."""

from collections.abc import Sequence
from dataclasses import replace

from kerasbridge.errors import LegacyFileError
from kerasbridge.importers.formats import ParsedModel
from kerasbridge.importers.ir.graph import Graph as IRGraph
from kerasbridge.importers.ir.passes.fuse_batch_norm import fuse
from kerasbridge.importers.report import LayerReport, Report
from kerasbridge.importers.source_file import SourceFile
from kerasbridge.importers.tensorflow import placeholders
from kerasbridge.importers.tensorflow.execution_state import ExecutionState
from kerasbridge.importers.tensorflow.fusion import fuse_affine
from kerasbridge.importers.tensorflow.graphdef import Graph, Node, parse_graph
from kerasbridge.importers.tensorflow.loader import ModelFiles
from kerasbridge.importers.tensorflow.node_context import CHANNELS_FIRST, CHANNELS_LAST, NodeContext
from kerasbridge.importers.tensorflow.node_names import common_scope
from kerasbridge.importers.tensorflow.ops import TABLES
from kerasbridge.importers.tensorflow.outputs import Signature, find_signature
from kerasbridge.importers.tensorflow.symbolic_executor import Scope, SymbolicExecutor
from kerasbridge.importers.tensorflow.symbolic_values import Fault, Tensor, Value
from kerasbridge.importers.tensorflow.variables import Variables, restore_keys


def read_graph(found: ModelFiles, files: Sequence[SourceFile]) -> ParsedModel:
    """The network that a graph and its variables are.

    Raises:
        LegacyFileError: operations that cannot be converted, all of them, or a damaged file.
    """
    graph = parse_graph(found.graph)
    functions = {one.signature.name: one for one in found.graph.library.function}
    wanted = find_signature(graph, found.signatures)
    state = ExecutionState(variables=Variables(found.bundle, restore_keys(graph, functions)))
    network = _network(SymbolicExecutor(functions, state, TABLES), graph, wanted)
    network = fuse_affine(network)
    network, gone = fuse(network)
    report = _report(state, network, wanted, files, gone)
    if not state.variables.missing:
        return ParsedModel(report, network)
    names = ", ".join(dict.fromkeys(state.variables.missing))
    return ParsedModel(
        report, None, f"{found.path}: the .index and .data of the checkpoint are missing, which contain {names}."
    )


def _network(executor: SymbolicExecutor, graph: Graph, wanted: Signature) -> IRGraph:
    state = executor.state
    scope = Scope(graph, {})
    for node, tensor in _find_inputs(state, graph, wanted):
        state.add_input_tensor(tensor)
        scope.values[node] = [tensor]
    values = executor.run(scope, list(wanted.outputs.values()))
    _raise_unsupported(values)
    named = {
        name: _as_image(state, graph.nodes[node], value)
        for (name, (node, _)), value in zip(wanted.outputs.items(), values, strict=True)
        if isinstance(value, Tensor)
    }
    for name in wanted.outputs:
        if name not in named:
            state.skipped.append(LayerReport(name, "output", "it does not depend on what is fed to the model"))
    if not named:
        raise LegacyFileError("no output depends on what is fed to the model.")
    return _rename(state, IRGraph("", tuple(state.inputs), tuple(state.nodes), ()), named)


def _as_image(state: ExecutionState, node: Node, tensor: Tensor) -> Tensor:
    """An output of four dimensions with its axes as those of images, in the order of those that are fed."""
    if tensor.rank != 4:
        return tensor
    first = any(
        one.order == CHANNELS_FIRST
        for one in state.tensors.values()
        if one.name in {entry.name for entry in state.inputs}
    )
    context = NodeContext(node, [], state, node.name, call_function=lambda *_: [])
    return context.with_order(tensor, CHANNELS_FIRST if first else CHANNELS_LAST)


def _find_inputs(state: ExecutionState, graph: Graph, wanted: Signature) -> list[tuple[str, Tensor]]:
    """Return node and value of each input, and note the size of batches."""
    told = wanted.inputs
    if told is None:
        told = {node.name: (node.name, None) for node in placeholders.find_placeholders(graph)}
    found = []
    for name, (node, info) in told.items():
        if node not in graph.nodes:
            raise LegacyFileError(f"input {name!r} is node {node!r}, which is not in the graph.")
        sizes = placeholders.input_shape(graph, graph.nodes[node], info)
        if sizes is not None:
            order = placeholders.axis_order(graph, graph.nodes[node]) if len(sizes) == 4 else tuple(range(len(sizes)))
            state.batch_size = sizes[0] if state.batch_size is None else state.batch_size
            free = (None, *sizes[1:])
            shape = tuple(free[order.index(axis)] for axis in range(len(sizes)))
            found.append((node, Tensor(name, shape, order)))
    return found


def _raise_unsupported(values: Sequence[Value]) -> None:
    """Raise one error for all operations that cannot be converted."""
    faults = frozenset[tuple[int, str]]().union(*(value.reasons for value in values if isinstance(value, Fault)))
    if faults:
        reasons = dict.fromkeys(reason for _, reason in sorted(faults))
        raise LegacyFileError("cannot be converted: " + "; ".join(reasons) + ".")


def _rename(state: ExecutionState, network: IRGraph, named: dict[str, Tensor]) -> IRGraph:
    """The network whose outputs have the names that they are asked for by, and whose nodes have short ones."""
    taken = {entry.name for entry in network.inputs}
    new: dict[str, str] = {}
    for name, tensor in named.items():
        if tensor.name not in taken and tensor.name not in new and name not in taken:
            new[tensor.name] = name
    network = replace(network, outputs=tuple(tensor.name for tensor in named.values())).pruned()
    scope = common_scope(node.name for node in network.nodes)
    nodes = tuple(
        replace(
            node,
            name=node.name.removeprefix(scope),
            inputs=tuple(new.get(value, value) for value in node.inputs),
            outputs=tuple(new.get(value, value) for value in node.outputs),
        )
        for node in network.nodes
    )
    state.internal_names = {name.removeprefix(scope) for name in state.internal_names}
    return replace(network, nodes=nodes, outputs=tuple(new.get(value, value) for value in network.outputs))


def _report(
    state: ExecutionState, network: IRGraph, wanted: Signature, files: Sequence[SourceFile], gone: dict[str, str]
) -> Report:
    brought = dict.fromkeys(
        LayerReport(node.name, node.type) for node in network.nodes if node.name not in state.internal_names
    )
    merged = [LayerReport(name, "Affine", f"part of {into}") for name, into in gone.items()]
    notes = list(state.notes)
    if wanted.signature and wanted.others:
        notes.append(f"the signature {wanted.signature!r} is converted; others are {', '.join(sorted(wanted.others))}")
    return Report(
        "tensorflow",
        tuple(file.name for file in files),
        "",
        tuple((entry.name, entry.shape) for entry in network.inputs),
        network.outputs,
        tuple(entry for entry in brought if entry not in state.substituted),
        (*dict.fromkeys(state.substituted), *merged),
        tuple(dict.fromkeys(state.skipped)),
        notes=tuple(notes),
    )
