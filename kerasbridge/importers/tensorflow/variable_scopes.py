"""Derive the layer of a variable and its role in the layer from the variable's name.

Names vary: "conv1/kernel" in Keras and tf.layers, "conv1/weights" in slim, "conv1/Variable" and "conv1/Variable_1",
"layer1/weights/Variable", "W_conv1", "fc_b".
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
_BIDIRECTIONAL = re.compile(r"(?P<layer>.*?)/?(?P<direction>forward|backward)_[^/]+(/.*)?/(?P<role>[^/]+)")
_CELL = re.compile(r"/(cell|(lstm|gru|simple_rnn)_cell(_\d+)?)$")
_WEIGHT_NAMES = {
    "alpha", "beta", "bias", "embeddings", "gamma", "kernel", "moving_mean", "moving_variance", "recurrent_kernel",
}  # fmt: skip


def layer_variables(names: Collection[str]) -> list[str]:
    """Return the names without those of optimizers, averages and slots, which are below the name of a variable."""
    return sorted(
        (name for name in names if not _TRAINING.fullmatch(name) and name.rpartition("/")[0] not in names),
        key=natural_sort_key,
    )


def is_numbered(name: str) -> bool:
    """Return whether TensorFlow named a variable itself, with numbers in the order of creation."""
    return bool(_VARIABLE.fullmatch(name)) and "/" not in name


def group_by_layer(weights: Sequence[Parameter]) -> tuple[Group, ...]:
    """Group variables by layer; return () if the names do not contain layers, such as names without scopes."""
    layers_and_roles = _split_names([weight.name for weight in weights])
    by_layer: dict[str, list[tuple[str, Parameter]]] = {}
    for (layer, role), weight in zip(layers_and_roles, weights, strict=True):
        by_layer.setdefault(layer, []).append((role, weight))
    groups = {layer: _group(layer, variables) for layer, variables in by_layer.items()}
    if "" in by_layer or not any(groups.values()):
        return ()
    return tuple(group or _unrecognized_group(layer, by_layer[layer]) for layer, group in groups.items())


def _unrecognized_group(layer: str, variables: Sequence[tuple[str, Parameter]]) -> Group:
    """Return the group of a layer whose arrays have unknown roles, by their own names."""
    arrays = {variable.name.rpartition("/")[2]: variable.array for _, variable in variables}
    return Group(layer, arrays, {variable.name.rpartition("/")[2]: variable.name for _, variable in variables})


def _split_names(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return layer and role of each name."""
    # "layer1/weights" for "layer1/weights/Variable"
    stripped = [name.rpartition("/")[0] if _VARIABLE.fullmatch(name) and "/" in name else name for name in names]
    if len({*stripped}) == len(names):
        names = stripped
    return [_split_name(name) for name in names]


def _split_name(name: str) -> tuple[str, str]:
    if match := _BIDIRECTIONAL.fullmatch(name):
        return match["layer"], f"{match['direction']}_{match['role']}"
    scope, _, variable = name.rpartition("/")
    scope = _CELL.sub("", scope)
    affixed = next((match for pattern in _AFFIXED if (match := pattern.fullmatch(variable))), None)
    if affixed is None or variable in _WEIGHT_NAMES:
        return scope, variable
    return f"{scope}/{affixed['layer']}".lstrip("/"), affixed["role"]


def _group(layer: str, variables: Sequence[tuple[str, Parameter]]) -> Group | None:
    """Return the arrays of a layer by their roles; None if a role is ambiguous."""
    arrays: dict[str, Array] = {}
    names: dict[str, str] = {}
    matrices = [variable for _, variable in variables if variable.array.ndim > 1]
    vectors = [variable for role, variable in variables if variable.array.ndim == 1 and role not in _WEIGHT_NAMES]
    for role, variable in variables:
        name = _weight_name(role, variable, matrices, vectors)
        if name is None or name in arrays:
            return None
        arrays[name], names[name] = variable.array, variable.name
    return Group(layer, arrays, names)


def _weight_name(
    role: str, variable: Parameter, matrices: Sequence[Parameter], vectors: Sequence[Parameter]
) -> str | None:
    """Return the Keras name of a layer's variable: a single matrix is the kernel, a single vector with it the bias."""
    if variable.array.ndim > 1 and len(matrices) == 1:
        return "kernel"
    if variable.array.ndim == 1 and role not in _WEIGHT_NAMES and len(vectors) == 1 and matrices:
        return "bias"
    plain = role.replace("weights", "kernel")  # "depthwise_weights" of slim
    base = re.sub("^(forward|backward|depthwise|pointwise)_", "", plain)
    return plain if base in _WEIGHT_NAMES else None
