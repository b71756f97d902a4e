"""A variational autoencoder: a custom step with noise, two named values and its own evaluation.

    python variational_autoencoder.py

Kingma and Welling, "Auto-Encoding Variational Bayes", 2013. Prints the loss on digits that the model has not been
trained on, and one of them next to its reconstruction.
"""

import kerasbridge as kb

kb.use_backend()  # KERAS_BACKEND, or the first backend that is installed; before Keras is imported

import keras
from keras import layers, ops


class VariationalAutoencoder(keras.Model):
    """Encodes images of 28 x 28 to a few numbers, and decodes them to pixel logits."""

    def __init__(self, codes: int = 8) -> None:
        super().__init__()
        self.encoder = keras.Sequential(
            [keras.Input((28, 28)), layers.Flatten(), layers.Dense(256, activation="relu"), layers.Dense(2 * codes)]
        )
        self.decoder = keras.Sequential(
            [keras.Input((codes,)), layers.Dense(256, activation="relu"), layers.Dense(784), layers.Reshape((28, 28))]
        )
        self.seeds = keras.random.SeedGenerator(0)

    def call(self, images):
        """Return the reconstruction of images, pixels from 0 to 1, without noise."""
        mean, _ = ops.split(self.encoder(images), 2, axis=-1)
        return ops.sigmoid(self.decoder(mean))


def step(model, batch, training):
    """Return the negative evidence lower bound, in nats per image."""
    mean, log_variance = ops.split(model.encoder(batch.x), 2, axis=-1)
    code = mean
    if training:
        code += ops.exp(0.5 * log_variance) * keras.random.normal(ops.shape(mean), seed=model.seeds)
    logits = model.decoder(code)
    crossentropy = ops.softplus(logits) - batch.x * logits
    reconstruction = ops.mean(ops.sum(crossentropy, axis=(1, 2)))
    divergence = -0.5 * ops.mean(ops.sum(1 + log_variance - mean**2 - ops.exp(log_variance), axis=-1))
    return reconstruction + divergence, {"reconstruction": reconstruction, "divergence": divergence}


def build() -> keras.Model:
    """Return the compiled model, with the same weights on every backend."""
    kb.seed_everything(0)
    model = VariationalAutoencoder()
    model.compile(keras.optimizers.Adam(0.002))
    return model


def images(part: str = "x_train"):
    """Return digits as grey values from 0 to 1: 4,000 training or 1,000 test digits."""
    return getattr(kb.datasets.mnist(), part).astype("float32") / 255


def main() -> None:
    """Train for ten epochs."""
    model, test = build(), images("x_test")
    kb.fit(model, images(), batch_size=64, epochs=10, validation_data=(test,), seed=0, step=step)
    before, after = kb.evaluate(build(), test, step=step, verbose=0), kb.evaluate(model, test, step=step, verbose=0)
    print(f"nats per test image: untrained {before[0]:.1f}, trained {after[0]:.1f}")
    pair = [test[7], kb.predict(model, test[7:8])[0]]
    for rows in zip(*pair, strict=True):
        print("   ".join("".join(" .:*#"[int(grey * 4.99)] for grey in row) for row in rows))


if __name__ == "__main__":
    main()
