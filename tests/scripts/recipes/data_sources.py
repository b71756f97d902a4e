"""Train one model on a PyDataset with sample weights, a generator with steps, and arrays with their own weights."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(57)
rng = np.random.default_rng(57)
x = rng.normal(size=(120, 7)).astype("float32")
y = np.digitize(x.sum(axis=1), [-2, 0, 2])
weights = rng.uniform(0.2, 2.0, 120).astype("float32")


class Rows(keras.utils.PyDataset):
    """Load batches of 16 rows with weights; count the epochs."""

    def __init__(self, rows, **kwargs):
        super().__init__(**kwargs)
        self.rows, self.epochs = rows, 0

    def __len__(self):
        return -(-len(self.rows) // 16)

    def __getitem__(self, index):
        rows = self.rows[16 * index : 16 * index + 16]
        return x[rows], y[rows], weights[rows]

    def on_epoch_end(self):
        self.epochs += 1


def forever(rows, size):
    """Yield batches, over and over."""
    while True:
        for begin in range(0, len(rows), size):
            part = rows[begin : begin + size]
            yield x[part], y[part]


class Records(keras.callbacks.Callback):
    """Keep the loss of every batch, and end each epoch with a prediction."""

    def on_train_begin(self, logs=None):
        self.batches, self.predictions = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append((batch, logs["loss"]))

    def on_epoch_end(self, epoch, logs=None):
        self.predictions.append(self.model.predict(x[100:110], verbose=0))
        assert {"loss", "accuracy", "val_loss"} <= set(logs)


model = keras.Sequential(
    [layers.UnitNormalization(), layers.Dense(12, "selu"), layers.AlphaDropout(0.1), layers.Dense(4)]
)
model.build((None, 7))
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(
    "adamax",
    loss=loss,
    metrics=["accuracy"],
    weighted_metrics=[keras.metrics.SparseCategoricalCrossentropy(from_logits=True, name="weighted")],
)
training, validation = np.arange(96), np.arange(96, 120)
train, records = Rows(training, max_queue_size=4), Records()
model.fit(train, epochs=2, validation_data=Rows(validation), callbacks=[records], verbose=0)
assert [batch for batch, _ in records.batches] == 2 * list(range(6))
assert len(records.predictions) == 2

model.fit(
    forever(training, 10),
    steps_per_epoch=4,
    epochs=3,
    validation_data=forever(validation, 8),
    validation_steps=2,
    verbose=0,
)
model.fit(x, y, class_weight={0: 2.0, 1: 1.0, 2: 1.0, 3: 0.5}, steps_per_epoch=3, batch_size=16, epochs=2, verbose=0)
model.evaluate(forever(validation, 8), steps=3, verbose=0)
model.predict(Rows(validation), verbose=0)
model.train_on_batch(x[:16], y[:16], sample_weight=weights[:16])
model.evaluate(x[96:], y[96:], sample_weight=weights[96:], verbose=0)
