"""Train a denoising autoencoder in two phases, with its best weights saved, then a classifier on its codes."""

import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(33)
rng = np.random.default_rng(33)

SIZE, CODE = 12, 8


class Normalized(keras.constraints.Constraint):
    """Keep kernels between two values."""

    def __init__(self, limit):
        self.limit = limit

    def __call__(self, w):
        return ops.clip(w, -self.limit, self.limit)


class Sparse(keras.regularizers.Regularizer):
    """Penalize activations whose mean over the batch is far from a target."""

    def __init__(self, target, strength):
        self.target, self.strength = target, strength

    def __call__(self, x):
        mean = ops.clip(ops.mean(x, axis=0), 1e-3, 1 - 1e-3)
        divergence = self.target * ops.log(self.target / mean)
        divergence += (1 - self.target) * ops.log((1 - self.target) / (1 - mean))
        return self.strength * ops.sum(divergence)


class Noise(keras.callbacks.Callback):
    """Raise the noise of a variable at the beginning of each epoch."""

    def __init__(self, amount):
        super().__init__()
        self.amount = amount

    def on_epoch_begin(self, epoch, logs=None):
        self.amount.assign(0.1 * (epoch + 1))


class Corrupt(layers.Layer):
    """Add noise of a variable amount in training."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.amount = self.add_weight(shape=(), initializer="zeros", trainable=False, name="amount")
        self.seed_generator = keras.random.SeedGenerator(34)

    def call(self, x, training=None):
        if not training:
            return x
        return ops.clip(x + self.amount * keras.random.normal(ops.shape(x), seed=self.seed_generator), 0.0, 1.0)


kinds = rng.integers(0, 2, 112)
images = np.zeros((112, SIZE, SIZE, 1), "float32")
for image, kind, at in zip(images, kinds, rng.integers(1, SIZE - 2, 112), strict=True):
    image[(slice(at, at + 2), slice(None)) if kind else (slice(None), slice(at, at + 2))] = 0.9

corrupt = Corrupt()
encoder = keras.Sequential(
    [
        keras.Input((SIZE, SIZE, 1)),
        corrupt,
        layers.Conv2D(6, 3, strides=2, padding="same", activation="elu", kernel_constraint=Normalized(0.4)),
        layers.Conv2D(6, 3, strides=2, padding="same", activation="elu"),
        layers.Flatten(),
        layers.Dense(CODE, activation="sigmoid", activity_regularizer=Sparse(0.3, 1e-3)),
    ],
    name="encoder",
)
decoder = keras.Sequential(
    [
        keras.Input((CODE,)),
        layers.Dense(54, activation="elu"),
        layers.Reshape((3, 3, 6)),
        layers.Conv2DTranspose(6, 3, strides=2, padding="same", activation="elu"),
        layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid"),
    ],
    name="decoder",
)
inputs = keras.Input((SIZE, SIZE, 1))
autoencoder = keras.Model(inputs, decoder(encoder(inputs)))
autoencoder.compile(
    keras.optimizers.Adam(0.01, gradient_accumulation_steps=2),
    loss="binary_crossentropy",
    metrics=["mae", keras.metrics.CosineSimilarity(axis=(1, 2, 3), name="cosine")],
)
with tempfile.TemporaryDirectory() as folder:
    best = Path(folder) / "best.weights.h5"
    checkpoint = keras.callbacks.ModelCheckpoint(
        best, monitor="val_mae", mode="min", save_best_only=True, save_weights_only=True
    )
    history = autoencoder.fit(
        images[:96],
        images[:96],
        batch_size=16,
        epochs=3,
        validation_data=(images[96:], images[96:]),
        callbacks=[Noise(corrupt.amount), checkpoint, keras.callbacks.CSVLogger(Path(folder) / "log.csv")],
        verbose=0,
    )
    autoencoder.load_weights(best)
autoencoder.evaluate(images[96:], images[96:], verbose=0)

codes = encoder.predict(images, verbose=0)
classifier = keras.Sequential([layers.Dense(1, activation="sigmoid")])
classifier.build((None, CODE))
classifier.compile(keras.optimizers.SGD(0.5, momentum=0.9, nesterov=True), "binary_crossentropy", metrics=["accuracy"])
classifier.fit(codes[:96], kinds[:96], batch_size=32, epochs=3, validation_data=(codes[96:], kinds[96:]), verbose=0)
