#!/usr/bin/env python3
"""Writes test/fixtures/weights/: small files of torch.save, and what they hold.

Usage: python3 scripts/make-weights-fixtures.py test/fixtures/weights     (needs PyTorch; takes seconds)

kinds.pth, kinds_legacy.pth  tensors of every element type, views, tied and transposed tensors, in both formats
mislas.pth                   a CIFAR ResNet-8 as MiSLAS's stage 1 saves it: state_dict_model, state_dict_classifier,
                             `module.` prefixes, an optimiser, an accuracy as a tensor; half precision
mislas_places.pth            a few entries as MiSLAS's stage 1 saves them on Places-LT, where the last block is a dictionary
                             of its own; legacy format
hostile.pth                  a pickle that would run a command
expected.json                the values of kinds.pth, and the logits of mislas.pth's network (float64) for images of
                             test/golden/formula.ts
"""
import json
import os
import sys
from collections import OrderedDict

import numpy
import torch
import torch.nn.functional as F

folder = sys.argv[1]
CLASSES, BATCH = 10, 4


def path(name):
    return os.path.join(folder, name)


def kinds():
    base = torch.arange(24, dtype=torch.float32) / 7
    tied = torch.tensor([[1.5, -2.25], [3.0, 0.0]])
    return OrderedDict(
        f32=base.reshape(2, 3, 4).clone(),
        f64=torch.tensor([0.1, -1e300, 3.0], dtype=torch.float64),
        f16=torch.tensor([0.1, 65504.0, 6e-8], dtype=torch.float16),
        bf16=torch.tensor([0.1, -3.0], dtype=torch.bfloat16),
        i64=torch.tensor(12345),
        i32=torch.tensor([-7, 2**31 - 1], dtype=torch.int32),
        i16=torch.tensor([-300], dtype=torch.int16),
        i8=torch.tensor([-128, 127], dtype=torch.int8),
        u8=torch.tensor([0, 255], dtype=torch.uint8),
        bool=torch.tensor([True, False]),
        view=base[5:9],
        transposed=base.reshape(4, 6).T,
        strided=base[::5],
        tied=tied,
        tied_again=tied,
        expanded=torch.tensor([[2.5]]).expand(3, 2),
        empty=torch.zeros(0, 3),
        scalar=torch.tensor(2.5),
        parameter=torch.nn.Parameter(torch.tensor([1.0, 2.0])),
    )


def stream(name, count):
    """As in scripts/make-smooth-fixture.py."""
    x = 0x811C9DC5
    for byte in name.encode():
        x = ((x ^ byte) * 0x01000193) & 0xFFFFFFFF
    numbers = []
    for _ in range(count):
        x = (1664525 * x + 1013904223) & 0xFFFFFFFF
        numbers.append(x / 2**32)
    return torch.tensor(numbers, dtype=torch.float64)


class Block(torch.nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(outputs)
        self.conv2 = torch.nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(outputs)
        self.side, self.stride = (outputs - inputs) // 2, stride

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.stride == 2:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.side, self.side))
        return F.relu(y + x)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(16)
        self.layer1 = torch.nn.Sequential(Block(16, 16, 1))
        self.layer2 = torch.nn.Sequential(Block(16, 32, 2))
        self.layer3 = torch.nn.Sequential(Block(32, 64, 2))

    def forward(self, x):
        return self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x)))))).mean((2, 3))


class Classifier(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(64, CLASSES)

    def forward(self, x):
        return self.fc(x)


class Command:
    def __reduce__(self):
        return os.system, ("touch /tmp/gala-was-here",)


def numbers(tensor):
    return [float(value) for value in tensor.detach().to(torch.float64).flatten().tolist()]


torch.manual_seed(0)
torch.save(kinds(), path("kinds.pth"))
torch.save(kinds(), path("kinds_legacy.pth"), _use_new_zipfile_serialization=False)

model, classifier = torch.nn.DataParallel(Net()), torch.nn.DataParallel(Classifier())
for module in (model, classifier):
    for name, value in module.state_dict().items():
        if name.endswith("running_mean"):
            value.normal_(0, 0.1)
        elif name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
    module.half()
optimizer = torch.optim.SGD(classifier.parameters(), 0.1, momentum=0.9)
sum(value.float().square().sum() for value in classifier.parameters()).backward()
optimizer.step()
checkpoint = {
    "epoch": 200,
    "state_dict_model": model.state_dict(),
    "state_dict_classifier": classifier.state_dict(),
    "optimizer": optimizer.state_dict(),
    "best_acc1": torch.tensor(47.5),
    "its_ece": numpy.float64(3.25),
}
torch.save(checkpoint, path("mislas.pth"))
values = (("layer4.1.conv3.weight", 1.0), ("conv1.weight", 2.0), ("fc.weight", 3.0))
parts = ({f"module.{name}": torch.tensor([value])} for name, value in values)
places = dict(zip(("state_dict_model", "state_dict_block", "state_dict_classifier"), parts))
torch.save({"epoch": 90, **places}, path("mislas_places.pth"), _use_new_zipfile_serialization=False)
torch.save({"state_dict": {"weight": torch.zeros(2)}, "extra": Command()}, path("hostile.pth"))

pixels = torch.floor(256 * stream("weights images", BATCH * 32 * 32 * 3)).reshape(BATCH, 32, 32, 3)
mean, std = torch.tensor([0.4914, 0.4822, 0.4465]).double(), torch.tensor([0.2023, 0.1994, 0.2010]).double()
model.double().eval()
classifier.double()
logits = classifier(model(((pixels / 255 - mean) / std).permute(0, 3, 1, 2)))
values = {name: {"shape": list(value.shape), "values": numbers(value)} for name, value in kinds().items()}
with open(path("expected.json"), "w") as file:
    json.dump({"kinds": values, "logits": [float(f"{value:.9g}") for value in numbers(logits)]}, file)
    file.write("\n")
