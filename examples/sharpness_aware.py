"""Sharpness-aware minimisation: two gradients in a step, the second one where the loss nearby is largest.

    python sharpness_aware.py

Foret and others, "Sharpness-Aware Minimization for Efficiently Improving Generalization", 2020.
"""

import kerasbridge as kb

kb.use_backend()  # KERAS_BACKEND, or the first backend that is installed; before Keras is imported

from keras import ops

RADIUS = 0.05


def step(model, batch):
    """Return the gradients at weights moved uphill by RADIUS; the optimizer applies them to the original weights."""

    def loss_and_predictions():
        predictions = model(batch.x, training=True)
        return model.compute_loss(batch.x, batch.y, predictions, batch.sample_weight), predictions

    weights = model.trainable_variables
    start = [ops.convert_to_tensor(weight) for weight in weights]
    (loss, predictions), gradients = kb.value_and_grad(loss_and_predictions, weights)
    norm = ops.sqrt(sum(ops.sum(gradient**2) for gradient in gradients))
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.assign_add(RADIUS / (norm + 1e-12) * gradient)
    (worst, _), gradients = kb.value_and_grad(loss_and_predictions, weights)
    for weight, value in zip(weights, start, strict=True):
        weight.assign(value)
    metrics = model.compute_metrics(batch.x, batch.y, predictions, batch.sample_weight)
    return kb.Objective(loss, gradients=gradients), {**metrics, "sharpness": worst - loss}


def main() -> None:
    """Train the same model with its own loss and with this step."""
    data = kb.datasets.mnist()
    test = data.x_test / 255, data.y_test
    for name, own in (("Adam", None), ("sharpness-aware", step)):
        kb.seed_everything(0)
        model = kb.models.mlp()
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        kb.fit(model, data.x_train / 255, data.y_train, epochs=8, validation_data=test, seed=0, step=own)
        loss, accuracy = kb.evaluate(model, *test, verbose=0)
        print(f"{name}: test loss {loss:.4f}  test accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
