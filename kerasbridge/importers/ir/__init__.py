"""The neutral description of a network, between a file format and Keras."""
