"""qunet's U-Net and its loss in PyTorch: the same layers, first weights drawn alike."""
import math

import torch
import torch.nn.functional as F
from torch import nn


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
    """`layers` are pairs of input and output channels in run order, the head last."""

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


def loss_of(logits, truth, dice_weight=1, cross_entropy_weight=1):
    p = torch.sigmoid(logits)
    dice = 1 - (2 * (p * truth).sum() + 1) / (p.sum() + truth.sum() + 1)
    entropy = F.binary_cross_entropy_with_logits(logits, truth)
    return dice_weight * dice + cross_entropy_weight * entropy
