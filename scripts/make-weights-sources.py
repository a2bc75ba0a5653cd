#!/usr/bin/env python3
"""Writes test/fixtures/weights/sources/: one small network in the files of those who publish weights, and its values.

Usage: python3 scripts/make-weights-sources.py test/fixtures/weights/sources     (needs PyTorch; takes seconds)

Each file has the keys, prefixes, wrappers and objects that the code of its source writes. The network has two features
and two classes, so that the shape of a classifier does not tell its rows from its columns.
"""

import argparse
import json
import os
import pathlib
import sys
import types
from collections import OrderedDict

import numpy
import torch

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = torch.nn.Conv2d(2, 2, 3, bias=False), torch.nn.BatchNorm2d(2)


class Net(torch.nn.Module):
    def __init__(self, classifier=None):
        super().__init__()
        self.conv1, self.bn1 = torch.nn.Conv2d(3, 2, 3, bias=False), torch.nn.BatchNorm2d(2)
        self.layer1 = torch.nn.Sequential(Block())
        if classifier is not None:
            setattr(self, classifier, torch.nn.Linear(2, 2))


class Holder(torch.nn.Module):
    """A module whose parts have the given names."""

    def __init__(self, **parts):
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)


class Normed(torch.nn.Module):
    """LDAM-DRW's cosine classifier: a column a class."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(2, 2))


def mean(self):
    """A method, which a pickle names by `getattr`."""


def object_of(module, name, **attributes):
    """An object of a class that the reader does not know."""
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        made = sys.modules.setdefault(".".join(parts[:length]), types.ModuleType(parts[length - 1]))
    kind = type(name, (), {"__module__": module, "mean": mean})
    setattr(made, name, kind)
    instance = kind()
    instance.__dict__.update(attributes)
    return instance


def save(name, content, **options):
    torch.save(content, os.path.join(folder, name), **options)


def like(net, plain):
    """A network with the values of `plain` where it has the same names."""
    net.load_state_dict({name: value for name, value in plain.items() if name in net.state_dict()}, strict=False)
    return net


torch.manual_seed(0)
plain = Net("fc")
for name, value in plain.state_dict().items():
    if value.is_floating_point():
        value.uniform_(0.5, 1.5) if name.endswith("running_var") else value.normal_()
values = OrderedDict((name, value.clone()) for name, value in plain.state_dict().items())
backbone = like(Net(), values)
head = torch.nn.Linear(2, 2)
head.load_state_dict({"weight": values["fc.weight"], "bias": values["fc.bias"]})
optimizer = torch.optim.SGD(plain.parameters(), 0.1, momentum=0.9)
sum(value.square().sum() for value in plain.parameters()).backward()
averaged = OrderedDict((name, value + 1) for name, value in values.items())
optimizer.step()
plain.load_state_dict(values)
wrap = torch.nn.DataParallel

save("torchvision.pth", values)
save(
    "torchvision_training.pth",
    {
        "model": values,
        "model_ema": {"n_averaged": torch.tensor(7), **{f"module.{n}": v for n, v in averaged.items()}},
        "optimizer": optimizer.state_dict(),
        "lr_scheduler": {"milestones": [1]},
        "epoch": 1,
        "args": argparse.Namespace(lr=0.1),
    },
)
save(
    "timm.pth.tar",
    {
        "epoch": 1,
        "arch": "resnet",
        "state_dict": values,
        "optimizer": optimizer.state_dict(),
        "version": 2,
        "args": argparse.Namespace(output=pathlib.PurePosixPath("out")),
        "amp_scaler": {"scale": 65536.0},
        "state_dict_ema": averaged,
        "metric": 47.5,
    },
)
classifier = wrap(Holder(fc=head))
norm = torch.tensor([[0.75, 3.0]])
save(
    "mislas_stage2.pth.tar",
    {
        "epoch": 10,
        "state_dict_model": wrap(backbone).state_dict(),
        "state_dict_classifier": classifier.state_dict(),
        "state_dict_lws_model": OrderedDict({"module.learned_norm": norm}),
        "best_acc1": torch.tensor(47.0),
        "its_ece": numpy.float64(2.5),
    },
    _use_new_zipfile_serialization=False,
)
cosine = Normed()
ldam = like(Net(), values)
ldam.linear = cosine
save(
    "ldam_drw.pth.tar",
    {
        "epoch": 200,
        "arch": "resnet32",
        "state_dict": ldam.state_dict(),
        "best_acc1": torch.tensor(42.0),
        "optimizer": optimizer.state_dict(),
    },
    _use_new_zipfile_serialization=False,
)
save(
    "ride.pth",
    {
        "arch": "ResNet32Model",
        "epoch": 200,
        "state_dict": wrap(Holder(backbone=ldam)).state_dict(),
        "optimizer": optimizer.state_dict(),
        "monitor_best": 0.48,
        "config": object_of("parse_config", "ConfigParser", resume=None, _save_dir=pathlib.PurePosixPath("saved")),
        "criterion": OrderedDict(m_list=torch.ones(2)),
    },
)
balanced = {
    "epoch": 90,
    "best_epoch": 90,
    "best_acc": 0.4,
    "centroids": None,
    "state_dict_best": {"feat_model": wrap(backbone).state_dict(), "classifier": classifier.state_dict()},
}
save("classifier_balancing.pth", balanced)
scaled = OrderedDict([*classifier.state_dict().items(), ("module.scales", torch.ones(2))])
save(
    "classifier_balancing_lws.pth",
    {**balanced, "state_dict_best": {**balanced["state_dict_best"], "classifier": scaled}},
)
history = object_of(
    "mmengine.logging.history_buffer",
    "HistoryBuffer",
    _log_history=numpy.arange(4.0),
    _count_history=numpy.arange(4),
    _max_length=10,
)
history._statistics_methods = {"mean": history.mean}
save(
    "openmmlab.pth",
    {
        "meta": {"epoch": 1, "dataset_meta": {"classes": ("ant", "bee")}, "seed": 2**80},
        "state_dict": Holder(backbone=backbone, head=Holder(fc=head)).state_dict(),
        "message_hub": {"log_scalars": OrderedDict({"train/loss": history}), "resumed_keys": OrderedDict()},
        "optimizer": {"state_dict": optimizer.state_dict(), "base_param_settings": {"params": torch.tensor([0.0])}},
    },
)
callback = object_of("lightning.pytorch.callbacks.model_checkpoint", "ModelCheckpoint")
save(
    "lightning.ckpt",
    {
        "epoch": 0,
        "global_step": 1,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": Holder(model=plain).state_dict(),
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {type(callback): {"best_model_score": torch.tensor(0.5)}},
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [],
        "hparams_name": "kwargs",
        "hyper_parameters": {"lr": 0.1},
    },
)
save(
    "mp_rank_00_model_states.pt",
    {
        "module": values,
        "buffer_names": ["bn1.running_mean"],
        "optimizer": None,
        "param_shapes": [OrderedDict({"fc.weight": torch.Size([2, 2])})],
        "sparse_tensor_module_names": set(),
        "skipped_steps": 0,
        "global_steps": 100,
        "dp_world_size": 1,
        "ds_config": {"train_batch_size": 8},
        "ds_version": "0.15.0",
    },
)
save(
    "compiled.pth",
    {"net": {f"module._orig_mod.{name}": value for name, value in values.items()}, "rng": torch.tensor([2**40])},
)
save("whole_network.pth", plain)


def listed(tensors):
    return {
        name: {"shape": list(value.shape), "values": value.double().flatten().tolist()}
        for name, value in tensors.items()
    }


with open(os.path.join(folder, "expected.json"), "w") as file:
    json.dump(
        {
            "network": listed(values),
            "cosine": listed({"weight": cosine.weight.detach().T}),
            "scales": norm.flatten().tolist(),
        },
        file,
    )
    file.write("\n")
