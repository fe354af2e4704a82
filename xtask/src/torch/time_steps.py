"""A training step of qunet's U-Net in PyTorch: same layers, loss, optimiser, batch. Prints one JSON line.

usage: time_steps.py LAYERS DEPTH SIDE BATCH THREADS STEPS
LAYERS is JSON: pairs of input and output channels in run order, the head last.
"""
import json
import sys
import time

import torch
from torch import nn

from unet import UNet, loss_of


def main():
    layers = json.loads(sys.argv[1])
    depth, side, batch, threads, steps = map(int, sys.argv[2:])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    net = UNet(layers, depth).train()
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
