"""Train a network of depthwise convolutions that augments images on a tf.data pipeline that mixes pairs of them."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(14)
rng = np.random.default_rng(14)

CLASSES, BATCH, EPOCHS, STEPS = 4, 16, 3, 6
labels = rng.integers(0, CLASSES, 112)
images = rng.integers(0, 120, (112, 12, 12, 3)) + 30 * labels[:, None, None, None]
images, labels = images.astype("float32"), np.eye(CLASSES, dtype="float32")[labels]


def beta(shape, concentration, seed):
    """Draw from the beta distribution with two equal parameters."""
    first = tf.random.stateless_gamma(shape, (seed, 1), concentration)
    second = tf.random.stateless_gamma(shape, (seed, 2), concentration)
    return first / (first + second)


def mixed(seed, one, two):
    """Return weighted sums of the images of two batches, and of their labels."""
    (images_one, labels_one), (images_two, labels_two) = one, two
    share = beta((tf.shape(images_one)[0],), 0.4, tf.cast(seed, "int32"))
    image_share, label_share = share[:, None, None, None], share[:, None]
    return (
        images_one * image_share + images_two * (1 - image_share),
        labels_one * label_share + labels_two * (1 - label_share),
    )


def shuffled(seed):
    """Return endless batches of the first images in an order of their own."""
    rows = tf.data.Dataset.from_tensor_slices((images[:96], labels[:96])).repeat()
    return rows.shuffle(96, seed=seed, reshuffle_each_iteration=False).batch(BATCH)


train = tf.data.Dataset.zip(tf.data.Dataset.counter(), shuffled(6), shuffled(7)).map(mixed).prefetch(2)
test = tf.data.Dataset.from_tensor_slices((images[96:], labels[96:])).batch(BATCH).cache()


def mixer_block(x, filters, kernel_size):
    """Mix positions with a depthwise convolution around a shortcut, then channels with a pointwise one."""
    shortcut = x
    x = layers.DepthwiseConv2D(kernel_size, padding="same", activation="gelu")(x)
    x = layers.BatchNormalization(momentum=0.7)(x)
    x = layers.Add()([x, shortcut])
    x = layers.Conv2D(filters, 1, activation="gelu")(x)
    return layers.BatchNormalization(momentum=0.7)(x)


inputs = keras.Input((12, 12, 3))
x = layers.RandomFlip("horizontal_and_vertical")(inputs)
x = layers.RandomContrast(0.2, value_range=(0, 255))(x)
x = layers.RandomErasing(0.5, value_range=(0, 255), fill_value=128.0)(x)
x = layers.Rescaling(1 / 255)(x)
x = layers.Conv2D(8, 2, strides=2, activation="gelu")(x)
x = layers.BatchNormalization(momentum=0.7)(x)
for _ in range(2):
    x = mixer_block(x, 8, 3)
outputs = layers.Dense(CLASSES, activation="softmax")(layers.GlobalAveragePooling2D()(x))
model = keras.Model(inputs, outputs)

model.compile(
    keras.optimizers.Nadam(2e-3),
    loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
    metrics=["accuracy", keras.metrics.F1Score(average="macro", name="f1")],
)
model.fit(train, epochs=EPOCHS, steps_per_epoch=STEPS, validation_data=test, verbose=0)
model.evaluate(test, verbose=0)
