"""Every decoder reads or refuses whatever it is given, and does nothing else: random bytes, and real ones damaged."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import targets
from tests.fuzz.alter import alter

NAMES = sorted(each.name for each in pkgutil.iter_modules(targets.__path__))


def target(name: str) -> ModuleType:
    return importlib.import_module(f"tests.fuzz.targets.{name}")


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A real input in which some bytes were overwritten, inserted or cut out, each at a place of its own."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(data)


@st.composite
def altered(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A real message with other values in some of its fields, where it is one."""
    return alter(draw(st.sampled_from(seeds)), draw(st.randoms(use_true_random=False)))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_real_is_read(name: str) -> None:
    assert target(name).SEEDS
    for seed in target(name).SEEDS:
        target(name).check(seed)


@pytest.mark.parametrize("name", NAMES)
def test_random_bytes_and_damaged_ones_are_read_or_refused_and_nothing_else(name: str) -> None:
    tested = target(name)

    @settings(max_examples=100, deadline=None)
    @given(st.binary(max_size=200) | damaged(tested.SEEDS) | altered(tested.SEEDS))
    def feed(data: bytes) -> None:
        tested.check(data)

    feed()
