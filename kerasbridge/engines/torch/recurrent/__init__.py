"""Recurrent layers on torch: all time steps and their backward pass in a few operations, whatever their number."""
