"""Who may in: what is decided of names, origins, tokens, cookies and paces, without a server."""

from __future__ import annotations

import pytest

from anacostia_daemon.web.pages.login import _inside
from anacostia_daemon.web.security import origins, sessions
from anacostia_daemon.web.security.limits import MOST_KNOWN, Buckets, Pace
from anacostia_daemon.web.settings import BadSettings, read_settings

TOKEN = "a token that nobody knows"


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8420", "127.0.0.1:8420", "[::1]:8420", "10.0.0.7", "dash.example:80"]
)
def test_our_names_are_addresses_localhost_and_what_is_allowed(host: str) -> None:
    assert origins.is_our_name(host, ("dash.example",))


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "a@localhost",
        "localhost:x",
        "[::1",
        "x/localhost",
    ],
)
def test_a_name_that_others_can_point_at_us_is_none_of_ours(host: str) -> None:
    assert not origins.is_our_name(host, ("dash.example",))


OURS = {"host": "localhost:8420"}


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", {}),
        ("POST", {"origin": "http://localhost:8420"}),
        ("POST", {"origin": "http://localhost:8420", "sec-fetch-site": "same-origin"}),
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}),
        ("GET", {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}),
    ],
)
def test_our_pages_programs_and_links_may_ask(method: str, headers: dict[str, str]) -> None:
    assert origins.trouble(method, OURS | headers) == ""


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", {"origin": "http://evil.example"}),
        ("POST", {"origin": "null"}),
        ("POST", {"origin": "http://localhost:9999"}),
        ("POST", {"origin": "http://[::1"}),
        ("POST", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}),
        ("POST", {"sec-fetch-site": "same-site"}),
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}),
        ("DELETE", {"origin": "https://evil.example", "sec-fetch-site": "same-origin"}),
    ],
)
def test_what_another_site_asks_for_is_refused(method: str, headers: dict[str, str]) -> None:
    assert origins.trouble(method, OURS | headers)


def test_a_cookie_is_good_until_it_is_over_and_says_a_name() -> None:
    made = sessions.make(TOKEN, "Ann\n O'Hara ✓", 1000.0)
    assert sessions.read(TOKEN, made, 1000.0 + sessions.LASTS - 1) == "Ann O'Hara ✓"
    assert sessions.read(TOKEN, made, 1000.0 + sessions.LASTS) is None
    assert sessions.read("another token altogether", made, 1000.0) is None


@pytest.mark.parametrize("cookie", ["", ".", "..", "9999999999.", "9999999999.QW5u.00", "é.é.é", "٣.QQ.x"])
def test_a_cookie_that_we_did_not_make_is_none(cookie: str) -> None:
    assert sessions.read(TOKEN, cookie, 0.0) is None


def test_each_part_of_a_cookie_is_signed() -> None:
    until, name, signature = sessions.make(TOKEN, "Ann", 1000.0).split(".")
    assert sessions.read(TOKEN, f"{int(until) + 1}.{name}.{signature}", 0.0) is None
    assert sessions.read(TOKEN, f"{until}.{name}x.{signature}", 0.0) is None


def test_only_a_bearer_has_a_token() -> None:
    assert sessions.bearer(f"Bearer {TOKEN}") == sessions.bearer(f"bearer  {TOKEN} ") == TOKEN
    assert sessions.bearer(f"Basic {TOKEN}") == sessions.bearer("") == ""
    assert sessions.is_token(TOKEN, TOKEN)
    assert not sessions.is_token("", TOKEN)
    assert not sessions.is_token("\udcff", TOKEN)


def test_a_bucket_fills_with_time_and_is_of_one_address() -> None:
    now = 0.0
    buckets = Buckets(Pace(2, 0.5), lambda: now)
    assert [buckets.take("a") for _ in range(3)] == [True, True, False]
    assert buckets.take("b")
    now = 2.0
    assert [buckets.take("a") for _ in range(2)] == [True, False]


def test_addresses_that_are_remembered_are_bounded() -> None:
    buckets = Buckets(Pace(1, 0), lambda: 0.0)
    for number in range(MOST_KNOWN + 10):
        buckets.take(str(number))
    assert len(buckets._known) == MOST_KNOWN


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "", "/\n/x"])
def test_a_login_leads_to_no_other_site(path: str) -> None:
    assert _inside(path) == "/"


def test_beyond_this_machine_nothing_is_served_without_a_token(tmp_path) -> None:
    given = {"host": "0.0.0.0", "port": 1, "read_only": False, "allowed_hosts": []}
    with pytest.raises(BadSettings):
        read_settings(given)
    (tmp_path / "token").write_text("short\n")
    with pytest.raises(BadSettings):
        read_settings({**given, "token_file": str(tmp_path / "token")})
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert read_settings({**given, "token_file": str(tmp_path / "token")}).token == TOKEN
