"""Convert a TensorFlow graph: find its outputs and inputs, execute it symbolically, and report on its nodes."""

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
from kerasbridge.importers.tensorflow.graphdef import Graph, Node, Reference, parse_graph
from kerasbridge.importers.tensorflow.inline_calls import inline_calls
from kerasbridge.importers.tensorflow.loader import ModelFiles
from kerasbridge.importers.tensorflow.node_context import CHANNELS_FIRST, CHANNELS_LAST, NodeContext
from kerasbridge.importers.tensorflow.node_names import common_scope
from kerasbridge.importers.tensorflow.ops import TABLES
from kerasbridge.importers.tensorflow.outputs import Signature, find_signature
from kerasbridge.importers.tensorflow.symbolic_executor import Scope, SymbolicExecutor
from kerasbridge.importers.tensorflow.symbolic_values import StackedBatches, Tensor, join_faults
from kerasbridge.importers.tensorflow.training_nodes import A_LABEL, A_LOSS
from kerasbridge.importers.tensorflow.variables import Variables, restore_keys


def read_graph(
    model_files: ModelFiles,
    files: Sequence[SourceFile],
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
) -> ParsedModel:
    """Convert a graph with its variables.

    Args:
        inputs, outputs: the nodes that the user names.

    Raises:
        LegacyFileError: operations that cannot be converted, all of them, or a damaged file.
    """
    graph = parse_graph(model_files.graph)
    functions = {function.signature.name: function for function in model_files.graph.library.function}
    signature = find_signature(graph, model_files.signatures, inputs, outputs)
    state = ExecutionState(
        skipped=[*signature.cut], variables=Variables(model_files.bundle, restore_keys(graph, functions))
    )
    network = _execute(SymbolicExecutor(functions, state, TABLES), graph, signature)
    network, fused = fuse(fuse_affine(network))
    report = _report(state, network, signature, files, fused)
    if not state.variables.missing:
        return ParsedModel(report, network)
    names = ", ".join(dict.fromkeys(state.variables.missing))
    return ParsedModel(
        report, None, f"{model_files.path}: the .index and .data of the checkpoint are missing, which contain {names}."
    )


def _execute(executor: SymbolicExecutor, graph: Graph, signature: Signature) -> IRGraph:
    """Execute the graph from its inputs to its outputs."""
    state = executor.state
    scope = Scope(graph, {})
    for (node, output), tensor in _find_inputs(state, graph, inline_calls(graph, executor.functions), signature):
        state.add_input_tensor(tensor)
        values = scope.values.setdefault(node, [])
        values.extend([None] * (output + 1 - len(values)))
        values[output] = tensor
    results = executor.run(scope, list(signature.outputs.values()))
    reasons = dict.fromkeys(reason for _, reason in sorted(join_faults(results).reasons))
    if any(isinstance(value, StackedBatches) for value in results):
        reasons["its output is several batches that become one"] = None
    if reasons:
        hint = " If only a part is wanted, name it: outputs=[…], or --outputs NODE." if signature.found else ""
        raise LegacyFileError("cannot be converted: " + "; ".join(reasons) + "." + hint)
    outputs: dict[str, Tensor] = {}
    for (name, (node, _)), value in zip(signature.outputs.items(), results, strict=True):
        if isinstance(value, Tensor):
            outputs[name] = _with_image_order(state, graph.nodes[node], value)
        else:
            state.skipped.append(LayerReport(name, "output", "it does not depend on what is fed to the model"))
    if not outputs:
        raise LegacyFileError("no output depends on what is fed to the model.")
    return _rename(state, IRGraph("", tuple(state.inputs), tuple(state.nodes), ()), outputs)


def _with_image_order(state: ExecutionState, node: Node, tensor: Tensor) -> Tensor:
    """Return an output; if it has the rank of images, with its axes in the order of the images that are inputs."""
    if tensor.rank != 4:
        return tensor
    channels_first = any(state.tensors[entry.name].order == CHANNELS_FIRST for entry in state.inputs)
    context = NodeContext(node, [], state, node.name, call_function=lambda *_: [])
    return context.with_order(tensor, CHANNELS_FIRST if channels_first else CHANNELS_LAST)


def _find_inputs(
    state: ExecutionState, graph: Graph, flat: Graph, signature: Signature
) -> list[tuple[Reference, Tensor]]:
    """Return node and value of each input, and set the size of batches.

    Args:
        flat: the graph with its functions inlined.
    """
    entries = signature.inputs
    if entries is None:
        entries = {node.name: ((node.name, 0), None) for node in placeholders.find_placeholders(flat)}
    inputs = []
    for name, (reference, info) in entries.items():
        node = reference[0]
        if node not in graph.nodes:
            raise LegacyFileError(f"input {name!r} is node {node!r}, which is not in the graph.")
        sizes = placeholders.input_shape(flat, graph.nodes[node], info, reference[1])
        if sizes is None and info is None and signature.inputs is not None:
            raise LegacyFileError(f"input {name!r} cannot be fed as a batch: the file records no shape of it.")
        if sizes is not None:
            order = placeholders.axis_order(flat, graph.nodes[node]) if len(sizes) == 4 else tuple(range(len(sizes)))
            state.batch_size = sizes[0] if state.batch_size is None else state.batch_size
            sizes = (None, *sizes[1:])
            shape = tuple(sizes[order.index(axis)] for axis in range(len(sizes)))
            inputs.append((reference, Tensor(name, shape, order)))
    return inputs


def _rename(state: ExecutionState, network: IRGraph, outputs: dict[str, Tensor]) -> IRGraph:
    """Return the network with the names of its outputs, and without the scope that the names of all nodes share."""
    input_names = {entry.name for entry in network.inputs}
    new: dict[str, str] = {}
    for name, tensor in outputs.items():
        if tensor.name not in input_names and tensor.name not in new and name not in input_names:
            new[tensor.name] = name
    network = replace(network, outputs=tuple(tensor.name for tensor in outputs.values())).pruned()
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
    state: ExecutionState, network: IRGraph, signature: Signature, files: Sequence[SourceFile], fused: dict[str, str]
) -> Report:
    converted = dict.fromkeys(
        LayerReport(node.name, node.type) for node in network.nodes if node.name not in state.internal_names
    )
    unused = [name for name in signature.inputs or () if name not in {entry.name for entry in network.inputs}]
    skipped = [*state.skipped, *(LayerReport(name, "input", "no output depends on it") for name in unused)]
    merged = [LayerReport(name, "Affine", f"part of {into}") for name, into in fused.items()]
    notes = list(state.notes)
    if signature.name and signature.others:
        notes.append(f"the signature {signature.name!r} is converted; others are {', '.join(sorted(signature.others))}")
    losses = [entry.layer for entry in signature.cut if entry.what == A_LOSS]
    if losses and not any(entry.what == A_LABEL for entry in signature.cut):
        notes.append(
            f"the outputs are what is left without the loss {', '.join(losses)}, which reads no labels; if the "
            "network ends earlier, as an autoencoder does, name its output: outputs=[…], or --outputs NODE"
        )
    return Report(
        "tensorflow",
        tuple(file.name for file in files),
        "",
        tuple((entry.name, entry.shape) for entry in network.inputs),
        network.outputs,
        tuple(entry for entry in converted if entry not in state.substituted),
        (*dict.fromkeys(state.substituted), *merged),
        tuple(dict.fromkeys(skipped)),
        notes=tuple(notes),
    )
