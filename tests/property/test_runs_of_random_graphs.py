"""Whatever the graph, whoever crashes, whatever is said twice: every run ends and each artifact is in exactly one."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node_sdk.errors import Refused
from node_sdk.metadata.memory import MemoryMetadataStore
from node_sdk.testing.asking import Asker, action, graph
from node_sdk.wire.store import (
    OPERATOR,
    AskDue,
    Begin,
    Complete,
    EndAttempt,
    EndRun,
    Hello,
    LogMetrics,
    Offer,
    Output,
    Published,
    RetryRun,
)

OVER = {"succeeded", "failed", "error", "skipped", "cancelled"}


@st.composite
def graphs(draw):
    resources = ("data", "more")[: draw(st.integers(1, 2))]
    actions = []
    for n in range(draw(st.integers(1, 6))):
        before = [*resources, *(each.name for each in actions)]
        chosen = draw(st.lists(st.sampled_from(before), min_size=1, max_size=3, unique=True))
        rule = draw(st.sampled_from(["all_success", "all_done", "one_success"]))
        actions.append(action(f"a{n}", *chosen, rule=rule))
    return graph(
        *actions,
        resources=resources,
        trigger=draw(st.sampled_from(["all", "any"])),
        max_concurrent_runs=draw(st.integers(1, 3)),
    )


class Play:
    """All nodes of a pipeline as the runtime drives them, in one random order; signals get lost only in crashes."""

    def __init__(self, of, rng, by_hand=False):
        self.rng = rng
        self.by_hand = by_hand
        self.tables = MemoryMetadataStore()
        self.asker = Asker(self.tables, of)
        self.graph = of
        self.inbox = {(node.name): set() for node in of.nodes}  # signalled runs, by node
        self.known = dict.fromkeys(self.inbox, 0)  # the last run each resource has heard of
        self.executing = {}  # node → (run, attempt)
        self.unpublished = {}  # node → run: complete, its outputs not yet in place

    def ask(self, node, operation):
        request = self.asker.request(node, operation)
        requests = [request] * self.rng.choice([1, 1, 2])
        reply = self.asker.send(*requests)[-1]
        self.deliver()
        if reply.kind is not None:
            raise Refused(reply.kind, reply.error)
        return reply.value

    def deliver(self):
        for node, run in self.asker.signals:
            self.signal(node, run)
        self.asker.signals.clear()

    def signal(self, node, run):
        spec = self.graph.by_name[node]
        if spec.kind == "resource":
            self.known[node] = max(self.known[node], run)
            for each in self.asker.welcome(node).unsignalled:
                if each.run_id == run:
                    for successor in each.successors:
                        self.signal(successor, run)
        else:
            self.inbox[node].add(run)

    def crash(self, node):
        self.inbox[node].clear()
        run, attempt = self.executing.pop(node, (None, None))
        self.unpublished.pop(node, None)
        by = self.asker.incarnations[node]
        for _ in range(self.rng.choice([1, 1, 2])):  # it may die again before it has heard the answer
            self.asker.incarnations[node] += 1
            said = Hello(run, run is not None, interrupted_attempt=attempt, interrupted_incarnation=by)
            welcome = self.ask(node, said)
        if welcome["unpublished"]:
            where = {"made_by_node": node, "published": False}
            for run_id in {row["made_by_run"] for row in self.tables.select("artifacts", where)}:
                self.publish(node, run_id)
        for due in welcome["due"]:
            self.inbox[node].add(due["run_id"])
        for each in welcome["unsignalled"]:
            for successor in each["successors"]:
                self.signal(successor, each["run_id"])
        self.known[node] = max(self.known[node], welcome["last_run_id"])

    def step(self, node):
        if node in self.unpublished:
            self.publish(node, self.unpublished.pop(node))
        elif node in self.executing:
            self.finish(node)
        elif self.inbox[node]:
            run = self.inbox[node].pop()
            task = self.tables.select("tasks", {"run_id": run, "node": node})[0]
            if task["state"] in OVER or self.ask(node, AskDue(run)) is None:
                return
            assert not self.in_staging(node, run)
            self.executing[node] = (run, task["attempts"] + 1)
            self.ask(node, Begin(run, task["attempts"] + 1))
            self.ask(node, LogMetrics(run, task["attempts"] + 1, 0, {"m": 1.0}))

    def in_staging(self, node, run):
        """What the predecessors of `node` have made in this run, and not published."""
        before = list(self.graph.by_name[node].predecessors)
        return self.tables.select("artifacts", {"made_by_run": run, "made_by_node": before, "published": False})

    def finish(self, node):
        run, attempt = self.executing.pop(node)
        if self.by_hand and self.finish_by_hand(node, run, attempt):
            return
        state = self.rng.choice(["succeeded", "succeeded", "succeeded", "failed", "error"])
        made = (Output("models", f"{node}-{self.rng.randint(0, 2)}", "staged", f"{run}", 1),)
        made = made if state != "error" and self.rng.random() < 0.3 else ()
        due = self.ask(node, Complete(run, attempt, state, None, made))
        for successor in due:
            self.signal(successor, run)
        if made and self.rng.random() < 0.5:
            self.unpublished[node] = run  # until its next step, or the next incarnation's first
        elif made:
            self.publish(node, run)

    def publish(self, node, run):
        for successor in self.ask(node, Published(run)):
            self.signal(successor, run)

    def finish_by_hand(self, node, run, attempt):
        """Whether the task was cancelled meanwhile, or is tried again."""
        try:
            if self.rng.random() < 0.2:
                self.ask(node, EndAttempt(run, attempt, "failed", "no", 1.0))
                self.inbox[node].add(run)
                return True
            self.ask(node, LogMetrics(run, attempt, 1, {"m": 2.0}))
        except Refused as refused:
            assert refused.kind == "finished"
            return True
        task = self.tables.select("tasks", {"run_id": run, "node": node})[0]
        if (task["state"], task["attempts"]) == ("executing", attempt):
            return False
        with pytest.raises(Refused, match="is over"):  # cancelled, and perhaps retried since
            self.ask(node, Complete(run, attempt, "succeeded"))
        return True

    def interfere(self):
        """A person cancels a run, or retries it."""
        runs = self.tables.select("runs", {})
        if not runs:
            return
        run = self.rng.choice(runs)
        if run["state"] == "running":
            self.ask(OPERATOR, EndRun(run["id"]))
            return
        first = self.rng.choice([None, *(node.name for node in self.graph.nodes if node.kind == "action")])
        try:
            self.ask(OPERATOR, RetryRun(run["id"], first, f"wish-{self.rng.random()}"))
        except Refused as refused:
            assert refused.kind == "invalid"  # it succeeded, or that node cannot begin

    def offers(self):
        for node in self.graph.nodes:
            if node.monitoring:
                holds = self.tables.count("artifacts", {"resource": node.name, "state": "new"}) > 0
                self.ask(node.name, Offer(node.name, holds, self.known[node.name]))

    def settle(self):
        """No more crashes: everything that is there is carried to its end."""
        actions = [node.name for node in self.graph.nodes if node.kind == "action"]
        for _ in range(500):
            self.offers()
            for node in actions:
                self.step(node)
            idle = not self.executing and not self.unpublished and not any(self.inbox[node] for node in actions)
            if idle and not self.tables.count("runs", {"state": "running"}):
                return
        pytest.fail(f"runs are left over: {self.tables.select('tasks', {'state': ['pending', 'executing']})}")


@settings(max_examples=60, deadline=None)
@given(of=graphs(), seed=st.integers(0, 2**32))
def test_every_run_ends_and_each_artifact_is_in_exactly_one_run(of, seed):
    rng = random.Random(seed)
    play = Play(of, rng)
    names = [node.name for node in of.nodes]
    for n in range(30):
        what = rng.random()
        if what < 0.3:
            resource = rng.choice([node.name for node in of.nodes if node.monitoring])
            play.asker.record(f"file-{rng.randint(0, 9)}", resource=resource, content=f"v{n}")
            play.offers()
        elif what < 0.4:
            play.crash(rng.choice(names))
        elif what < 0.45:
            play.asker.restart_store()
            play.asker.signals.clear()
            play.crash("store")
        else:
            play.step(rng.choice(names))
    play.settle()
    check_laws(play)


@settings(max_examples=60, deadline=None)
@given(of=graphs(), seed=st.integers(0, 2**32))
def test_so_it_is_when_attempts_are_tried_again_and_runs_cancelled_and_retried_by_hand(of, seed):
    rng = random.Random(seed)
    play = Play(of, rng, by_hand=True)
    names = [node.name for node in of.nodes]
    for n in range(60):
        what = rng.random()
        if what < 0.2:
            resource = rng.choice([node.name for node in of.nodes if node.monitoring])
            play.asker.record(f"file-{rng.randint(0, 9)}", resource=resource, content=f"v{n}")
            play.offers()
        elif what < 0.3:
            play.interfere()
        elif what < 0.37:
            play.crash(rng.choice(names))
        elif what < 0.42:
            play.asker.restart_store()
            play.asker.signals.clear()
            play.crash("store")
        else:
            play.step(rng.choice(names))
    play.settle()
    check_laws(play)


def check_laws(play):
    tables = play.tables
    runs = {run["id"]: run for run in tables.select("runs", {})}
    for run in runs.values():
        states = [task["state"] for task in tables.select("tasks", {"run_id": run["id"]})]
        assert len(states) == len(play.graph.nodes)
        assert set(states) <= OVER
        ended = "cancelled" if run["state"] == "cancelled" else "failed"
        assert run["state"] == ("succeeded" if set(states) == {"succeeded"} else ended)
    for artifact in tables.select("artifacts", {}):
        if artifact["state"] == "new":  # only where the trigger never held: another resource had nothing
            assert play.graph.trigger == "all"
            continue
        ends = {"old" if runs[artifact["run_id"]]["state"] == "succeeded" else "failed"}
        if play.by_hand and artifact["made_by_run"] == artifact["run_id"]:
            ends = {"old", "failed"}  # made by an attempt that was given up in a retried run: as that one ended
        assert artifact["state"] in ends
        assert (artifact["reason"] is not None) == (artifact["state"] == "failed")
        assert artifact["published"]
    for metric in tables.select("metrics", {}):
        (task,) = tables.select("tasks", {"run_id": metric["run_id"], "node": metric["node"]})
        assert metric["attempt"] == task["attempts"]


class Cut(Exception):
    """The database gave up here."""


class Fragile(MemoryMetadataStore):
    """Fails at write number `at`, and at nothing before or after."""

    at = -1

    def insert(self, table, row):
        self._count()
        return super().insert(table, row)

    def update(self, table, where, values):
        self._count()
        return super().update(table, where, values)

    def delete(self, table, where):
        self._count()
        return super().delete(table, where)

    def _count(self):
        self.at -= 1
        if self.at == -1:
            raise Cut


def said_by_nodes(asker):
    """One run from the first file to the end, as steps that can each be said again."""
    output = Output("models", "m", "s", "1", 1)
    return [
        lambda: asker.record("x"),
        lambda: asker.ask("data", Offer("data", True, 0)),
        lambda: asker.begin("a", asker.ledger_last_run()),
        lambda: asker.ask("a", LogMetrics(asker.ledger_last_run(), 1, 0, {"m": 1.0})),
        lambda: asker.ask("a", Complete(asker.ledger_last_run(), 1, "succeeded", None, (output,))),
        lambda: asker.ask("a", Published(asker.ledger_last_run())),
        lambda: asker.begin("b", asker.ledger_last_run()),
        lambda: asker.ask("b", Complete(asker.ledger_last_run(), 1, "succeeded")),
    ]


def test_a_failure_at_any_write_leaves_nothing_half_done():
    of = graph(action("a", "data"), action("b", "a"))
    for at in range(200):
        tables = Fragile()
        asker = Asker(tables, of)
        tables.at = at
        for say in said_by_nodes(asker):
            before = {table: tables.select(table, {}) for table in ("runs", "tasks", "artifacts", "metrics", "nodes")}
            try:
                say()
            except Refused:
                assert before == {table: tables.select(table, {}) for table in before}
                say()
        ends = [(row["state"], row["location"]) for row in tables.select("artifacts", {})]
        assert ends == [("old", "x"), ("old", "m")]
        assert [run["state"] for run in tables.select("runs", {})] == ["succeeded"]
        if tables.at >= 0:
            return  # no write was left to fail at
    pytest.fail("the script never came to its end")
