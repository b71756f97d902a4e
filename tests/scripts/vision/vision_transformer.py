"""Classify images with a small vision transformer of own layers for patches and positions."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(13)
rng = np.random.default_rng(13)

CLASSES, SIZE, PATCH, WIDTH = 6, 12, 4, 16
BATCH, EPOCHS = 16, 3


class Patches(layers.Layer):
    """Cut images into a sequence of flat patches."""

    def __init__(self, patch_size, **kwargs):
        super().__init__(**kwargs)
        self.patch_size = patch_size

    def call(self, images):
        patches = ops.image.extract_patches(images, size=self.patch_size)
        batch, rows, columns, channels = ops.shape(patches)
        return ops.reshape(patches, (batch, rows * columns, channels))


class PatchEncoder(layers.Layer):
    """Project patches, put a learned class token before them, and add an embedding of the position."""

    def __init__(self, patches, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.projection = layers.Dense(width)
        self.positions = layers.Embedding(patches + 1, width)
        self.patches = patches

    def build(self, input_shape):
        self.token = self.add_weight(shape=(1, 1, self.width), initializer="random_normal", name="token")
        self.projection.build(input_shape)
        self.positions.build(None)

    def call(self, patches):
        token = ops.broadcast_to(self.token, (ops.shape(patches)[0], 1, self.width))
        sequence = ops.concatenate([token, self.projection(patches)], axis=1)
        return sequence + self.positions(ops.expand_dims(ops.arange(self.patches + 1), axis=0))


class WarmUpCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Raise the learning rate linearly, then lower it along a cosine."""

    def __init__(self, peak, warm_up, total):
        self.peak, self.warm_up, self.total = peak, warm_up, total

    def __call__(self, step):
        step = ops.cast(step, "float32")
        progress = (step - self.warm_up) / (self.total - self.warm_up)
        falling = 0.5 * self.peak * (1 + ops.cos(np.pi * ops.clip(progress, 0.0, 1.0)))
        return ops.where(step < self.warm_up, self.peak * (step + 1) / self.warm_up, falling)


y = rng.integers(0, CLASSES, 128)
x = rng.normal(0, 0.3, (128, SIZE, SIZE, 2))
x[np.arange(128), 2 * y, :, 0] += 1.5
x = x.astype("float32")

inputs = keras.Input((SIZE, SIZE, 2))
normalization = layers.Normalization()
normalization.adapt(x)
encoded = PatchEncoder((SIZE // PATCH) ** 2, WIDTH)(Patches(PATCH)(normalization(inputs)))
for _ in range(2):
    h = layers.LayerNormalization(epsilon=1e-6)(encoded)
    h = layers.MultiHeadAttention(num_heads=2, key_dim=8, dropout=0.1)(h, h)
    encoded = layers.Add()([h, encoded])
    h = layers.LayerNormalization(epsilon=1e-6)(encoded)
    h = layers.Dense(2 * WIDTH, activation=keras.activations.gelu)(h)
    h = layers.Dropout(0.1)(h)
    encoded = layers.Add()([layers.Dense(WIDTH)(h), encoded])
representation = layers.LayerNormalization(epsilon=1e-6)(encoded)[:, 0]
outputs = layers.Dense(CLASSES)(layers.Dropout(0.2)(representation))
model = keras.Model(inputs, outputs)

optimizer = keras.optimizers.AdamW(WarmUpCosine(3e-3, 6, EPOCHS * 7), weight_decay=1e-2, global_clipnorm=1.0)
optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
model.compile(
    optimizer,
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=[
        keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
        keras.metrics.SparseTopKCategoricalAccuracy(2, name="top-2"),
    ],
)
model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, validation_split=0.125, verbose=0)
model.evaluate(x[:50], y[:50], verbose=0, return_dict=True)
