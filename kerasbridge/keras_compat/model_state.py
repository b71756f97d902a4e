"""State of a model in addition to its weights: optimizers, their variables, states of layers, hyperparameters."""

import types
from typing import Any

from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import flatten_layers
from kerasbridge.keras_compat.seed_generators import global_generator

_OF_ITS_STATE = ("built", "training", "is_gptq_calibrated", "is_awq_calibrated")
_PLAIN = (bool, int, float, str, types.FunctionType)
_PARTS = (
    keras.regularizers.Regularizer,
    keras.constraints.Constraint,
    keras.optimizers.schedules.LearningRateSchedule,
)


def hyperparameters(model: Any) -> list[tuple[dict[str, Any], list[str]]]:
    """Return the plain public attributes of Keras layers and the optimizer: rates, activations, momenta.

    So are those of their regularizers, constraints and schedules. Each is (attributes of the object, names), to be read
    often. Classes of the user are left out.
    """
    parts = [*flatten_layers(model), getattr(model, "optimizer", None)]
    held = [part for owner in parts for part in getattr(owner, "__dict__", {}).values() if isinstance(part, _PARTS)]
    holders = list({id(part): part for part in (*parts, *held)}.values())
    own = [holder for holder in holders if type(holder).__module__.partition(".")[0] == "keras"]
    return [(vars(holder), names) for holder in own if (names := _plain_names(vars(holder)))]


def _plain_names(attributes: dict[str, Any]) -> list[str]:
    return [
        name
        for name, value in attributes.items()
        if not name.startswith("_") and name not in _OF_ITS_STATE and isinstance(value, _PLAIN)
    ]


def optimizers_of(model: Any) -> list[Any]:
    """Return the optimizers that are attributes of a model or of its layers, each once."""
    holders = [model, *flatten_layers(model)]
    held = [part for holder in holders for part in vars(holder).values()]
    return list({id(part): part for part in held if isinstance(part, keras.optimizers.Optimizer)}.values())


def optimizer_variables(optimizer: Any) -> list[Any]:
    """Return every variable of an optimizer and of the optimizers inside it.

    Keras's own list lacks variables that an optimizer creates as attributes while another builds it: Nadam's product
    of momenta inside a LossScaleOptimizer, which stock JAX therefore loses at each step.
    """
    inner = [getattr(optimizer, "inner_optimizer", None), *getattr(optimizer, "optimizers", ())]
    parts = [part for each in (optimizer, *inner) if each is not None for part in vars(each).values()]
    held = [part for part in parts if isinstance(part, keras.Variable)]
    return list({id(variable): variable for variable in (*optimizer.variables, *held)}.values())


def loss_scales(optimizer: Any) -> list[Any]:
    """Return the variables by which a LossScaleOptimizer adapts its scale; none for another optimizer."""
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return []
    return [optimizer.step_counter, optimizer.dynamic_scale]


def rnn_states(model: Any) -> list[Any]:
    """Return the states of stateful RNNs: variables that Keras does not list among the model's."""
    stateful = [layer for layer in flatten_layers(model) if isinstance(layer, keras.layers.RNN) and layer.stateful]
    return [state for layer in stateful for state in keras.tree.flatten(layer.states)]


def all_variables(model: Any) -> list[Any]:
    """Return every variable of a model, its metrics and optimizers, and the state of Keras's global seed generator."""
    moved = [variable for optimizer in optimizers_of(model) for variable in optimizer_variables(optimizer)]
    return [
        *model.variables,
        *rnn_states(model),
        *model.metrics_variables,
        *moved,
        global_generator().state,
    ]
