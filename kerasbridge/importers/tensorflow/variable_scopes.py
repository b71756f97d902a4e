"""What the names of variables say: which layer each belongs to, and what it is there.

TensorFlow's users name variables as they like: "conv1/kernel" of Keras's layers and of tf.layers, "conv1/weights" of
slim, "conv1/Variable" and "conv1/Variable_1", "layer1/weights/Variable", "W_conv1", "fc_b".
"""

import re
from collections.abc import Collection, Sequence

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.ir.weights import Group, Parameter, natural_sort_key

_OPTIMIZERS = (
    "AMSGrad|Adadelta|Adagrad|AdagradDA|Adam|AdamW|Adamax|ExponentialMovingAverage|Ftrl|GradientDescent|Lion|Momentum|"
    "Nadam|ProximalAdagrad|RMSProp|RMSprop|SGD"
)
_TRAINING = re.compile(rf"(.*/)?(({_OPTIMIZERS})(_\d+)?(/.*)?|beta[12]_power(_\d+)?|global_step|save_counter)")
_VARIABLE = re.compile(r"(.*/)?Variable(_\d+)?")
_ROLE = "(?P<role>[WwBb]|weights?|kernel|bias(es)?)"
_AFFIXED = [
    re.compile(pattern)
    for pattern in (
        rf"{_ROLE}_?(?P<layer>\w*\d\w*)",
        rf"(?P<layer>(?!depthwise|pointwise|recurrent)\w+)_{_ROLE}",
    )
]
_BIDIRECTIONAL = re.compile(r"(?P<layer>.*?)/?(?P<way>forward|backward)_[^/]+(/.*)?/(?P<role>[^/]+)")
_CELL = re.compile(r"/(cell|(lstm|gru|simple_rnn)_cell(_\d+)?)$")
_WEIGHT_NAMES = {
    "alpha", "beta", "bias", "embeddings", "gamma", "kernel", "moving_mean", "moving_variance", "recurrent_kernel",
}  # fmt: skip


def layer_variables(names: Collection[str]) -> list[str]:
    """The names that are not of what trains: of an optimizer, of an average, or below the name of a variable."""
    return sorted(
        (name for name in names if not _TRAINING.fullmatch(name) and name.rpartition("/")[0] not in names),
        key=natural_sort_key,
    )


def is_numbered(name: str) -> bool:
    """Return whether TensorFlow numbered a variable itself, in the order in which they were made."""
    return bool(_VARIABLE.fullmatch(name)) and "/" not in name


def group_by_layer(weights: Sequence[Parameter]) -> tuple[Group, ...]:
    """The layers that variables belong to; none where the names do not say them, as those without scopes."""
    places = _split_names([one.name for one in weights])
    held: dict[str, list[tuple[str, Parameter]]] = {}
    for (layer, role), one in zip(places, weights, strict=True):
        held.setdefault(layer, []).append((role, one))
    groups = {layer: _group(layer, variables) for layer, variables in held.items()}
    if "" in held or not any(groups.values()):
        return ()
    return tuple(group or _unrecognized_group(layer, held[layer]) for layer, group in groups.items())


def _unrecognized_group(layer: str, variables: Sequence[tuple[str, Parameter]]) -> Group:
    """A layer of which it is not clear what its arrays are."""
    arrays = {one.name.rpartition("/")[2]: one.array for _, one in variables}
    return Group(layer, arrays, {one.name.rpartition("/")[2]: one.name for _, one in variables})


def _split_names(names: Sequence[str]) -> list[tuple[str, str]]:
    """Layer and role of each name."""
    shorter = [_strip_variable(name) for name in names]
    if len({*shorter}) == len(names):
        names = shorter
    return [_split_name(name) for name in names]


def _strip_variable(name: str) -> str:
    """ "layer1/weights" for "layer1/weights/Variable"."""
    return name.rpartition("/")[0] if _VARIABLE.fullmatch(name) and "/" in name else name


def _split_name(name: str) -> tuple[str, str]:
    if both := _BIDIRECTIONAL.fullmatch(name):
        return both["layer"], f"{both['way']}_{both['role']}"
    scope, _, own = name.rpartition("/")
    scope = _CELL.sub("", scope)
    affixed = next((match for pattern in _AFFIXED if (match := pattern.fullmatch(own))), None)
    if affixed is None or own in _WEIGHT_NAMES:
        return scope, own
    return f"{scope}/{affixed['layer']}".lstrip("/"), affixed["role"]


def _group(layer: str, variables: Sequence[tuple[str, Parameter]]) -> Group | None:
    """The arrays of a layer by what they are; None where that is not clear."""
    arrays: dict[str, Array] = {}
    names: dict[str, str] = {}
    matrices = [one for _, one in variables if one.array.ndim > 1]
    vectors = [one for role, one in variables if one.array.ndim == 1 and role not in _WEIGHT_NAMES]
    for role, one in variables:
        known = _weight_name(role, one, matrices, vectors)
        if known is None or known in arrays:
            return None
        arrays[known], names[known] = one.array, one.name
    return Group(layer, arrays, names)


def _weight_name(role: str, one: Parameter, matrices: Sequence[Parameter], vectors: Sequence[Parameter]) -> str | None:
    """What a variable of a layer is: one matrix is a kernel, one vector beside it a bias, however they are named."""
    if one.array.ndim > 1 and len(matrices) == 1:
        return "kernel"
    if one.array.ndim == 1 and role not in _WEIGHT_NAMES and len(vectors) == 1 and matrices:
        return "bias"
    plain = role.replace("weights", "kernel")  # "depthwise_weights" of slim
    own = re.sub("^(forward|backward|depthwise|pointwise)_", "", plain)
    return plain if own in _WEIGHT_NAMES else None
