"""Guards of the dashboard: who may in, and what a slow or hostile browser can cost."""

from __future__ import annotations

from tests.mutants.guard import Guard, guards_in

DECISIONS = "tests/web/test_security_decisions.py::test_"
SERVED = "tests/web/test_security.py::test_"
LIVE = "tests/web/test_live.py::test_"
PANELS = "tests/web/test_panels.py::test_"

IN = "the dashboard lets in who may, and nobody else"
BOUNDED = "a browser costs the dashboard a bounded amount"
INERT = "nothing that is recorded runs in a browser"

GUARDS: tuple[Guard, ...] = (
    *guards_in(
        "anacostia_daemon/web/security/guard.py",
        IN,
        (
            "a name that is not ours is not answered",
            'if not origins.is_our_name(headers.get("host", ""), self._settings.allowed_hosts):',
            "if False:",
            f"{SERVED}a_name_that_is_not_ours_is_refused_before_anything_else",
        ),
        (
            "what another site asks for is not answered",
            "        if trouble:\n",
            "        if False:\n",
            f"{SERVED}another_site_can_do_nothing",
        ),
        (
            "the dashboard asks for its token",
            "        if token is None or path.startswith(OPEN):\n",
            "        if True:\n",
            f"{SERVED}without_the_token_there_is_a_form_for_people_and_a_no_for_programs",
        ),
        (
            "what only shows refuses to act",
            'if self._settings.read_only and request.url.path not in ("/login", "/logout"):',
            "if False:",
            f"{SERVED}what_only_shows_changes_nothing",
        ),
    ),
    *guards_in(
        "anacostia_daemon/web/security/origins.py",
        IN,
        (
            "a page of another origin cannot act",
            'if origin is not None and method not in SAFE_METHODS and not _same(origin, headers.get("host", "")):',
            "if False:",
            f"{DECISIONS}what_another_site_asks_for_is_refused",
        ),
    ),
    *guards_in(
        "anacostia_daemon/web/security/sessions.py",
        IN,
        (
            "a cookie is signed",
            'if not hmac.compare_digest(signature.encode(errors="replace"), _sign(token, said).encode()):',
            "if False:",
            f"{DECISIONS}each_part_of_a_cookie_is_signed",
        ),
        (
            "a cookie ends",
            "if not until.isdecimal() or int(until) <= now:",
            "if not until.isdecimal():",
            f"{DECISIONS}a_cookie_is_good_until_it_is_over_and_says_a_name",
        ),
    ),
    *guards_in(
        "anacostia_daemon/web/security/peers.py",
        IN,
        (
            "a connection whose owner is not known is not trusted",
            "return user in (0, os.geteuid())",
            "return user in (None, 0, os.geteuid())",
            f"{SERVED}whose_a_connection_is_the_kernel_says",
        ),
    ),
    *guards_in(
        "anacostia_daemon/web/pages/login.py",
        IN,
        (
            "tokens cannot be guessed for long",
            "    if _guesses.left(who) < 1:\n",
            "    if False:\n",
            f"{SERVED}tokens_cannot_be_guessed_for_long",
        ),
        (
            "a login leads to no other site",
            'plain = path.startswith("/") and not path.startswith("//") and',
            'plain = path.startswith("/") and',
            f"{DECISIONS}a_login_leads_to_no_other_site",
        ),
    ),
    *guards_in(
        "anacostia_daemon/web/live/hub.py",
        BOUNDED,
        (
            "who does not read his events is dropped",
            "        except asyncio.QueueFull:\n            self.dropped = True\n",
            "        except asyncio.QueueFull:\n            self._queue._maxsize += 1\n",
            f"{LIVE}who_does_not_read_is_dropped_and_the_others_hear_everything",
        ),
        (
            "those who listen are bounded",
            "        if len(self._listeners) >= MOST_LISTENERS:\n",
            "        if False:\n",
            f"{LIVE}there_is_room_for_so_many_listeners_only",
        ),
    ),
    *guards_in(
        "anacostia_daemon/web/security/limits.py",
        BOUNDED,
        (
            "addresses that are remembered are bounded",
            "        if len(self._known) > MOST_KNOWN:\n",
            "        if False:\n",
            f"{DECISIONS}addresses_that_are_remembered_are_bounded",
        ),
    ),
    *guards_in(
        "anacostia_daemon/web/facts/artifacts.py",
        INERT,
        (
            "an image is one whose bytes say so",
            "if kind and data.startswith(beginning):",
            "if kind:",
            "tests/web/test_previews.py::test_what_calls_itself_an_image_and_is_none_is_text",
        ),
    ),
    *guards_in(
        "anacostia_daemon/web/facts/panels.py",
        INERT,
        (
            "markdown holds no HTML of its own",
            'MarkdownIt("commonmark", {"html": False})',
            'MarkdownIt("commonmark", {"html": True})',
            f"{PANELS}html_in_markdown_is_shown_as_text",
        ),
        (
            "what markdown becomes is cleaned",
            "tags=_TAGS,",
            'tags=_TAGS | {"img"},',
            f"{PANELS}a_panel_is_made_of_what_its_node_says",
        ),
    ),
)
