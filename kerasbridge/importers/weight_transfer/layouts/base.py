"""The rules that create the slots of layers: one module for each layer, or for layers that share code.

A module registers its rule with `slots_for`; all modules are imported in the package.
"""

from collections.abc import Callable, Sequence
from typing import Any

from kerasbridge.importers.ir.ops import Array
from kerasbridge.importers.ir.weights import Convention
from kerasbridge.importers.weight_transfer.slot_context import SlotContext
from kerasbridge.importers.weight_transfer.slots import ArrayLayout, ArraySpec, WeightSlot

Rule = Callable[[Any, SlotContext], list[WeightSlot]]

RULES: dict[Convention, dict[type, Rule]] = {"pytorch": {}, "lasagne": {}, "tensorflow": {}}
"""The rules by the framework of the file, and by the class of the Keras layer."""

ROLES = {"pytorch": ("weight", "bias"), "lasagne": ("W", "b")}
"""The roles of kernel and bias in most layers of a framework."""


def slots_for(*classes: type, conventions: Sequence[Convention] = ("pytorch", "lasagne")) -> Callable[[Rule], Rule]:
    """Register the decorated function as the rule of these layer classes, for files of these frameworks."""

    def register(rule: Rule) -> Rule:
        for convention in conventions:
            RULES[convention].update(dict.fromkeys(classes, rule))
        return rule

    return register


def kernel_layout(
    context: SlotContext,
    kernel: tuple[int, ...],
    bias: tuple[int, ...],
    bias_variable: Any,
    to_keras: Callable[..., list[Array]],
) -> ArrayLayout:
    """Return the layout of a kernel and, unless `bias_variable` is None, a bias of these shapes."""
    kernel_role, bias_role = ROLES[context.convention]
    arrays = (ArraySpec(kernel_role, tuple(kernel)), ArraySpec(bias_role, bias))
    return ArrayLayout(arrays if bias_variable is not None else arrays[:1], to_keras)


def kernel_slot(layer: Any, context: SlotContext, layouts: list[ArrayLayout]) -> WeightSlot:
    """Return the slot of a layer with a kernel and a bias."""
    return context.slot([layer.kernel, layer.bias], layouts)
