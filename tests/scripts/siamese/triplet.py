"""Train a model that returns the distances of triplets, with the loss in `compute_loss` and partly frozen layers."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(42)
rng = np.random.default_rng(42)

SIZE, CLASSES = 10, 4


class Distances(layers.Layer):
    """Return the squared distances of an anchor to an example of its class, and to one of another."""

    def call(self, anchor, positive, negative):
        near = ops.sum(ops.square(anchor - positive), axis=-1)
        far = ops.sum(ops.square(anchor - negative), axis=-1)
        return near, far


class Triplets(keras.Model):
    """Ask for a margin between the two distances that the network returns."""

    def __init__(self, network, margin=0.5, **kwargs):
        super().__init__(**kwargs)
        self.network, self.margin = network, margin
        self.right = keras.metrics.Mean(name="right")

    def call(self, inputs, training=None):
        return self.network(inputs, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        near, far = y_pred
        losses = ops.relu(near - far + self.margin)
        if sample_weight is not None:
            losses = losses * sample_weight
        return ops.mean(losses) + sum(self.losses)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        near, far = y_pred
        self.right.update_state(ops.cast(near < far, "float32"), sample_weight=sample_weight)
        return self.get_metrics_result()


def images_of(classes):
    """Return an image for each class number, with a bright row and noise."""
    images = rng.normal(0, 0.3, (len(classes), SIZE, SIZE, 1))
    images[np.arange(len(classes)), 2 * classes + 1] += 1
    return images.astype("float32")


def triplets(number):
    """Return anchors, positives and negatives by name, and the classes of the anchors."""
    classes = rng.integers(0, CLASSES, number)
    others = (classes + rng.integers(1, CLASSES, number)) % CLASSES
    return {"anchor": images_of(classes), "positive": images_of(classes), "negative": images_of(others)}, classes


# The lower layers are trained as a classifier first, and then frozen.
classes = rng.integers(0, CLASSES, 96)
trunk = keras.Sequential(
    [
        keras.Input((SIZE, SIZE, 1)),
        layers.Conv2D(6, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
    ],
    name="trunk",
)
classifier = keras.Sequential([trunk, layers.Dense(CLASSES)])
classifier.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
classifier.fit(images_of(classes), classes, epochs=2, verbose=0)
trunk.layers[0].trainable = False

image = keras.Input((SIZE, SIZE, 1))
h = layers.BatchNormalization()(layers.Dense(16, activation="relu", kernel_regularizer="l2")(trunk(image)))
embedding = keras.Model(image, layers.UnitNormalization()(layers.Dense(4)(h)), name="embedding")
inputs = {name: keras.Input((SIZE, SIZE, 1), name=name) for name in ("anchor", "positive", "negative")}
distances = Distances()(*(embedding(inputs[name]) for name in ("anchor", "positive", "negative")))
model = Triplets(keras.Model(inputs, distances))
model.compile(keras.optimizers.Adam(3e-3, amsgrad=True, epsilon=1e-4))
(train, train_classes), (test, test_classes) = triplets(96), triplets(32)
model.fit(
    train,
    train_classes,
    sample_weight=np.where(train_classes == 0, 1.5, 0.8).astype("float32"),
    batch_size=16,
    epochs=3,
    validation_data=(test, test_classes),
    callbacks=[keras.callbacks.EarlyStopping("val_right", patience=2, mode="max")],
    verbose=0,
)
embedded = [embedding.predict(test[name], verbose=0) for name in ("anchor", "positive", "negative")]
similarity = keras.metrics.CosineSimilarity()
similarity.update_state(*embedded[:2])
assert -1 <= float(similarity.result()) <= 1
