"""Train two images per row through one shared base with an own contrastive loss on their distance."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(41)

SIZE, CLASSES = 8, 4


def distance(vectors):
    """Return the Euclidean distance of two vectors, at least a small number so that its gradient is finite."""
    first, second = vectors
    return ops.sqrt(ops.maximum(ops.sum(ops.square(first - second), axis=1, keepdims=True), 1e-6))


def contrastive_loss(margin):
    """Return a loss that pulls equal pairs together, and pushes others apart up to a margin."""

    def contrastive(y_true, y_pred):
        apart = ops.square(ops.maximum(margin - y_pred, 0))
        return ops.mean((1 - y_true) * ops.square(y_pred) + y_true * apart, axis=-1)

    return contrastive


def distance_accuracy(y_true, y_pred):
    """Compute whether a distance is on the right side of one half."""
    return ops.cast(ops.equal(y_true > 0.5, y_pred > 0.5), "float32")


class Pairs(keras.utils.PyDataset):
    """Load pairs of images, half of them of one class; pairs that differ more count more."""

    def __init__(self, batches, seed):
        super().__init__()
        self.batches, self.seed = batches, seed

    def __len__(self):
        return self.batches

    def __getitem__(self, index):
        rng = np.random.default_rng((self.seed, index))
        classes = rng.integers(0, CLASSES, (2, 16))
        classes[1, ::2] = classes[0, ::2]
        images = rng.normal(0, 0.3, (2, 16, SIZE, SIZE, 1))
        for side in range(2):
            images[side, np.arange(16), 2 * classes[side]] += 1
        different = (classes[0] != classes[1]).astype("float32")
        weights = 1 + 0.2 * np.abs(classes[0] - classes[1])
        return (images[0].astype("float32"), images[1].astype("float32")), different[:, None], weights.astype("float32")


base_input = keras.Input((SIZE, SIZE, 1))
x = layers.BatchNormalization()(base_input)
x = layers.Conv2D(6, 5, activation="tanh", kernel_initializer="lecun_normal")(x)
x = layers.AveragePooling2D(2)(x)
x = layers.Flatten()(x)
x = layers.AlphaDropout(0.1)(x)
base = keras.Model(base_input, layers.Dense(8, activation="selu", kernel_initializer="lecun_normal")(x), name="base")

left, right = keras.Input((SIZE, SIZE, 1)), keras.Input((SIZE, SIZE, 1))
merged = layers.Lambda(distance, output_shape=(1,))([base(left), base(right)])
merged = layers.BatchNormalization()(merged)
model = keras.Model([left, right], layers.Dense(1, activation="sigmoid")(merged))

rates = []
model.compile(
    keras.optimizers.RMSprop(keras.optimizers.schedules.PolynomialDecay(5e-3, 12, 1e-3, power=2), epsilon=1e-4),
    loss=contrastive_loss(margin=1.0),
    metrics=[distance_accuracy],
    weighted_metrics=[keras.metrics.BinaryCrossentropy(name="weighted")],
)
model.fit(
    Pairs(6, 1),
    epochs=3,
    validation_data=Pairs(2, 2),
    validation_freq=2,
    callbacks=[
        keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: rates.append(float(model.optimizer.learning_rate))
        )
    ],
    verbose=0,
)
assert len(rates) == 3
model.evaluate(Pairs(2, 3), verbose=0)
base.predict(Pairs(1, 4)[0][0][0], verbose=0)
