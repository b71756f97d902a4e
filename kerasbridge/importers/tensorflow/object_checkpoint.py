"""Variables of TensorFlow 2 checkpoints, whose entries are named after the path to them from the root object."""

from collections.abc import Iterator

from kerasbridge.importers.tensorflow.object_graph import ObjectTree, checkpoint_tree, variable_keys
from kerasbridge.importers.tensorflow.tensor_bundle import TensorBundle

_OPTIMIZER_CHILDREN = {"_iterations", "_learning_rate", "iter", "iterations"}
"""Attributes that only optimizers have."""

_SKIPPED = {"_optimizer", "keras_api", "metrics", "optimizer", "save_counter", "signatures"}
_LISTS = {"non_trainable_variables", "trainable_variables", "variables", "weights"}
"""Attributes that are visited last, because their names do not describe the variable."""


def variable_entries(bundle: TensorBundle) -> dict[str, str]:
    """Return the checkpoint entries of variables by name, in order, without optimizers, metrics and counters.

    The name is the variable's own if each has one with a scope, "conv/kernel"; else the path to it,
    "layer_with_weights-0/kernel".
    """
    variables = [*_variables(checkpoint_tree(bundle))]
    names = [name for _, name, _ in variables]
    is_named = all("/" in name for name in names) and len({*names}) == len(names)
    return {name if is_named else path: key for path, name, key in variables if bundle.is_supported(key)}


def _variables(tree: ObjectTree) -> Iterator[tuple[str, str, str]]:
    """Yield the path to each variable, its own name, and its entry."""
    visited: set[int] = set()
    stack = [(0, "")]
    while stack:
        index, path = stack.pop()
        children = tree.children(index)
        if index in visited or _OPTIMIZER_CHILDREN & {*children}:
            continue
        visited.add(index)
        yield from ((path, name, key) for name, key in variable_keys(tree, index))
        names = sorted((name for name in children if name not in _SKIPPED), key=_visit_priority)
        stack += [(children[name], f"{path}/{name}".lstrip("/")) for name in reversed(names)]


def _visit_priority(name: str) -> int:
    """Sort "layer_with_weights-0" before the same object's "layer-1", and lists of variables last."""
    return 0 if name.startswith("layer_with_weights-") else 2 if name in _LISTS else 1
