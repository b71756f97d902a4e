"""The workloads in plain PyTorch: an eager loop with the fused Adam, or with a loss compiled by torch.compile."""

import itertools

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from kerasbridge.benchmark.contenders.loop import Loop


class TorchLoop(Loop):
    """The loop of a PyTorch tutorial, with the data on the device, and one read per epoch."""

    compiled = False

    def __init__(self, workload, data, weights):
        torch.manual_seed(0)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.batch_size = workload.batch_size
        self.x, self.y = self.on_device(data.x, data.y)
        self.x_test, self.y_test = self.on_device(data.x_test, data.y_test)
        self.network = NETWORKS[workload.model](workload.dropout)
        with torch.no_grad():
            self.network.load([torch.from_numpy(np.array(weight)) for weight in weights])
        self.network.to(self.device)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3, eps=1e-7, fused=True)
        self.compute = torch.compile(self.network.compute) if self.compiled else self.network.compute

    def on_device(self, x, y):
        x = torch.from_numpy(x).to(self.device)
        return x, x if y is None else torch.from_numpy(y).long().to(self.device)

    def epoch(self):
        self.network.train()
        totals = torch.zeros(2, device=self.device)
        for rows in torch.randperm(len(self.x), device=self.device).split(self.batch_size):
            loss, correct = self.compute(self.x[rows], self.y[rows])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            totals += torch.stack([loss.detach() * len(rows), correct])
        loss, _ = (totals / len(self.x)).tolist()
        return loss

    @torch.no_grad()
    def evaluate(self):
        self.network.eval()
        total = torch.zeros((), device=self.device)
        for x, y in zip(self.x_test.split(self.batch_size), self.y_test.split(self.batch_size), strict=True):
            total += self.network.compute(x, y)[0] * len(x)
        return total.item() / len(self.x_test)

    @torch.no_grad()
    def predict(self):
        self.network.eval()
        outputs = [self.network.predict(x) for x in self.x_test.split(self.batch_size)]
        return torch.cat(outputs).cpu().numpy()


class CompiledTorchLoop(TorchLoop):
    """The same with the network, the loss and their gradients compiled."""

    compiled = True


class Classifier(nn.Module):
    """A network that returns logits of ten classes."""

    def compute(self, x, y):
        """Return the loss, and the number of right answers."""
        logits = self(x)
        return functional.cross_entropy(logits, y), (logits.argmax(1) == y).sum()

    def predict(self, x):
        """Return probabilities."""
        return self(x).softmax(1)


class MLP(Classifier):
    """Two dense layers."""

    def __init__(self, dropout):
        super().__init__()
        self.hidden, self.out, self.dropout = nn.Linear(784, 128), nn.Linear(128, 10), nn.Dropout(dropout)

    def forward(self, x):
        return self.out(self.dropout(self.hidden(x.flatten(1)).relu()))

    def load(self, weights):
        """Load the weights of the Keras model."""
        load_dense(self.hidden, *weights[:2])
        load_dense(self.out, *weights[2:])


class CNN(Classifier):
    """Two convolutions, each with a pooling, and a dense layer."""

    def __init__(self, dropout):
        super().__init__()
        self.first, self.second, self.out = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3), nn.Linear(1600, 10)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        x = functional.max_pool2d(self.first(x.view(-1, 1, 28, 28)).relu(), 2)
        x = functional.max_pool2d(self.second(x).relu(), 2)
        return self.out(self.dropout(x.flatten(1)))

    def load(self, weights):
        """Load the weights of the Keras model, whose channels come last."""
        for layer, kernel, bias in ((self.first, *weights[:2]), (self.second, *weights[2:4])):
            layer.weight.copy_(kernel.permute(3, 2, 0, 1))
            layer.bias.copy_(bias)
        kernel, bias = weights[4:]
        load_dense(self.out, kernel.view(5, 5, 64, 10).permute(2, 0, 1, 3).reshape(1600, 10), bias)


class LSTM(Classifier):
    """Two LSTMs and a dense layer."""

    def __init__(self, dropout):
        super().__init__()
        self.recurrent = nn.LSTM(8, 80, num_layers=2, batch_first=True)
        self.out, self.dropout = nn.Linear(80, 10), nn.Dropout(dropout)

    def forward(self, x):
        return self.out(self.dropout(self.recurrent(x)[0][:, -1]))

    def load(self, weights):
        """Load the weights of the Keras model; PyTorch has a second bias, which stays zero."""
        for layer in range(2):
            kernel, recurrent_kernel, bias = weights[3 * layer : 3 * layer + 3]
            weight, recurrent_weight, first_bias, second_bias = self.recurrent.all_weights[layer]
            weight.copy_(kernel.T)
            recurrent_weight.copy_(recurrent_kernel.T)
            first_bias.copy_(bias)
            second_bias.zero_().requires_grad_(False)
        load_dense(self.out, *weights[6:])


class Block(nn.Module):
    """A block of a transformer: attention with four heads, and two dense layers."""

    def __init__(self, dropout):
        super().__init__()
        self.before_attention, self.before_dense = nn.LayerNorm(64, eps=1e-6), nn.LayerNorm(64, eps=1e-6)
        self.query_key_value, self.project = nn.Linear(64, 192), nn.Linear(64, 64)
        self.wide, self.narrow, self.dropout = nn.Linear(64, 128), nn.Linear(128, 64), nn.Dropout(dropout)

    def forward(self, x):
        batch, length, _ = x.shape
        heads = self.query_key_value(self.before_attention(x)).view(batch, length, 3, 4, 16)
        attention = functional.scaled_dot_product_attention(*heads.permute(2, 0, 3, 1, 4))
        x = x + self.dropout(self.project(attention.transpose(1, 2).reshape(batch, length, 64)))
        return x + self.dropout(self.narrow(self.wide(self.before_dense(x)).relu()))

    def load(self, weights):
        """Load the weights of the Keras layers."""
        load_norm(self.before_attention, *weights[:2])
        kernels, biases = weights[2:8:2], weights[3:8:2]
        kernel = torch.cat([kernel.reshape(64, 64) for kernel in kernels], dim=1)
        load_dense(self.query_key_value, kernel, torch.cat([bias.flatten() for bias in biases]))
        load_dense(self.project, weights[8].reshape(64, 64), weights[9])
        load_norm(self.before_dense, *weights[10:12])
        load_dense(self.wide, *weights[12:14])
        load_dense(self.narrow, *weights[14:16])


class Transformer(Classifier):
    """Two blocks, and a dense layer on their mean."""

    def __init__(self, dropout):
        super().__init__()
        self.embed, self.out = nn.Linear(56, 64), nn.Linear(64, 10)
        self.blocks = nn.Sequential(Block(dropout), Block(dropout))

    def forward(self, x):
        return self.out(self.blocks(self.embed(x)).mean(dim=1))

    def load(self, weights):
        """Load the weights of the Keras model."""
        load_dense(self.embed, *weights[:2])
        for position, block in enumerate(self.blocks):
            block.load(weights[2 + 16 * position : 18 + 16 * position])
        load_dense(self.out, *weights[-2:])


class Autoencoder(nn.Module):
    """Six dense layers that return the image they take."""

    def __init__(self, dropout):
        super().__init__()
        sizes = (784, 128, 64, 32, 64, 128, 784)
        self.dense = nn.ModuleList(nn.Linear(*pair) for pair in itertools.pairwise(sizes))

    def forward(self, x):
        for layer in self.dense[:-1]:
            x = layer(x).relu()
        return self.dense[-1](x)

    def compute(self, x, y):
        """Return the loss, and zero for the accuracy, which it has not."""
        return functional.binary_cross_entropy_with_logits(self(x), y), torch.zeros((), device=x.device)

    def predict(self, x):
        """Return pixels."""
        return self(x).sigmoid()

    def load(self, weights):
        """Load the weights of the Keras model."""
        for layer, kernel, bias in zip(self.dense, weights[::2], weights[1::2], strict=True):
            load_dense(layer, kernel, bias)


def load_dense(layer, kernel, bias):
    """Load a kernel of Keras, whose inputs come first."""
    layer.weight.copy_(kernel.T)
    layer.bias.copy_(bias)


def load_norm(layer, scale, offset):
    """Load the scale and the offset of a normalization."""
    layer.weight.copy_(scale)
    layer.bias.copy_(offset)


NETWORKS = {"mlp": MLP, "cnn": CNN, "lstm": LSTM, "transformer": Transformer, "autoencoder": Autoencoder}
