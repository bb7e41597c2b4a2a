"""How far is each haiku from Shakespeare? A folder of texts in, a small real evaluation out.

A character model is built from lines of Shakespeare; each haiku that arrives is measured by how well that model
foretells it: mean loss in nats per character, and its perplexity. Run it in either way:

    python pipeline.py [FOLDER]
    anacostiactl start pipeline.py

then write text files into FOLDER/haikus (default: .demo beside this file).
"""

from __future__ import annotations

import logging
import math
import sys
from collections import Counter
from pathlib import Path

from node_sdk import BaseActionNode, BaseMetadataStoreNode, Pipeline
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode

HERE = Path(__file__).resolve().parent
ORDER = 3  # characters of context
SMOOTHING = 0.1


class CharacterModel:
    """Foretells the next character from the `ORDER` before it; shorter contexts stand in for unseen ones."""

    def __init__(self, text: str) -> None:
        text = text.lower()
        self.alphabet = len(set(text)) + 1  # and one for whatever it never saw
        self.counts = [
            Counter(text[i : i + length + 1] for i in range(len(text) - length)) for length in range(ORDER + 1)
        ]
        self.contexts = [
            Counter(text[i : i + length] for i in range(len(text) - length)) for length in range(ORDER + 1)
        ]

    def probability(self, context: str, character: str) -> float:
        """Of `character` after `context`: each longer context corrects what the shorter one said."""
        estimate = 1 / self.alphabet
        for length in range(len(context) + 1):
            tail = context[len(context) - length :]
            seen = self.contexts[length][tail]
            weight = SMOOTHING * self.alphabet
            estimate = (self.counts[length][tail + character] + weight * estimate) / (seen + weight)
        return estimate

    def loss(self, text: str) -> float:
        """Mean negative log probability per character, in nats."""
        text = text.lower()
        total = sum(math.log(self.probability(text[max(0, i - ORDER) : i], text[i])) for i in range(len(text)))
        return -total / len(text)


class MonitoringDataStoreNode(FilesystemStoreNode):
    """Starts a run as soon as one new haiku lies in the folder."""

    def trigger_condition(self) -> bool:
        return self.get_num_artifacts("new") >= 1


class ShakespeareEvalNode(BaseActionNode):
    """Measures the haikus of this run against Shakespeare."""

    def __init__(
        self,
        name: str,
        predecessors: list[MonitoringDataStoreNode],
        metadata_store: BaseMetadataStoreNode,
        loggers: logging.Logger | None = None,
    ) -> None:
        self.haikus = predecessors[0]
        self.metadata_store = metadata_store
        super().__init__(name, predecessors, loggers)

    def setup(self) -> None:
        self.shakespeare = CharacterModel((HERE / "shakespeare.txt").read_text(encoding="utf-8"))

    def execute(self, *args: object, **kwargs: object) -> bool:
        self.log("Evaluating haikus on Shakespeare", level="INFO")
        losses = {}
        for path in self.haikus.list_artifacts("current"):
            text, name = self.haikus.load_artifact(path).strip(), Path(path).name
            if text:
                losses[name] = self.shakespeare.loss(text)
                self.log(f"{name}: {losses[name]:.3f} nats per character", level="INFO")
        if not losses:
            self.log("No haiku of this run has any text", level="WARNING")
            return False
        loss = sum(losses.values()) / len(losses)
        self.metadata_store.log_metrics(shakespeare_test_loss=loss, perplexity=math.exp(loss))
        self.metadata_store.log_params(order=ORDER, smoothing=SMOOTHING)
        self.metadata_store.set_tags(closest_to_shakespeare=min(losses, key=losses.__getitem__))
        return True


if __name__ == "__main__":
    path = Path(sys.argv[1] if len(sys.argv) > 1 else HERE / ".demo").resolve()
    haiku_path = path / "haikus"
    haiku_path.mkdir(parents=True, exist_ok=True)

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logger = logging.getLogger("haiku")

    metadata_store = SqliteMetadataStore(name="metadata_store", uri=f"sqlite:///{path}/metadata.db")
    haiku_data_store = MonitoringDataStoreNode("haiku_data_store", str(haiku_path), metadata_store)
    shakespeare_eval = ShakespeareEvalNode(
        "shakespeare_eval", predecessors=[haiku_data_store], metadata_store=metadata_store
    )
    pipeline = Pipeline(nodes=[metadata_store, haiku_data_store, shakespeare_eval], loggers=logger, name="haiku")
    pipeline.run()
