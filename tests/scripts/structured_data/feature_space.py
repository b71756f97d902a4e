"""Classify rows of strings and numbers, prepared by a FeatureSpace inside tf.data, and export both as one model."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from keras.utils import FeatureSpace

keras.utils.set_random_seed(31)
rng = np.random.default_rng(31)
rows = 120
table = {
    "age": rng.integers(20, 80, rows).astype("float32"),
    "cholesterol": rng.normal(240, 30, rows).astype("float32"),
    "sex": rng.integers(0, 2, rows),
    "chest_pain": rng.integers(0, 4, rows),
    "thal": rng.choice(["normal", "fixed", "reversible"], rows),
}
target = (table["age"] / 80 + table["sex"] * 0.3 + (table["thal"] == "fixed") * 0.4 > 1).astype("int64")


def dataset(part):
    """Return a dataset of the rows of a slice."""
    rows_of_part = {name: column[part] for name, column in table.items()}
    return tf.data.Dataset.from_tensor_slices((rows_of_part, target[part]))


train, validation = (
    dataset(slice(0, 90)).shuffle(90, seed=31, reshuffle_each_iteration=False).batch(15),
    dataset(slice(90, None)).batch(15),
)
space = FeatureSpace(
    features={
        "sex": FeatureSpace.integer_categorical(num_oov_indices=0),
        "chest_pain": "integer_categorical",
        "thal": FeatureSpace.string_categorical(num_oov_indices=0),
        "age": FeatureSpace.float_discretized(num_bins=6),
        "cholesterol": "float_normalized",
    },
    crosses=[FeatureSpace.cross(feature_names=("sex", "age"), crossing_dim=8), ("thal", "chest_pain")],
    output_mode="concat",
)
space.adapt(dataset(slice(0, 90)).batch(30).map(lambda x, _: x))

encoded = space.get_encoded_features()
h = layers.Dense(8, activation="relu")(encoded)
outputs = layers.Dense(1, activation="sigmoid")(layers.Dropout(0.5)(h))
model = keras.Model(inputs=encoded, outputs=outputs)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(
    train.map(lambda x, y: (space(x), y), num_parallel_calls=2).prefetch(2),
    epochs=3,
    validation_data=validation.map(lambda x, y: (space(x), y)),
    verbose=0,
)
for x, _ in validation.take(1):
    model.predict(keras.ops.convert_to_numpy(space(x)), verbose=0)
