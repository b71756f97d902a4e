"""Forecast traffic on a graph of roads with an own graph convolution whose matrix is fixed, and an LSTM."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(26)
rng = np.random.default_rng(26)
roads, past, rows = 5, 6, 90
distance = rng.random((roads, roads))
adjacency = ((distance + distance.T) < 1.0).astype("float32")
speeds = np.cumsum(rng.normal(0, 0.3, (rows + past + 1, roads)), axis=0).astype("float32")
x = np.stack([speeds[i : i + past] for i in range(rows)])[..., None]
y = np.stack([speeds[i + past] for i in range(rows)])


class GraphConvolution(layers.Layer):
    """Combine the features of each node with the mean of its neighbours."""

    def __init__(self, features, edges, **kwargs):
        super().__init__(**kwargs)
        self.features = features
        self.edges = ops.convert_to_tensor(edges / edges.sum(axis=1, keepdims=True))

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.features), initializer="glorot_uniform", name="w")

    def call(self, inputs):
        nodes = ops.matmul(inputs, self.kernel)
        neighbours = ops.einsum("ij,btjf->btif", self.edges, nodes)
        return ops.relu(ops.concatenate([nodes, neighbours], axis=-1))


class GraphLSTM(layers.Layer):
    """Run an LSTM over time for each node, and return one forecast per node."""

    def __init__(self, features, units, edges, **kwargs):
        super().__init__(**kwargs)
        self.graph = GraphConvolution(features, edges)
        self.lstm = layers.LSTM(units, activation="relu")
        self.dense = layers.Dense(1)

    def call(self, inputs):
        h = self.graph(inputs)
        _, time, nodes, features = h.shape
        h = ops.reshape(ops.transpose(h, (0, 2, 1, 3)), (-1, time, features))
        return ops.reshape(self.dense(self.lstm(h)), (-1, nodes))


inputs = layers.Input((past, 1, roads))
h = layers.Permute((1, 3, 2))(inputs)
model = keras.Model(inputs, GraphLSTM(4, 6, adjacency)(h))
model.compile(
    optimizer=keras.optimizers.RMSprop(learning_rate=0.002),
    loss=keras.losses.MeanSquaredError(),
    metrics=[keras.metrics.RootMeanSquaredError(name="rmse"), keras.metrics.R2Score()],
)
x = np.swapaxes(x, 2, 3)
model.fit(
    x[:70],
    y[:70],
    validation_data=(x[70:], y[70:]),
    epochs=3,
    batch_size=14,
    callbacks=[keras.callbacks.EarlyStopping(patience=10)],
    verbose=0,
)
model.predict(x[70:], verbose=0)
