"""Segment shapes with a small U-Net, a `PyDataset` with weights per pixel, and the intersection over union."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(12)

SIZE, CLASSES = 16, 3


class Shapes(keras.utils.PyDataset):
    """Draw batches of images with a square and a bar, and the class of each pixel; its border counts less."""

    def __init__(self, batches, seed, **kwargs):
        super().__init__(**kwargs)
        self.batches, self.seed = batches, seed

    def __len__(self):
        return self.batches

    def __getitem__(self, index):
        rng = np.random.default_rng((self.seed, index))
        images = rng.normal(0, 0.2, (8, SIZE, SIZE, 3))
        masks = np.zeros((8, SIZE, SIZE), "uint8")
        for image, mask in zip(images, masks, strict=True):
            top, left = rng.integers(0, SIZE - 6, 2)
            mask[top : top + 5, left : left + 5] = 1
            mask[:, rng.integers(SIZE)] = 2
            image[..., 0] += mask == 1
            image[..., 1] += mask == 2
        weights = np.ones(masks.shape, "float32")
        weights[:, 0], weights[:, -1] = 0.5, 0.5
        return images.astype("float32"), masks[..., None], weights


def down(x, filters):
    """Halve the image with separable convolutions and a residual projection."""
    shortcut = layers.Conv2D(filters, 1, strides=2, padding="same")(x)
    for _ in range(2):
        x = layers.Activation("relu")(x)
        x = layers.SeparableConv2D(filters, 3, padding="same")(x)
        x = layers.BatchNormalization()(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    return layers.add([x, shortcut])


def up(x, skipped, filters):
    """Double the image, and join it with that of the same size on the way down."""
    x = layers.Conv2DTranspose(filters, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Concatenate()([x, skipped])
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return layers.BatchNormalization()(x)


inputs = keras.Input((SIZE, SIZE, 3))
entry = layers.Conv2D(6, 3, padding="same", activation="relu")(inputs)
half = down(entry, 8)
quarter = down(half, 12)
x = up(quarter, half, 8)
x = up(x, entry, 6)
outputs = layers.Conv2D(CLASSES, 1)(x)
model = keras.Model(inputs, outputs)

model.compile(
    keras.optimizers.Adam(
        keras.optimizers.schedules.ExponentialDecay(3e-3, decay_steps=5, decay_rate=0.9), epsilon=1e-4
    ),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy", keras.metrics.MeanIoU(CLASSES, sparse_y_pred=False, name="iou")],
    weighted_metrics=[keras.metrics.SparseCategoricalCrossentropy(name="weighted", from_logits=True)],
)
model.fit(Shapes(6, seed=1), epochs=2, validation_data=Shapes(2, seed=2), verbose=0)
model.evaluate(Shapes(2, seed=3), verbose=0)
model.predict(Shapes(1, seed=4)[0][0], verbose=0)
