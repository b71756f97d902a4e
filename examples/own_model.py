"""A subclassed model with two inputs, callbacks and validation: kb.fit accepts the arguments of model.fit.

    python own_model.py

Each half of a digit is processed by a separate branch, and a last layer combines both.
"""

import kerasbridge as kb

kb.use_backend()  # KERAS_BACKEND, or the first backend that is installed; before Keras is imported

import keras
from keras import layers


class TwoHalves(keras.Model):
    """A classifier with separate branches for the upper and the lower half of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.upper = keras.Sequential([layers.Flatten(), layers.Dense(96, activation="relu")])
        self.lower = keras.Sequential([layers.Flatten(), layers.Dense(96, activation="relu")])
        self.dropout = layers.Dropout(0.2)
        self.classify = layers.Dense(10)

    def call(self, halves, training=False):
        """Return logits, shape (samples, 10), for a dict of two tensors of shape (samples, 14, 28)."""
        features = [self.upper(halves["upper"]), self.lower(halves["lower"])]
        return self.classify(self.dropout(keras.ops.concatenate(features, axis=-1), training=training))


def halves(images):
    """Return the inputs of the model for images from 0 to 255, shape (samples, 28, 28)."""
    return {"upper": images[:, :14] / 255, "lower": images[:, 14:] / 255}


kb.seed_everything(0)
data = kb.datasets.mnist()
model = TwoHalves()
model.compile(
    keras.optimizers.AdamW(0.002, clipnorm=1.0),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
history = kb.fit(
    model,
    halves(data.x_train),
    data.y_train,
    batch_size=64,
    epochs=8,
    validation_split=0.1,
    callbacks=[
        keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1),
    ],
    seed=0,
)
loss, accuracy = kb.evaluate(model, halves(data.x_test), data.y_test, verbose=0)
print(f"validation loss {min(history.history['val_loss']):.4f}  test loss {loss:.4f}  test accuracy {accuracy:.4f}")
