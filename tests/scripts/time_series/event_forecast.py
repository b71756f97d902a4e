"""Forecast from sequences of several lengths whether an event comes and when, with stacked GRUs and masking."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(24)
rng = np.random.default_rng(24)
rows, steps = 96, 10
lengths = rng.integers(4, steps + 1, rows)
x = rng.normal(size=(rows, steps, 3)).astype("float32")
x[np.arange(steps) >= lengths[:, None]] = -10.0
seen = np.where(np.arange(steps)[None, :, None] < lengths[:, None, None], x, 0)
event = (seen[:, :, 0].sum(axis=1) > 0).astype("float32")
delay = (seen[:, :, 1].max(axis=1) * 2).astype("float32")
targets = {"delay": delay[:, None], "event": event[:, None], "states": (seen[:, :, :1] > 0).astype("float32")}


def masked_fraction(y_true, y_pred):
    """Return the share of delays forecast to within one."""
    return ops.mean(ops.cast(ops.abs(y_true - y_pred) < 1.0, "float32"), axis=-1)


inputs = keras.Input(shape=(steps, 3), name="series")
h = layers.Masking(mask_value=-10.0)(inputs)
h = layers.GRU(8, return_sequences=True, recurrent_dropout=0.1)(h)
states = layers.TimeDistributed(layers.Dense(1, activation="sigmoid"), name="states")(h)
h = layers.GRU(6, reset_after=False)(h)
outputs = {
    "event": layers.Dense(1, activation="sigmoid", name="event")(h),
    "delay": layers.Dense(1, activation="softplus", name="delay")(h),
    "states": states,
}
model = keras.Model(inputs, outputs)
model.compile(
    optimizer=keras.optimizers.RMSprop(0.005),
    loss={"event": "binary_crossentropy", "delay": keras.losses.Huber(delta=1.5), "states": "binary_crossentropy"},
    loss_weights={"event": 1.0, "delay": 0.3, "states": 0.5},
    metrics={"event": ["accuracy"], "delay": [masked_fraction, "mae"]},
    weighted_metrics={"delay": ["mse"]},
)
weights = {"event": rng.random(rows), "delay": event, "states": rng.random((rows, steps))}
model.fit(x, targets, sample_weight=weights, batch_size=12, epochs=2, validation_split=0.25, verbose=0)
first = {name: values[:40] for name, values in targets.items()}
model.evaluate({"series": x[:40]}, first, batch_size=20, return_dict=True, verbose=0)
model.predict(x[:20], verbose=0)
