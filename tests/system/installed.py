"""The project as a user has it: a wheel of this tree, the wheels of what it needs, and a virtual environment of the
machine's own Python, which every account can run. All of it is made from what is on this machine already.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

PYTHON = "/usr/bin/python3"
ROOT = Path(__file__).resolve().parents[2]
_SOURCE = ("anacostia_daemon", "node_sdk", "systemd", "pyproject.toml", "README.md", "LICENSE")
_SCRIPT = "#!/opt/anacostia/bin/python\nimport sys\nfrom {module} import main\nsys.exit(main())\n"


def same_python() -> str:
    """Why the packages of this environment do not fit the machine's Python; empty where they do."""
    ask = "import sys; print(sys.version_info[:2])"
    try:
        theirs = subprocess.run([PYTHON, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return f"needs {PYTHON}"
    ours = str(sys.version_info[:2])
    return "" if theirs == ours else f"needs {PYTHON} to be of the version that runs the tests ({ours}, not {theirs})"


def wheel(into: Path) -> Path:
    """The wheel of this tree, built in a copy: what an earlier build left in the tree does not get into it."""
    copy = into / "source"
    for name in _SOURCE:
        found = ROOT / name
        if found.is_dir():
            shutil.copytree(found, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(found, copy / name)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        into,
    ]
    subprocess.run([*command, copy], check=True, capture_output=True)
    shutil.rmtree(copy)
    (made,) = into.glob("*.whl")
    return made


# What metrics and traces need, beside what everybody needs.
EXTRAS = ("prometheus-client", "opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")


def needed(*more: str) -> list[Distribution]:
    """What the project and `more` need to run, and what that needs, as it is installed here."""
    found: dict[str, Distribution] = {name: distribution(name) for name in more}
    waiting = [distribution("anacostia-daemon"), *found.values()]
    while waiting:
        for line in waiting.pop().requires or ():
            name = re.split(r"[^A-Za-z0-9._-]", line)[0].lower()
            if ";" not in line and name not in found:
                found[name] = distribution(name)
                waiting.append(found[name])
    return list(found.values())


def needed_to_build() -> list[Distribution]:
    """What pip wants to have before it builds the project."""
    return [distribution("setuptools")]


def wheel_of(installed: Distribution, into: Path) -> None:
    """A wheel again, of what was installed from one."""
    kept = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
    files = [
        each for each in installed.files or () if not str(each).startswith("..") and "__pycache__" not in str(each)
    ]
    tag = re.findall(r"^Tag: (.+)$", installed.read_text("WHEEL") or "", re.MULTILINE)[0]
    name = re.sub(r"[-_.]+", "_", installed.metadata["Name"])
    record = next(str(each) for each in files if str(each).endswith(".dist-info/RECORD"))
    with zipfile.ZipFile(into / f"{name}-{installed.version}-{tag}.whl", "w") as archive:
        lines = []
        for each in files:
            if each.parent.name.endswith(".dist-info") and each.name in kept:
                continue
            content = Path(str(each.locate())).read_bytes()
            archive.writestr(str(each), content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            lines.append(f"{each},sha256={digest},{len(content)}\n")
        archive.writestr(record, "".join([*lines, f"{record},,\n"]))


def environment(into: Path, ours: Path) -> None:
    """What `python3 -m venv /opt/anacostia` and `pip install .[metrics,otel]` make, without the time that they take."""
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", into], check=True, capture_output=True)
    packages = next(into.glob("lib/python*/site-packages"))
    for installed in needed(*EXTRAS):
        for each in installed.files or ():
            if not str(each).startswith(".."):
                place = packages / str(each)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(str(each.locate()), place)
    with zipfile.ZipFile(ours) as archive:
        archive.extractall(packages)
    for name, module in (
        ("anacostiad", "anacostia_daemon.__main__"),
        ("anacostiactl", "anacostia_daemon.ctl.__main__"),
    ):
        script = into / "bin" / name
        script.write_text(_SCRIPT.format(module=module))
        script.chmod(0o755)
    subprocess.run([into / "bin/python", "-m", "compileall", "-q", packages], check=True, capture_output=True)
