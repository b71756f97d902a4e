"""A generative adversarial network: two models, two optimizers, one step that says which loss trains which.

    python gan.py

Goodfellow and others, "Generative Adversarial Nets", 2014. In the end it prints how far the average of what the
generator draws is from the average digit, and draws three.
"""

import kerasbridge as kb

kb.use_backend()  # KERAS_BACKEND, or the first backend that is installed; before Keras is imported

import keras
import numpy as np
from keras import layers, ops


class Gan(keras.Model):
    """A generator and a discriminator. What it holds is what callbacks save: both models, optimizers and seeds."""

    def __init__(self, codes: int = 32) -> None:
        super().__init__()
        self.codes = codes
        self.generator = keras.Sequential(
            [keras.Input((codes,)), layers.Dense(128), layers.LeakyReLU(0.2), layers.Dense(256), layers.LeakyReLU(0.2),
             layers.Dense(784, activation="tanh"), layers.Reshape((28, 28))]
        )  # fmt: skip
        self.discriminator = keras.Sequential(
            [keras.Input((28, 28)), layers.Flatten(), layers.Dense(256), layers.LeakyReLU(0.2), layers.Dropout(0.3),
             layers.Dense(128), layers.LeakyReLU(0.2), layers.Dense(1)]
        )  # fmt: skip
        self.generator_optimizer = keras.optimizers.Adam(2e-4, beta_1=0.5)
        self.discriminator_optimizer = keras.optimizers.Adam(2e-4, beta_1=0.5)
        self.seeds = keras.random.SeedGenerator(0)

    def call(self, codes):
        """Images of -1 to 1 from codes of shape (samples, self.codes)."""
        return self.generator(codes)


def crossentropy(truth: float, logits):
    """How wrong the discriminator is where it ought to say `truth`."""
    return ops.mean(keras.losses.binary_crossentropy(truth * ops.ones_like(logits), logits, from_logits=True))


def step(model, batch):
    """Both losses of one batch, each with the model that it trains."""
    codes = keras.random.normal((batch.x.shape[0], model.codes), seed=model.seeds)
    drawn = model.generator(codes, training=True)
    on_real = model.discriminator(batch.x, training=True)
    on_drawn = model.discriminator(ops.stop_gradient(drawn), training=True)
    judged = model.discriminator(drawn, training=True)
    loss = crossentropy(1.0, on_real) + crossentropy(0.0, on_drawn)
    objectives = {
        "discriminator": kb.Objective(loss, model.discriminator, model.discriminator_optimizer),
        "generator": kb.Objective(crossentropy(1.0, judged), model.generator, model.generator_optimizer),
    }
    return objectives, {"real_taken_as_real": ops.mean(ops.cast(on_real > 0, "float32"))}


def main() -> None:
    """Trains on the digits that come with kerasbridge."""
    kb.seed_everything(0)
    model, digits = Gan(), kb.datasets.mnist().x_train / 127.5 - 1
    codes = np.random.normal(size=(500, model.codes))
    before = np.abs(kb.predict(model, codes).mean(axis=0) - digits.mean(axis=0)).mean()
    kb.fit(model, digits, batch_size=64, epochs=20, seed=0, step=step)
    drawn = kb.predict(model, codes)
    after = np.abs(drawn.mean(axis=0) - digits.mean(axis=0)).mean()
    print(f"average image, distance per pixel: untrained {before:.3f}, trained {after:.3f}")
    for rows in zip(*drawn[:3], strict=True):
        print("   ".join("".join(" .:*#"[int((grey + 1) * 2.49)] for grey in row) for row in rows))


if __name__ == "__main__":
    main()
