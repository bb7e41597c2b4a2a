"""The names of files as every store can keep them."""

from __future__ import annotations

import os

import pytest

from node_sdk.errors import InvalidValue
from node_sdk.resources.locations import check_inside, to_location, to_relative


@pytest.mark.parametrize("name", [b"plain.txt", "ü.txt".encode(), b"no \xff text", b"bytes:plain"])
def test_a_name_whose_bytes_are_no_text_survives_as_text_and_comes_back(name: bytes) -> None:
    location = to_location(os.fsdecode(name))
    location.encode()
    assert os.fsencode(to_relative(location)) == name


@pytest.mark.parametrize("location", ["", "a/", "/etc/passwd", "../a", "a/../../b", "a\0b"])
def test_a_location_leads_nowhere_but_into_its_folder(location: str) -> None:
    with pytest.raises(InvalidValue, match="give a path relative to its folder"):
        check_inside(location, "models")
