"""Predict the tags of reviews from their words and their genre, which preprocessing layers map to numbers first."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(21)
rng = np.random.default_rng(21)

GOOD, BAD, OTHER = ["fine", "great", "moving"], ["dull", "noisy", "long"], ["the", "film", "with", "a", "cast", "was"]
GENRES = np.array(["drama", "comedy", "western", "unknown"])
TAGS = ["liked", "short", "serious"]


def review(genre):
    """Return a text of random words, and its tags."""
    liked = rng.random() < 0.5
    words = [*rng.choice(OTHER, rng.integers(2, 7)), *rng.choice(GOOD if liked else BAD, rng.integers(1, 4))]
    words = rng.permutation(words)
    tags = [tag for tag, given in zip(TAGS, (liked, len(words) < 6, genre == "drama"), strict=True) if given]
    return " ".join(words).capitalize() + ("!" if liked else "."), tags


genres = rng.choice(GENRES, 112)
reviews, tags = zip(*(review(genre) for genre in genres), strict=True)
reviews = np.array(reviews)

# TF-IDF and sequences of the same texts, and genres with one index for unknown ones.
tf_idf = layers.TextVectorization(max_tokens=20, output_mode="tf_idf")
tf_idf.adapt(reviews[:96])
sequences = layers.TextVectorization(max_tokens=20, output_sequence_length=9)
sequences.adapt(reviews[:96])
genre_numbers = layers.StringLookup(vocabulary=list(GENRES[:3]))
cross = layers.HashedCrossing(num_bins=8, output_mode="one_hot")

x = {
    "bag": ops.convert_to_numpy(tf_idf(reviews)),
    "words": ops.convert_to_numpy(sequences(reviews)).astype("int32"),
    "genre": ops.convert_to_numpy(genre_numbers(genres)).astype("int32"),
    "cross": ops.convert_to_numpy(cross((genres, np.char.count(reviews, " ") // 3))).astype("float32"),
}
y = np.array([[tag in given for tag in TAGS] for given in tags], dtype="float32")
train, test = ({name: array[rows] for name, array in x.items()} for rows in (slice(96), slice(96, None)))

bag = keras.Input((x["bag"].shape[1],), name="bag")
words = keras.Input((9,), dtype="int32", name="words")
genre = keras.Input((), dtype="int32", name="genre")
crossed = keras.Input((8,), name="cross")
embedded = layers.Embedding(20, 6, mask_zero=True)(words)
read = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(embedded))
kind = layers.CategoryEncoding(num_tokens=4, output_mode="one_hot")(genre)
h = layers.Concatenate()([layers.Dense(8, activation="relu")(bag), read, kind, crossed])
outputs = layers.Dense(len(TAGS), activation="sigmoid")(layers.Dropout(0.3)(h))
model = keras.Model([bag, words, genre, crossed], outputs)

model.compile(
    keras.optimizers.Ftrl(0.2),
    loss="binary_crossentropy",
    metrics=[keras.metrics.AUC(multi_label=True, name="auc"), keras.metrics.F1Score("macro", threshold=0.5, name="f1")],
)
model.fit(train, y[:96], batch_size=16, epochs=3, validation_data=(test, y[96:]), verbose=0)
model.evaluate(test, y[96:], verbose=0)
model.predict(test, verbose=0)
