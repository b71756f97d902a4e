"""Train a small generative transformer with an own causal mask, and generate text in a callback after each epoch."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(25)
rng = np.random.default_rng(25)

VOCABULARY, LENGTH, WIDTH, HEADS = 16, 10, 12, 2


def causal_mask(batch, length):
    """Return a mask of shape (batch, length, length) that shows each position those up to itself."""
    rows, columns = ops.arange(length)[:, None], ops.arange(length)
    mask = ops.reshape(ops.cast(rows >= columns, "bool"), (1, length, length))
    return ops.tile(mask, (batch, 1, 1))


class CausalBlock(layers.Layer):
    """Attend to earlier positions, then feed forward."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attention = layers.MultiHeadAttention(HEADS, WIDTH // HEADS)
        self.feed_forward = keras.Sequential([layers.Dense(16, activation="silu"), layers.Dense(WIDTH)])
        self.norms = [layers.RMSNormalization(), layers.LayerNormalization()]
        self.dropout = layers.Dropout(0.1)

    def call(self, x):
        batch, length, _ = ops.shape(x)
        attended = self.attention(x, x, attention_mask=causal_mask(batch, length))
        x = self.norms[0](x + self.dropout(attended))
        return self.norms[1](x + self.dropout(self.feed_forward(x)))


class TiedEmbedding(layers.Layer):
    """Embed tokens and positions; called with `reverse`, compute the logits of tokens with the same weights."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.tokens = self.add_weight(shape=(VOCABULARY, WIDTH), initializer="he_normal", name="tokens")
        self.positions = self.add_weight(shape=(LENGTH, WIDTH), initializer="zeros", name="positions")

    def call(self, x, reverse=False):
        if reverse:
            return ops.matmul(x, ops.transpose(self.tokens))
        return ops.take(self.tokens, x, axis=0) + self.positions


class TextGenerator(keras.callbacks.Callback):
    """Continue a text with the most likely tokens, at the end of each epoch, and keep the result."""

    def __init__(self, start, number):
        super().__init__()
        self.start, self.number, self.texts = start, number, []

    def on_epoch_end(self, epoch, logs=None):
        tokens = list(self.start)
        for _ in range(self.number):
            padded = np.array([tokens + [0] * (LENGTH - len(tokens))])
            logits, _ = self.model.predict(padded, verbose=0)
            tokens.append(int(np.argmax(logits[0, len(tokens) - 1])))
        self.texts.append(tokens)


steps = rng.integers(1, 4, (96, 1))
sequences = (rng.integers(0, VOCABULARY, (96, 1)) + steps * np.arange(LENGTH + 1)) % VOCABULARY
x, y = sequences[:, :-1], sequences[:, 1:]

inputs = keras.Input((LENGTH,), dtype="int32")
embedding = TiedEmbedding()
features = CausalBlock()(embedding(inputs))
logits = embedding(features, reverse=True)
model = keras.Model(inputs, [logits, features])
model.compile(
    keras.optimizers.Adafactor(0.05),
    loss=[keras.losses.SparseCategoricalCrossentropy(from_logits=True), None],
    metrics=[["accuracy"], None],
)
generator = TextGenerator([1, 3], 4)
model.fit(x, y, batch_size=16, epochs=3, callbacks=[generator], verbose=0)
assert len(generator.texts) == 3
model.predict(x[:8], verbose=0)
