"""Convert the data passed to `fit` to batches on the device: arrays stored there, or a stream of stacked batches."""
