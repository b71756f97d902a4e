"""The objects that take the place of everything that a pickle would import, call or create."""

from dataclasses import dataclass, field
from typing import Any


class DamagedPickle(ValueError):
    """A pickle is invalid; the message is a noun phrase that follows the file's name and "is"."""


@dataclass(frozen=True)
class GlobalRef:
    """A class or function that a pickle would import."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class PersistentId:
    """A reference to an object outside of the pickle."""

    value: Any


@dataclass(eq=False)
class InertObject:
    """An object that a pickle would create by a call.

    Args:
        factory: the callable, a `GlobalRef` in a valid pickle.
        arguments: the arguments of the call.
        state: the state that would be set on the object afterwards.
        items: the items that would be appended to it.
        entries: the items that would be set in it by key.
    """

    factory: Any
    arguments: Any
    state: Any = None
    items: list[Any] = field(default_factory=list)
    entries: dict[Any, Any] = field(default_factory=dict)
