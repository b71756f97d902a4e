"""Classify texts with a transformer block of own layers, save the model, and train the loaded one further."""

import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(22)
rng = np.random.default_rng(22)

VOCABULARY, LENGTH, WIDTH = 40, 14, 8


@keras.saving.register_keras_serializable("scripts")
class TokenAndPositionEmbedding(layers.Layer):
    """Embed tokens and their positions, and pass on the mask of padded tokens."""

    def __init__(self, length, vocabulary, width, **kwargs):
        super().__init__(**kwargs)
        self.length, self.vocabulary, self.width = length, vocabulary, width
        self.tokens = layers.Embedding(vocabulary, width, mask_zero=True)
        self.positions = layers.Embedding(length, width)

    def build(self, input_shape):
        self.tokens.build(input_shape)
        self.positions.build((self.length,))

    def call(self, x):
        return self.tokens(x) + self.positions(ops.arange(self.length))

    def compute_mask(self, inputs, mask=None):
        return ops.not_equal(inputs, 0)

    def get_config(self):
        return {**super().get_config(), "length": self.length, "vocabulary": self.vocabulary, "width": self.width}


@keras.saving.register_keras_serializable("scripts")
class TransformerBlock(layers.Layer):
    """Attend and feed forward, each with dropout, a shortcut and layer normalization."""

    def __init__(self, heads, hidden, rate=0.1, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.heads, self.hidden, self.rate = heads, hidden, rate
        self.norms = [layers.LayerNormalization(epsilon=1e-6) for _ in range(2)]
        self.dropouts = [layers.Dropout(rate) for _ in range(2)]

    def build(self, input_shape):
        width = input_shape[-1]
        self.attention = layers.MultiHeadAttention(self.heads, width // self.heads)
        self.attention.build(input_shape, input_shape)
        self.feed_forward = keras.Sequential([layers.Dense(self.hidden, activation="relu"), layers.Dense(width)])
        self.feed_forward.build(input_shape)
        for norm in self.norms:
            norm.build(input_shape)

    def call(self, x, mask=None, training=None):
        attention_mask = None if mask is None else mask[:, None, :]
        attended = self.attention(x, x, attention_mask=attention_mask, training=training)
        x = self.norms[0](x + self.dropouts[0](attended, training=training))
        return self.norms[1](x + self.dropouts[1](self.feed_forward(x), training=training))

    def get_config(self):
        return {**super().get_config(), "heads": self.heads, "hidden": self.hidden, "rate": self.rate}


@keras.saving.register_keras_serializable("scripts")
def scaled_accuracy(y_true, y_pred):
    """Compute the accuracy per row, scaled so that guessing one of two classes gives 0."""
    return 2 * keras.metrics.sparse_categorical_accuracy(y_true, y_pred) - 1


lengths = rng.integers(4, LENGTH + 1, 120)
x = rng.integers(1, VOCABULARY, (120, LENGTH))
x[np.arange(LENGTH) >= lengths[:, None]] = 0
y = (np.count_nonzero(x > VOCABULARY // 2, axis=1) * 2 > lengths).astype("int32")

inputs = keras.Input((LENGTH,), dtype="int32")
h = TokenAndPositionEmbedding(LENGTH, VOCABULARY, WIDTH)(inputs)
h = TransformerBlock(2, 12)(h)
h = layers.GlobalAveragePooling1D()(h)
outputs = layers.Dense(2, activation="softmax")(layers.Dropout(0.1)(h))
model = keras.Model(inputs, outputs)
model.compile(
    keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=None),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy", scaled_accuracy],
)
arguments = {"batch_size": 16, "validation_data": (x[96:], y[96:]), "class_weight": {0: 1.0, 1: 0.7}, "verbose": 0}
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "model.keras"
    model.fit(x[:96], y[:96], epochs=2, callbacks=[keras.callbacks.ModelCheckpoint(path)], **arguments)
    loaded = keras.saving.load_model(path)
loaded.evaluate(x[96:], y[96:], verbose=0)
loaded.fit(x[:96], y[:96], epochs=4, initial_epoch=2, **arguments)
loaded.predict(x[:20], verbose=0)
