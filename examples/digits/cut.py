"""Cuts scikit-learn's bundled handwritten digits into batches that arrive one by one, and a held-out set.

python cut.py FOLDER [COUNT]       puts the next COUNT batches (default: all) into FOLDER
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

BATCHES = (40, 60, 100, 200, 400, 600)  # images in each; together with the held-out ones, all 1797
SHUFFLE = 3  # seed

Images = NDArray[np.float64]
Labels = NDArray[np.int64]


def cut() -> tuple[list[tuple[Images, Labels]], tuple[Images, Labels]]:
    """The batches, and the held-out set. Pixels are 0 to 16, 64 to an image."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(SHUFFLE).permutation(len(labels))
    ends = np.cumsum(BATCHES)
    *batches, held_out = np.split(order, ends)
    return [(images[each], labels[each]) for each in batches], (images[held_out], labels[held_out])


def drop(folder: Path, number: int) -> Path:
    """Put batch `number` (from 0) into `folder`: written beside its place, then moved in whole."""
    images, labels = cut()[0][number]
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"batch-{number + 1}.npz"
    unfinished = folder / f".{place.name}.tmp"
    with unfinished.open("wb") as file:
        np.savez(file, images=images, labels=labels)
    os.replace(unfinished, place)
    return place


if __name__ == "__main__":
    target = Path(sys.argv[1])
    missing = [n for n in range(len(BATCHES)) if not (target / f"batch-{n + 1}.npz").exists()]
    for each in missing[: int(sys.argv[2]) if len(sys.argv) > 2 else None]:
        print(drop(target, each))
