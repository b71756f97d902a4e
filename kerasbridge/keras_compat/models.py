"""Attributes and methods of Keras models that training uses, private ones included."""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kerasbridge.errors import ArgumentError, one_line
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.patches import patch_abstract_evaluation
from kerasbridge.keras_compat.private_api import private_api
from kerasbridge.keras_compat.tensors import log_tensors, map_tensors, symbols, to_tensor

pythonify_logs: Callable[[Any], dict[str, Any]] = private_api("readable logs")


def check_model(model: Any) -> None:
    """Raise ArgumentError if this is no Keras model, nor a layer with the training methods of one."""
    trainer = next(base for base in keras.Model.__mro__ if "fit" in vars(base))
    if isinstance(model, trainer):
        return
    raise ArgumentError(f"Expected a Keras model, received {one_line(model)}. {_advice(model)}".strip())


def _advice(other: Any) -> str:
    """Return what to do with what was passed instead of a model."""
    if isinstance(other, str | os.PathLike):
        return "Load it with keras.saving.load_model, and pass the result."
    if isinstance(other, keras.layers.Layer):
        return "A layer becomes a model in keras.Sequential([keras.Input(shape), layer])."
    if isinstance(other, type) and issubclass(other, keras.Model):
        return f"Create it first: {other.__name__}(…)."
    if any(kind.__module__ == "torch.nn.modules.module" for kind in type(other).__mro__):
        return (
            "A torch.nn.Module is not one: build the layers in Keras, and load the weights with kb.import_weights; or "
            "on the torch backend put it into a model with keras.layers.TorchModuleWrapper."
        )
    return "The model comes first: kb.fit(model, x, y)." if hasattr(other, "shape") else ""


def call_model(model: Any, x: Any, training: bool) -> Any:
    """Return the model's predictions; `training` is passed only if its `call` accepts it."""
    return model(x, training=training) if model._call_has_training_arg else model(x)


def compute_loss(model: Any, batch: tuple[Any, Any, Any], predictions: Any, training: bool) -> Any:
    """Return the model's scalar loss on one batch, added losses included."""
    x, y, sample_weight = batch
    return model._compute_loss(x=x, y=y, y_pred=predictions, sample_weight=sample_weight, training=training)


def track_loss(model: Any, loss: Any, rows: Any) -> None:
    """Add the loss of a batch of `rows` rows to the mean that Keras reports as `loss`."""
    model._loss_tracker.update_state(loss, sample_weight=rows)


def metric_results(model: Any) -> dict[str, Any]:
    """Return the results of the metrics of a model, as tensors."""
    return log_tensors(model.get_metrics_result())


def symbolic_build(
    model: Any, first_batch: Callable[[], tuple[Any, Any, Any]], modes: Sequence[bool] = (False,)
) -> None:
    """Create the variables that the model, its optimizer and its metrics still lack, without computing.

    Args:
        model: a compiled model.
        first_batch: called only if a batch is needed.
        modes: whether the model is called to train; where it does not accept the batch, the next one is tried. In a
            model with RandomCrop, which crops in training only, the shapes fit in one of them.
    """

    def steps() -> Iterator[Any]:
        yield 0, 0, [tuple(map(symbols, first_batch()))]

    def call_in_mode(function: Any, keywords: dict[str, Any]) -> dict[str, Any]:
        return {**keywords, "training": modes[0]} if function is model else keywords

    try:
        with patch_abstract_evaluation(call_in_mode, _without_variables):
            model._symbolic_build(iterator=steps())
    except ValueError as error:
        if not modes[1:]:
            raise
        try:
            symbolic_build(model, first_batch, modes[1:])
        except ValueError:
            raise error from None


def _without_variables(result: Any) -> Any:
    """Return a result with tensors instead of variables: on JAX, a metric must not return its variable."""
    return map_tensors(lambda leaf: to_tensor(leaf) if isinstance(leaf, keras.Variable) else leaf, result)


def output_spec(model: Any, x: Any) -> Any:
    """Return the shapes and dtypes of the predictions for a batch `x`, without computing."""
    return private_api("abstract evaluation")(model, symbols(x), training=False)


def model_input(model: Any) -> Any:
    """Return the symbolic inputs of a functional or sequential model, in their structure."""
    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input


def input_tensors(layer: Any) -> list[Any]:
    """Return the symbolic tensors that a layer was called with."""
    return [tensor for node in layer._inbound_nodes for tensor in node.input_tensors]


def overridden_step(model: Any, kind: str) -> str | None:
    """Return the method that the model's class overrides, such as `train_step` or `make_train_function`, or None.

    Args:
        model: a Keras model.
        kind: "train", "test" or "predict".
    """
    methods = (f"{kind}_step", f"make_{kind}_function")
    return next((name for name in methods if getattr(type(model), name) is not getattr(keras.Model, name)), None)


def has_loss(model: Any) -> bool:
    """Return whether the model was compiled with a loss."""
    return getattr(model, "loss", None) is not None


def target_user(model: Any) -> str | None:
    """Return what a compiled model needs targets for: a loss or a metric, by name; None if nothing is known to."""
    compiled = (("loss", "compute_loss", [model.loss]), ("metric", "compute_metrics", _user_metrics(model)))
    for kind, method, parts in compiled:
        if getattr(type(model), method) is getattr(keras.Model, method):
            for part in keras.tree.flatten(parts):
                if _needs_targets(part):
                    return f"the {kind} {_name_of(part)}"
    return None


def _user_metrics(model: Any) -> list[Any]:
    compiled = model._compile_metrics
    return [] if compiled is None else [compiled._user_metrics, compiled._user_weighted_metrics]


def _name_of(part: Any) -> str:
    return part if isinstance(part, str) else str(getattr(part, "name", None) or getattr(part, "__name__", repr(part)))


def _needs_targets(part: Any) -> bool:
    """Return whether a loss or metric converts the targets to a tensor, whatever a class of the user does."""
    if isinstance(part, keras.losses.Loss):
        return bool(type(part).__call__ is keras.losses.Loss.__call__)
    if isinstance(part, keras.metrics.Metric):
        return str(type(part).update_state.__module__).startswith("keras.")
    return isinstance(part, str) or callable(part)


def flat_losses(model: Any) -> list[Any]:
    """Return the compiled losses, one for each output; an empty list before they are built."""
    compiled = model._compile_loss
    return list(getattr(compiled, "_flat_losses", None) or []) if compiled is not None else []


def metrics_in_order(model: Any, logs: dict[str, Any]) -> Any:
    """Return the logs as `evaluate` does: one number, or a list in the order of `metrics_names`."""
    return model._flatten_metrics_in_order(logs)


def should_validate(model: Any, epoch: int, frequency: Any) -> bool:
    """Return whether this epoch ends with a validation."""
    return bool(model._should_eval(epoch, frequency))


def first_epoch(model: Any, initial_epoch: int) -> int:
    """Return the epoch to start from: the one that `BackupAndRestore` restored, else `initial_epoch`."""
    return int(getattr(model, "_initial_epoch", None) or initial_epoch)


def flatten_layers(model: Any) -> Sequence[Any]:
    """Return the layers of a model, nested ones included."""
    return list(model._flatten_layers(include_self=False))


def trainable_flags(model: Any) -> list[list[bool]]:
    """Return which layers, the model first, and which variables are trainable."""
    layers = [bool(layer.trainable) for layer in model._flatten_layers()]
    return [layers, [bool(variable.trainable) for variable in model.variables]]


def set_trainable_flags(model: Any, flags: Sequence[Sequence[bool]]) -> None:
    """Set what `trainable_flags` returned."""
    layers, variables = flags
    for layer, flag in zip(model._flatten_layers(), layers, strict=True):
        if layer.trainable != flag:
            layer.trainable = flag  # also that of the layers in it, which follow
    for variable, flag in zip(model.variables, variables, strict=True):
        if variable.trainable != flag:
            variable.trainable = flag


def layers_without_jit(model: Any) -> Sequence[Any]:
    """Return the layers, the model included, that ask Keras not to compile the model."""
    return [layer for layer in (model, *flatten_layers(model)) if not layer.supports_jit]


def sublayers(layer: Any) -> Sequence[Any]:
    """Return the direct sublayers of a layer or model, in the order in which they were added to it."""
    return list(layer._flatten_layers(recursive=False, include_self=False))


def compile_state(model: Any) -> tuple[Any, ...]:
    """Return the objects that `model.compile` creates or stores."""
    names = ("optimizer", "_compile_loss", "_compile_metrics", "_loss_tracker")
    return tuple(getattr(model, name, None) for name in names)


def keras_settings() -> tuple[Any, ...]:
    """Return the settings of Keras that a layer or loss reads while it is traced."""
    config = keras.config
    return config.epsilon(), config.floatx(), config.image_data_format(), config.dtype_policy().name


def dtype_policies(model: Any) -> tuple[str, ...]:
    """Return the dtype policy of every layer."""
    return tuple(str(layer.dtype_policy) for layer in model._flatten_layers())


def optimized_variables(optimizer: Any) -> list[Any]:
    """Return the variables that an optimizer was built for, whether or not they are still trainable."""
    return list(optimizer._trainable_variables)


def ensure_callback_attributes(model: Any) -> None:
    """Set the attributes that Keras callbacks read on a model that is neither called nor compiled itself.

    A custom step may train a model that only contains others.
    """
    if type(model).build is keras.Model.build and all(layer.built for layer in flatten_layers(model)):
        model.built = True
    if not hasattr(model, "optimizer"):
        model.optimizer = None
