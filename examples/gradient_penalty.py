"""A Wasserstein GAN with gradient penalty: a gradient in the loss, and two steps that alternate on each batch.

    python gradient_penalty.py

Gulrajani and others, "Improved Training of Wasserstein GANs", 2017. The generator learns eight small clusters of points
on a circle. Prints the share of generated points that belong to one of them.
"""

import kerasbridge as kb

kb.use_backend()  # KERAS_BACKEND, or the first backend that is installed; before Keras is imported

import keras
import numpy as np
from keras import layers, ops

CODES, WEIGHT = 8, 1.0


def network(inputs: int, outputs: int) -> keras.Model:
    """Return a network with two hidden layers."""
    hidden = [layers.Dense(128, activation="relu"), layers.Dense(128, activation="relu")]
    return keras.Sequential([keras.Input((inputs,)), *hidden, layers.Dense(outputs)])


class WassersteinGan(keras.Model):
    """A generator of points in the plane, and its critic."""

    def __init__(self) -> None:
        super().__init__()
        self.generator, self.critic = network(CODES, 2), network(2, 1)
        self.generator.compile(keras.optimizers.Adam(1e-3, beta_1=0.5, beta_2=0.9))
        self.critic.compile(keras.optimizers.Adam(1e-3, beta_1=0.5, beta_2=0.9))
        self.seeds = keras.random.SeedGenerator(0)

    def draw(self, count):
        """Return points generated from random codes."""
        return self.generator(keras.random.normal((count, CODES), seed=self.seeds))


def critic_step(model, batch):
    """Return the loss of the critic, which separates real and generated points with a gradient norm near one."""
    real, drawn = batch.x, model.draw(batch.x.shape[0])
    between = drawn + keras.random.uniform((real.shape[0], 1), seed=model.seeds) * (real - drawn)
    slopes = kb.grad(lambda points: ops.sum(model.critic(points)))(between)
    penalty = ops.mean((ops.sqrt(ops.sum(slopes**2, axis=-1) + 1e-12) - 1) ** 2)
    distance = ops.mean(model.critic(real)) - ops.mean(model.critic(drawn))
    return {"critic": kb.Objective(WEIGHT * penalty - distance, model.critic)}, {"distance": distance}


def generator_step(model, batch):
    """Return the loss of the generator, whose points the critic should rate as real."""
    return {"generator": kb.Objective(-ops.mean(model.critic(model.draw(batch.x.shape[0]))), model.generator)}


STEP = [critic_step, critic_step, critic_step, generator_step]


def points(count: int = 25_600):
    """Return points in eight clusters on a circle of radius two, and the centres of the clusters."""
    angles = np.arange(8) * np.pi / 4
    centres = 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return centres[np.random.randint(8, size=count)] + 0.1 * np.random.normal(size=(count, 2)), centres


def main() -> None:
    """Train, and count generated points near the clusters."""
    kb.seed_everything(0)
    (real, centres), model = points(), WassersteinGan()
    kb.fit(model, real, batch_size=128, epochs=10, seed=0, step=STEP)
    drawn = kb.predict(model.generator, np.random.normal(size=(2000, CODES)), batch_size=500)
    away = np.linalg.norm(drawn[:, None] - centres, axis=-1)
    share, clusters = (away.min(axis=1) < 0.4).mean(), len(set(away.argmin(axis=1)))
    print(f"share of points in a cluster {share:.3f}  clusters reached {clusters}")


if __name__ == "__main__":
    main()
