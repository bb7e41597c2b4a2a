"""What an artifact looks like, by its name and its bytes. Without a server."""

from __future__ import annotations

import pytest

from anacostia_daemon.web.facts.artifacts import MOST_PREVIEW, MOST_ROWS, _kind, previewed

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def test_what_calls_itself_an_image_and_is_none_is_text() -> None:
    assert _kind("a.png", PNG) == "image/png"
    assert _kind("a.png", b"<svg onload=alert(1)>") == "text/plain; charset=utf-8"
    assert _kind("a.svg", b"<svg onload=alert(1)>") == "text/plain; charset=utf-8"
    assert _kind("a.html", PNG) == "application/octet-stream"


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.png", PNG, "image"),
        ("a.txt", "grün".encode(), "text"),
        ("a", b"", "text"),
        ("a.json", b'{"a": [1]}', "json"),
        ("a.json", b'{"a": ', "text"),
        ("a.json", b"[" * 100_000, "text"),
        ("a.csv", b"a,b\n1,2\n", "table"),
        ("a.tsv", b"a\tb\n1\t2\n", "table"),
        ("model.pt", b"PK\0\0", "binary"),
        ("a.txt", b"\xff\xfe", "binary"),
    ],
)
def test_each_kind_of_file_is_shown_as_what_it_is(name: str, data: bytes, kind: str) -> None:
    assert previewed(name, data)["kind"] == kind


def test_a_long_file_is_shown_in_part_also_where_the_cut_goes_through_a_letter() -> None:
    found = previewed("a.txt", ("ü" * MOST_PREVIEW).encode()[1:] + b"x")
    assert found["kind"] == "binary"  # it begins in the middle of a letter
    found = previewed("a.txt", ("x" + "ü" * MOST_PREVIEW).encode())
    assert (found["kind"], found["cut"]) == ("text", True)


def test_a_long_table_is_shown_in_part() -> None:
    found = previewed("a.csv", b"a,b\n" + b"1,2\n" * (MOST_ROWS + 50))
    assert (found["columns"], len(found["rows"]), found["cut"]) == (["a", "b"], MOST_ROWS, True)


def test_a_cell_that_is_too_long_for_a_table_is_shown_as_text() -> None:
    assert previewed("a.csv", b'"' + b"x" * 200_000)["kind"] == "text"
