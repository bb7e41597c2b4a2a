"""Every key of `anacostia.toml`. Whoever adds a part to the daemon adds its table here, one line in TABLES: it is then
documented, validated, taken from the environment, shown by `config show`, and read by `Config.table(NAME)`.
"""

from __future__ import annotations

from typing import get_args

from anacostia_daemon.config.kinds import (
    Absolute,
    Choice,
    Flag,
    Group,
    ListOf,
    Number,
    Octal,
    OrUnlimited,
    Rlimits,
    Size,
    Text,
    User,
    Variables,
)
from anacostia_daemon.config.seen_from_outside import METRICS, NOTIFY, TRACES, WEB
from anacostia_daemon.config.table import Key, Table
from node_sdk.policy import LogLevel

_CODE = "what its code says"
_PATH = Text("the path of a file, absolute or seen from the folder of the configuration")
_FOLDER = Text("the path of a folder, absolute or seen from the folder of the configuration")

DAEMON = Table(
    name="daemon",
    meaning="The daemon itself.",
    keys=(
        Key(
            name="load_timeout",
            kind=Number(0, above=True),
            default=300.0,
            unit="seconds",
            meaning="How long loading a pipeline's file may take, all its imports included.",
            live=True,
        ),
        Key(
            name="memory_interval",
            kind=Number(0.1, 3600),
            default=2.0,
            unit="seconds",
            meaning="How often nodes with a `memory_limit` are looked at. Without such nodes nothing is looked at.",
            live=True,
        ),
        Key(
            name="journal_lines",
            kind=Number(100, whole=True),
            default=5000,
            unit="lines",
            meaning="How many lines of the journal are kept for each pipeline.",
            live=True,
        ),
        Key(
            name="exit_on_failure",
            kind=Flag(),
            default=False,
            meaning="Whether the daemon stops all and ends with exit code 70 when a pipeline is given up because of an "
            "essential node. For containers and units whose own restart is to mend it; `python FILE` always does so.",
            live=True,
        ),
        Key(
            name="sockets",
            kind=Absolute(),
            default_words="`$RUNTIME_DIRECTORY`, `$XDG_RUNTIME_DIR/anacostia`, or a folder of your own below `/tmp`",
            meaning="The folder that the sockets are in. Short: the path of a socket has room for about 100 bytes.",
        ),
        Key(
            name="control_group",
            kind=Group(),
            default_words="nobody but the daemon's user and root",
            meaning="A group whose members may control the daemon, and so do whatever its user may. See "
            "[security.md](security.md#who-may-control-a-daemon). Linux.",
        ),
    ),
)

LOGS = Table(
    name="logs",
    meaning="The logs of nodes and loaders, where the pipeline's own code (`LogPolicy`) does not say otherwise, and "
    "`daemon.log`. What changes counts when a pipeline is loaded next, and for `daemon.log` when the daemon starts.",
    keys=(
        Key(
            name="max_bytes",
            kind=Size('a number of bytes, 16384 or more, or text like "10 MiB"', least=16384),
            default=10 * 1024 * 1024,
            unit="bytes",
            meaning="How large a log may grow before it is rotated.",
            live=True,
        ),
        Key(
            name="files",
            kind=Number(1, 1000, whole=True),
            default=5,
            unit="files",
            meaning="How many there are of each log, the current one included.",
            live=True,
        ),
        Key(
            name="max_age",
            kind=Number(0, above=True),
            default=30.0,
            unit="days",
            meaning="After so long an old file is removed.",
            live=True,
        ),
        Key(
            name="level",
            kind=Choice(get_args(LogLevel)),
            default_words="as the program sets its loggers",
            meaning="Records of `logging` below it are not written.",
            live=True,
        ),
    ),
)

RESTART = Table(
    name="restart",
    meaning="When and how soon the node is started again; over its `restart` (`RestartPolicy`) in the code.",
    keys=(
        Key(
            name="when",
            kind=Choice(("always", "on-failure", "never")),
            default_words=_CODE,
            meaning="After which ends. `on-failure`: not after exit code 0.",
        ),
        Key(
            name="max_restarts",
            kind=OrUnlimited(Number(0, whole=True), None),
            default_words=_CODE,
            meaning="How many within `window`; then the node is `failed`.",
        ),
        Key(name="window", kind=Number(0), default_words=_CODE, unit="seconds", meaning="See `max_restarts`."),
        Key(
            name="backoff_initial",
            kind=Number(0),
            default_words=_CODE,
            unit="seconds",
            meaning="The wait before the second restart of a window; the first is immediate. 0: none ever waits.",
        ),
        Key(
            name="backoff_factor",
            kind=Number(1, 100),
            default_words=_CODE,
            meaning="By how much each wait is longer than the last.",
        ),
        Key(name="backoff_max", kind=Number(0), default_words=_CODE, unit="seconds", meaning="The longest wait."),
        Key(
            name="jitter",
            kind=Number(0, 0.999),
            default_words=_CODE,
            meaning="By which share a wait may be longer or shorter.",
        ),
        Key(
            name="healthy_after",
            kind=Number(0),
            default_words=_CODE,
            unit="seconds",
            meaning="After so long in `ready` the waits begin anew.",
        ),
    ),
)

_SECONDS = Number(0, above=True)

NODE = Table(
    name="nodes",
    named="NODE",
    meaning="One node of the pipeline, by its name in the code. What stands here counts over the code.",
    keys=(
        Key(
            name="start_timeout",
            kind=_SECONDS,
            default_words=_CODE,
            unit="seconds",
            meaning="How long it may take to get ready, `setup()` included.",
        ),
        Key(
            name="heartbeat_timeout",
            kind=_SECONDS,
            default_words=_CODE,
            unit="seconds",
            meaning="After so long without a sign of life it is killed and started again.",
        ),
        Key(
            name="stop_timeout",
            kind=_SECONDS,
            default_words=_CODE,
            unit="seconds",
            meaning="How long it may take to stop before it is killed.",
        ),
        Key(
            name="essential",
            kind=Flag(),
            default_words=_CODE,
            meaning="Whether the pipeline is stopped when this node is given up.",
        ),
        Key(
            name="nice",
            kind=Number(-20, 19, whole=True),
            default_words=_CODE,
            meaning="Its priority: lower gets the CPU sooner. One below the daemon's needs privileges.",
        ),
        Key(
            name="cpus",
            kind=ListOf(Number(0, 65535, whole=True), some=True),
            default_words=_CODE,
            meaning="The numbers of the CPUs that it may run on. Linux.",
        ),
        Key(name="umask", kind=Octal(), default_words=_CODE, meaning="Rights that the files it makes do not get."),
        Key(
            name="memory_limit",
            kind=Size(),
            default_words=_CODE,
            unit="bytes",
            meaning="How much memory the node and all that it started may use together. One that uses more is killed "
            "and started again as its policy says; status and journal say so.",
        ),
        Key(
            name="oom_score_adj",
            kind=Number(-1000, 1000, whole=True),
            default_words=_CODE,
            meaning="How soon the kernel chooses it when the machine is out of memory; 1000 is first. A lower one than "
            "the daemon's needs privileges. Linux.",
        ),
        Key(
            name="rlimits",
            kind=Rlimits(),
            default_words=_CODE,
            meaning="Limits of setrlimit(2), soft and hard, by their names in small letters; those that are not named "
            "stay as they are.",
        ),
    ),
    tables=(RESTART,),
)

PIPELINE = Table(
    name="pipelines",
    named="PIPELINE",
    meaning="A pipeline that starts with the daemon. The name is what it is called from then on.",
    keys=(
        Key(name="file", kind=_PATH, required=True, meaning="The Python file that builds the pipeline."),
        Key(
            name="object",
            kind=Text(),
            default_words="the only one",
            meaning="Which pipeline of the file, where it builds several: its variable, or its name.",
        ),
        Key(
            name="args",
            kind=ListOf(Text(empty=True)),
            default=(),
            meaning="The arguments of the file, its `sys.argv[1:]`.",
        ),
        Key(
            name="interpreter",
            kind=Text("the path of a Python, or of a virtual environment"),
            default_words="the Python of the daemon",
            meaning="What runs the file and its nodes. anacostia-daemon is to be installed there, too.",
        ),
        Key(
            name="working_directory",
            kind=_FOLDER,
            default_words="the folder of the file",
            meaning="The current directory of the file and its nodes.",
        ),
        Key(
            name="environment",
            kind=Variables(),
            default={},
            secret=True,
            meaning="Variables of its environment, over those of `environment_file` and of the daemon. Used as they "
            "are: nothing in them is expanded. Their values are never shown.",
        ),
        Key(
            name="environment_file",
            kind=_PATH,
            default_words="none",
            meaning="A file of `NAME=value` lines, read each time the pipeline is loaded.",
        ),
        Key(
            name="autostart",
            kind=Flag(),
            default=True,
            meaning="Whether it starts with the daemon, unless somebody has stopped it.",
        ),
        Key(
            name="user",
            kind=User(),
            default_words="the user of the daemon",
            meaning="The user that it is to run as. Nodes always run as the user of their daemon, so another one is "
            "refused: give that user a daemon of its own.",
        ),
        Key(
            name="group",
            kind=Group(),
            default_words="the group of the daemon",
            meaning="The group that it is to run as; as for `user`.",
        ),
    ),
    tables=(NODE,),
)

TABLES: tuple[Table, ...] = (DAEMON, LOGS, PIPELINE, METRICS, TRACES, NOTIFY, WEB)
