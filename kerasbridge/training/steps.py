"""The training, test and predict step: written once, in Keras's public terms, for every backend.

A step is a function of one batch that reads and writes the model's variables. Whether those are the variables
themselves or tensors standing in for them inside a `keras.StatelessScope` is the engine's concern.
"""

from collections.abc import Callable
from typing import Any

from kerasbridge.engines.step import Batch, Step, Tensor, ValueAndGrad, batch_size_of
from kerasbridge.keras_compat import keras, model_state
from kerasbridge.keras_compat.models import call_model, compute_loss, track_loss


def train_step(model: keras.Model, value_and_grad: ValueAndGrad) -> Step:
    """Forward pass, loss, gradients, update, metrics: what `keras.Model.train_step` does on each backend."""
    return _train_step(model, value_and_grad, lambda loss, _: loss)


def train_step_with_gradient_norm(model: keras.Model, value_and_grad: ValueAndGrad) -> Step:
    """`train_step`, which reports the loss and the Euclidean norm of all gradients: a vector of two."""
    return _train_step(model, value_and_grad, lambda loss, gradients: keras.ops.stack([loss, _norm(gradients)]))


def _train_step(
    model: keras.Model, value_and_grad: ValueAndGrad, report: Callable[[Tensor, list[Tensor | None]], Tensor]
) -> Step:
    def run(batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        x, y, sample_weight = batch

        def loss_and_predictions() -> tuple[Tensor, tuple[Tensor, Any]]:
            predictions = call_model(model, x, training=True)
            loss = compute_loss(model, batch, predictions, training=True)
            return model.optimizer.scale_loss(loss), (loss, predictions)

        variables = model.trainable_variables
        (_, (loss, predictions)), gradients = value_and_grad(loss_and_predictions, variables)
        reported = report(loss, gradients)
        if variables:
            model.optimizer.apply(gradients, variables)
        track_loss(model, loss, batch_size_of(x))
        return reported, model.compute_metrics(x, y, predictions, sample_weight=sample_weight)

    moved = model_state.optimizer_variables(model.optimizer)
    return _step(model, run, [*model.variables, *moved, *model.metrics_variables])


def evaluate_step(model: keras.Model, _: ValueAndGrad) -> Step:
    """Forward pass, loss, metrics: what `keras.Model.test_step` does on each backend."""

    def run(batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        x, y, sample_weight = batch
        predictions = call_model(model, x, training=False)
        loss = compute_loss(model, batch, predictions, training=False)
        track_loss(model, loss, batch_size_of(x))
        return loss, model.compute_metrics(x, y, predictions, sample_weight=sample_weight)

    return _step(model, run, [*model.variables, *model.metrics_variables])


def predict_step(model: keras.Model, _: ValueAndGrad) -> Step:
    """The forward pass alone."""

    def run(batch: Batch) -> Any:
        return call_model(model, batch[0], training=False)

    return _step(model, run, model.variables)


def _norm(gradients: list[Tensor | None]) -> Tensor:
    squares = [keras.ops.sum(keras.ops.square(gradient)) for gradient in gradients if gradient is not None]
    return keras.ops.sqrt(sum(squares))


def _step(model: keras.Model, run: Callable[[Batch], Any], variables: list[Any]) -> Step:
    unique = tuple({id(variable): variable for variable in [*variables, *model_state.rnn_states(model)]}.values())
    return Step(run, unique, run_eagerly=bool(model.run_eagerly), jit_compile=bool(model.jit_compile))
