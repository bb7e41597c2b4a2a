"""What axe-core finds on a page that keeps people out: its serious and critical faults, as lines."""

from __future__ import annotations

from typing import Any

import pytest

KEEPS_OUT = ("serious", "critical")


def faults(page: Any) -> list[str]:
    """Of the page as it is shown now."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [_told(each) for each in found if each["impact"] in KEEPS_OUT]


def _told(fault: dict[str, Any]) -> str:
    where = "; ".join(
        f"{each['html'][:120]} {each['any'][0]['message'] if each['any'] else ''}" for each in fault["nodes"][:4]
    )
    return f"{fault['id']}: {fault['help']}: {where}"
