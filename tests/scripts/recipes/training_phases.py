"""Train a head on a frozen base, then fine-tune all with a small rate, under callbacks that stop and slow down."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(54)
rng = np.random.default_rng(54)
y = rng.integers(0, 2, 120)
x = rng.normal(y[:, None, None, None] * 0.5, 1.0, (120, 10, 10, 3)).astype("float32")
x_train, y_train, validation = x[:96], y[:96], (x[96:], y[96:])

base = keras.Sequential(
    [
        keras.Input((10, 10, 3)),
        layers.SeparableConv2D(6, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.DepthwiseConv2D(3),
        layers.BatchNormalization(momentum=0.9),
        layers.GlobalAveragePooling2D(),
    ],
    name="base",
)
base.trainable = False

inputs = keras.Input((10, 10, 3))
h = layers.RandomFlip("horizontal")(inputs)
h = base(h, training=False)
h = layers.Dropout(0.2)(h)
outputs = layers.Dense(1)(h)
model = keras.Model(inputs, outputs)
assert len(model.trainable_variables) == 2


def compiled(model, rate):
    """Compile the model with a new metric."""
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss=loss, metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)])
    return model


compiled(model, 0.05).fit(
    x_train,
    y_train,
    epochs=6,
    batch_size=16,
    validation_data=validation,
    callbacks=[
        keras.callbacks.EarlyStopping(monitor="val_loss", min_delta=0.01, patience=1, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.2, patience=1, min_delta=0.05, cooldown=1),
        keras.callbacks.TerminateOnNaN(),
    ],
    verbose=0,
)
model.evaluate(*validation, verbose=0)

base.trainable = True
for layer in base.layers:
    if isinstance(layer, layers.BatchNormalization):
        layer.trainable = False
compiled(model, 1e-3).fit(x_train, y_train, epochs=2, batch_size=16, validation_data=validation, verbose=0)
base.layers[1].trainable = True
compiled(model, 1e-3).fit(
    x_train, y_train, initial_epoch=2, epochs=4, batch_size=16, validation_freq=2, validation_data=validation, verbose=0
)
