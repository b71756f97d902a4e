"""Reverse sequences with an LSTM encoder and decoder under teacher forcing, then decode step by step with its parts."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(23)
rng = np.random.default_rng(23)

TOKENS, LENGTH, WIDTH = 8, 5, 12
START, PAD = TOKENS, 0

lengths = rng.integers(2, LENGTH + 1, 96)
sources = rng.integers(1, TOKENS, (96, LENGTH))
sources[np.arange(LENGTH) >= lengths[:, None]] = PAD
targets = np.array([[*row[:length][::-1], *row[length:]] for row, length in zip(sources, lengths, strict=True)])
decoder_tokens = np.concatenate([np.full((96, 1), START), targets[:, :-1]], axis=1)
one_hot = np.eye(TOKENS + 1, dtype="float32")
x = {"source": one_hot[sources], "teacher": one_hot[decoder_tokens]}

source = keras.Input((None, TOKENS + 1), name="source")
teacher = keras.Input((None, TOKENS + 1), name="teacher")
mask = layers.Masking(0.0)
_, state_h, state_c = layers.LSTM(WIDTH, return_state=True, recurrent_dropout=0.1, name="encoder")(mask(source))
decoder = layers.LSTM(WIDTH, return_sequences=True, return_state=True, name="decoder")
sequence, _, _ = decoder(teacher, initial_state=[state_h, state_c])
head = layers.TimeDistributed(layers.Dense(TOKENS + 1, activation="softmax"), name="head")
model = keras.Model([source, teacher], head(sequence))

model.compile(
    keras.optimizers.RMSprop(0.01, clipnorm=1.0, momentum=0.5),
    loss="categorical_crossentropy",
    metrics=["accuracy"],
    weighted_metrics=["accuracy"],
)


def halved_after_two_epochs(epoch, rate):
    """Return the learning rate of an epoch."""
    return rate if epoch < 2 else rate / 2


model.fit(
    x,
    one_hot[targets],
    sample_weight=(targets != PAD).astype("float32"),
    batch_size=16,
    epochs=3,
    callbacks=[keras.callbacks.LearningRateScheduler(halved_after_two_epochs)],
    validation_split=0.25,
    verbose=0,
)

# The trained parts become an encoder, and a decoder of one step that gets and returns its states.
encoder = keras.Model(source, [state_h, state_c])
given = [keras.Input((WIDTH,)), keras.Input((WIDTH,))]
step_sequence, *step_states = decoder(teacher, initial_state=given)
step = keras.Model([teacher, *given], [head(step_sequence), *step_states])

states = encoder.predict(x["source"][:8], verbose=0)
token = np.full((8, 1), START)
for _ in range(3):
    probabilities, *states = step.predict([one_hot[token], *states], verbose=0)
    token = probabilities.argmax(axis=-1)
