"""Whether another account can run what is installed here: a service often cannot see the home of who installs it."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterable
from pathlib import Path


def account_named(name: str) -> pwd.struct_passwd | None:
    """The account, None where there is none."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def blocked_at(paths: Iterable[Path], account: pwd.struct_passwd | None) -> Path | None:
    """The first directory on the way to one of `paths`, links followed, that `account` cannot enter. An account that
    is still to be made (None) is nobody's friend."""
    if account is not None and account.pw_uid == 0:
        return None
    groups = set() if account is None else set(os.getgrouplist(account.pw_name, account.pw_gid))
    for path in paths:
        for parent in reversed([*path.parents, *path.resolve().parents]):
            if parent.is_dir() and not _may_enter(parent.stat(), account, groups):
                return parent
    return None


def _may_enter(found: os.stat_result, account: pwd.struct_passwd | None, groups: set[int]) -> bool:
    if account is not None and found.st_uid == account.pw_uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid in groups:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)
