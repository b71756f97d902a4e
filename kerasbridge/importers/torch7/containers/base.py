"""Helpers of the converters of containers, and the table in which they are registered."""

from collections.abc import Callable, Sequence

from kerasbridge.importers.ir.ops.base import ShapeError
from kerasbridge.importers.ir.registry import Registry
from kerasbridge.importers.torch7.infer_inputs import CONTAINER_RULES, ContainerRule
from kerasbridge.importers.torch7.to_graph import Container, ModuleConverter, Value

MAX_PIECES = 1024
"""The maximum number of tensors in a table that a module splits or selects."""

CONTAINERS: Registry[Container] = Registry()
"""The converters by type of container."""


def converts(*kinds: str, takes: ContainerRule | None = None) -> Callable[[Container], Container]:
    """Register the decorated function as the converter of these types of containers.

    Args:
        takes: the rule for their input, in `infer_inputs.CONTAINER_RULES`.
    """
    if takes is not None:
        CONTAINER_RULES.converts(*kinds)(takes)
    return CONTAINERS.converts(*kinds)


def table(converter: ModuleConverter, value: Value) -> Sequence[Value]:
    """Return the values of a table; a tensor raises ShapeError."""
    if isinstance(value, str):
        return [mismatch(converter, value, "expected a table, received a tensor")]
    values: Sequence[Value] = value
    return values


def tensors(converter: ModuleConverter, value: Value) -> list[str]:
    """Return the tensors of a table; one that contains tables raises ShapeError."""
    values = table(converter, value)
    if not values or not all(isinstance(one, str) for one in values):
        raise ShapeError("expected a table of tensors")
    return list(values)


def two_tensors(converter: ModuleConverter, value: Value) -> tuple[str, str]:
    """Return the tensors of a table of two."""
    values = tensors(converter, value)
    if len(values) != 2:
        raise ShapeError(f"expected two tensors, received {len(values)}")
    return values[0], values[1]


def table_item(converter: ModuleConverter, value: Value, index: int) -> Value:
    """Return one value of a table; the index counts from 1, or from the end if it is negative."""
    values = table(converter, value)
    position = index - 1 if index > 0 else len(values) + index
    if not 0 <= position < len(values) or index == 0:
        return mismatch(converter, value, f"there is no {index} among {len(values)}")
    return values[position]


def mismatch(converter: ModuleConverter, value: Value, reason: str) -> Value:
    """Return the value if an earlier module is not supported, else raise ShapeError."""
    if not converter.unsupported:
        raise ShapeError(reason)
    return value
