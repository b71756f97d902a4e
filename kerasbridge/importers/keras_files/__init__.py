"""Keras 1 and Keras 2: models and weights in HDF5, models in JSON, as Keras on Theano, TensorFlow and CNTK wrote them.

`keras1` and `keras2` are the formats. `graph` turns the configuration in a file into a `description` of layers of
Keras 3, by the tables of `layers`; `weighing` gives it weights, from wherever they are; `making` builds it.
"""
