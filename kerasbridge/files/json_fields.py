"""Check the values of a JSON object by the annotations of the dataclass that they become."""

from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints


def check_fields(kind: type, values: Any) -> dict[str, Any]:
    """Return the fields of a dataclass.

    Raises:
        ValueError: a value has another type than the field; the message is a clause that names the field.
    """
    types = get_type_hints(kind)
    for name, value in values.items():
        if name not in types:
            raise ValueError(f"its field {name[:60]!r} is unknown")
        if not _has_type(value, types[name]):
            raise ValueError(f"its {name} is not of the type {types[name]}")
    return dict(values)


def _has_type(value: Any, expected: Any) -> bool:
    """Return whether a value has a type: a class, a union, or a dict or list of such."""
    origin, arguments = get_origin(expected), get_args(expected)
    if origin is UnionType:
        return any(_has_type(value, argument) for argument in arguments)
    if origin is dict:
        return isinstance(value, dict) and all(_has_type(item, arguments[1]) for item in value.values())
    if origin is list:
        return isinstance(value, list) and all(_has_type(item, arguments[0]) for item in value)
    return type(value) in (int, float) if expected is float else type(value) is expected
