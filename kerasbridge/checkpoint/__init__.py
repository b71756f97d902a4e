"""Checkpoints: everything that the next step of a training run depends on, in files, and how to continue from it.

interval          when to write one: every 10 seconds, 500 steps, 1 epoch
position          where a run is: its epoch and step
variables         the variables of a run, by position and path
callback_state    the state of callbacks
fingerprint       what a run was started with, and how that differs
files             the folder of a run's checkpoints
background        writing while the training goes on
"""
