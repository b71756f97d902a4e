"""The graph that grows while a TensorFlow graph is executed symbolically, and what is known of its values."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from kerasbridge.importers.ir.builder import GraphBuilder
from kerasbridge.importers.ir.graph import Input, Node
from kerasbridge.importers.ir.ops.base import Operation
from kerasbridge.importers.tensorflow import graphdef
from kerasbridge.importers.tensorflow.node_names import layer_name
from kerasbridge.importers.tensorflow.symbolic_values import Tensor
from kerasbridge.importers.tensorflow.variables import Variables


@dataclass
class ExecutionState(GraphBuilder):
    """A graph with the TensorFlow values of its nodes.

    Args:
        variables: of the TensorFlow graph.
        notes: for the report.
        batch_size: None unless the file fixes it.
        producers: the node that computes each value, by the value's name.
        tensors: the values, by name.
        internal_names: of nodes that are a part of another, and are not reported.
    """

    variables: Variables = field(default_factory=lambda: Variables(None, {}))
    notes: dict[str, None] = field(default_factory=dict)
    batch_size: int | None = None
    producers: dict[str, Node] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    internal_names: set[str] = field(default_factory=set)

    def add_input_tensor(self, tensor: Tensor) -> None:
        """Add an input of the graph."""
        self.inputs.append(Input(tensor.name, tensor.shape))
        self.tensors[tensor.name] = tensor

    def add_operation(
        self, source: graphdef.Node, operation: Operation, inputs: Sequence[str], num_outputs: int, part: str
    ) -> list[str]:
        """Add an operation to the graph and return the names of its outputs.

        Args:
            source: the TensorFlow node.
            part: added to the name, if the operation is not the main one of the node.
        """
        name = layer_name(source) + (f"/{part}" if part else "")
        numbers = itertools.count(len(self.nodes))
        outputs = [f"{name}:{next(numbers)}:{index}" for index in range(num_outputs)]
        if part:
            self.internal_names.add(name)
        node = Node(name, source.op, operation, tuple(inputs), tuple(outputs))
        self.nodes.append(node)
        self.producers.update(dict.fromkeys(outputs, node))
        return outputs
