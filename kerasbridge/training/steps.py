"""Training, evaluation and prediction steps, written once for every backend with the public API of Keras.

A step is a function of one batch that reads and writes the variables of the model. The engine decides whether they are
the variables themselves or tensors that replace them inside a `keras.StatelessScope`.
"""

from collections.abc import Callable, Iterable
from typing import Any

from kerasbridge.engines.base import Engine
from kerasbridge.engines.step import Batch, Step, Tensor, batch_size_of
from kerasbridge.keras_compat import keras, model_state
from kerasbridge.keras_compat.models import call_model, compute_loss, track_loss
from kerasbridge.keras_compat.tensors import log_tensors
from kerasbridge.training.optimization import LOSS, Losses, Target, apply_gradients, differentiate
from kerasbridge.training.skip_nonfinite import skip_nonfinite


def forward(model: keras.Model, batch: Batch, training: bool) -> tuple[Tensor, Any]:
    """Return the loss and the predictions of a batch."""
    predictions = call_model(model, batch[0], training=training)
    return compute_loss(model, batch, predictions, training=training), predictions


def train_step(model: keras.Model, engine: Engine) -> Step:
    """Return a step like `keras.Model.train_step`: forward pass, loss, gradients, update, metrics."""
    return _train_step(model, engine, lambda loss, _: loss)


def train_step_skipping_nonfinite(model: keras.Model, engine: Engine) -> Step:
    """Return `train_step` that changes nothing if the loss or a gradient is not finite."""
    return skip_nonfinite(train_step(model, engine), engine, lambda: log_tensors(model.get_metrics_result()))


def train_step_with_gradient_norm(model: keras.Model, engine: Engine) -> Step:
    """Return `train_step` that reports a vector of two: the loss and the Euclidean norm of all gradients."""
    return _train_step(model, engine, lambda loss, gradients: keras.ops.stack([loss, _norm(gradients)]))


def _train_step(model: keras.Model, engine: Engine, report: Callable[[Tensor, list[Tensor | None]], Tensor]) -> Step:
    def run(batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        targets = {LOSS: Target(model.trainable_variables, model.optimizer)}

        def loss_and_predictions() -> tuple[Losses, Any]:
            loss, predictions = forward(model, batch, training=True)
            return {LOSS: loss}, predictions

        (losses, predictions), gradients = differentiate(engine, loss_and_predictions, targets)
        reported = report(losses[LOSS], gradients[LOSS])
        apply_gradients(targets, gradients)
        return reported, _update_metrics(model, batch, losses[LOSS], predictions)

    updated = model_state.optimizer_variables(model.optimizer)
    return _step(model, run, [*model.variables, *updated, *model.metrics_variables])


def evaluate_step(model: keras.Model, _: Engine) -> Step:
    """Return a step like `keras.Model.test_step`: forward pass, loss, metrics."""

    def run(batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        loss, predictions = forward(model, batch, training=False)
        return loss, _update_metrics(model, batch, loss, predictions)

    return _step(model, run, [*model.variables, *model.metrics_variables])


def predict_step(model: keras.Model, _: Engine) -> Step:
    """Return a step that is the forward pass alone."""

    def run(batch: Batch) -> Any:
        return call_model(model, batch[0], training=False)

    return _step(model, run, model.variables)


def _update_metrics(model: keras.Model, batch: Batch, loss: Tensor, predictions: Any) -> dict[str, Tensor]:
    """Add a batch to the model's metrics and return their results."""
    x, y, sample_weight = batch
    track_loss(model, loss, batch_size_of(x))
    return log_tensors(model.compute_metrics(x, y, predictions, sample_weight=sample_weight))


def _norm(gradients: list[Tensor | None]) -> Tensor:
    squares = [keras.ops.sum(keras.ops.square(gradient)) for gradient in gradients if gradient is not None]
    return keras.ops.sqrt(sum(squares))


def _step(model: keras.Model, run: Callable[[Batch], Any], variables: Iterable[Any]) -> Step:
    return Step.of_model(model, run, [*variables, *model_state.rnn_states(model)])
