"""The loss of each step of a training, for tests that continue one."""

from kerasbridge.keras_compat import keras


class StepLosses(keras.callbacks.Callback):
    """Records the loss of each step by (epoch, step), and thereby runs every step by itself."""

    def __init__(self):
        super().__init__()
        self.losses = {}
        self._epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        self.losses[self._epoch, batch] = logs["loss"]
