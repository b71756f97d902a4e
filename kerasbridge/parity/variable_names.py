"""Child side: a name for every variable of a model."""

from collections.abc import Iterable
from typing import Any


def variable_names(variables: Iterable[Any]) -> list[tuple[str, Any]]:
    """Each variable with its path; where several have one path, "path (2)" and so on, in their order."""
    seen: dict[str, int] = {}
    names = []
    for variable in variables:
        seen[variable.path] = seen.get(variable.path, 0) + 1
        count = seen[variable.path]
        names.append((f"{variable.path} ({count})" if count > 1 else variable.path, variable))
    return names
