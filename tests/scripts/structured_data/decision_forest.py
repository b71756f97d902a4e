"""Train a neural decision forest, whose trees route each row with sampled features and differ in their weights."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(36)
rng = np.random.default_rng(36)
x = rng.normal(size=(120, 8)).astype("float32")
y = ((x[:, 0] > 0).astype("int64") + (x[:, 1] > 0.5)).astype("int64")


class Tree(keras.Model):
    """Route each row through a tree of learned decisions to distributions over the classes."""

    def __init__(self, depth, features, rate, classes):
        super().__init__()
        self.depth, self.leaves, self.classes = depth, 2**depth, classes
        chosen = np.random.choice(np.arange(features), int(features * rate), replace=False)
        self.mask = ops.convert_to_tensor(np.eye(features, dtype="float32")[chosen])
        self.pi = self.add_weight(shape=[self.leaves, classes], initializer="random_normal", dtype="float32")
        self.decision = layers.Dense(units=self.leaves, activation="sigmoid", name="decision")

    def call(self, features):
        batch = ops.shape(features)[0]
        features = ops.matmul(features, ops.transpose(self.mask))
        decisions = ops.expand_dims(self.decision(features), axis=2)
        decisions = layers.concatenate([decisions, 1 - decisions], axis=2)
        mu, begin, end = ops.ones([batch, 1, 1]), 1, 2
        for level in range(self.depth):
            mu = ops.reshape(mu, [batch, -1, 1])
            mu = ops.tile(mu, (1, 1, 2)) * decisions[:, begin:end, :]
            begin, end = end, end + 2 ** (level + 1)
        mu = ops.reshape(mu, [batch, self.leaves])
        return ops.matmul(mu, ops.softmax(self.pi))


class Forest(keras.Model):
    """Average several trees."""

    def __init__(self, trees, *arguments):
        super().__init__()
        self.ensemble = [Tree(*arguments) for _ in range(trees)]

    def call(self, inputs):
        total = 0.0
        for tree in self.ensemble:
            total = total + tree(inputs)
        return total / len(self.ensemble)


inputs = keras.Input((8,))
outputs = Forest(3, 3, 8, 0.5, 3)(layers.BatchNormalization()(inputs))
model = keras.Model(inputs=inputs, outputs=outputs)
model.compile(
    optimizer=keras.optimizers.Adam(learning_rate=0.02),
    loss=keras.losses.SparseCategoricalCrossentropy(),
    metrics=[keras.metrics.SparseCategoricalAccuracy()],
)
model.fit(x, y, epochs=3, batch_size=24, verbose=0)
model.evaluate(x[:50], y[:50], batch_size=25, verbose=0)
