"""qunet's float training in PyTorch: batches come in on stdin, networks go out on stdout.

In: a line of JSON, then for each step the images (float32) and masks (bytes) of its batch.
Out: at each validation the parameters of every layer in run order, float32: weights, gain, offset,
running mean and variance; of the head weights and bias.
"""
import json
import sys

import numpy as np
import torch

from unet import UNet, loss_of

told = json.loads(sys.stdin.buffer.readline())
torch.manual_seed(told["seed"])


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


weights = told["dice_weight"], told["cross_entropy_weight"]
net = UNet(told["layers"], told["depth"]).train()
optimizer = torch.optim.Adam(net.parameters(), 1.0)
n, (h, w), channels = told["batch"], told["patch"], told["channels"]
for step, rate in enumerate(told["rates"], 1):
    x = torch.from_numpy(read(4 * n * channels * h * w, "<f4").copy()).view(n, channels, h, w)
    truth = torch.from_numpy((read(n * h * w, "u1") > 0).astype("f4")).view(n, 1, h, w)
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad()
    loss_of(net(x), truth, *weights).backward()
    optimizer.step()
    if step == told["steps"] or step % told["validation_every"] == 0:
        send(net)
