"""Keras 1 and Keras 2: models and weights in HDF5, models in JSON, as Keras on Theano, TensorFlow and CNTK wrote them.

`keras1` and `keras2` are the formats. `parser` reads a file, `to_model` converts its configuration to a `Model` of `ir`
with the converters in `layers`, `assign_weights` adds the weights, and `builder` builds the Keras model.
"""
