"""The GAN of examples/ in plain PyTorch: python gan_torch.py DIGITS.npz EPOCHS."""

import json
import sys
import time

import numpy as np
import torch
from torch import nn

BATCH, CODES = 64, 32
torch.manual_seed(0)
with np.load(sys.argv[1]) as digits:
    images = torch.from_numpy(digits["x_train"].reshape(-1, 784).astype("float32") / 127.5 - 1)

generator = nn.Sequential(
    nn.Linear(CODES, 128), nn.LeakyReLU(0.2), nn.Linear(128, 256), nn.LeakyReLU(0.2), nn.Linear(256, 784), nn.Tanh()
)
discriminator = nn.Sequential(
    nn.Linear(784, 256),
    nn.LeakyReLU(0.2),
    nn.Linear(256, 128),
    nn.LeakyReLU(0.2),
    nn.Dropout(0.3),
    nn.Linear(128, 1),
)
generator_optimizer = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
discriminator_optimizer = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))


def crossentropy(label, logits):
    """Return the binary cross-entropy between logits and a constant label."""
    return nn.functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


seconds = []
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    totals = torch.zeros(3)
    for rows in torch.randperm(len(images)).split(BATCH):
        generated = generator(torch.randn(len(rows), CODES))
        on_real = discriminator(images[rows])
        loss = crossentropy(1.0, on_real) + crossentropy(0.0, discriminator(generated.detach()))
        # As in examples/gan.py, both gradients are of the weights before the step.
        discriminator.requires_grad_(False)
        generator_loss = crossentropy(1.0, discriminator(generated))
        generator_optimizer.zero_grad()
        generator_loss.backward()
        discriminator.requires_grad_(True)
        discriminator_optimizer.zero_grad()
        loss.backward()
        discriminator_optimizer.step()
        generator_optimizer.step()
        totals += torch.stack([loss, generator_loss, (on_real > 0).float().mean()]).detach() * len(rows)
    means = (totals / len(images)).tolist()
    seconds.append(time.perf_counter() - start)
print(json.dumps({"seconds": seconds, "loss": means[0] + means[1]}))
