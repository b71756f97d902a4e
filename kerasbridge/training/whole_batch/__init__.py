"""Values that a step computes from all rows of a batch, though each of several workers computes some of them.

A value that a worker computes from its rows is a mean; that of the batch is the sum of ``share.weight`` times the value
of each worker. Moments, losses that are no such means, and metrics are made to follow this rule here.
"""
