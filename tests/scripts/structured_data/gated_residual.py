"""Select variables with gated residual networks: own layers with two inputs by name, nested in a model of dicts."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(35)
rng = np.random.default_rng(35)
rows, units = 128, 6
x = {
    "age": rng.normal(size=(rows, 1)).astype("float32"),
    "hours": rng.normal(size=(rows, 1)).astype("float32"),
    "job": rng.integers(0, 5, (rows, 1)),
}
y = (x["age"][:, 0] - 0.4 * x["job"][:, 0] + 0.5 * x["hours"][:, 0] > -0.5).astype("float32")
weight = rng.uniform(0.5, 1.5, rows)


class GatedLinearUnit(layers.Layer):
    """Multiply a linear function by a gate."""

    def __init__(self, units):
        super().__init__()
        self.linear, self.sigmoid = layers.Dense(units), layers.Dense(units, activation="sigmoid")

    def call(self, inputs):
        return self.linear(inputs) * self.sigmoid(inputs)


class GatedResidual(layers.Layer):
    """Add a gated function of the inputs and of a context to the inputs."""

    def __init__(self, units, dropout_rate):
        super().__init__()
        self.units = units
        self.elu_dense = layers.Dense(units, activation="elu")
        self.context_dense = layers.Dense(units, use_bias=False)
        self.linear_dense = layers.Dense(units)
        self.dropout = layers.Dropout(dropout_rate)
        self.gated_linear_unit = GatedLinearUnit(units)
        self.layer_norm = layers.LayerNormalization()
        self.project = layers.Dense(units)

    def build(self, inputs_shape, context_shape=None):
        self.elu_dense.build(inputs_shape)
        if context_shape is not None:
            self.context_dense.build(context_shape)
        inner = (*inputs_shape[:-1], self.units)
        for layer in (self.linear_dense, self.gated_linear_unit, self.layer_norm):
            layer.build(inner)
        if inputs_shape[-1] != self.units:
            self.project.build(inputs_shape)

    def call(self, inputs, context=None, training=False):
        h = self.elu_dense(inputs)
        if context is not None:
            h = h + self.context_dense(context)
        h = self.dropout(self.linear_dense(h), training=training)
        if inputs.shape[-1] != self.units:
            inputs = self.project(inputs)
        return self.layer_norm(inputs + self.gated_linear_unit(h))


class VariableSelection(layers.Layer):
    """Weight the features of each row."""

    def __init__(self, number, units, dropout_rate):
        super().__init__()
        self.grns = [GatedResidual(units, dropout_rate) for _ in range(number)]
        self.concat = GatedResidual(units, dropout_rate)
        self.softmax = layers.Dense(units=number, activation="softmax")

    def call(self, features, training=False):
        v = self.softmax(self.concat(ops.concatenate(features, axis=-1), context=features[0], training=training))
        h = ops.stack([grn(f, training=training) for f, grn in zip(features, self.grns, strict=True)], axis=1)
        return ops.squeeze(ops.matmul(ops.expand_dims(v, axis=1), h), axis=1)


inputs = {
    "age": keras.Input((1,), name="age"),
    "hours": keras.Input((1,), name="hours"),
    "job": keras.Input((1,), name="job", dtype="int64"),
}
features = [
    layers.Dense(units)(inputs["age"]),
    layers.Dense(units)(inputs["hours"]),
    layers.Flatten()(layers.Embedding(5, units)(inputs["job"])),
]
h = VariableSelection(len(features), units, 0.15)(features)
h = GatedResidual(units, 0.1)(h, context=features[2])
model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(h))
model.compile("adam", keras.losses.BinaryCrossentropy(label_smoothing=0.05), metrics=[keras.metrics.BinaryAccuracy()])
early = keras.callbacks.EarlyStopping(monitor="loss", patience=1, restore_best_weights=True)
model.fit(x, y, sample_weight=weight, epochs=3, batch_size=32, callbacks=[early], verbose=0)
model.evaluate(x, y, sample_weight=weight, batch_size=50, verbose=0)
