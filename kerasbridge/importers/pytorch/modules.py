"""The names of a state_dict as modules, in the form that layers of Keras have."""

import re
from collections.abc import Iterable, Sequence

import numpy as np

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.ir.weights import Group, Parameter, group_by_module

WRAPPERS = ("module.", "_orig_mod.", "model.module.")
"""What DataParallel and torch.compile put before every name."""

_STACKED = re.compile(r"(weight_ih|weight_hh|bias_ih|bias_hh|weight_hr)_l(\d+)(_reverse)?")
_NORMED = ({"weight_g", "weight_v"}, {"original0", "original1"})


def strip_wrappers(found: Sequence[Parameter]) -> tuple[list[Parameter], str]:
    """The parameters without what wrappers put before all names, and what that was."""
    removed = ""
    names = [one.name for one in found]
    while wrapper := next((one for one in WRAPPERS if names and all(name.startswith(one) for name in names)), None):
        names = [name[len(wrapper) :] for name in names]
        removed += wrapper
    return [Parameter(name, one.array) for name, one in zip(names, found, strict=True)], removed


def group_modules(parameters: Iterable[Parameter]) -> tuple[Group, ...]:
    """The modules that have weights: each layer of a stacked recurrent one, and attention as a whole."""
    plain = _normed(group_by_module(_renamed(parameters)))
    return tuple(layer for group in _attending(plain) for layer in _stacked(group))


def _renamed(parameters: Iterable[Parameter]) -> Iterable[Parameter]:
    """Without the places where torch keeps what parametrizes a weight."""
    for one in parameters:
        yield Parameter(re.sub(r"\bparametrizations\.(\w+)\.(original\d)$", r"\2", one.name), one.array)


def _normed(groups: Iterable[Group]) -> Iterable[Group]:
    """Weights that `weight_norm` keeps as lengths g and directions v: g·v/|v|, each filter by itself."""
    for group in groups:
        pair = next((names for names in _NORMED if names <= group.arrays.keys()), None)
        if pair is None:
            yield group
            continue
        length, direction = (group.arrays[name] for name in sorted(pair))
        others = {name: array for name, array in group.arrays.items() if name not in pair}
        yield Group(group.prefix, {"weight": _product(group.prefix, length, direction), **others})


def _product(prefix: str, length: Array, direction: Array) -> Array:
    axes = tuple(axis for axis in range(direction.ndim) if axis >= length.ndim or length.shape[axis] == 1)
    norm = np.sqrt(np.square(direction, dtype=np.float64).sum(axes, keepdims=True))
    if length.ndim != direction.ndim or norm.shape != length.shape or not norm.all():
        raise ValueError(f"damaged: the lengths and directions of {prefix} do not belong together")
    return np.asarray(length * direction / norm, np.float32)


def _attending(groups: Iterable[Group]) -> list[Group]:
    """`nn.MultiheadAttention` and its output, which is a module in it, as one."""
    found = {group.prefix: group for group in groups}
    for prefix, group in list(found.items()):
        inner = f"{prefix}.out_proj" if prefix else "out_proj"
        if {"in_proj_weight", "q_proj_weight"} & group.arrays.keys() and inner in found:
            output = {f"out_proj.{role}": array for role, array in found.pop(inner).arrays.items()}
            found[prefix] = Group(prefix, {**group.arrays, **output})
    return list(found.values())


def _stacked(group: Group) -> Iterable[Group]:
    """Each layer of a recurrent module; both directions of it together."""
    layers: dict[int, dict[str, Array]] = {}
    for role, array in group.arrays.items():
        match = _STACKED.fullmatch(role)
        if match is None:
            return [group]
        layers.setdefault(int(match[2]), {})[match[1] + (match[3] or "")] = array
    if len(layers) == 1:
        return [Group(group.prefix, next(iter(layers.values())))]
    return [Group(f"{group.prefix}.l{number}", arrays) for number, arrays in sorted(layers.items())]
