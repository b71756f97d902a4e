"""Recommend movies with a subclassed model of user and movie embeddings and biases."""

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(34)
rng = np.random.default_rng(34)
users, movies, rows = 12, 20, 160
x = np.stack([rng.integers(0, users, rows), rng.integers(0, movies, rows)], axis=1)
taste, kind = rng.normal(size=(users, 2)), rng.normal(size=(movies, 2))
rating = 1 / (1 + np.exp(-(taste[x[:, 0]] * kind[x[:, 1]]).sum(axis=1)))


class Recommender(keras.Model):
    """Match users and movies by the dot product of their embeddings."""

    def __init__(self, users, movies, size, **kwargs):
        super().__init__(**kwargs)
        options = {"embeddings_initializer": "he_normal", "embeddings_regularizer": keras.regularizers.L2(1e-4)}
        self.user_embedding = layers.Embedding(users, size, **options)
        self.user_bias = layers.Embedding(users, 1)
        self.movie_embedding = layers.Embedding(movies, size, **options)
        self.movie_bias = layers.Embedding(movies, 1)

    def call(self, inputs):
        user, movie = inputs[:, 0], inputs[:, 1]
        match = ops.sum(self.user_embedding(user) * self.movie_embedding(movie), axis=1, keepdims=True)
        return ops.nn.sigmoid(match + self.user_bias(user) + self.movie_bias(movie))


model = Recommender(users, movies, 6)
model(x[:1])
model.compile(loss=keras.losses.BinaryCrossentropy(), optimizer=keras.optimizers.Adam(learning_rate=0.02))
model.fit(x[:130], rating[:130], batch_size=13, epochs=2, validation_data=(x[130:], rating[130:]), verbose=0)

seen = set(x[x[:, 0] == 3][:, 1].tolist())
unseen = [movie for movie in range(movies) if movie not in seen]
scores = model.predict(np.array([[3, movie] for movie in unseen]), verbose=0).flatten()
assert len(scores.argsort()[-5:][::-1]) == 5
