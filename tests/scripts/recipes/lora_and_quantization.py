"""Fine-tune a frozen model with LoRA, quantize it, and train the adapters of the quantized model on."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(53)
rng = np.random.default_rng(53)
tokens = rng.integers(0, 30, (128, 6))
y = (tokens.sum(axis=1) > 90).astype("int64")
shifted = (tokens.max(axis=1) > 26).astype("int64")

inputs = keras.Input((6,), dtype="int32")
h = layers.Embedding(30, 8, name="embedding")(inputs)
h = layers.EinsumDense("abc,cd->abd", output_shape=(None, 8), bias_axes="d", activation="tanh", name="projection")(h)
h = layers.GlobalMaxPooling1D()(h)
h = layers.Dense(12, activation="relu", name="hidden")(h)
outputs = layers.Dense(2, name="logits")(h)
model = keras.Model(inputs, outputs)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.Adam(0.01), loss=loss, metrics=["accuracy"])
model.fit(tokens, y, batch_size=16, epochs=2, verbose=0)

for name in ("embedding", "projection", "hidden"):
    model.get_layer(name).enable_lora(rank=2)
model.get_layer("logits").trainable = False
kernel = np.asarray(keras.ops.convert_to_numpy(model.get_layer("hidden")._kernel))
assert len(model.trainable_weights) == 8
model.compile(keras.optimizers.AdamW(0.01, weight_decay=0.01), loss=loss, metrics=["accuracy"])
model.fit(tokens, shifted, batch_size=16, epochs=2, validation_data=(tokens[:32], shifted[:32]), verbose=0)
assert np.array_equal(kernel, keras.ops.convert_to_numpy(model.get_layer("hidden")._kernel))

model.quantize("int8")
model.compile(keras.optimizers.SGD(0.05), loss=loss, metrics=["accuracy"])
model.predict(tokens[:40], verbose=0)
model.evaluate(tokens, shifted, batch_size=32, verbose=0)
model.fit(tokens, shifted, batch_size=32, epochs=1, verbose=0)
