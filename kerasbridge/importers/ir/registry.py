"""Tables of converters, filled by decorators: a new operation is a new module, and no table has to list it."""

import importlib
import pkgutil
import sys
from collections.abc import Callable
from typing import TypeVar

Converter = TypeVar("Converter", bound=Callable[..., object])


class Registry(dict[str, Converter]):
    """The converters of a format, by the types of layers in its files."""

    def converts(self, *kinds: str) -> Callable[[Converter], Converter]:
        """Register the decorated function for these types of layers."""

        def register(converter: Converter) -> Converter:
            for kind in kinds:
                assert kind not in self, f"{kind} has two converters"
                self[kind] = converter
            return converter

        return register


def import_modules(package: str) -> None:
    """Import each module of a package, so that its decorators run."""
    for module in pkgutil.iter_modules(sys.modules[package].__path__):
        importlib.import_module(f"{package}.{module.name}")
