"""Transformations of a graph before it is built."""
