"""Classify with a wide and deep model, whose inputs are a dict of lookups, hashes, bins and normalized numbers."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(32)
rng = np.random.default_rng(32)
rows = 144
numbers = {"elevation": rng.normal(2800, 300, rows), "slope": rng.gamma(2.0, 8.0, rows)}
soil = rng.integers(100, 112, rows)
area = rng.choice(["Rawah", "Neota", "Comanche", "Cache"], rows)
y = ((numbers["elevation"] > 2800).astype("int64") + (soil > 106)).astype("int64")

areas = layers.StringLookup(vocabulary=["Cache", "Comanche", "Neota", "Rawah"], num_oov_indices=0)
hashing = layers.Hashing(num_bins=5, salt=7)
crossing = layers.HashedCrossing(num_bins=6)
soils = layers.IntegerLookup(vocabulary=sorted(set(soil[:120].tolist())), output_mode="int")
x = {name: column.astype("float32")[:, None] for name, column in numbers.items()}
x["soil"] = np.asarray(soils(tf.constant(soil)))[:, None].astype("int64")
x["cross"] = np.asarray(crossing((tf.constant(soil), tf.constant(area))))[:, None].astype("int64")
x["area"] = np.asarray(areas(tf.constant(area)))[:, None].astype("int64")
x["area_hash"] = np.asarray(hashing(tf.constant(area)))[:, None].astype("int64")

inputs = {name: keras.Input((1,), name=name, dtype="float32" if name in numbers else "int64") for name in x}
bins = layers.Discretization(num_bins=4, output_mode="one_hot")
bins.adapt(x["elevation"])
scaled = []
for name in numbers:
    normalization = layers.Normalization(axis=-1)
    normalization.adapt(x[name][:120])
    scaled.append(normalization(inputs[name]))
embedded = [
    layers.Flatten()(layers.Embedding(soils.vocabulary_size(), 3)(inputs["soil"])),
    layers.Flatten()(layers.Embedding(4, 2, embeddings_regularizer="l2")(inputs["area"])),
]
wide = layers.concatenate(
    [
        bins(inputs["elevation"]),
        layers.CategoryEncoding(num_tokens=5, output_mode="multi_hot")(inputs["area_hash"]),
        layers.CategoryEncoding(num_tokens=6, output_mode="one_hot")(inputs["cross"]),
    ]
)
wide = layers.BatchNormalization()(wide)
deep = layers.concatenate(scaled + embedded)
for units in (12, 8):
    deep = layers.Dropout(0.1)(layers.ReLU()(layers.BatchNormalization()(layers.Dense(units)(deep))))
outputs = layers.Dense(3, activation="softmax")(layers.concatenate([wide, deep]))
model = keras.Model(inputs, outputs)
model.compile(
    optimizer=keras.optimizers.Adam(learning_rate=0.01),
    loss=keras.losses.SparseCategoricalCrossentropy(),
    metrics=[keras.metrics.SparseCategoricalAccuracy()],
)


def batches(part):
    """Return the batches of a slice of the rows."""
    columns = {name: column[part] for name, column in x.items()}
    return tf.data.Dataset.from_tensor_slices((columns, y[part])).batch(16)


model.fit(batches(slice(0, 112)), epochs=2, verbose=0)
model.evaluate(batches(slice(112, None)), verbose=0)
