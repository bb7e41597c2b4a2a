"""Guards of folders as resources: a file counts once and whole, an output is on the disk before it is recorded."""

from __future__ import annotations

from tests.mutants.guard import Guard, guards_in

FILES = "tests/integration/test_filesystem.py::test_"
RACES = "tests/integration/test_filesystem_races.py::test_"
NODE = "tests/integration/test_node_process.py::test_"
POWER = "tests/chaos/test_power.py::test_"
ORDER = f"{POWER}an_output_is_on_the_disk_before_it_is_recorded_and_its_name_before_it_is_called_published"

DURABLE = "law 5: outputs survive a power cut once they are recorded"
WHOLE = "law 5: outputs appear whole or not at all"
READ = "half-written files are not consumed"
MISSED = "no file is missed, none counts twice"
INSIDE = "a name leads nowhere else"

GUARDS: tuple[Guard, ...] = (
    *guards_in(
        "node_sdk/resources/staging.py",
        DURABLE,
        ("the bytes of an output are synced", "        os.fsync(file.fileno())\n", "", ORDER),
        ("the folders of a staged output are synced", "    _sync_folders(staged.parent, folder)\n", "", ORDER),
        ("the folder of a published output is synced", "    _sync_folders(place.parent, folder)", "    pass", ORDER),
    ),
    *guards_in(
        "node_sdk/resources/staging.py",
        WHOLE,
        (
            "a rename that was done before is as good",
            "        if not place.exists():\n            raise ArtifactNotFound(",
            "        if True:\n            raise ArtifactNotFound(",
            f"{NODE}publishing_that_is_cut_short_is_finished_by_the_next_incarnation",
        ),
        (
            "an output whose bytes are gone is said to be lost",
            "        if not place.exists():\n",
            "        if False:\n",
            "tests/unit/test_runtime_publishing.py::test_bytes_that_are_gone_and_a_resource_that_is_gone_are_losses_too",
        ),
        (
            "an output that could not be moved is an error of its task",
            "    if above.stat().st_dev != folder.stat().st_dev:",
            "    if False:",
            f"{FILES}an_output_that_could_not_be_put_in_its_place_is_an_error_of_its_task",
        ),
    ),
    *guards_in(
        "node_sdk/resources/staging.py",
        READ,
        (
            "a file that changes while it is hashed is hashed again",
            "if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns):",
            "if True:",
            f"{RACES}a_file_that_changes_at_each_look_is_left_to_the_event_of_its_closing",
        ),
        (
            "only regular files are hashed",
            "    if not stat.S_ISREG(before.st_mode):\n        os.close(descriptor)\n        return None\n",
            "",
            f"{RACES}only_regular_files_are_hashed",
        ),
        (
            "a symbolic link is not followed",
            "descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)",
            "descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)",
            f"{RACES}only_regular_files_are_hashed",
        ),
    ),
    *guards_in(
        "node_sdk/resources/filesystem.py",
        READ,
        (
            "a file that somebody writes waits for its closing",
            "    except BlockingIOError:\n        return True\n",
            "    except BlockingIOError:\n        return False\n",
            f"{FILES}a_file_that_is_being_written_at_the_scan_waits_for_its_closing",
        ),
        (
            "whoever opens a file while we ask about it does not end us",
            "        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)\n",
            "",
            f"{RACES}a_writer_that_breaks_our_lease_ends_nobody",
        ),
        (
            "a file found in the middle of its closing is asked about again",
            "            yield from (path for path in doubtful if not is_being_written(path))\n",
            "",
            f"{RACES}a_file_found_by_looking_while_it_was_being_closed_is_asked_about_again",
        ),
    ),
    *guards_in(
        "node_sdk/resources/filesystem.py",
        MISSED,
        (
            "what comes during the first scan is new",
            "        self._record_changes(arrived)\n",
            "",
            f"{RACES}a_file_that_arrives_during_the_first_scan_is_new_though_what_was_there_is_old",
        ),
        (
            "the folder is looked through again where events were lost",
            "        if changes.rescan:\n",
            "        if False:\n",
            f"{FILES}an_overflow_of_the_kernels_queue_costs_no_file",
        ),
        (
            "the watch is set before the first look",
            "        self._watch = _watch(self.resource_path)\n        self.scan()\n",
            "        self.scan()\n        self._watch = _watch(self.resource_path)\n",
            f"{RACES}a_file_that_arrives_during_the_first_scan_is_new_though_what_was_there_is_old",
        ),
        (
            "our own staging is no artifact",
            "self.ignore = (staging.OWN_FOLDER, *ignore)",
            "self.ignore = tuple(ignore)",
            f"{FILES}our_own_folder_is_never_watched_whatever_is_ignored",
        ),
        (
            "what is gone is no longer offered",
            "        self._forget(changes.gone)\n",
            "",
            f"{FILES}a_file_deleted_before_its_use_is_no_longer_offered",
        ),
    ),
    *guards_in(
        "node_sdk/resources/inotify.py",
        MISSED,
        (
            "a queue that overflowed is noticed",
            "        if lost:\n            self._watch_anew(changes)\n",
            "",
            f"{FILES}an_overflow_of_the_kernels_queue_costs_no_file",
        ),
        (
            "write-then-rename counts at once, under the last name",
            "elif mask & (IN_CLOSE_WRITE | IN_MOVED_TO) or (",
            "elif mask & IN_CLOSE_WRITE or (",
            f"{FILES}write_then_rename_inside_the_folder_counts_once_under_its_last_name",
        ),
        (
            "the first half of a rename is no file any more",
            "            changes.files.pop(path, None)\n            changes.gone[path] = False\n",
            "            pass\n",
            f"{FILES}a_file_deleted_before_its_use_is_no_longer_offered",
        ),
        (
            "a new folder is watched before it is looked at",
            "                self._watch_tree(path)\n                changes.folders[path] = None\n",
            "                changes.folders[path] = None\n",
            f"{FILES}a_folder_moved_in_whole_and_one_made_inside_count_with_their_files",
        ),
        (
            "the folder itself is made and watched again",
            "                if self._forget(descriptor) == self.root:\n",
            "                if self._forget(descriptor) is NotImplemented:\n",
            f"{FILES}the_folder_itself_deleted_and_made_again_is_watched_on",
        ),
    ),
    *guards_in(
        "node_sdk/resources/locations.py",
        INSIDE,
        (
            "an output cannot leave its folder",
            ' or ".." in path.parts',
            "",
            "tests/unit/test_resource_locations.py::test_a_location_leads_nowhere_but_into_its_folder",
        ),
        (
            "a name that is no text survives",
            "        relative.encode()\n",
            "",
            "tests/unit/test_resource_locations.py::test_a_name_whose_bytes_are_no_text_survives_as_text_and_comes_back",
        ),
    ),
)
