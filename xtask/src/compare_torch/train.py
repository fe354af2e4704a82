"""qunet's float training in PyTorch: batches come in on stdin, networks go out on stdout.

In: a line of JSON, then for each step the images (float32) and masks (bytes) of its batch.
Out: at each validation the parameters of every layer in run order, float32: weights, gain, offset,
running mean and variance; of the head weights and bias.
"""
import json
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

told = json.loads(sys.stdin.buffer.readline())
torch.manual_seed(told["seed"])


class Unit(nn.Module):
    """3x3 convolution, batch norm, ReLU; weights He-uniform by fan-in."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
        nn.init.uniform_(self.conv.weight, -math.sqrt(6 / (9 * n_in)), math.sqrt(6 / (9 * n_in)))
        self.norm = nn.BatchNorm2d(n_out)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


class UNet(nn.Module):
    def __init__(self, layers, depth):
        super().__init__()
        self.depth = depth
        self.units = nn.ModuleList(Unit(*shape) for shape in layers[:-1])
        n_in, n_out = layers[-1]
        self.head = nn.Conv2d(n_in, n_out, 1)
        nn.init.uniform_(self.head.weight, -math.sqrt(6 / n_in), math.sqrt(6 / n_in))
        nn.init.zeros_(self.head.bias)

    def forward(self, x):
        units = iter(self.units)
        skips = []
        for level in range(self.depth + 1):
            x = self.block(units, x)
            if level < self.depth:
                skips.append(x)
                x = F.max_pool2d(x, 2)
        for skip in reversed(skips):
            x = torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), skip], 1)
            x = self.block(units, x)
        return self.head(x)

    @staticmethod
    def block(units, x):
        x = next(units)(x)
        return next(units)(x)


def loss_of(logits, truth):
    p = torch.sigmoid(logits)
    dice = 1 - (2 * (p * truth).sum() + 1) / (p.sum() + truth.sum() + 1)
    entropy = F.binary_cross_entropy_with_logits(logits, truth)
    return told["dice_weight"] * dice + told["cross_entropy_weight"] * entropy


def read(n_bytes, kind):
    data = sys.stdin.buffer.read(n_bytes)
    assert len(data) == n_bytes, "expected a whole batch"
    return np.frombuffer(data, kind)


def send(net):
    for unit in net.units:
        norm = unit.norm
        for t in (unit.conv.weight, norm.weight, norm.bias, norm.running_mean, norm.running_var):
            sys.stdout.buffer.write(t.detach().numpy().astype("<f4").tobytes())
    for t in (net.head.weight, net.head.bias):
        sys.stdout.buffer.write(t.detach().numpy().astype("<f4").tobytes())
    sys.stdout.buffer.flush()


net = UNet(told["layers"], told["depth"]).train()
optimizer = torch.optim.Adam(net.parameters(), 1.0)
n, (h, w), channels = told["batch"], told["patch"], told["channels"]
for step, rate in enumerate(told["rates"], 1):
    x = torch.from_numpy(read(4 * n * channels * h * w, "<f4").copy()).view(n, channels, h, w)
    truth = torch.from_numpy((read(n * h * w, "u1") > 0).astype("f4")).view(n, 1, h, w)
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad()
    loss_of(net(x), truth).backward()
    optimizer.step()
    if step == told["steps"] or step % told["validation_every"] == 0:
        send(net)
