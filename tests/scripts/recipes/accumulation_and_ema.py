"""Accumulate gradients over batches, keep a moving average of the weights, and evaluate and save with the average."""

import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(51)
rng = np.random.default_rng(51)
x = rng.normal(size=(160, 6)).astype("float32")
y = (x @ rng.normal(size=(6, 2))).astype("float32")

model = keras.Sequential([keras.Input((6,)), layers.Dense(12, activation="gelu"), layers.Dropout(0.1), layers.Dense(2)])
optimizer = keras.optimizers.AdamW(
    learning_rate=keras.optimizers.schedules.CosineDecay(0.0, 20, warmup_target=0.02, warmup_steps=4),
    weight_decay=0.01,
    gradient_accumulation_steps=3,
    global_clipnorm=1.0,
    use_ema=True,
    ema_momentum=0.9,
)
optimizer.exclude_from_weight_decay(var_names=["bias"])
model.compile(optimizer=optimizer, loss="mse", metrics=["mae", "cosine_similarity"])
swap = keras.callbacks.SwapEMAWeights()
model.fit(x[:128], y[:128], batch_size=16, epochs=3, validation_data=(x[128:], y[128:]), callbacks=[swap], verbose=0)
model.evaluate(x[128:], y[128:], verbose=0)

model.compile(
    keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True, use_ema=True, ema_overwrite_frequency=5), loss="log_cosh"
)
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "last.keras"
    checkpoint = keras.callbacks.ModelCheckpoint(path, save_freq=6)
    model.fit(x[:128], y[:128], batch_size=16, epochs=2, callbacks=[checkpoint], verbose=0)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    model.predict(x[128:], verbose=0)
    reloaded = keras.saving.load_model(path)
reloaded.evaluate(x[128:], y[128:], verbose=0)
reloaded.fit(x[:64], y[:64], batch_size=16, epochs=1, verbose=0)
