"""kerasbridge beside stock Keras, as ratios measured in one process."""
