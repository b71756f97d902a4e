"""The workloads in plain TensorFlow: an epoch is one graph with a loop in it, and one operation per variable for Adam.

The step inside the loop is compiled by XLA, except that of the convolutional and the recurrent network, which is faster
without on a CPU.
"""

import tensorflow as tf

from kerasbridge.benchmark.contenders.loop import Loop

NO_XLA = ("cnn", "lstm")


class TensorFlowLoop(Loop):
    """A training loop with the data on the device, and one read per epoch."""

    def __init__(self, workload, data, weights):
        tf.random.set_seed(0)
        self.batch_size, self.dropout = workload.batch_size, workload.dropout
        self.network, self.loss = NETWORKS[workload.model], pixel_loss if data.y is None else class_loss
        self.x, self.y = self.on_device(data.x, data.y)
        self.x_test, self.y_test = self.on_device(data.x_test, data.y_test)
        self.weights = [tf.Variable(weight) for weight in weights]
        self.means, self.squares = ([tf.Variable(tf.zeros_like(one)) for one in self.weights] for _ in range(2))
        self.powers = [tf.Variable(0.9), tf.Variable(0.999)]
        with_xla = workload.model not in NO_XLA
        self.step = tf.function(self.train_step, jit_compile=with_xla)
        self.outputs = tf.function(self.network, jit_compile=with_xla)

    def on_device(self, x, y):
        x = tf.constant(x)
        return x, x if y is None else tf.constant(y)

    def epoch(self):
        return float(self.train_epoch()[0]) / len(self.x)

    @tf.function
    def train_epoch(self):
        order, total = tf.random.shuffle(tf.range(len(self.x))), tf.zeros(2)
        for at in tf.range(0, len(self.x), self.batch_size):
            rows = order[at : at + self.batch_size]
            total += self.step(tf.gather(self.x, rows), tf.gather(self.y, rows))
        return total

    def train_step(self, x, y):
        """Update the weights; return the sums of losses and of right answers."""
        with tf.GradientTape() as tape:
            losses, correct = self.loss(self.network(self.weights, x, self.drop), y)
            loss = tf.reduce_mean(losses)
        for weight, mean, square, gradient in zip(
            self.weights, self.means, self.squares, tape.gradient(loss, self.weights), strict=True
        ):
            adam(weight, mean, square, self.powers, gradient)
        for power, beta in zip(self.powers, (0.9, 0.999), strict=True):
            power.assign(power * beta)
        return tf.stack([tf.reduce_sum(losses), tf.reduce_sum(correct)])

    def drop(self, x):
        """Return the input with random elements set to zero."""
        return tf.nn.dropout(x, self.dropout) if self.dropout else x

    def evaluate(self):
        return float(self.evaluation()) / len(self.x_test)

    @tf.function
    def evaluation(self):
        total = tf.zeros(())
        for at in tf.range(0, len(self.x_test), self.batch_size):
            logits = self.outputs(self.weights, self.x_test[at : at + self.batch_size])
            total += tf.reduce_sum(self.loss(logits, self.y_test[at : at + self.batch_size])[0])
        return total

    def predict(self):
        return self.prediction().numpy()

    @tf.function
    def prediction(self):
        steps = -(-len(self.x_test) // self.batch_size)
        parts = tf.TensorArray(tf.float32, steps, infer_shape=False)
        for step in tf.range(steps):
            at = step * self.batch_size
            parts = parts.write(step, self.outputs(self.weights, self.x_test[at : at + self.batch_size]))
        logits = parts.concat()
        return tf.sigmoid(logits) if self.loss is pixel_loss else tf.nn.softmax(logits)


def adam(weight, mean, square, powers, gradient):
    """Update a weight, with the formula of Keras."""
    tf.raw_ops.ResourceApplyAdam(
        var=weight.handle,
        m=mean.handle,
        v=square.handle,
        beta1_power=powers[0],
        beta2_power=powers[1],
        lr=1e-3,
        beta1=0.9,
        beta2=0.999,
        epsilon=1e-7,
        grad=gradient,
    )


def class_loss(logits, labels):
    """Return the cross-entropy of each row, and whether its largest logit is that of the label."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return losses, tf.cast(tf.argmax(logits, 1, tf.int32) == labels, tf.float32)


def pixel_loss(logits, pixels):
    """Return the mean binary cross-entropy of each row, and zeros for the accuracy, which it has not."""
    losses = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(pixels, logits), 1)
    return losses, tf.zeros_like(losses)


def unchanged(x):
    """Return the input: dropout outside of training."""
    return x


def mlp(weights, x, drop=unchanged):
    """Return the logits of two dense layers."""
    hidden = tf.nn.relu(tf.reshape(x, (-1, 784)) @ weights[0] + weights[1])
    return drop(hidden) @ weights[2] + weights[3]


def cnn(weights, x, drop=unchanged):
    """Return the logits of two convolutions, each with a pooling, and a dense layer."""
    for kernel, bias in (weights[:2], weights[2:4]):
        x = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "VALID") + bias)
        x = tf.nn.max_pool2d(x, 2, 2, "VALID")
    return drop(tf.reshape(x, (-1, 1600))) @ weights[4] + weights[5]


def lstm(weights, x, drop=unchanged):
    """Return the logits of two LSTMs, whose steps are unrolled in the graph, and a dense layer."""
    sequence = tf.unstack(x, 40, axis=1)
    for kernel, recurrent_kernel, bias in (weights[:3], weights[3:6]):
        hidden = memory = tf.zeros((tf.shape(x)[0], 80))
        inputs = tf.unstack(tf.einsum("tbi,io->tbo", tf.stack(sequence), kernel) + bias)
        for step, entering in enumerate(inputs):
            entry, forget, new, out = tf.split(entering + hidden @ recurrent_kernel, 4, axis=1)
            memory = tf.sigmoid(forget) * memory + tf.sigmoid(entry) * tf.tanh(new)
            hidden = sequence[step] = tf.sigmoid(out) * tf.tanh(memory)
    return drop(sequence[-1]) @ weights[6] + weights[7]


def transformer(weights, x, drop=unchanged):
    """Return the logits of two blocks, and a dense layer on their mean."""
    x = tf.einsum("btd,de->bte", x, weights[0]) + weights[1]
    for block in range(2):
        x = transformer_block(weights[2 + 16 * block : 18 + 16 * block], x, drop)
    return tf.reduce_mean(x, 1) @ weights[-2] + weights[-1]


def transformer_block(weights, x, drop):
    """Return the output of a block: attention with four heads, and two dense layers."""
    normalized = normalize(x, *weights[:2])
    query, key, value = (
        tf.einsum("btd,dhk->bhtk", normalized, kernel) + bias[:, None]
        for kernel, bias in zip(weights[2:8:2], weights[3:8:2], strict=True)
    )
    shares = tf.nn.softmax(tf.matmul(query, key, transpose_b=True) / 4.0)
    x += drop(tf.einsum("bhtk,hkd->btd", shares @ value, weights[8]) + weights[9])
    wide = tf.nn.relu(tf.einsum("btd,de->bte", normalize(x, *weights[10:12]), weights[12]) + weights[13])
    return x + drop(tf.einsum("bte,ed->btd", wide, weights[14]) + weights[15])


def normalize(x, scale, offset):
    """Return the input with mean 0 and variance 1 along the last axis, scaled and moved."""
    x -= tf.reduce_mean(x, -1, keepdims=True)
    return x * tf.math.rsqrt(tf.reduce_mean(x * x, -1, keepdims=True) + 1e-6) * scale + offset


def autoencoder(weights, x, drop=unchanged):
    """Return the logits of the pixels after six dense layers."""
    *hidden, (kernel, bias) = zip(weights[::2], weights[1::2], strict=True)
    for hidden_kernel, hidden_bias in hidden:
        x = tf.nn.relu(x @ hidden_kernel + hidden_bias)
    return x @ kernel + bias


NETWORKS = {"mlp": mlp, "cnn": cnn, "lstm": lstm, "transformer": transformer, "autoencoder": autoencoder}
