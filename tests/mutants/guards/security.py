"""Guards against others: who connects, what stands in the place of a file, where a folder leads, what is shown."""

from __future__ import annotations

from tests.mutants.guard import Guard, guards_in

OTHERS = "another user gets nothing out of a home and nothing into it"
INSIDE = "who may write to a folder leads nobody out of it"
SECRETS = "a password that was given is shown nowhere"

USER = "tests/e2e/test_another_user.py::test_"
FILES = "tests/unit/test_own_files.py::test_"
WAYS = "tests/unit/test_directories.py::test_"
FOLDERS = "tests/integration/test_hostile_folders.py::test_"

GUARDS: tuple[Guard, ...] = (
    *guards_in(
        "node_sdk/osprocess.py",
        OTHERS,
        (
            "only the same user and root may connect",
            "    return uid in welcome()\n",
            "    return True\n",
            f"{USER}he_is_turned_away_by_name_where_all_modes_are_open",
        ),
    ),
    *guards_in(
        "node_sdk/runtime/inbox.py",
        OTHERS,
        (
            "an inbox asks the kernel who connects",
            "                self.socket.setsockopt(zmq.IPC_FILTER_UID, uid)\n",
            "                pass\n",
            f"{USER}no_node_and_no_store_hears_him_where_all_modes_are_open",
        ),
    ),
    *guards_in(
        "anacostia_daemon/control/client.py",
        OTHERS,
        (
            "anacostiactl asks who listens",
            "            self._check_whose(sock, path)\n",
            "",
            f"{USER}who_listens_in_the_place_of_a_daemon_is_told_nothing",
        ),
    ),
    *guards_in(
        "node_sdk/own_files.py",
        OTHERS,
        (
            "a link in the place of a file of ours is not followed",
            "flags | os.O_NOFOLLOW | os.O_NONBLOCK",
            "flags | os.O_NONBLOCK",
            f"{FILES}a_link_is_not_followed_wherever_it_leads",
        ),
        (
            "a file of somebody else is not taken for ours",
            " and found.st_uid == os.geteuid():",
            ":",
            f"{FILES}a_file_of_somebody_else_is_refused_though_we_could_write_it",
        ),
        (
            "folders of ours are private whatever the umask",
            "each.mkdir(0o700, exist_ok=True)",
            "each.mkdir(exist_ok=True)",
            f"{FILES}a_folder_of_ours_is_for_us_alone_whatever_the_umask",
        ),
    ),
    *guards_in(
        "anacostia_daemon/directories.py",
        OTHERS,
        (
            "a directory above a home that others may write to is refused",
            "    if _others_write(found) and not found.st_mode & stat.S_ISVTX:\n",
            "    if False:\n",
            f"{WAYS}a_directory_above_that_others_may_write_to_is_refused",
        ),
        (
            "a home that others may write to is looked at first",
            "    if _others_write(found) and any(path.iterdir()):\n",
            "    if False:\n",
            f"{WAYS}a_home_that_others_may_write_to_and_that_holds_something_is_refused",
        ),
        (
            "a link of somebody else on the way is refused",
            "            _check_link(path, each, found)\n",
            "            pass\n",
            f"{WAYS}a_home_behind_a_link_of_somebody_else_is_refused_and_behind_ones_own_is_not",
        ),
    ),
    *guards_in(
        "node_sdk/resources/inside.py",
        INSIDE,
        (
            "the way inside a folder goes through no link",
            "os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)",
            "os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=descriptor)",
            f"{FOLDERS}an_artifact_that_is_replaced_by_a_link_is_not_read_through_it",
        ),
        (
            "a rename is between folders that are held open",
            "        os.replace(start.name, end.name, src_dir_fd=there, dst_dir_fd=here)\n",
            '        os.replace(f"{root}/{source}", f"{root}/{target}")\n',
            f"{FOLDERS}a_folder_that_is_swapped_for_a_link_just_before_the_rename_does_not_lead_it_out",
        ),
    ),
    *guards_in(
        "node_sdk/resources/filesystem.py",
        INSIDE,
        (
            "a location that leads out of the folder is not read",
            "        relative = locations.check_inside(self._folder.relative(path), self.name)\n",
            "        relative = self._folder.relative(path)\n",
            f"{FOLDERS}a_location_that_leads_out_of_the_folder_is_not_read",
        ),
    ),
    *guards_in(
        "node_sdk/resources/staging.py",
        INSIDE,
        (
            "an output is not staged and placed through a link",
            "    if link is not None:\n",
            "    if False:\n",
            f"{FOLDERS}an_output_is_not_written_through_a_link",
        ),
    ),
    *guards_in(
        "node_sdk/urls.py",
        SECRETS,
        (
            "secrets among the parameters of a URL are hidden",
            '_PARAMETER.sub(rf"\\1{HIDDEN}", _PASSWORD.sub(rf"\\1:{HIDDEN}@", url))',
            '_PASSWORD.sub(rf"\\1:{HIDDEN}@", url)',
            "tests/unit/test_urls.py::test_passwords_are_hidden_wherever_they_stand_and_nothing_else",
        ),
    ),
)
