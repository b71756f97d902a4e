"""Regress keypoints and whether they are visible, with two heads, an own loss per head and an own metric."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(15)
rng = np.random.default_rng(15)

POINTS, SIZE = 3, 16


class WingLoss(keras.losses.Loss):
    """Weight small errors more than the absolute difference does, with a logarithm near zero."""

    def __init__(self, width=0.4, curvature=0.5, **kwargs):
        super().__init__(**kwargs)
        self.width, self.curvature = width, curvature

    def call(self, y_true, y_pred):
        error = ops.abs(y_true - y_pred)
        inner = self.width * ops.log1p(error / self.curvature)
        offset = self.width - self.width * np.log1p(self.width / self.curvature)
        return ops.sum(ops.where(error < self.width, inner, error + offset), axis=-1)


class CorrectKeypoints(keras.metrics.Metric):
    """Compute the fraction of keypoints that are near enough, weighted by their visibility."""

    def __init__(self, distance=0.25, name="near", **kwargs):
        super().__init__(name=name, **kwargs)
        self.distance = distance
        self.near = self.add_weight(shape=(POINTS,), initializer="zeros", name="near")
        self.count = self.add_weight(shape=(), initializer="zeros", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        distances = ops.norm(y_true - y_pred, axis=-1)
        near = ops.cast(distances < self.distance, "float32")
        weights = ops.ones_like(near) if sample_weight is None else ops.cast(sample_weight, "float32")
        self.near.assign_add(ops.sum(near * weights, axis=0))
        self.count.assign_add(ops.sum(weights))

    def result(self):
        return ops.divide_no_nan(ops.sum(self.near), self.count)


def drawn(number):
    """Return images with a bright pixel per visible keypoint, the keypoints, and which are visible."""
    points = rng.integers(1, SIZE - 1, (number, POINTS, 2))
    visible = rng.random((number, POINTS)) < 0.8
    images = rng.normal(0, 0.1, (number, SIZE, SIZE, POINTS))
    for point in range(POINTS):
        row, column = points[:, point].T
        images[np.arange(number), row, column, point] += 3 * visible[:, point]
    return images.astype("float32"), (points / SIZE).astype("float32"), visible.astype("float32")


inputs = keras.Input((SIZE, SIZE, POINTS), name="image")
x = layers.Conv2D(8, 3, strides=2, padding="same", kernel_regularizer=keras.regularizers.L2(1e-3))(inputs)
x = layers.PReLU(shared_axes=[1, 2])(x)
x = layers.GroupNormalization(groups=2)(x)
x = layers.SpatialDropout2D(0.1)(x)
x = layers.Conv2D(12, 3, strides=2, padding="same", kernel_constraint=keras.constraints.MaxNorm(2.0))(x)
features = layers.Flatten()(layers.LeakyReLU(negative_slope=0.1)(x))
h = layers.Dense(16, activation="tanh")(features)
places = layers.Reshape((POINTS, 2), name="points")(layers.Dense(2 * POINTS, bias_initializer="ones")(h))
shown = layers.Dense(POINTS, activation="sigmoid", name="visible")(features)
model = keras.Model(inputs, {"points": places, "visible": shown})

model.compile(
    keras.optimizers.SGD(0.02, momentum=0.5),
    loss={"points": WingLoss(name="wing"), "visible": keras.losses.BinaryFocalCrossentropy(gamma=1.5)},
    loss_weights={"points": 1.0, "visible": 0.5},
    metrics={"visible": ["binary_accuracy", keras.metrics.Precision(name="precision")]},
    weighted_metrics={"points": [CorrectKeypoints()]},
)
images, points, visible = drawn(96)
test_images, test_points, test_visible = drawn(32)
model.fit(
    images,
    {"points": points, "visible": visible},
    sample_weight={"points": visible, "visible": np.linspace(0.5, 1.0, 96, dtype="float32")},
    batch_size=16,
    epochs=3,
    validation_data=(test_images, {"points": test_points, "visible": test_visible}),
    callbacks=[keras.callbacks.ReduceLROnPlateau("val_points_loss", mode="min", patience=1, factor=0.3, min_delta=1.0)],
    verbose=0,
)
model.evaluate(test_images, {"points": test_points, "visible": test_visible}, verbose=0, return_dict=True)
model.predict(test_images[:10], verbose=0)
