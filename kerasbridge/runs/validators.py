"""What a run's files may hold, as JSON has it: they may come from anywhere."""

from collections.abc import Callable, Mapping
from typing import Any

_MAX = 2**63


def is_whole(value: Any) -> bool:
    """Return whether a value is a whole number of ordinary size."""
    return type(value) is int and abs(value) < _MAX


def is_number_or_none(value: Any) -> bool:
    """Return whether a value is a number, or null."""
    return value is None or isinstance(value, float) or is_whole(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_whole_or_none(value: Any) -> bool:
    return value is None or is_whole(value)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _is_numbers(value: Any) -> bool:
    return isinstance(value, dict) and all(map(is_number_or_none, value.values()))


def _is_classes(value: Any) -> bool:
    return value is None or (
        isinstance(value, dict) and all(key.isdecimal() and is_whole(found) for key, found in value.items())
    )


KINDS: Mapping[str, Callable[[Any], bool]] = {
    "arguments": _is_mapping, "versions": _is_mapping, "backend": _is_text, "device": _is_text,
    "seed": _is_whole_or_none, "rng": _is_text_or_none, "data": _is_mapping, "started": _is_text, "model": _is_text,
    "epochs": _is_whole_or_none, "execution": _is_text_or_none, "execution_reason": _is_text_or_none,
    "test": _is_numbers, "mistakes": _is_classes, "seconds": is_number_or_none, "finished": _is_text_or_none,
}  # fmt: skip
"""What each field of a `Config` may hold."""
