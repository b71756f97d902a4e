"""Read from a Keras model what its data depends on."""

from collections.abc import Mapping
from typing import Any

from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import flatten_layers
from kerasbridge.subjects.spec import BINARY, CLASSES, NUMBERS, ONE_HOT, InputSpec, ModelSpec

CLASS_LOSSES = ("sparse_categorical_crossentropy",)
ONE_HOT_LOSSES = ("categorical_crossentropy", "categorical_focal_crossentropy")
BINARY_LOSSES = ("binary_crossentropy", "binary_focal_crossentropy")
_KINDS = {**dict.fromkeys(CLASS_LOSSES, CLASSES), **dict.fromkeys(ONE_HOT_LOSSES, ONE_HOT)}
_KINDS.update(dict.fromkeys(BINARY_LOSSES, BINARY))


def inspect(model: Any) -> ModelSpec:
    """Return inputs, outputs and loss of a model."""
    losses = loss_names(model, [None])
    scaling = (keras.layers.Rescaling, keras.layers.Normalization)
    return ModelSpec(
        inputs=tuple(_inputs(model)) or (InputSpec("", (None,), "float32"),),
        targets=_KINDS.get(losses[0], NUMBERS),
        outputs=_width(model),
        loss=losses[0],
        scales=any(isinstance(layer, scaling) for layer in flatten_layers(model)),
    )


def in_structure(model: Any, inputs: Mapping[str, Any]) -> Any:
    """Return the inputs of a model, by name, in the structure that it takes."""
    nest = structure(model)
    if isinstance(nest, Mapping):
        return {key: inputs[key] for key in nest}
    if len(inputs) == 1:
        return next(iter(inputs.values()))
    return keras.tree.map_structure(lambda tensor: inputs[tensor.name], nest)


def structure(model: Any) -> Any:
    """Return the inputs of a model as a nest of symbolic tensors; None if they are not known."""
    if isinstance(model, keras.Sequential):
        return model.inputs[0] if model.built and model.inputs else None
    try:
        return model.input
    except (AttributeError, ValueError):
        return None


def loss_names(model: Any, outputs: Any) -> list[str]:
    """Return the name of each output's compiled loss; "" for an output without a loss."""
    count = len(keras.tree.flatten(outputs))
    losses = getattr(model, "loss", None)
    if isinstance(losses, Mapping) and set(losses) == set(getattr(model, "output_names", ())):
        losses = [losses[name] for name in model.output_names]
    elif isinstance(losses, Mapping) and isinstance(outputs, Mapping):
        by_output = {id(outputs[key]): _loss_name(loss) for key, loss in losses.items() if key in outputs}
        return [by_output.get(id(output), "") for output in keras.tree.flatten(outputs)]
    names = [_loss_name(loss) for loss in keras.tree.flatten(losses)] if losses is not None else []
    return (names * count if len(names) == 1 else names + [""] * count)[:count]


def _loss_name(identifier: Any) -> str:
    loss = keras.losses.get(identifier)
    return str(getattr(getattr(loss, "fn", loss), "__name__", ""))


def _inputs(model: Any) -> list[InputSpec]:
    nest = structure(model)
    if isinstance(nest, Mapping) and not any(keras.tree.is_nested(each) for each in nest.values()):
        return [_input(key, tensor) for key, tensor in nest.items()]
    return [_input(tensor.name, tensor) for tensor in keras.tree.flatten(nest) if tensor is not None]


def _input(name: str, tensor: Any) -> InputSpec:
    return InputSpec(str(name), tuple(tensor.shape[1:]), keras.backend.standardize_dtype(tensor.dtype))


def _width(model: Any) -> int | None:
    shape = getattr(model, "output_shape", None)
    return shape[-1] if isinstance(shape, tuple) and shape and isinstance(shape[-1], int) else None
