"""The structure of a model on which a compiled step depends: variables, which of them are trained, dtype policies.

Reading it through the properties of Keras takes as long as a small step. So it is read again only if something has
changed, which is seen in the lists in which Keras keeps the parts of a layer.
"""

from collections.abc import Callable
from itertools import chain
from operator import attrgetter
from typing import Any

from kerasbridge.keras_compat.models import dtype_policies, flatten_layers

LISTS = ("_layers", "_trainable_variables", "_non_trainable_variables", "_seed_generators", "_metrics")
"""The lists of a layer that contain its parts."""

LISTS_OF_METRIC = ("_variables", "_metrics")

_lists_of_layer: Callable[[Any], tuple[Any, ...]] = attrgetter(*LISTS)
_is_trainable, _policy = attrgetter("trainable"), attrgetter("dtype_policy")


class Structure:
    """The structure of a model; `read` returns a tuple that can be hashed and compared."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._find()

    def read(self) -> tuple[Any, ...]:
        """Return variables, by their ids, which of them are trained, and the dtype policies."""
        if self._state() != self._known:
            self._find()
        return self._found

    def _find(self) -> None:
        model = self._model
        optimizer = getattr(model, "optimizer", None)
        of_optimizer = [] if optimizer is None else optimizer.variables
        self._layers = [model, *flatten_layers(model)]
        self._metrics = [part for each in model.metrics for part in (each, *getattr(each, "metrics", ()))]
        self._lists = list(chain.from_iterable(map(_lists_of_layer, self._layers)))
        self._lists += [getattr(metric, name, ()) for metric in self._metrics for name in LISTS_OF_METRIC]
        self._lists += [] if optimizer is None else [optimizer._variables]
        variables = list(model.variables)
        self._switched = [*self._layers, *variables]
        trained = tuple(map(id, model.trainable_variables))
        every = tuple(map(id, (*variables, *of_optimizer, *model.metrics_variables)))
        self._found = every, trained, dtype_policies(model)
        self._parts = [*chain.from_iterable(self._lists), *map(_policy, self._layers), optimizer]  # keeps their ids
        self._known = self._state()

    def _state(self) -> tuple[Any, ...]:
        model = self._model
        return (
            list(map(id, chain.from_iterable(self._lists))),
            list(map(len, self._lists)),
            list(map(_is_trainable, self._switched)),
            list(map(id, map(_policy, self._layers))),
            [getattr(metric, "built", None) for metric in self._metrics],
            id(getattr(model, "optimizer", None)),
        )
