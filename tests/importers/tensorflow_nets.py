"""Networks written with TensorFlow, like those of its users, saved in its three forms, with outputs of TensorFlow."""

import contextlib
import shutil

import numpy as np

SEED = 11


def numbers(*shape):
    """Return numbers for weights."""
    return np.random.default_rng([SEED, *shape]).normal(0, 0.5, shape).astype(np.float32)


def convolutions(tf, x):
    """Operations on images with 4 channels."""
    nn, k, d = tf.compat.v1.nn, numbers(3, 3, 4, 6), numbers(3, 2, 4, 2)
    first = tf.transpose(x, [0, 3, 1, 2])
    turned = tf.transpose(first, [0, 2, 3, 1])
    up, up_out = numbers(3, 4, 5, 4), tf.stack([tf.shape(x)[0], tf.shape(x)[1] * 2, tf.shape(x)[2] * 3, 5])
    one, one_out = numbers(2, 1, 5, 4), tf.stack([tf.shape(x)[0], tf.shape(x)[1] * 3, tf.shape(x)[2], 5])
    fixed = tf.stack([tf.shape(x)[0], 17, 14, 5])
    return {
        "same": nn.conv2d(x, k, [1, 1, 1, 1], "SAME"),
        "valid": nn.bias_add(nn.conv2d(x, k, [1, 1, 1, 1], "VALID"), numbers(6)),
        "same in steps": nn.conv2d(x, k, [1, 2, 3, 1], "SAME") + numbers(6),
        "valid in steps": nn.conv2d(x, k, [1, 2, 2, 1], "VALID") + numbers(1, 1, 1, 6),
        "same of an even kernel": nn.conv2d(x, numbers(4, 2, 4, 3), [1, 1, 1, 1], "SAME"),
        "padding in numbers": nn.conv2d(x, k, [1, 2, 1, 1], [[0, 0], [2, 1], [0, 3], [0, 0]]),
        "in groups": nn.conv2d(x, numbers(3, 3, 2, 6), [1, 1, 1, 1], "SAME"),
        "dilated": nn.conv2d(x, k, [1, 1, 1, 1], "SAME", dilations=[1, 2, 2, 1]),
        "dilated, valid": nn.conv2d(x, k, [1, 1, 1, 1], "VALID", dilations=[1, 2, 3, 1]),
        "dilated by blocks": tf.nn.atrous_conv2d(x, k, 2, "SAME"),
        "dilated by blocks, valid": tf.nn.atrous_conv2d(x, k, 2, "VALID"),
        "normalised in place": nn.conv2d(x, k, [1, 1, 1, 1], "SAME") * numbers(6) + numbers(6),
        "of each channel": nn.depthwise_conv2d(x, d, [1, 1, 1, 1], "SAME"),
        "of each channel in steps": nn.depthwise_conv2d(x, d, [1, 2, 2, 1], "SAME"),
        "transposed": nn.conv2d_transpose(x, up, up_out, [1, 2, 3, 1], "SAME"),
        "transposed, smaller than its steps": nn.conv2d_transpose(x, one, one_out, [1, 3, 1, 1], "SAME"),
        "transposed to an odd size": nn.conv2d_transpose(x, numbers(3, 3, 5, 4), fixed, [1, 2, 2, 1], "SAME"),
        "padded first": nn.conv2d(tf.pad(x, [[0, 0], [1, 2], [0, 1], [0, 0]]), k, [1, 2, 2, 1], "VALID"),
        "turned twice": nn.conv2d(turned, k, [1, 1, 1, 1], "SAME"),
    }


def poolings(tf, x):
    """Operations on images."""
    nn = tf.compat.v1.nn
    return {
        "max": nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "VALID"),
        "max, same": nn.max_pool(x, [1, 3, 2, 1], [1, 2, 3, 1], "SAME"),
        "max, every cell": nn.max_pool(x, [1, 3, 3, 1], [1, 1, 1, 1], "SAME"),
        "average": nn.avg_pool(x, [1, 2, 3, 1], [1, 2, 2, 1], "VALID"),
        "average, same": nn.avg_pool(x, [1, 3, 2, 1], [1, 2, 3, 1], "SAME"),
        "average, every cell": nn.avg_pool(x, [1, 3, 3, 1], [1, 1, 1, 1], "SAME"),
        "mean of images": tf.reduce_mean(x, [1, 2]),
        "mean of images, kept": tf.reduce_mean(x, [1, 2], keepdims=True),
        "largest of images": tf.reduce_max(x, [1, 2]),
        "sum of lines": tf.reduce_sum(x, [2]),
        "mean of channels": tf.reduce_mean(x, [3], keepdims=True),
        "sum of all": tf.reduce_sum(x, [1, 2, 3]),
        "local response": nn.lrn(x, depth_radius=2, bias=1.5, alpha=0.3, beta=0.6),
        "padded": tf.pad(x, [[0, 0], [1, 2], [3, 0], [0, 0]]),
        "padded with a number": tf.pad(x, [[0, 0], [1, 0], [0, 0], [0, 2]], constant_values=0.5),
        "mirrored": tf.pad(x, [[0, 0], [1, 2], [3, 0], [0, 0]], mode="REFLECT"),
        "resized": tf.compat.v1.image.resize_bilinear(x, [13, 5]),
        "resized at corners": tf.compat.v1.image.resize_bilinear(x, [13, 5], align_corners=True),
        "resized at centres": tf.image.resize(x, [13, 5]),
        "nearest": tf.compat.v1.image.resize_nearest_neighbor(x, [13, 5]),
        "nearest, twice": tf.image.resize(x, [18, 21], method="nearest"),
        "twice": tf.image.resize(x, [18, 14]),
        "squares of channels": tf.nn.depth_to_space(x, 2),
        "channels of squares": tf.nn.space_to_depth(tf.nn.depth_to_space(x, 2)[:, :9, :12], 3),
    }


def functions(tf, x):
    """Elementwise functions."""
    nn = tf.nn
    positive = tf.abs(x) + 0.5
    return {
        "relu": nn.relu(x), "relu6": nn.relu6(x * 4.0), "leaky relu": nn.leaky_relu(x, 0.3), "elu": nn.elu(x),
        "leaky relu as a maximum": tf.maximum(x, 0.25 * x),
        "selu": nn.selu(x), "sigmoid": nn.sigmoid(x), "tanh": nn.tanh(x), "softplus": nn.softplus(x),
        "softsign": nn.softsign(x), "exp": tf.exp(x), "log": tf.math.log(positive), "log1p": tf.math.log1p(positive),
        "sqrt": tf.sqrt(positive), "rsqrt": tf.math.rsqrt(positive), "square": tf.square(x), "abs": tf.abs(x),
        "neg": -x, "pow": tf.pow(positive, 1.5), "softmax": nn.softmax(x), "log softmax": nn.log_softmax(x),
        "swish": x * tf.sigmoid(x), "hard sigmoid": tf.clip_by_value(0.2 * x + 0.5, 0.0, 1.0),
        "reciprocal": 2.0 / positive, "bounds": tf.minimum(tf.maximum(x, -0.5), 0.75),
        "from below": 1.0 - x, "by channel": (x - [0.1, 0.2, 0.3, 0.4]) / [2.0, 3.0, 4.0, 5.0],
        "by row and column": x * numbers(9, 7, 1), "by all": x + numbers(9, 7, 4), "by column": x * numbers(7, 1),
        "sum": x + tf.tanh(x), "sum of three": tf.add_n([x, tf.tanh(x), positive]), "difference": x - tf.tanh(x),
        "product": x * tf.tanh(x), "quotient": x / positive, "largest": tf.maximum(x, tf.tanh(x)),
        "smallest": tf.minimum(x, tf.tanh(x)), "squared difference": tf.math.squared_difference(x, tf.tanh(x)),
        "erf": tf.math.erf(x), "erfc": tf.math.erfc(x), "gelu": nn.gelu(x), "no gelu": x * (1 + tf.math.erf(x / 2.0)),
        "two gelus": x * (1 + tf.math.erf(x / 2**0.5)), "gelu by erfc": 0.5 * tf.math.erfc(-(0.5**0.5) * x) * x,
        "squeezed and excited": x * tf.sigmoid(tf.reduce_mean(x, [1, 2], keepdims=True)),
        "where in space": x * tf.sigmoid(tf.reduce_mean(x, [3], keepdims=True)),
    }  # fmt: skip


def shapes(tf, x):
    """Operations on images of 9 x 7 with 4 channels."""
    a, b = tf.split(x, 2, 3)
    c, d, e = tf.split(x, [1, 2, 1], 3)
    flat = tf.reshape(x, tf.stack([tf.shape(x)[0], -1]))
    rows = tf.reshape(x, [-1, 63, 4])
    return {
        "flat": tf.reshape(x, [-1, 252]), "flat by its shape": tf.reshape(x, [tf.shape(x)[0], 252]),
        "flat, then dense": tf.matmul(flat, numbers(252, 2)) + numbers(2),
        "dense, turned": tf.matmul(flat, numbers(2, 252), transpose_b=True),
        "rows": rows, "rows by a matrix": tf.matmul(rows, numbers(1, 4, 3)) + numbers(3),
        "other images": tf.reshape(x, [-1, 7, 18, 2]), "turned": tf.transpose(rows, [0, 2, 1]),
        "pooled and squeezed": tf.squeeze(tf.reduce_mean(x, [1, 2], keepdims=True), [1, 2]),
        "joined": tf.concat([x, tf.tanh(x)], 3), "joined below": tf.concat([x, tf.tanh(x)], 1),
        "pieces": tf.concat([b, a], -1), "uneven pieces": tf.concat([e, c, d], 3),
        "a part": x[:, 1:-2, :5, 1:3], "one channel": x[..., 2], "a row": x[:, 3], "a new axis": x[..., 0][..., None],
        "turned round": x[..., ::-1], "cut": tf.slice(x, [0, 2, 0, 1], [-1, 3, -1, 2]),
        "apart": tf.unstack(x, axis=3)[1], "stacked": tf.stack([x[..., 0], x[..., 3]], axis=3),
        "grown": tf.expand_dims(x[:, 0], 1), "copies": tf.tile(x, [1, 2, 1, 3]),
        "largest place": tf.cast(tf.argmax(x, 3), tf.float32),
        "largest place of rows": tf.cast(tf.argmax(flat, 1), tf.float32),
        "over time": tf.nn.relu(tf.nn.conv1d(rows, numbers(3, 4, 2), 2, "SAME")),
        "whitened": tf.nn.batch_normalization(
            x, numbers(4), np.abs(numbers(1, 4)[0]) + 1, numbers(4, 1)[:, 0], None, 1e-3
        ),
    }  # fmt: skip


def words(tf, x):
    """Operations on rows of 6 integers below 10."""
    vectors = tf.nn.embedding_lookup(numbers(10, 4), tf.cast(x, tf.int32))
    return {"vectors": vectors, "mean": tf.reduce_mean(vectors, 1), "largest": tf.reduce_max(vectors, [1])}


def channels_first(tf, x):
    """Operations on images as N, C, H, W; the TensorFlow CPU implements some of them."""
    last = tf.transpose(x, [0, 2, 3, 1])
    y = tf.compat.v1.nn.conv2d(last, numbers(3, 3, 4, 6), [1, 2, 2, 1], "SAME")
    return {"conv": tf.transpose(tf.nn.relu(y + numbers(6)), [0, 3, 1, 2])}


IMAGES = (2, 9, 7, 4)
GROUPS = {
    "convolutions": (convolutions, IMAGES),
    "poolings": (poolings, IMAGES),
    "functions": (functions, IMAGES),
    "shapes": (shapes, IMAGES),
    "words": (words, (3, 6)),
}


def given(shape, kind="float32"):
    """Return the input."""
    draw = np.random.default_rng(SEED)
    return draw.integers(10, size=shape).astype(kind) if len(shape) == 2 else draw.normal(size=shape).astype(kind)


def lenet(tf, momenta=True):
    """The network of "Deep MNIST for Experts" of TensorFlow 1.0, smaller, with its loss and optimizer."""
    v1 = tf.compat.v1
    x = v1.placeholder(tf.float32, [None, 784], name="x")
    labels = v1.placeholder(tf.float32, [None, 10], name="labels")
    keep_prob = v1.placeholder(tf.float32, name="keep_prob")

    def variable(*shape):
        return v1.Variable(numbers(*shape) * 0.3, use_resource=False)

    def layer(images, kernel, filters):
        weighed = v1.nn.conv2d(images, variable(5, 5, kernel, filters), [1, 1, 1, 1], "SAME")
        return tf.nn.relu(weighed + variable(filters))

    def pool(images):
        return v1.nn.max_pool(images, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")

    with tf.name_scope("conv1"):
        h = layer(tf.reshape(x, [-1, 28, 28, 1]), 1, 4)
    with tf.name_scope("pool1"):
        h = pool(h)
    with tf.name_scope("conv2"):
        h = layer(h, 4, 6)
    with tf.name_scope("pool2"):
        h = pool(h)
    with tf.name_scope("fc1"):
        h = tf.nn.relu(tf.matmul(tf.reshape(h, [-1, 7 * 7 * 6]), variable(294, 5)) + variable(5))
    with tf.name_scope("dropout"):
        h = v1.nn.dropout(h, rate=1 - keep_prob)
    with tf.name_scope("fc2"):
        scores = tf.matmul(h, variable(5, 10)) + variable(10)
    with tf.name_scope("loss"):
        loss = tf.reduce_mean(v1.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=scores))
    with tf.name_scope("train"):
        (v1.train.AdamOptimizer if momenta else v1.train.GradientDescentOptimizer)(1e-4).minimize(loss)
    with tf.name_scope("accuracy"):
        right = tf.equal(tf.argmax(scores, 1), tf.argmax(labels, 1))
        tf.reduce_mean(tf.cast(right, tf.float32))
    return x, keep_prob, scores


@contextlib.contextmanager
def session(tf):
    """A TensorFlow 1 graph with its session."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as running:
        yield running


def save(tf, running, folder, inputs, outputs):
    """Save the three forms of a network: the paths of a SavedModel, a frozen graph and a checkpoint graph."""
    v1 = tf.compat.v1
    shutil.rmtree(folder / "saved", ignore_errors=True)
    v1.saved_model.simple_save(running, str(folder / "saved"), inputs, outputs)
    names = [tensor.op.name for tensor in outputs.values()]
    frozen = v1.graph_util.convert_variables_to_constants(running, running.graph_def, names)
    (folder / "frozen.pb").write_bytes(frozen.SerializeToString())
    return [folder / "saved", folder / "frozen.pb"]


def pieces(tf):
    """A dense layer with a partitioned matrix, stored in float16."""
    v1 = tf.compat.v1
    x = v1.placeholder(tf.float32, [None, 7], name="x")
    by_rows = v1.fixed_size_partitioner(3, axis=0)
    matrix = v1.get_variable(
        "matrix", [7, 4], partitioner=by_rows, use_resource=False, initializer=v1.random_normal_initializer(seed=SEED)
    )
    bias = v1.get_variable("bias", initializer=tf.cast(numbers(4), tf.bfloat16), use_resource=False)
    return x, tf.add(tf.matmul(x, tf.convert_to_tensor(matrix)), tf.cast(bias, tf.float32), name="y")


def module(tf):
    """A TensorFlow 2 module: functions that call each other, and captured variables."""

    class Net(tf.Module):
        def __init__(self):
            super().__init__()
            self.kernel, self.bias = tf.Variable(numbers(3, 3, 4, 6)), tf.Variable(numbers(6))
            self.matrix = tf.Variable(numbers(6, 3))

        @tf.function
        def features(self, x):
            return tf.nn.relu(tf.nn.conv2d(x, self.kernel, 2, "SAME") + self.bias)

        @tf.function(input_signature=[tf.TensorSpec([None, None, None, 4], name="images")])
        def serve(self, x):
            y = tf.reduce_mean(self.features(x), [1, 2]) @ self.matrix
            return {"scores": y, "shares": tf.nn.softmax(y)}

    return Net()


def sample(array):
    """Return about forty numbers of an array, from all over it, to keep files small."""
    flat = np.ravel(array)
    return flat[:: max(flat.size // 40, 1) | 1]


def of_keras(keras):
    """A Keras 2 model: two inputs, bidirectional layers, nested layers and a nested model."""
    kl = keras.layers
    head = keras.Sequential([kl.Dense(4, "relu", name="one"), kl.BatchNormalization(name="norm")], name="head")
    images, rows = keras.Input((7, 6, 2), name="images"), keras.Input((5, 3), name="rows")
    x = kl.Conv2D(3, 3, padding="same", use_bias=False, name="conv")(images)
    x = kl.BatchNormalization(name="norm")(x)
    x = kl.DepthwiseConv2D(3, strides=2, padding="same", name="depthwise")(x)
    x = kl.Flatten(name="flat")(x)
    y = kl.Bidirectional(kl.LSTM(2, return_sequences=True, name="lstm"), name="both")(rows)
    y = kl.TimeDistributed(kl.Dense(3, "tanh"), name="steps")(y)
    y = kl.GRU(3, return_sequences=True, name="gru")(y)
    y = kl.GRU(2, reset_after=False, recurrent_activation="hard_sigmoid", name="old")(y)
    y = kl.Dropout(0.5, name="dropout")(y)
    joined = kl.Concatenate(name="joined")([x, y])
    return keras.Model([images, rows], [kl.Dense(3, "softmax", name="scores")(head(joined)), y], name="two_inputs")


def sequence(keras):
    """A chain of layers, three of them alike, for weights alone."""
    kl = keras.layers
    return keras.Sequential(
        [
            keras.Input((6, 5, 1)),
            kl.Conv2D(4, 3, padding="same", activation="relu"),
            kl.BatchNormalization(),
            kl.Flatten(),
            kl.Dense(4, "tanh"),
            kl.Dense(4, "tanh"),
            kl.Dense(4),
        ]
    )


def with_a_lambda(tf, keras):
    """A model whose layers cannot be imported, although its graph can."""
    kl = keras.layers
    return keras.Sequential([kl.Dense(3, input_shape=(4,)), kl.Lambda(tf.nn.relu, name="code"), kl.Dense(2)])
