"""Find the nodes of a graph that only train or evaluate its network: losses, labels, metrics, gradients, optimizers."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kerasbridge.files.budget import spend
from kerasbridge.importers.report import LayerReport
from kerasbridge.importers.tensorflow.graphdef import Graph, Node
from kerasbridge.importers.tensorflow.placeholders import IDENTITY_OPS
from kerasbridge.importers.tensorflow.ranks import REDUCTIONS, Ranks, reduced_axes

_TRAINING = re.compile(
    r"(Sparse)?(Resource)?Apply\w+|Assign\w*|(Resource)?Scatter(Nd)?(Add|Div|Max|Min|Mul|Sub|Update)|.*Summary(V2)?|"
    r"\w*CrossEntropy\w*|L2Loss|InTopK(V2)?|.*Save\w*|.*Restore\w*|"
    r".*Reader\w*|.*Queue\w*|.*Dataset\w*|.*Iterator\w*|Write\w+|Assert|NoOp|"
    r"IsVariableInitialized|VarIsInitializedOp|ConfusionMatrix|Sigmoid\w+Grad"
)
"""Operations that train, evaluate, log, save or feed a network."""

_METRICS = re.compile(r"\w*CrossEntropy\w*|InTopK(V2)?|Equal|NotEqual|ConfusionMatrix")
"""Operations that compare what a network computes with labels."""

_NO_OUTPUTS = re.compile(r"Const|Placeholder\w*|Variable\w*|VarHandleOp")
A_LOSS, A_LABEL = "a loss: one number of the whole batch", "a label: only losses and metrics read it"
_MEMORY_PER_NAME = 60
_GRADIENTS = re.compile(r"(^|/)gradients(_\d+)?/")
_SIZES = {"Rank", "Shape", "ShapeN", "Size"}
_WEIGHTED = {"Conv2D", "DepthwiseConv2dNative", "MatMul", "BatchMatMul", "BatchMatMulV2", "Conv2DBackpropInput"}


@dataclass
class TrainingNodes:
    """The nodes of a graph that depend on what is fed, and those among them that only train or evaluate.

    Args:
        fed: the placeholders of batches, and other nodes that are inputs.
        inputs: those of them that are inputs of the network, if the user named them; then the others are not.
        reasons: why a node is one of training, by its name; the nodes that depend on it are too.
        names: of all nodes of training.
        labels: those that are fed for training only.
    """

    graph: Graph
    fed: tuple[str, ...]
    inputs: frozenset[str] = frozenset()
    reasons: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._sources = {name: self._with_consumers([name]) for name in self.fed}
        self._dependents = set[str]().union(*self._sources.values())
        self._ranks = Ranks(self.graph)
        self._add({node.name: "training" for node in self.graph.nodes.values() if self._is_training(node)})
        self._batches = self._values_of_batches(whole=False)
        self._add(dict.fromkeys(self._losses(), A_LOSS))
        self._add_statistics()
        self.labels = {*self.fed} - self.inputs if self.inputs else self._find_labels()
        reason = "not named in inputs=" if self.inputs else A_LABEL
        self._add(dict.fromkeys(sorted(self.labels), reason))

    def outputs(self) -> list[Node]:
        """Return the nodes whose values no node reads, without those of training."""
        names = set[str]().union(*(self._sources[name] for name in self.fed if name not in self.labels)) - self.names
        names = {name for name in names if not _NO_OUTPUTS.fullmatch(self.graph.nodes[name].op)}
        names = {name for name in names if not self._is_metric(self.graph.nodes[name])}
        nodes = (node for node in self.graph.nodes.values() if node.name in names)
        return [node for node in nodes if not any(reader.name in names for reader in self.graph.consumers(node.name))]

    def report(self, outputs: Iterable[str]) -> list[LayerReport]:
        """Return an entry for each node that depends on what is fed and that no output needs; one for all gradients."""
        needed = {node.name for node in self.graph.topological_order(outputs, dict.fromkeys(self.fed))} | {
            *self.fed
        } - self.labels
        left_out = self._dependents - needed
        cut = [node for node in self.graph.nodes.values() if node.name in left_out]
        gradients = self._with_consumers([node.name for node in cut if _GRADIENTS.search(node.name)])
        causes = self._causes(gradients)
        entries = [
            LayerReport(node.name, node.op, causes.get(node.name, "read only by nodes that are left out"))
            for node in cut
            if node.name not in gradients
        ]
        count = sum(node.name in gradients for node in cut)
        return entries + ([LayerReport("gradients", f"{count} nodes", "training")] if count else [])

    def _causes(self, gradients: set[str]) -> dict[str, str]:
        """Return why each node is one of training."""
        causes = {name: reason for name, reason in self.reasons.items() if name not in gradients}
        for root in [*causes]:
            stack = [root]
            while stack:
                for reader in self.graph.consumers(stack.pop()):
                    if reader.name not in causes:
                        causes[reader.name] = f"depends on {root}"
                        stack.append(reader.name)
        return causes

    def _with_consumers(self, names: Iterable[str]) -> set[str]:
        """Return nodes and all that depend on them, but not through a node that is fed."""
        found, fed = {*names}, {*self.fed}
        stack = [*found]
        while stack:
            spend(steps=1, memory=_MEMORY_PER_NAME)
            for reader in self.graph.consumers(stack.pop()):
                if reader.name not in found and reader.name not in fed:
                    found.add(reader.name)
                    stack.append(reader.name)
        return found

    def _add(self, reasons: dict[str, str]) -> None:
        self.reasons.update({name: reason for name, reason in reasons.items() if name in self._dependents})
        self.names |= self._with_consumers(reasons)

    def _is_training(self, node: Node) -> bool:
        if node.name in self.inputs or _NO_OUTPUTS.fullmatch(node.op):
            return False
        if node.op in ("Equal", "NotEqual"):
            return self._compares_with_labels(node)
        return bool(_TRAINING.fullmatch(node.op) or _GRADIENTS.search(node.name))

    def _compares_with_labels(self, node: Node) -> bool:
        """Return whether two values are compared that depend on different placeholders."""
        spend(steps=len(self._sources) * len(node.inputs))
        sides = [{fed for fed, names in self._sources.items() if source in names} for source, _ in node.inputs]
        return len(sides) == 2 and all(sides) and not sides[0] & sides[1]

    def _losses(self) -> list[str]:
        """Return the nodes that reduce a batch to one number from which no batch is computed."""
        reduced = self._values_of_batches(whole=True) - self._batches - self.names
        return [
            node.name
            for node in self.graph.nodes.values()
            if node.name in reduced
            and node.op in REDUCTIONS
            and self._ranks[node.name] == 0
            and not (self._with_consumers([node.name]) - self.names) & self._batches
        ]

    def _values_of_batches(self, whole: bool) -> set[str]:
        """Return the nodes whose values have a batch as their first axis, as far as it is known.

        Args:
            whole: whether to return those that are computed from a whole batch too, such as a mean over the batch.
        """
        found, stack = {*self.fed}, [*self.fed]
        while stack:
            for reader in self.graph.consumers(stack.pop()):
                if reader.name in found or reader.op in _SIZES or (not whole and self._is_over_batch(reader)):
                    continue
                found.add(reader.name)
                stack.append(reader.name)
        return found

    def _is_over_batch(self, node: Node) -> bool:
        """Return whether a node reduces the first axis."""
        if node.op not in REDUCTIONS:
            return False
        axes, rank = reduced_axes(self.graph, node), self._ranks[node.inputs[0][0]]
        source = self.graph.nodes[node.inputs[0][0]]
        if source.op == "Pack" and axes in ((0,), (-(rank or 0),)) and not source.attributes["axis"].i:
            return False
        return axes == "all" or (axes is not None and (0 in axes or (rank is not None and -rank in axes)))

    def _add_statistics(self) -> None:
        """Add what is computed from means over the batch, and only training reads."""
        candidates = self._dependents - self._batches - self.names
        alone = {""}
        while alone:
            spend(steps=len(candidates))
            alone = {name for name in candidates if self._only_training_reads(name)}
            candidates -= alone
            self.names |= alone

    def _only_training_reads(self, name: str) -> bool:
        readers = self.graph.consumers(name)
        return bool(readers) and all(reader.name in self.names for reader in readers)

    def _find_labels(self) -> set[str]:
        """Return the placeholders that no weights are applied to, and that only training reads."""
        values = self._values_of_batches(whole=True) - self.names
        reached = {name: names & values for name, names in self._sources.items()}
        weighted = {name for name in self.fed if any(self.graph.nodes[node].op in _WEIGHTED for node in reached[name])}
        of_network = set[str]().union(*(reached[name] for name in weighted))
        return {
            name
            for name in self.fed
            if weighted and name not in weighted | self.inputs and self._is_label(reached[name], of_network)
        }

    def _is_label(self, reached: set[str], of_network: set[str]) -> bool:
        """Return whether training reads what is computed from a placeholder, and no result of the network needs it."""
        read_by_training = False
        for name in reached:
            spend(steps=1)
            readers = self.graph.consumers(name)
            read_by_training |= any(reader.name in self.names for reader in readers)
            if name in of_network and (not readers or self._is_evaluated(self.graph.nodes[name])):
                return False
        return read_by_training

    def _is_evaluated(self, node: Node) -> bool:
        """Return whether a metric reads a value, or the index of its largest number."""
        for reader in _consumers(self.graph, node):
            if _GRADIENTS.search(reader.name):
                continue
            if _METRICS.fullmatch(reader.op) and reader.name in self.names:
                return True
            if reader.op == "ArgMax" and self._is_evaluated(reader):
                return True
        return False

    def _is_metric(self, node: Node) -> bool:
        """Return whether a node is part of a metric, or an ArgMax that only a metric reads."""
        if node.name.rpartition("/")[0] in self.names:
            return True
        readers = [*_consumers(self.graph, node)] if node.op == "ArgMax" else []
        return bool(readers) and all(reader.name in self.names for reader in readers)


def _consumers(graph: Graph, node: Node) -> Iterator[Node]:
    """Yield the nodes that read a value, those that return their input skipped."""
    stack, visited = [node.name], {node.name}
    while stack:
        for reader in graph.consumers(stack.pop()):
            spend(steps=1)
            if reader.op not in IDENTITY_OPS:
                yield reader
            elif reader.name not in visited:
                visited.add(reader.name)
                stack.append(reader.name)
