"""MLflow's log_metric on SQLite, as its documentation writes it.

    mlflow_metric.py FOLDER

calls TIMES: calls per second.
"""

from __future__ import annotations

import sys
import time

import mlflow
from answering import serve


def calls(times: int) -> float:
    began = time.monotonic()
    for number in range(times):
        mlflow.log_metric("loss", 0.5, step=number)
    return times / (time.monotonic() - began)


mlflow.set_tracking_uri(f"sqlite:///{sys.argv[1]}/mlflow.db")
with mlflow.start_run():
    serve({"calls": calls})
