#!/usr/bin/env python3
"""Writes what torchvision's backbones compute in float64 (needs PyTorch and torchvision; takes a minute).

python3 scripts/make-backbone-fixture.py gradients > test/fixtures/backbone_gradients.json
    a training step of ResNet-10 and ResNeXt-50, softplus in place of ReLU
python3 scripts/make-backbone-fixture.py features > test/fixtures/backbone_features.json
    the features of one image in evaluation, and the names and shapes of the state_dict

Weights and images follow the formula of test/golden/formula.ts (`hashed`), so the file holds results only: per
gradient its norm and its products with formula directions of signs. Softplus has no kink, so an fp32 engine must agree to rounding.
"""
import hashlib
import json
import sys

import numpy
import torch
import torch.nn.functional as F
import torchvision
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

CLASSES, BATCH, SIZE, DIRECTIONS = 10, 8, 64, 4
LABELS = [0, 1, 0, 2, 9, 1, 3, 0]
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NETS = {
    "resnet10": lambda: ResNet(BasicBlock, [1, 1, 1, 1], num_classes=CLASSES),
    "resnext50_32x4d": lambda: ResNet(Bottleneck, [3, 4, 6, 3], num_classes=CLASSES, groups=32, width_per_group=4),
}

FEATURES = ["resnet18", "resnet34", "resnet50", "resnet101", "resnext50_32x4d"]


def hashed(name, count):
    """Numbers in [0, 1): MurmurHash3's finaliser of j · 0x9E3779B1 + the FNV-1a hash of the name."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x01000193) & 0xFFFFFFFF
    mask = numpy.uint64(0xFFFFFFFF)
    x = (numpy.arange(count, dtype=numpy.uint64) * numpy.uint64(0x9E3779B1) + numpy.uint64(seed)) & mask
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x ^= x >> numpy.uint64(shift)
        x = (x * numpy.uint64(factor)) & mask
    x ^= x >> numpy.uint64(16)
    return torch.from_numpy(x.astype(numpy.float64) / 2**32)


def formula(name, shape):
    """A tensor of the state_dict; filters are drawn in the order of the engine's HWIO layout."""
    hwio = [shape[2], shape[3], shape[1], shape[0]] if len(shape) == 4 else shape
    u = 2 * hashed(name, torch.Size(shape).numel()) - 1
    if len(shape) == 4:
        values = u * (6 / (shape[1] * shape[2] * shape[3])) ** 0.5
    elif name.startswith("fc."):
        values = 0.125 * u
    else:
        values = (0 if name.endswith(("running_mean", "bias")) else 1) + 0.25 * u
    values = values.to(torch.float32).to(torch.float64).reshape(hwio)
    return values.permute(3, 2, 0, 1).contiguous() if len(shape) == 4 else values


def images():
    pixels = torch.floor(256 * hashed("images", BATCH * SIZE * SIZE * 3)).reshape(BATCH, SIZE, SIZE, 3)
    mean, std = (torch.tensor(values, dtype=torch.float64) for values in (MEAN, STD))
    return ((pixels / 255 - mean) / std).permute(0, 3, 1, 2)


def with_softplus(module):
    for name, child in module.named_children():
        if isinstance(child, torch.nn.ReLU):
            setattr(module, name, torch.nn.Softplus())
        else:
            with_softplus(child)
    return module


def numbers(tensor):
    return [float(f"{value:.9g}") for value in tensor.detach().flatten().tolist()]


def summary(name, gradient):
    values = (gradient.permute(2, 3, 1, 0) if gradient.dim() == 4 else gradient).detach().flatten()
    signs = [torch.where(hashed(f"{name} direction {k}", len(values)) < 0.5, -1.0, 1.0) for k in range(DIRECTIONS)]
    return {"norm": numbers(values.norm())[0], "products": [numbers(values @ sign.double())[0] for sign in signs]}


def fill(net):
    """Gives the net the formula's weights; returns their shapes by name."""
    state = {name: value for name, value in net.state_dict().items() if not name.endswith("num_batches_tracked")}
    net.load_state_dict({name: formula(name, list(value.shape)) for name, value in state.items()}, strict=False)
    return {name: list(value.shape) for name, value in state.items()}


def features(name):
    net = getattr(torchvision.models, name)(weights=None).double().eval()
    net.fc = torch.nn.Identity()
    shapes = fill(net)
    lines = sorted(f"{key} {'x'.join(map(str, shape))}" for key, shape in shapes.items())
    with torch.no_grad():
        values = net(images()[:1])[0]
    return {
        "state_dict_sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        "features": len(values),
        "first": numbers(values[:8]),
        **summary("features", values),
    }


def step(make):
    net = with_softplus(make()).double().train()
    fill(net)
    loss = F.cross_entropy(net(images()), torch.tensor(LABELS))
    loss.backward()
    running = {name: value for name, value in net.state_dict().items() if ".running_" in name}
    return {
        "loss": numbers(loss)[0],
        "gradients": {name: summary(name, value.grad) for name, value in net.named_parameters()},
        "statistics": {name: summary(name, value) for name, value in running.items()},
    }


WHAT = {
    "gradients": lambda: {name: step(make) for name, make in NETS.items()},
    "features": lambda: {name: features(name) for name in FEATURES},
}
json.dump(WHAT[sys.argv[1]](), sys.stdout, separators=(",", ":"))
print()
