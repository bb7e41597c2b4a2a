"""Guards of resources beyond the local file system: late commits, replaced bytes, forged deliveries."""

from __future__ import annotations

from tests.mutants.guard import Guard, guards_in

HORIZON = "tests/unit/test_horizon.py::test_"
BUCKETS = "tests/contract/test_resources.py::"
HOOK = "tests/integration/test_webhook.py::test_"
WEB = "tests/integration/test_http_resource.py::test_"

SKIPPED = "no row of a table is skipped, whenever it commits"
CLAIMED = "what is read is what was claimed"
WHOLE = "law 5: outputs appear whole or not at all"
BELIEVED = "a delivery is believed where it is signed, and taken once"

GUARDS: tuple[Guard, ...] = (
    *guards_in(
        "node_sdk/resources/horizon.py",
        SKIPPED,
        (
            "a watermark waits for everybody who was at work when it was seen",
            "        if left:\n",
            "        if False:\n",
            f"{HORIZON}no_row_is_skipped_however_late_it_commits",
        ),
        (
            "a watermark waits for what was prepared",
            "(self.still_open | {PREPARED}) & known",
            "self.still_open & known",
            f"{HORIZON}one_that_was_prepared_holds_it_up_whatever_it_was_called_before",
        ),
    ),
    *guards_in(
        "node_sdk/resources/sql_rows.py",
        SKIPPED,
        (
            "PostgreSQL is asked who is at work",
            'if self.dialect != "postgresql":',
            "if True:",
            "tests/integration/test_sql_table.py::test_a_row_that_commits_after_rows_with_higher_numbers_is_found",
        ),
    ),
    *guards_in(
        "node_sdk/resources/s3.py",
        CLAIMED,
        (
            "an object that took the place of the one that was claimed is not read for it",
            "            raise Replaced\n",
            "            pass\n",
            f"{BUCKETS}TestS3::test_an_object_that_was_replaced_after_its_claim_is_not_read_for_the_one_that_was_claimed",
        ),
        (
            "all parts that are read are of one object",
            '{"IfMatch": head["ETag"]}',
            "{}",
            f"{BUCKETS}TestS3::test_an_object_that_is_replaced_while_it_is_read_is_no_mixture_of_both",
        ),
    ),
    *guards_in(
        "node_sdk/resources/s3.py",
        WHOLE,
        (
            "an object that was published before is not written again",
            "if (noted.get(STAGED), noted.get(SHA256)) != (mark, sha256):",
            "if True:",
            f"{BUCKETS}TestS3Versions::test_publishing_again_makes_no_second_version",
        ),
        (
            "what another store numbered alike is not taken for this output",
            "if (noted.get(STAGED), noted.get(SHA256)) != (mark, sha256):",
            "if noted.get(STAGED) != mark:",
            f"{BUCKETS}TestS3Versions::test_what_an_earlier_store_numbered_alike_is_replaced",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/publishing.py",
        WHOLE,
        (
            "who cannot publish now waits until it can",
            "_until_done(live, resource, output)\n        except",
            "resource.publish(output)\n        except",
            "tests/e2e/test_buckets.py::test_a_server_that_is_away_is_said_in_status_waited_for_and_nothing_is_lost_or_doubled",
        ),
    ),
    *guards_in(
        "node_sdk/resources/json_items.py",
        "a secret is told to nobody else",
        (
            "a next page on another server is not asked for",
            "if urlsplit(address)[:2] != urlsplit(url)[:2]:",
            "if False:",
            f"{WEB}a_next_page_on_another_server_is_not_asked",
        ),
    ),
    *guards_in(
        "node_sdk/resources/signing.py",
        BELIEVED,
        (
            "the signature has to be right",
            "    if not any(hmac.compare_digest(mine.encode(), each.encode()) for each in theirs):",
            "    if False:",
            f"{HOOK}whoever_does_not_know_the_secret_leaves_nothing",
        ),
        (
            "what was signed long ago is a repetition",
            "    if abs(now - seconds) > window:",
            "    if False:",
            f"{HOOK}what_was_signed_outside_of_the_window_is_a_repetition",
        ),
    ),
    *guards_in(
        "node_sdk/resources/webhook.py",
        BELIEVED,
        (
            "an id that was taken is known, also where its file is gone",
            '        if rows:\n            return str(rows[0]["sha256"])\n',
            "",
            f"{HOOK}the_same_delivery_again_is_taken_once_also_when_its_file_is_gone",
        ),
    ),
)
