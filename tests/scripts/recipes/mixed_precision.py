"""Train in half precision, first float16 with a scaled loss, then bfloat16 in some layers only."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(52)
rng = np.random.default_rng(52)
y = rng.integers(0, 3, 96)
x = (rng.random((96, 12)) + np.repeat(np.eye(3)[y], 4, axis=1)).astype("float32")

keras.mixed_precision.set_global_policy("mixed_float16")
inputs = keras.Input((12,))
h = layers.Dense(16, activation="relu", name="dense_1")(inputs)
h = layers.LayerNormalization()(h)
outputs = layers.Activation("softmax", dtype="float32")(layers.Dense(3)(h))
model = keras.Model(inputs, outputs)
assert model.layers[1].compute_dtype == "float16"
assert model.layers[1].kernel.dtype == "float32"
model.compile(keras.optimizers.RMSprop(0.002), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, batch_size=16, epochs=2, validation_split=0.25, verbose=0)
model.evaluate(x[:48], y[:48], verbose=0)

keras.mixed_precision.set_global_policy("float32")
half = keras.Sequential(
    [
        keras.Input((12,)),
        layers.Dense(8, activation="relu", dtype="mixed_bfloat16"),
        layers.Dense(3, dtype="float32"),
    ]
)
half.compile(keras.optimizers.SGD(0.1), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
half.fit(x, y, batch_size=16, epochs=2, verbose=0)
