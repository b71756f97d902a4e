"""Validators for the JSON values in the files of a run, which are not trusted."""

from collections.abc import Callable, Mapping
from typing import Any

_MAX = 2**63


def is_integer(value: Any) -> bool:
    """Return whether a value is an integer of at most 64 bits."""
    return type(value) is int and abs(value) < _MAX


def is_number_or_none(value: Any) -> bool:
    """Return whether a value is a number, or null."""
    return value is None or isinstance(value, float) or is_integer(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_integer_or_none(value: Any) -> bool:
    return value is None or is_integer(value)


def _is_texts_or_none(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(map(_is_text, value)))


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _is_numbers(value: Any) -> bool:
    return isinstance(value, dict) and all(map(is_number_or_none, value.values()))


def _is_numbers_or_none(value: Any) -> bool:
    return value is None or _is_numbers(value)


def _is_mistakes(value: Any) -> bool:
    return value is None or (
        isinstance(value, dict) and all(key.isdecimal() and is_integer(predicted) for key, predicted in value.items())
    )


VALIDATORS: Mapping[str, Callable[[Any], bool]] = {
    "arguments": _is_mapping, "versions": _is_mapping, "backend": _is_text, "device": _is_text,
    "seed": _is_integer_or_none, "rng": _is_text_or_none, "data": _is_mapping, "started": _is_text, "model": _is_text,
    "epochs": _is_integer_or_none, "execution": _is_text_or_none, "execution_reason": _is_text_or_none,
    "fast_paths": _is_texts_or_none, "workers": is_integer, "devices": _is_texts_or_none,
    "test": _is_numbers, "validation": _is_numbers_or_none,
    "mistakes": _is_mistakes, "seconds": is_number_or_none, "finished": _is_text_or_none,
}  # fmt: skip
"""The validator of each field of a `Config`."""
