"""The intermediate representation of a network, between the file formats and Keras."""
