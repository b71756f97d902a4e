"""Scores and plots of a classifier."""
