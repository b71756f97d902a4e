"""The variational autoencoder of examples/ in plain PyTorch: python vae_torch.py DIGITS.npz EPOCHS."""

import json
import sys
import time

import numpy as np
import torch
from torch import nn

BATCH, CODES = 64, 8
torch.manual_seed(0)
with np.load(sys.argv[1]) as digits:
    images = torch.from_numpy(digits["x_train"].astype("float32") / 255)

encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 2 * CODES))
decoder = nn.Sequential(nn.Linear(CODES, 256), nn.ReLU(), nn.Linear(256, 784), nn.Unflatten(1, (28, 28)))
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.002)

seconds = []
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    totals = torch.zeros(3)
    for rows in torch.randperm(len(images)).split(BATCH):
        batch = images[rows]
        mean, log_variance = encoder(batch).chunk(2, dim=-1)
        code = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        pixels = nn.functional.binary_cross_entropy_with_logits(decoder(code), batch, reduction="none")
        reconstruction = pixels.sum(dim=(1, 2)).mean()
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(dim=-1).mean()
        loss = reconstruction + divergence
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        totals += torch.stack([loss, reconstruction, divergence]).detach() * len(rows)
    means = (totals / len(images)).tolist()
    seconds.append(time.perf_counter() - start)
print(json.dumps({"seconds": seconds, "loss": means[0]}))
