"""The model as plain arrays: files of them are read without running any code in them (no pickle)."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Network:
    """Layers of weights and biases: rectified inside, softmax at the end."""

    def __init__(self, weights: list[Array], biases: list[Array]) -> None:
        self.weights, self.biases = weights, biases

    def probabilities(self, images: Array) -> Array:
        """Of each class, for each image."""
        values = images
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            values = np.maximum(values @ weight + bias, 0)
        scores = values @ self.weights[-1] + self.biases[-1]
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))

    def evaluate(self, images: Array, labels: NDArray[np.int64]) -> tuple[float, float]:
        """Accuracy (share that is right) and loss (mean negative log probability of the right class)."""
        found = self.probabilities(images)
        right = found[np.arange(len(labels)), labels]
        return float((found.argmax(axis=1) == labels).mean()), float(-np.log(np.maximum(right, 1e-12)).mean())

    def save(self, file: IO[bytes]) -> None:
        layers = zip(self.weights, self.biases, strict=True)
        np.savez(
            file, **{f"{kind}{n}": each for n, pair in enumerate(layers) for kind, each in zip("wb", pair, strict=True)}
        )

    @classmethod
    def load(cls, path: str | Path) -> Network:
        with np.load(path, allow_pickle=False) as arrays:
            depth = len(arrays.files) // 2
            return cls([arrays[f"w{n}"] for n in range(depth)], [arrays[f"b{n}"] for n in range(depth)])
