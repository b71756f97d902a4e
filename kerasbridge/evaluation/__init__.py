"""Scores of a classifier, and a plot of its mistakes."""
