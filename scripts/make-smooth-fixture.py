#!/usr/bin/env python3
"""Writes test/fixtures/smooth_resnet32.json: two GALA training steps of a ResNet-32 in float64.

Softplus stands in place of ReLU.

Usage: python3 scripts/make-smooth-fixture.py > test/fixtures/smooth_resnet32.json     (needs PyTorch; takes seconds)

Weights, images and labels follow the formulas of test/golden/formula.ts, so the file holds results only: small tensors
in full, large ones as their norm and their products with formula directions of signs. Softplus has no kink, so an fp32
engine must agree to rounding, while ReLU masks that flip near zero would hide errors of half a percent.
"""
import json
import sys

import torch
import torch.nn.functional as F

DEPTH, CLASSES, BATCH, DIRECTIONS = 32, 20, 8, 8
LAMBDA1, LAMBDA2, EPSILON = 1.2, 0.9, 1e-3
LR, MOMENTUM, WEIGHT_DECAY = 0.05, 0.9, 5e-4
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
LABELS = [[0, 1, 0, 2, 0, 1, 3, 0], [0, 0, 4, 1, 0, 2, 1, 19]]


def stream(name, count):
    """Numbers in [0, 1) of a linear congruential generator started by the FNV-1a hash of the name."""
    x = 0x811C9DC5
    for byte in name.encode():
        x = ((x ^ byte) * 0x01000193) & 0xFFFFFFFF
    numbers = []
    for _ in range(count):
        x = (1664525 * x + 1013904223) & 0xFFFFFFFF
        numbers.append(x / 2**32)
    return torch.tensor(numbers, dtype=torch.float64)


def around(centre, scale, name, *shape):
    count = torch.Size(shape).numel()
    values = centre + scale * (2 * stream(name, count) - 1)
    return values.to(torch.float32).to(torch.float64).reshape(shape)


def convolution(name, inputs, outputs):
    """Drawn in the order of the engine's HWIO layout."""
    scale = (6 / (9 * inputs)) ** 0.5
    return around(0, scale, name, 3, 3, inputs, outputs).permute(3, 2, 0, 1).contiguous()


def blocks():
    sizes = [16, 32, 64]
    for stage, outputs in enumerate(sizes):
        for i in range((DEPTH - 2) // 6):
            down = i == 0 and stage > 0
            yield f"layer{stage + 1}.{i}", sizes[stage - 1] if down else outputs, outputs, 2 if down else 1


def initial():
    parameters, statistics = {}, {}

    def layer(prefix, suffix, inputs, outputs):
        conv, bn = f"backbone.{prefix}conv{suffix}.weight", f"backbone.{prefix}bn{suffix}"
        parameters[conv] = convolution(conv, inputs, outputs)
        parameters[f"{bn}.weight"] = around(1, 0.25, f"{bn}.weight", outputs)
        parameters[f"{bn}.bias"] = around(0, 0.25, f"{bn}.bias", outputs)
        statistics[f"{bn}.running_mean"] = around(0, 0.25, f"{bn}.running_mean", outputs)
        statistics[f"{bn}.running_var"] = around(1, 0.25, f"{bn}.running_var", outputs)

    layer("", "1", 3, 16)
    for name, inputs, outputs, _ in blocks():
        layer(f"{name}.", "1", inputs, outputs)
        layer(f"{name}.", "2", outputs, outputs)
    parameters["classifier.weight"] = around(0, 0.125, "classifier.weight", CLASSES, 64)
    parameters["classifier.bias"] = around(0, 0.125, "classifier.bias", CLASSES)
    return parameters, statistics


def images(step):
    pixels = torch.floor(256 * stream(f"images {step}", BATCH * 32 * 32 * 3)).reshape(BATCH, 32, 32, 3)
    mean, std = (torch.tensor(values, dtype=torch.float64) for values in (MEAN, STD))
    return ((pixels / 255 - mean) / std).permute(0, 3, 1, 2)


def forward(parameters, statistics, x, training):
    def conv_bn(x, prefix, suffix, stride):
        y = F.conv2d(x, parameters[f"backbone.{prefix}conv{suffix}.weight"], stride=stride, padding=1)
        bn = f"backbone.{prefix}bn{suffix}"
        running = statistics[f"{bn}.running_mean"], statistics[f"{bn}.running_var"]
        return F.batch_norm(y, *running, parameters[f"{bn}.weight"], parameters[f"{bn}.bias"], training, 0.1, 1e-5)

    x = F.softplus(conv_bn(x, "", "1", 1))
    for name, inputs, outputs, stride in blocks():
        inner = F.softplus(conv_bn(x, f"{name}.", "1", stride))
        side = (outputs - inputs) // 2
        shortcut = x if stride == 1 else F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, side, side))
        x = F.softplus(conv_bn(inner, f"{name}.", "2", 1) + shortcut)
    features = x.mean(dim=(2, 3))
    return features @ parameters["classifier.weight"].T + parameters["classifier.bias"]


def train():
    parameters, statistics = initial()
    momenta = {name: torch.zeros_like(value) for name, value in parameters.items()}
    sums = {name: torch.zeros(CLASSES, dtype=torch.float64) for name in ("theta", "phi", "nu")}
    running = {name: value.clone() for name, value in sums.items()}
    steps = []
    for step, labels in enumerate(LABELS):
        y = torch.tensor(labels)
        for value in parameters.values():
            value.requires_grad_(True)
        logits = forward(parameters, statistics, images(step), True)
        margin = LAMBDA1 * torch.log(sums["theta"] + EPSILON) - LAMBDA2 * torch.log(sums["phi"][y] + EPSILON)[:, None]
        shifted = logits + margin
        loss = F.cross_entropy(shifted, y)
        gradients = dict(zip(parameters, torch.autograd.grad(loss, list(parameters.values()))))
        with torch.no_grad():
            onehot = F.one_hot(y, CLASSES).to(torch.float64)
            g = ((shifted.softmax(1) - onehot) / BATCH).abs()
            gained = {"theta": (g * onehot).sum(0), "nu": (g * (1 - onehot)).sum(0)}
            gained["phi"] = onehot.T @ (g * (1 - onehot)).sum(1)
            for name in sums:
                running[name] += gained[name]
                sums[name] += running[name]
            for name, value in parameters.items():
                momenta[name] = MOMENTUM * momenta[name] + gradients[name] + WEIGHT_DECAY * value
            parameters = {name: (value - LR * momenta[name]).detach() for name, value in parameters.items()}
        steps.append(
            {
                "loss": numbers(loss),
                "gradients": {name: summary(name, value) for name, value in gradients.items()},
                "statistics": {name: numbers(value) for name, value in statistics.items()},
                "gala": {name: numbers(value) for name, value in sums.items()},
            }
        )
    evaluated = forward(parameters, statistics, images(0), False)
    return {
        "steps": steps,
        "parameters": {name: summary(name, value) for name, value in parameters.items()},
        "evalLogits": numbers(evaluated),
    }


def numbers(tensor):
    return [float(f"{value:.9g}") for value in tensor.detach().flatten().tolist()]


def summary(name, tensor):
    """In the engine's element order: the norm, products with sign directions, and the values of small tensors."""
    values = (tensor.permute(2, 3, 1, 0) if tensor.dim() == 4 else tensor).detach().flatten()
    signs = [torch.where(stream(f"{name} direction {k}", len(values)) < 0.5, -1.0, 1.0) for k in range(DIRECTIONS)]
    result = {"norm": numbers(values.norm())[0]}
    if len(values) <= 64:
        return {**result, "values": numbers(values)}
    return {**result, "products": [numbers(values @ sign.to(torch.float64))[0] for sign in signs]}


json.dump(train(), sys.stdout, separators=(",", ":"))
print()
