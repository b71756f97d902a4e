"""A generative adversarial network: two models and two optimizers in one step.

    python gan.py

Goodfellow and others, "Generative Adversarial Nets", 2014. Prints the distance between the average generated image and
the average digit, and three generated images.
"""

import kerasbridge as kb

kb.use_backend()  # KERAS_BACKEND, or the first backend that is installed; before Keras is imported

import keras
import numpy as np
from keras import layers, ops

CODES = 32


def network(widths: list[int], last: list[layers.Layer]) -> keras.Model:
    """Return a network with hidden layers of these widths, and the last layers."""
    hidden = [part for width in widths[1:] for part in (layers.Dense(width), layers.LeakyReLU(0.2))]
    return keras.Sequential([keras.Input((widths[0],)), *hidden, *last])


class Gan(keras.Model):
    """A generator and a discriminator. Callbacks save all attributes: both models, their optimizers and the seeds."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = network([CODES, 128, 256], [layers.Dense(784, activation="tanh")])
        self.discriminator = network([784, 256, 128], [layers.Dropout(0.3), layers.Dense(1)])
        self.generator_optimizer = keras.optimizers.Adam(2e-4, beta_1=0.5)
        self.discriminator_optimizer = keras.optimizers.Adam(2e-4, beta_1=0.5)
        self.seeds = keras.random.SeedGenerator(0)


def step(model, batch):
    """Return both losses of one batch, each with the model that it trains."""
    drawn = model.generator(keras.random.normal((batch.x.shape[0], CODES), seed=model.seeds))
    on_real = model.discriminator(batch.x, training=True)
    on_drawn = model.discriminator(ops.stop_gradient(drawn), training=True)
    discriminator_loss = ops.mean(ops.softplus(-on_real)) + ops.mean(ops.softplus(on_drawn))
    generator_loss = ops.mean(ops.softplus(-model.discriminator(drawn, training=True)))
    objectives = {
        "discriminator": kb.Objective(discriminator_loss, model.discriminator, model.discriminator_optimizer),
        "generator": kb.Objective(generator_loss, model.generator, model.generator_optimizer),
    }
    return objectives, {"real_accuracy": ops.mean(ops.cast(on_real > 0, "float32"))}


def build() -> keras.Model:
    """Return both models, with the same weights on every backend."""
    kb.seed_everything(0)
    return Gan()


def images():
    """Return the 4,000 training digits, each as 784 grey values from -1 to 1."""
    return kb.datasets.mnist().x_train.reshape(-1, 784).astype("float32") / 127.5 - 1


def main() -> None:
    """Train for twenty epochs."""
    model, digits = build(), images()
    codes = np.random.normal(size=(500, CODES))
    before = np.abs(kb.predict(model.generator, codes).mean(axis=0) - digits.mean(axis=0)).mean()
    kb.fit(model, digits, batch_size=64, epochs=20, seed=0, step=step)
    drawn = kb.predict(model.generator, codes)
    after = np.abs(drawn.mean(axis=0) - digits.mean(axis=0)).mean()
    print(f"average image, distance per pixel: untrained {before:.3f}, trained {after:.3f}")
    for rows in zip(*drawn[:3].reshape(3, 28, 28), strict=True):
        print("   ".join("".join(" .:*#"[int((grey + 1) * 2.49)] for grey in row) for row in rows))


if __name__ == "__main__":
    main()
