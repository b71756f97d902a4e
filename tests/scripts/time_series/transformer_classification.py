"""Classify time series with blocks of multi-head attention and convolutions of one time step."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(23)
rng = np.random.default_rng(23)
y = rng.integers(0, 3, 128)
x = np.sin(np.arange(20)[None, :] * (y[:, None] + 1) / 4 + rng.random((128, 1))) + rng.normal(0, 0.1, (128, 20))
x = x[..., None].astype("float32")
order = rng.permutation(len(x))
x, y = x[order], y[order]


def transformer_encoder(inputs, head_size, num_heads, ff_dim, dropout=0.0):
    """Add attention and a feed-forward part, each with a residual."""
    h = layers.MultiHeadAttention(key_dim=head_size, num_heads=num_heads, dropout=dropout)(inputs, inputs)
    h = layers.Dropout(dropout)(h)
    residual = layers.LayerNormalization(epsilon=1e-6)(h) + inputs
    h = layers.Conv1D(filters=ff_dim, kernel_size=1, activation="relu")(residual)
    h = layers.Dropout(dropout)(h)
    h = layers.Conv1D(filters=inputs.shape[-1], kernel_size=1)(h)
    return layers.LayerNormalization(epsilon=1e-6)(h) + residual


inputs = keras.Input(shape=x.shape[1:])
h = layers.Dense(4)(inputs)
for _ in range(2):
    h = transformer_encoder(h, head_size=8, num_heads=2, ff_dim=4, dropout=0.1)
h = layers.GlobalAveragePooling1D(data_format="channels_last")(h)
h = layers.Dense(8, activation="relu")(h)
outputs = layers.Dense(3, activation="softmax")(layers.Dropout(0.2)(h))
model = keras.Model(inputs, outputs)
model.compile(
    loss="sparse_categorical_crossentropy",
    optimizer=keras.optimizers.Adam(learning_rate=1e-2),
    metrics=["sparse_categorical_accuracy", keras.metrics.SparseTopKCategoricalAccuracy(k=2, name="top_2")],
)
model.fit(
    x,
    y,
    validation_split=0.2,
    epochs=3,
    batch_size=20,
    callbacks=[
        keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=1, min_lr=1e-4),
        keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True),
    ],
    verbose=0,
)
model.evaluate(x[-30:], y[-30:], verbose=0)
