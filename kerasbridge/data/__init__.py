"""What a user hands to `fit`, as batches on the device: arrays that lie there, or a stream of stacked batches."""
