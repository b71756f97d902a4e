"""Keras 1 and Keras 2: models and weights in HDF5, models in JSON, as Keras on Theano, TensorFlow and CNTK wrote them.

`keras1` and `keras2` are the formats. `graph` translates the configuration in a file to the Keras 3 layers of `ir`, by
the tables of `layers`; `assign_weights` adds the weights; `builder` builds the model.
"""
