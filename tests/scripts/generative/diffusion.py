"""Train a diffusion model that predicts noise, with its own `compute_loss` and a moving average of its weights."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(31)
rng = np.random.default_rng(31)

SIZE, WIDTH, STEPS = 8, 8, 20
BETAS = np.linspace(1e-3, 0.2, STEPS)
REMAINING = np.cumprod(1 - BETAS).astype("float32")


def time_embedding(times):
    """Return sines and cosines of the diffusion times."""
    frequencies = np.geomspace(0.1, 3.0, WIDTH // 2).astype("float32")
    angles = ops.multiply(ops.expand_dims(ops.cast(times, "float32"), -1), frequencies)
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)


def residual_block(x, embedded):
    """Add convolutions whose features depend on the time."""
    h = layers.GroupNormalization(2)(x)
    h = layers.Conv2D(WIDTH, 3, padding="same", activation="swish")(h)
    h = layers.Add()([h, layers.Dense(WIDTH)(embedded)[:, None, None, :]])
    return layers.Add()([x, layers.Conv2D(WIDTH, 3, padding="same", kernel_initializer="zeros")(h)])


def noise_predictor():
    """Return a network from noisy images and times to their noise."""
    images, times = keras.Input((SIZE, SIZE, 1)), keras.Input((), dtype="int32")
    embedded = layers.Dense(WIDTH, activation="swish")(layers.Lambda(time_embedding)(times))
    x = first = layers.Conv2D(WIDTH, 3, padding="same")(images)
    x = layers.AveragePooling2D(2)(residual_block(x, embedded))
    x = layers.UpSampling2D(interpolation="bilinear")(residual_block(x, embedded))
    x = layers.Concatenate()([x, first])
    return keras.Model([images, times], layers.Conv2D(1, 3, padding="same")(x))


class Diffusion(keras.Model):
    """Add noise to images and predict it; the loss compares both."""

    def __init__(self, network, **kwargs):
        super().__init__(**kwargs)
        self.network = network
        self.seed_generator = keras.random.SeedGenerator(32)
        self.tracker = keras.metrics.Mean(name="noise_loss")

    @property
    def metrics(self):
        return [*super().metrics, self.tracker]

    def call(self, images, training=None):
        shape = ops.shape(images)
        times = keras.random.randint((shape[0],), 0, STEPS, seed=self.seed_generator)
        noise = keras.random.normal(shape, seed=self.seed_generator)
        remaining = ops.take(ops.convert_to_tensor(REMAINING), times)[:, None, None, None]
        noisy = ops.sqrt(remaining) * images + ops.sqrt(1 - remaining) * noise
        return {"noise": noise, "predicted": self.network([noisy, times], training=training)}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        per_pixel = ops.abs(y_pred["noise"] - y_pred["predicted"])
        loss = ops.mean(per_pixel)
        self.tracker.update_state(per_pixel)
        return loss + sum(self.losses)


images = np.zeros((96, SIZE, SIZE, 1), "float32")
for image, row, column in zip(images, *rng.integers(0, SIZE - 3, (2, 96)), strict=True):
    image[row : row + 4, column : column + 4] = 1
images = images * 2 - 1

network = noise_predictor()
model = Diffusion(network)
model.compile(
    keras.optimizers.AdamW(3e-3, weight_decay=1e-3, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=4)
)
model.fit(images, batch_size=16, epochs=3, verbose=0)

# Images are drawn from noise with fewer steps, by the trained network alone.
sample = rng.normal(size=(4, SIZE, SIZE, 1)).astype("float32")
for step in (19, 10, 1):
    predicted = network.predict([sample, np.full(4, step)], verbose=0)
    clean = (sample - np.sqrt(1 - REMAINING[step]) * predicted) / np.sqrt(REMAINING[step])
    before = REMAINING[step - 9] if step > 9 else 1.0
    sample = np.sqrt(before) * clean.clip(-1, 1) + np.sqrt(1 - before) * predicted
