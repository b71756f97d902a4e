"""Child side: unique names for the variables of a model."""

from collections.abc import Iterable
from typing import Any


def variable_names(variables: Iterable[Any]) -> list[tuple[str, Any]]:
    """Return each variable with its path as its name; further variables with the same path get " (2)" and so on."""
    counts: dict[str, int] = {}
    named = []
    for variable in variables:
        count = counts[variable.path] = counts.get(variable.path, 0) + 1
        named.append((f"{variable.path} ({count})" if count > 1 else variable.path, variable))
    return named
