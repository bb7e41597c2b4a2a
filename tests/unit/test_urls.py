"""What is shown of a database's URL holds nobody's password."""

from __future__ import annotations

import pytest

from node_sdk.errors import StoreUnavailable
from node_sdk.metadata.connect import connect
from node_sdk.urls import without_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////srv/a:b@c/metadata.db", "sqlite:////srv/a:b@c/metadata.db"),
        ("postgresql://host/db", "postgresql://host/db"),
        ("postgresql://me@host:5432/db", "postgresql://me@host:5432/db"),
        ("postgresql://me:secret@host:5432/db", "postgresql://me:***@host:5432/db"),
        ("postgresql://:secret@host/db", "postgresql://:***@host/db"),
        ("postgresql://me:sec@ret/@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:sec?ret@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:secret@host/db?options=a@b", "postgresql://me:***@host/db?options=a@b"),
        ("postgresql:///db?host=h&password=secret&port=1", "postgresql:///db?host=h&password=***&port=1"),
        ("mysql://h/db?ssl=1&PassWord=secret", "mysql://h/db?ssl=1&PassWord=***"),
        ("x://h/db?auth_token=secret;x&sslpassword=secret", "x://h/db?auth_token=***&sslpassword=***"),
    ],
)
def test_passwords_are_hidden_wherever_they_stand_and_nothing_else(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


@pytest.mark.parametrize("url", ["nosuch://me:secret@host/db?password=secret", "me:secret@host", "://:secret@"])
def test_a_store_that_cannot_be_opened_says_so_without_them(url: str) -> None:
    with pytest.raises(StoreUnavailable) as refused:
        connect(url, read_only=False)
    error: BaseException | None = refused.value
    while error is not None:
        assert "secret" not in str(error)
        error = None if error.__suppress_context__ else error.__cause__ or error.__context__
