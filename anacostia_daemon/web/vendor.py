"""What the browser gets that others wrote: which packages of npm, which of their files, and under which licence. Run by
a developer to fetch them anew (`python -m anacostia_daemon.web.vendor`); what stands in static/vendor is installed as
is.

Needs `npm`, which knows its registry. `versions.json` beside the files says what they are; a test compares checksums.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).parent / "static" / "vendor"
VERSIONS = VENDOR / "versions.json"


@dataclass(frozen=True)
class Package:
    """One package: `files` maps names in it to names here. Its licence is kept as NAME.LICENSE.txt."""

    name: str
    version: str
    files: dict[str, str]

    @property
    def short(self) -> str:
        return self.name.rpartition("/")[2].removesuffix(".org")


# htmx 2: version 4 has dropped what the pages use to keep styles and scripts out of the text.
PACKAGES = (
    Package("htmx.org", "2.0.11", {"dist/htmx.min.js": "htmx.min.js"}),
    Package("uplot", "1.6.32", {"dist/uPlot.iife.min.js": "uplot.min.js", "dist/uPlot.min.css": "uplot.min.css"}),
    Package("@dagrejs/dagre", "3.1.3", {"dist/dagre.min.js": "dagre.min.js"}),
)


def main() -> int:
    """Fetch every package, and write down what came."""
    VENDOR.mkdir(parents=True, exist_ok=True)
    versions = [fetch(package) for package in PACKAGES]
    VERSIONS.write_text(json.dumps(versions, indent=2) + "\n")
    return 0


def fetch(package: Package) -> dict[str, Any]:
    """Put the files of `package` in their place; returns what versions.json says of it."""
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(
            ["npm", "pack", "--silent", f"{package.name}@{package.version}"],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()[-1]
        with tarfile.open(Path(folder) / packed) as archive:
            licence = json.loads(_member(archive, "package.json"))["license"]
            wanted = {**package.files, "LICENSE": f"{package.short}.LICENSE.txt"}
            for inside, here in wanted.items():
                (VENDOR / here).write_bytes(without_map(_member(archive, inside)))
    return {
        "name": package.name,
        "version": package.version,
        "license": licence,
        "sha256": {here: digest(VENDOR / here) for here in wanted.values()},
    }


def digest(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def without_map(content: bytes) -> bytes:
    """Without the line that names a source map, which is not installed."""
    lines = content.split(b"\n")
    return b"\n".join(each for each in lines if not each.startswith((b"//# sourceMappingURL", b"/*# sourceMappingURL")))


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    found = archive.extractfile(f"package/{name}")
    if found is None:
        raise FileNotFoundError(f"cannot take {name} out of the package: it is no file there")
    return found.read()


if __name__ == "__main__":
    sys.exit(main())
