"""The variables of TensorFlow 2's checkpoints, whose entries are named for the way to them from the first object."""

from collections.abc import Iterator

from kerasbridge.importers.tensorflow.object_graph import ObjectTree, checkpoint_tree, variable_keys
from kerasbridge.importers.tensorflow.tensor_bundle import TensorBundle

_OPTIMIZER_CHILDREN = {"_iterations", "_learning_rate", "iter", "iterations"}
"""What optimizers, and nothing else, hold."""

_SKIPPED = {"_optimizer", "keras_api", "metrics", "optimizer", "save_counter", "signatures"}
_LISTS = {"non_trainable_variables", "trainable_variables", "variables", "weights"}
"""Names by which a variable is found last: they do not say what it is."""


def variable_entries(bundle: TensorBundle) -> dict[str, str]:
    """By their names the entries of the variables that are not of an optimizer, a metric or a counter, in order.

    A variable's own name is taken where each has one with a scope, "conv/kernel"; else the way to it,
    "layer_with_weights-0/kernel".
    """
    found = [*_variables(checkpoint_tree(bundle))]
    own = [full for _, full, _ in found]
    has_own = all("/" in name for name in own) and len({*own}) == len(own)
    return {full if has_own else way: key for way, full, key in found if bundle.is_read(key)}


def _variables(tree: ObjectTree) -> Iterator[tuple[str, str, str]]:
    """The way to each variable, its own name, and its entry."""
    seen: set[int] = set()
    waiting = [(0, "")]
    while waiting:
        place, way = waiting.pop()
        held = tree.children(place)
        if place in seen or _OPTIMIZER_CHILDREN & {*held}:
            continue
        seen.add(place)
        yield from ((way, full, key) for full, key in variable_keys(tree, place))
        inner = sorted((name for name in held if name not in _SKIPPED), key=_visit_priority)
        waiting += [(held[name], f"{way}/{name}".lstrip("/")) for name in reversed(inner)]


def _visit_priority(name: str) -> int:
    """Layers that have weights are counted by themselves, too."""
    return 0 if name.startswith("layer_with_weights-") else 2 if name in _LISTS else 1
