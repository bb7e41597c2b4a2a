"""One workflow of one step, which the first process never finishes: `dbos_resume.py DATABASE FIFO begin|recover`.

The step says through the fifo when it begins to execute. `begin` starts the workflow and hangs in the step until it
is killed; `recover` starts as DBOS documents it, takes up what is pending, and ends when the workflow has.
"""

from __future__ import annotations

import os
import sys
import time

from dbos import DBOS, DBOSConfig, SetWorkflowID

database, fifo, purpose = sys.argv[1:]
recovering = purpose == "recover"
config: DBOSConfig = {
    "name": "bench",
    "system_database_url": f"sqlite:///{database}",
    "run_admin_server": False,
    "log_level": "ERROR",
}
DBOS(config=config)


@DBOS.step()
def step() -> None:
    place = os.open(fifo, os.O_WRONLY)
    os.write(place, f"{os.getpid()} {time.monotonic()}\n".encode())
    os.close(place)
    while not recovering:
        time.sleep(60)


@DBOS.workflow()
def workflow() -> None:
    step()


DBOS.launch()
if recovering:
    for handle in DBOS.list_workflows(status=["PENDING", "ENQUEUED"]):
        DBOS.retrieve_workflow(handle.workflow_id).get_result()
    sys.stdout.flush()
    os._exit(0)
with SetWorkflowID(str(time.time_ns())):
    workflow()
