"""A training step of qunet's U-Net in PyTorch: same layers, loss, optimiser, batch. Prints one JSON line.

usage: unet.py BASE_WIDTH DEPTH SIDE BATCH THREADS STEPS
"""
import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(n_out)

    def forward(self, x):
        x = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(x)))


class UNet(nn.Module):
    def __init__(self, base, depth):
        super().__init__()
        widths = [base << level for level in range(depth + 1)]
        self.down = nn.ModuleList(Block(n_in, n) for n_in, n in zip([1] + widths, widths))
        self.up = nn.ModuleList(
            Block(widths[level + 1] + widths[level], widths[level]) for level in range(depth)
        )
        self.head = nn.Conv2d(base, 1, 1)

    def forward(self, x):
        skips = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else F.max_pool2d(x, 2))
            skips.append(x)
        for level in reversed(range(len(self.up))):
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = self.up[level](torch.cat([x, skips[level]], 1))
        return self.head(x)


def loss_of(logits, truth):
    p = torch.sigmoid(logits)
    dice = (2 * (p * truth).sum() + 1) / (p.sum() + truth.sum() + 1)
    return 1 - dice + F.binary_cross_entropy_with_logits(logits, truth)


def main():
    base, depth, side, batch, threads, steps = map(int, sys.argv[1:])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    net = UNet(base, depth).train()
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    milliseconds = []
    for step in range(steps):
        x = torch.randn(batch, 1, side, side)
        truth = (x > 0.5).float()
        started = time.perf_counter()
        optimizer.zero_grad()
        loss = loss_of(net(x), truth)
        loss.backward()
        optimizer.step()
        milliseconds.append(1e3 * (time.perf_counter() - started))
    # batch norm keeps a gain beside each offset; folded, only the offset is a parameter
    gains = sum(m.weight.numel() for m in net.modules() if isinstance(m, nn.BatchNorm2d))
    n_parameters = sum(p.numel() for p in net.parameters()) - gains
    print(json.dumps({
        "milliseconds": milliseconds,
        "n_parameters": n_parameters,
        "loss": loss.item(),
        "version": torch.__version__,
    }))


main()
