"""`make`'s first step: the virtual environment, filled again only when a requirements file has changed.

Runs under any Python from 3.11 on, before anything is installed: the standard library only.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PYTHON = Path("bin") / "python"
STILL_SECONDS = 10
# No questions and no advice; and uv trusts whom this machine trusts.
MANNERS = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
    "DEBIAN_FRONTEND": "noninteractive",
    "UV_SYSTEM_CERTS": "1",
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER_PACKAGES = ("chromium", "fonts-liberation")


class CannotInstall(Exception):
    """A sentence for a person, with the next step."""


def say(sentence: str) -> None:
    print(sentence, flush=True)


def install(project: Path, requirements: str) -> None:
    """Fill `.venv` with what this file names, unless it holds exactly that already."""
    place = project / ".venv"
    wanted = hashlib.sha256((project / requirements).read_bytes()).hexdigest()
    stamp = place / f"installed-{requirements}"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted and works(place):
        return
    began = time.monotonic()
    if not works(place):
        make_environment(place)
    say(f"Installing {requirements} into .venv; this is done once.")
    fill(project, place, requirements)
    stamp.write_text(wanted, encoding="utf-8")
    say(f"Installed in {time.monotonic() - began:.0f} s.")


def works(place: Path) -> bool:
    """Whether there is a whole environment whose Python still runs, is new enough, and is the one that it was made for."""
    check = "import sys, importlib.util as there; raise SystemExit(sys.version_info < (3, 11) or there.find_spec('pip') is None)"
    try:
        return subprocess.run([place / PYTHON, "-c", check], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def make_environment(place: Path) -> None:
    version = ".".join(platform.python_version_tuple()[:2])
    say(f"Making .venv with Python {platform.python_version()}.")
    try:
        shutil.rmtree(place, ignore_errors=True)
        venv.create(place, with_pip=True)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:  # ValueError: a colon in the path
        raise CannotInstall(
            f"The virtual environment .venv could not be made ({error}). Check that {place.parent} can be written and has room, and that "
            f"Python's venv is whole (Debian and Ubuntu: apt-get install python{version}-venv)."
        ) from error


def fill(project: Path, place: Path, requirements: str) -> None:
    """uv takes a fifth of pip's time; where it cannot be had, or does not know this machine's index, pip does it."""
    python = str(place / PYTHON)
    if run([python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", uv_pinned(project)], project):
        if run([python, "-m", "uv", "pip", "install", "--quiet", "--python", python, "-r", requirements], project):
            return
        say("uv could not install it; pip tries now, which takes a few minutes.")
    if not run([python, "-m", "pip", "install", "--quiet", "-r", requirements], project):
        raise CannotInstall("The packages could not be installed; what pip said stands above. Check the connection, then run it again.")


def uv_pinned(project: Path) -> str:
    found = re.search(r"^uv==\S+", (project / "requirements-dev.txt").read_text(encoding="utf-8"), re.MULTILINE)
    return found.group() if found else "uv"


def run(command: list[str], folder: Path) -> bool:
    """Run it, let its words through, and say now and then that it is still at work; whether it succeeded."""
    began = time.monotonic()
    with subprocess.Popen(command, cwd=folder, env=os.environ | MANNERS) as process:
        while True:
            try:
                return process.wait(STILL_SECONDS) == 0
            except subprocess.TimeoutExpired:
                say(f"  still at work, {time.monotonic() - began:.0f} s")


def install_browser() -> None:
    """Chromium for the browser tests, where it can be installed without asking; else one loud line."""
    if any(shutil.which(name) for name in BROWSERS):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"Installing {' and '.join(BROWSER_PACKAGES)} for the browser tests.")
        done = run(["apt-get", "update", "-qq"], PROJECT) and run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *BROWSER_PACKAGES], PROJECT
        )
        if done and any(shutil.which(name) for name in BROWSERS):
            return
    if os.environ.get("REQUIRE_BROWSER"):
        raise CannotInstall("Chromium is required here (REQUIRE_BROWSER) and could not be installed. Install the package chromium.")
    say("*** THERE IS NO CHROMIUM: THE BROWSER TESTS ARE LEFT OUT. Install chromium or google-chrome to run them. ***")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m workers.install", description=__doc__)
    parser.add_argument("--dev", action="store_true", help="what the checks need, too")
    parser.add_argument("--browser", action="store_true", help="Chromium, too")
    given = parser.parse_args(arguments)
    try:
        install(PROJECT, "requirements-dev.txt" if given.dev else "requirements.txt")
        if given.browser:
            install_browser()
    except CannotInstall as problem:
        print(problem, file=sys.stderr, flush=True)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
