"""Train a new head on a frozen base with batch normalization, then unfreeze the base and fine-tune it slowly."""

import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(11)
rng = np.random.default_rng(11)


def striped_images(number, classes):
    """Return images whose stripes are as wide as their class number, and the class numbers."""
    labels = rng.integers(0, classes, number)
    columns = np.arange(16)[None, :] // (labels[:, None] + 1) % 2
    images = 120 * columns[:, None, :, None] + rng.integers(0, 100, (number, 16, 16, 3))
    return images.astype("uint8"), labels


def convolution_block(x, filters):
    """Add a convolution without bias, batch normalization and pooling."""
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.8)(x)
    x = layers.Activation("relu")(x)
    return layers.MaxPooling2D()(x)


# The base learns three classes first.
inputs = keras.Input((16, 16, 3))
base = keras.Model(inputs, convolution_block(convolution_block(inputs, 6), 8), name="base")
x_first, y_first = striped_images(96, 3)
first = keras.Sequential(
    [
        keras.Input((16, 16, 3)),
        layers.Rescaling(1 / 127.5, offset=-1),
        base,
        layers.Flatten(),
        layers.Dense(3),
    ]
)
first.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
first.fit(x_first, y_first, epochs=2, verbose=0)

# A new head is trained on the frozen base.
base.trainable = False
augmentation = keras.Sequential([layers.RandomFlip("horizontal"), layers.RandomBrightness(0.1)], name="augmentation")
inputs = keras.Input((16, 16, 3), dtype="uint8")
x = layers.Rescaling(1 / 127.5, offset=-1)(augmentation(inputs))
x = base(x, training=False)
x = layers.GlobalAveragePooling2D()(x)
x = layers.Dropout(0.2)(x)
outputs = layers.Dense(1)(x)
model = keras.Model(inputs, outputs)

x_train, y_train = striped_images(80, 2)
x_test, y_test = striped_images(40, 2)
loss = keras.losses.BinaryCrossentropy(from_logits=True)
model.compile(keras.optimizers.Adam(0.01), loss, metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)])
with tempfile.TemporaryDirectory() as folder:
    best = Path(folder) / "best.weights.h5"
    callbacks = [
        keras.callbacks.ModelCheckpoint(best, monitor="val_loss", save_best_only=True, save_weights_only=True),
        keras.callbacks.TerminateOnNaN(),
    ]
    model.fit(
        x_train, y_train, epochs=2, batch_size=16, validation_data=(x_test, y_test), callbacks=callbacks, verbose=0
    )
    model.load_weights(best)
model.evaluate(x_test, y_test, verbose=0)

# The whole model is trained with a small learning rate; batch normalization keeps its statistics.
base.trainable = True
for layer in base.layers[:3]:
    layer.trainable = False
model.compile(keras.optimizers.Adam(1e-4), loss, metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)])
stop = keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True, start_from_epoch=1)
model.fit(
    x_train,
    y_train,
    epochs=4,
    initial_epoch=2,
    batch_size=16,
    validation_data=(x_test, y_test),
    callbacks=[stop],
    verbose=0,
)
model.evaluate(x_test, y_test, verbose=0)
model.predict(x_test[:10], verbose=0)
