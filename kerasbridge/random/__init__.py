"""The portable random number generator: on the host, inside a step, and in the place of Keras's own."""
