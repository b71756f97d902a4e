"""Group the names of a state_dict into modules that correspond to Keras layers."""

import re
from collections.abc import Iterable, Sequence

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.ir.weights import Group, Parameter, group_by_module

WRAPPERS = ("module.", "_orig_mod.", "model.module.")
"""Prefixes that DataParallel and torch.compile add to every name."""

_RECURRENT_ROLE = re.compile(r"(weight_ih|weight_hh|bias_ih|bias_hh|weight_hr)_l(\d+)(_reverse)?")
_WEIGHT_NORM_ROLES = ({"weight_g", "weight_v"}, {"original0", "original1"})


def strip_wrappers(parameters: Sequence[Parameter]) -> tuple[list[Parameter], str]:
    """Return the parameters without the prefixes that wrappers add to all names, and these prefixes."""
    removed = ""
    names = [parameter.name for parameter in parameters]
    while prefix := _common_wrapper(names):
        names = [name.removeprefix(prefix) for name in names]
        removed += prefix
    return [Parameter(name, parameter.array) for name, parameter in zip(names, parameters, strict=True)], removed


def _common_wrapper(names: Sequence[str]) -> str | None:
    return next((prefix for prefix in WRAPPERS if names and all(name.startswith(prefix) for name in names)), None)


def group_modules(parameters: Iterable[Parameter]) -> tuple[Group, ...]:
    """Return the modules with weights: each layer of a stacked recurrent module, and attention with its projection."""
    groups = map(_merge_weight_norm, group_by_module(map(_strip_parametrization, parameters)))
    return tuple(layer for group in _merge_attention_outputs(groups) for layer in _split_recurrent_layers(group))


def _strip_parametrization(parameter: Parameter) -> Parameter:
    """Remove the submodule in which torch stores a parametrized weight from its name."""
    name = re.sub(r"\bparametrizations\.(\w+)\.(original\d)$", r"\2", parameter.name)
    return Parameter(name, parameter.array)


def _merge_weight_norm(group: Group) -> Group:
    """Compute weights that `weight_norm` stores as magnitude g and direction v: g·v/|v|, for each filter."""
    roles = next((roles for roles in _WEIGHT_NORM_ROLES if roles <= group.arrays.keys()), None)
    if roles is None:
        return group
    magnitude, direction = (group.arrays[role] for role in sorted(roles))
    others = {role: array for role, array in group.arrays.items() if role not in roles}
    return Group(group.prefix, {"weight": _scale_to(group.prefix, magnitude, direction), **others})


def _scale_to(prefix: str, magnitude: Array, direction: Array) -> Array:
    axes = tuple(axis for axis in range(direction.ndim) if axis >= magnitude.ndim or magnitude.shape[axis] == 1)
    norm = np.sqrt(np.square(direction, dtype=np.float64).sum(axes, keepdims=True))
    if magnitude.ndim != direction.ndim or norm.shape != magnitude.shape or not norm.all():
        raise ValueError(f"damaged: the magnitudes and directions of {prefix} do not belong together")
    return np.asarray(magnitude * direction / norm, np.float32)


def _merge_attention_outputs(groups: Iterable[Group]) -> list[Group]:
    """Merge each `nn.MultiheadAttention` with its output projection, which is a module in it."""
    merged = {group.prefix: group for group in groups}
    for prefix, group in list(merged.items()):
        projection = f"{prefix}.out_proj" if prefix else "out_proj"
        if {"in_proj_weight", "q_proj_weight"} & group.arrays.keys() and projection in merged:
            output = {f"out_proj.{role}": array for role, array in merged.pop(projection).arrays.items()}
            merged[prefix] = Group(prefix, {**group.arrays, **output})
    return list(merged.values())


def _split_recurrent_layers(group: Group) -> Iterable[Group]:
    """Split a recurrent module into its layers, each with both of its directions."""
    layers: dict[int, dict[str, Array]] = {}
    for role, array in group.arrays.items():
        match = _RECURRENT_ROLE.fullmatch(role)
        if match is None:
            return [group]
        layers.setdefault(int(match[2]), {})[match[1] + (match[3] or "")] = array
    if len(layers) == 1:
        return [Group(group.prefix, next(iter(layers.values())))]
    return [Group(f"{group.prefix}.l{number}", arrays) for number, arrays in sorted(layers.items())]
