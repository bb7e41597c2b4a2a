"""Guards of the wire: messages are typed, bounded and strict, and garbage costs its sender the connection (law 10)."""

from __future__ import annotations

from tests.mutants.guard import Guard, guards_in

CODEC = "tests/unit/test_wire_codec.py::test_"
PROCESS = "tests/unit/test_runtime_process.py::test_"
SHELL = "tests/unit/test_supervisor_shell.py::test_"

BOUNDED = "law 10: messages are bounded"
STRICT = "law 10: messages are typed and strict"
GARBAGE = "law 10: garbage costs its sender the connection"

GUARDS: tuple[Guard, ...] = (
    *guards_in(
        "node_sdk/wire/codec.py",
        BOUNDED,
        (
            "what is sent is bounded",
            "    if len(data) > MAX_MESSAGE:\n        raise BadMessage(\n",
            "    if False:\n        raise BadMessage(\n",
            f"{CODEC}a_message_over_the_limit_is_refused_on_both_sides",
        ),
        (
            "what is read is bounded",
            "    if len(data) > MAX_MESSAGE:\n        raise BadMessage(f",
            "    if False:\n        raise BadMessage(f",
            f"{CODEC}a_message_over_the_limit_is_refused_on_both_sides",
        ),
        (
            "nesting is bounded",
            "    if depth > MAX_DEPTH:\n",
            "    if False:\n",
            f"{CODEC}deep_nesting_is_refused",
        ),
    ),
    *guards_in(
        "node_sdk/wire/codec.py",
        STRICT,
        (
            "unknown tags, and messages that are not expected here, are refused",
            "    if cls is None or not issubclass(cls, expected):\n",
            "    if cls is None:\n",
            f"{CODEC}a_message_that_is_known_but_not_expected_here_is_refused",
        ),
        (
            "values are of the declared type, and a bool is no int",
            "        if type(value) is not kind:",
            "        if not isinstance(value, kind):",
            f"{CODEC}a_message_of_the_wrong_shape_is_refused_in_words",
        ),
        (
            "a field without a default is there",
            "        elif required:\n",
            "        elif False:\n",
            f"{CODEC}a_message_of_the_wrong_shape_is_refused_in_words",
        ),
        (
            "a word that is not among those allowed is refused",
            "        if type(value) is not str or value not in allowed:\n",
            "        if False:\n",
            f"{CODEC}a_word_that_is_not_among_those_allowed_is_refused",
        ),
        (
            "only plain data is let through",
            '    raise _wrong(value, "plain data")\n',
            "    return value\n",
            f"{CODEC}what_is_no_plain_data_is_refused",
        ),
        (
            "whatever a decoder meets, it says so in one way",
            '    except Exception as error:\n        raise BadMessage(f"cannot read a message: {type',
            '    except ZeroDivisionError as error:\n        raise BadMessage(f"cannot read a message: {type',
            f"{CODEC}random_bytes_are_refused_and_nothing_else",
        ),
    ),
    *guards_in(
        "node_sdk/wire/unpack.py",
        STRICT,
        (
            "strange tags of msgpack are refused",
            ", ext_hook=_no_extension, **limits)",
            ", **limits)",
            f"{CODEC}an_extension_of_msgpack_is_no_plain_data",
        ),
    ),
    *guards_in(
        "anacostia_daemon/ctl/quick.py",
        STRICT,
        (
            "the short way believes only an answer of the home that is meant",
            'status["daemon"]["home"] != home or ',
            "",
            "tests/unit/test_ctl_quick.py::test_a_copied_home_whose_note_leads_to_another_daemon_is_not_believed",
        ),
    ),
    *guards_in(
        "node_sdk/wire/frames.py",
        BOUNDED,
        (
            "a frame that claims too much is refused before it is read",
            "            if length > self.limit:\n",
            "            if False:\n",
            f"{CODEC}a_frame_that_claims_more_than_the_limit_is_refused_before_it_is_read",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/inbox.py",
        GARBAGE,
        (
            "a node does not listen to a sender of garbage again",
            "            if sender in self._ignored:\n                continue\n",
            "",
            f"{PROCESS}a_sender_of_garbage_is_not_listened_to_again_and_others_are",
        ),
        (
            "senders of garbage that are remembered are bounded",
            "        if len(self._ignored) > MOST_IGNORED:\n",
            "        if False:\n",
            f"{PROCESS}of_very_many_senders_of_garbage_the_oldest_are_forgotten",
        ),
        (
            "a node's socket takes no message over the limit",
            "        self.socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)\n",
            "",
            f"{PROCESS}a_message_over_the_limit_costs_its_sender_the_connection",
        ),
    ),
    *guards_in(
        "anacostia_daemon/supervisor/link.py",
        GARBAGE,
        (
            "the daemon does not listen to a sender of garbage again",
            "        if identity in self._banned:\n            self._ban(identity)\n            return\n",
            "",
            f"{SHELL}who_sends_garbage_is_not_listened_to_again_and_others_are",
        ),
        (
            "senders of garbage that the daemon remembers are bounded",
            "        if len(self._banned) > _MAX_BANNED:\n",
            "        if False:\n",
            f"{SHELL}when_too_many_send_garbage_the_one_silent_for_longest_is_forgotten_not_all",
        ),
        (
            "of an incarnation that is gone no way is kept",
            "        if self._may_run(*key):  # else",
            "        if True:  # else",
            f"{SHELL}a_beat_of_an_incarnation_that_is_gone_is_heard_but_its_sender_is_not_kept",
        ),
    ),
)
