"""Classify sentences of integer tokens with a bidirectional LSTM and masking."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
lengths = rng.integers(3, 12, 96)
x = rng.integers(1, 50, (96, 12))
x[np.arange(12) >= lengths[:, None]] = 0
y = (x.sum(axis=1) > 160).astype("float32")

inputs = keras.Input(shape=(None,), dtype="int32")
h = layers.Embedding(50, 8, mask_zero=True)(inputs)
h = layers.Bidirectional(layers.LSTM(6, return_sequences=True))(h)
h = layers.Bidirectional(layers.LSTM(6))(h)
h = layers.Dropout(0.2)(h)
outputs = layers.Dense(1, activation="sigmoid")(h)
model = keras.Model(inputs, outputs)
model.compile("adam", "binary_crossentropy", metrics=["accuracy", keras.metrics.AUC(name="auc")])
model.fit(x, y, batch_size=16, epochs=2, validation_data=(x[:32], y[:32]), verbose=0)
model.predict(x[:20], verbose=0)
