"""Retraining on real data: batches of handwritten digits arrive, a model is trained on all of them so far, evaluated
on a held-out set, and kept in the registry while it is the best.

    anacostiactl start pipeline.py [-- FOLDER]         (or: python pipeline.py [FOLDER])
    python cut.py FOLDER/batches 1                     puts the next batch there; the default FOLDER is .demo
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
from cut import cut
from network import Network
from sklearn.neural_network import MLPClassifier

from node_sdk import BaseActionNode, BaseMetadataStoreNode, Pipeline
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode

EPOCHS = 100
SEED = 0


class BatchFolder(FilesystemStoreNode):
    """Starts a run as soon as one new batch lies in the folder."""

    def trigger_condition(self) -> bool:
        return self.get_num_artifacts("new") >= 1


class Preprocess(BaseActionNode):
    """Brings pixels into 0..1 and drops broken images; one file of features per run."""

    def __init__(self, batches: FilesystemStoreNode, features: FilesystemStoreNode) -> None:
        self.batches, self.features = batches, features
        super().__init__("preprocess", [batches, features])

    def execute(self, *args: object, **kwargs: object) -> bool:
        images, labels = [], []
        for path in self.batches.list_artifacts("current"):
            with self.batches.open_artifact(path) as file, np.load(file, allow_pickle=False) as batch:
                whole = np.isfinite(batch["images"]).all(axis=1)
                images.append(batch["images"][whole] / 16.0)
                labels.append(batch["labels"][whole])
        with self.features.save_artifact(f"run-{self.run_id}.npz") as place, place.open("wb") as file:
            np.savez(file, images=np.concatenate(images), labels=np.concatenate(labels))
        return True


class Retrain(BaseActionNode):
    """Trains a new model on the features of this run and of all runs before it."""

    def __init__(
        self,
        preprocess: Preprocess,
        features: FilesystemStoreNode,
        models: FilesystemStoreNode,
        metadata_store: BaseMetadataStoreNode,
    ) -> None:
        self.features, self.models, self.metadata_store = features, models, metadata_store
        super().__init__("retrain", [preprocess])

    def execute(self, *args: object, **kwargs: object) -> bool:
        images, labels = self.everything_so_far()
        self.metadata_store.log_params(epochs=EPOCHS, seed=SEED, hidden_units=64, images=len(labels))
        model = MLPClassifier((64,), learning_rate_init=0.002, alpha=0.03, batch_size=32, random_state=SEED)
        for epoch in range(1, EPOCHS + 1):
            model.partial_fit(images, labels, classes=np.arange(10))
            if epoch % 10 == 0:
                self.metadata_store.log_metrics(step=epoch, train_loss=float(model.loss_))
                self.log(f"epoch {epoch} of {EPOCHS}: loss {model.loss_:.4f} on {len(labels)} images", level="INFO")
        with self.models.save_artifact(f"run-{self.run_id}.npz") as path, path.open("wb") as file:
            Network(model.coefs_, model.intercepts_).save(file)
        return True

    def everything_so_far(self) -> tuple[np.ndarray, np.ndarray]:
        """The features of all runs up to this one, oldest first: an attempt that is repeated sees the same."""
        images, labels = [], []
        for run in range(1, self.run_id + 1):
            path = Path(self.features.resource_path, f"run-{run}.npz")
            if path.exists():
                with np.load(path, allow_pickle=False) as features:
                    images.append(features["images"])
                    labels.append(features["labels"])
        return np.concatenate(images), np.concatenate(labels)


class Evaluate(BaseActionNode):
    """Measures the new model on the held-out set; the registry keeps the best."""

    def __init__(
        self,
        retrain: Retrain,
        models: FilesystemStoreNode,
        registry: FilesystemStoreNode,
        metadata_store: BaseMetadataStoreNode,
    ) -> None:
        self.models, self.registry, self.metadata_store = models, registry, metadata_store
        super().__init__("evaluate", [retrain])

    def setup(self) -> None:
        _, (images, self.labels) = cut()
        self.images = images / 16.0

    def execute(self, *args: object, **kwargs: object) -> bool:
        model = Network.load(Path(self.models.resource_path, f"run-{self.run_id}.npz"))
        accuracy, loss = model.evaluate(self.images, self.labels)
        self.metadata_store.log_metrics(accuracy=accuracy, loss=loss)
        best = Path(self.registry.resource_path, "best.npz")
        if best.exists() and Network.load(best).evaluate(self.images, self.labels)[0] >= accuracy:
            self.log(f"accuracy {accuracy:.4f} is not better than the best model's", level="INFO")
            self.metadata_store.set_tags(promoted=False)
            return True
        with self.registry.save_artifact("best.npz") as path, path.open("wb") as file:
            model.save(file)
        self.metadata_store.set_tags(promoted=True)
        return True


# A hundred epochs are more than the smallest batches need, and the optimiser says so each time.
warnings.filterwarnings("ignore", module="sklearn.neural_network")

folder = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else Path(__file__).resolve().parent / ".demo"
for each in ("batches", "features", "models", "registry"):
    (folder / each).mkdir(parents=True, exist_ok=True)

metadata_store = SqliteMetadataStore(name="metadata_store", uri=f"sqlite:///{folder}/metadata.db")
batches = BatchFolder("batches", str(folder / "batches"), metadata_store)
features = FilesystemStoreNode("features", str(folder / "features"), metadata_store, monitoring=False)
models = FilesystemStoreNode("models", str(folder / "models"), metadata_store, monitoring=False)
registry = FilesystemStoreNode("registry", str(folder / "registry"), metadata_store, monitoring=False)

preprocess = Preprocess(batches, features)
retrain = Retrain(preprocess, features, models, metadata_store)
evaluate = Evaluate(retrain, models, registry, metadata_store)

pipeline = Pipeline(
    nodes=[metadata_store, batches, features, models, registry, preprocess, retrain, evaluate], name="digits"
)

if __name__ == "__main__":
    pipeline.run()
