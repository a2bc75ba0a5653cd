"""A PyTorch DataLoader with torchvision and Pillow over a folder of class folders.

The transforms are those of gala's large-set recipe.

Prints one JSON line: images per second of wall clock. `--uint8` stops before ToTensor and Normalize, which
gala does in the compiled graph.
"""
import argparse
import json
import multiprocessing
import os
import random
import time

import torch
from PIL import Image, ImageEnhance, ImageOps
from torchvision import datasets, transforms

FILL = (124, 116, 104)


def affine(image, *matrix):
    resample = random.choice((Image.BILINEAR, Image.BICUBIC))
    return image.transform(image.size, Image.AFFINE, matrix, resample=resample, fillcolor=FILL)


def signed(value):
    return -value if random.random() > 0.5 else value


def rotate(image, level):
    resample = random.choice((Image.BILINEAR, Image.BICUBIC))
    return image.rotate(signed(level / 10 * 30), resample=resample, fillcolor=FILL)


def solarize_add(image, level):
    add = min(128, int(level / 10 * 110))
    return image.point([min(255, i + add) if i < 128 else i for i in range(256)] * 3)


def enhance(kind):
    return lambda image, level: kind(image).enhance(level / 10 * 1.8 + 0.1)


OPERATIONS = [
    lambda image, level: ImageOps.autocontrast(image),
    lambda image, level: ImageOps.equalize(image),
    lambda image, level: ImageOps.invert(image),
    rotate,
    lambda image, level: ImageOps.posterize(image, max(1, int(level / 10 * 4))),
    lambda image, level: ImageOps.solarize(image, min(256, int(level / 10 * 256))),
    solarize_add,
    enhance(ImageEnhance.Color),
    enhance(ImageEnhance.Contrast),
    enhance(ImageEnhance.Brightness),
    enhance(ImageEnhance.Sharpness),
    lambda image, level: affine(image, 1, signed(level / 10 * 0.3), 0, 0, 1, 0),
    lambda image, level: affine(image, 1, 0, 0, signed(level / 10 * 0.3), 1, 0),
    lambda image, level: affine(image, 1, 0, signed(level / 10 * 0.45) * image.width, 0, 1, 0),
    lambda image, level: affine(image, 1, 0, 0, 0, 1, signed(level / 10 * 0.45) * image.height),
]


def rand_augment(image):
    """rand-m10-n2-mstd0.5: two operations with replacement, each with probability 1/2, level normal around 10."""
    for operation in random.choices(OPERATIONS, k=2):
        if random.random() <= 0.5:
            image = operation(image, max(0.0, min(10.0, random.gauss(10, 0.5))))
    return image


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--uint8", action="store_true")
    arguments = parser.parse_args()

    last = (
        [transforms.PILToTensor()]
        if arguments.uint8
        else [transforms.ToTensor(), transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
    )
    chain = [
        transforms.Pad(4, padding_mode="reflect"),
        transforms.RandomResizedCrop(224),
        transforms.RandomHorizontalFlip(),
        transforms.ColorJitter(0.4, 0.4, 0.4),
        transforms.Lambda(rand_augment),
        *last,
    ]
    loader = torch.utils.data.DataLoader(
        datasets.ImageFolder(arguments.folder, transforms.Compose(chain)),
        batch_size=arguments.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=arguments.workers,
        persistent_workers=arguments.workers > 0,
    )
    batches = endless(loader)
    next(batches)
    read(batches, arguments.seconds / 10)
    print(json.dumps({"workers": arguments.workers, "uint8": arguments.uint8, **read(batches, arguments.seconds)}))


def endless(loader):
    while True:
        yield from loader


def read(batches, seconds):
    start, cpu = time.perf_counter(), cpu_seconds()
    images = 0
    for batch, _ in batches:
        images += len(batch)
        elapsed = time.perf_counter() - start
        if elapsed >= seconds:
            cost = (cpu_seconds() - cpu) / images
            return {"images_per_second": images / elapsed, "microseconds_per_image": cost * 1e6}


def cpu_seconds():
    """CPU time of this process and its workers, from /proc."""
    ticks = 0
    for process in ["self", *(child.pid for child in multiprocessing.active_children())]:
        with open(f"/proc/{process}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
