"""Tag names in sentences of different lengths with a subclassed model, and a loss and metric without padding."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(24)

VOCABULARY, TAGS, WIDTH = 30, 4, 8  # tag 0 is padding


def batches(seed, number):
    """Yield batches of padded sentences, forever; each batch is as long as its longest sentence."""
    while True:
        rng = np.random.default_rng(seed)
        for index in range(number):
            longest = (6, 9)[index % 2]
            lengths = rng.integers(3, longest + 1, 12)
            lengths[0] = longest
            words = rng.integers(1, VOCABULARY, (12, longest))
            words[np.arange(longest) >= lengths[:, None]] = 0
            tags = np.where(words < 10, 1, np.where(np.roll(words, 1, axis=1) % 3 == 0, 2, 3)) * (words > 0)
            yield words.astype("int32"), tags.astype("int32")


class WithoutPadding(keras.losses.Loss):
    """Average the crossentropy of the tokens that are no padding."""

    def __init__(self, name="without_padding"):
        super().__init__(reduction=None, name=name)

    def call(self, y_true, y_pred):
        losses = ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)
        counts = ops.cast(y_true > 0, losses.dtype)
        return ops.sum(losses * counts) / ops.sum(counts)


class TagAccuracy(keras.metrics.Mean):
    """Compute the accuracy of the tags of one kind."""

    def __init__(self, tag, **kwargs):
        super().__init__(**kwargs)
        self.tag = tag

    def update_state(self, y_true, y_pred, sample_weight=None):
        right = ops.equal(ops.cast(ops.argmax(y_pred, axis=-1), y_true.dtype), y_true)
        return super().update_state(right, sample_weight=ops.cast(ops.equal(y_true, self.tag), "float32"))


class Tagger(keras.Model):
    """Tag words with their embedding, a bidirectional GRU and self-attention that ignores padding."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.embedding = layers.Embedding(VOCABULARY, WIDTH, mask_zero=True)
        self.recurrent = layers.Bidirectional(layers.GRU(WIDTH // 2, return_sequences=True), merge_mode="ave")
        self.projection = layers.Dense(WIDTH)
        self.attention = layers.Attention(use_scale=True, dropout=0.1)
        self.norm = layers.LayerNormalization()
        self.head = layers.Dense(TAGS, activity_regularizer=keras.regularizers.L2(1e-3))

    def call(self, words, training=None):
        mask = self.embedding.compute_mask(words)
        h = self.projection(self.recurrent(self.embedding(words), mask=mask, training=training))
        h = self.norm(h + self.attention([h, h], mask=[mask, mask], training=training))
        return self.head(h)


model = Tagger()
model(np.ones((1, 6), "int32"))
model.compile(
    keras.optimizers.Lion(2e-3, weight_decay=0.01),
    loss=WithoutPadding(),
    metrics=[TagAccuracy(tag, name=f"accuracy_{tag}") for tag in (1, 2, 3)],
)
model.fit(
    batches(1, 8),
    steps_per_epoch=8,
    epochs=2,
    validation_data=batches(2, 2),
    validation_steps=2,
    shuffle=False,
    verbose=0,
)
model.evaluate(batches(3, 2), steps=2, verbose=0)
