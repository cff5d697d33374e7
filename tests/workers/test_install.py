"""What `make` does first, and the settings file: without the network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from collections.abc import Mapping

import pytest

from core.errors import SettingsError
from core.settings import Settings
from tests.workers.house import ROOT
from workers import dotenv, install

# Read by the S3 client itself.
BY_OTHERS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"}


class Asked(Mapping[str, str]):
    """An environment that remembers what was asked of it."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def get(self, name, default=None):
        self.names.add(name)
        return default

    def __getitem__(self, name):
        self.names.add(name)
        raise KeyError(name)

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 0


@pytest.fixture
def example() -> dict[str, str]:
    text = (ROOT / ".env.example").read_text()
    return dict(re.findall(r"^#([A-Z_]+)=(.*)$", text, re.MULTILINE))


def test_every_setting_stands_in_the_example_and_nothing_else(example):
    asked = Asked()
    Settings.from_environment(asked)
    assert set(example) == asked.names | BY_OTHERS


def test_the_defaults_in_the_example_are_the_defaults(example):
    assert Settings.from_environment({name: value for name, value in example.items() if value}) == Settings.from_environment({})


def test_every_setting_in_the_example_has_its_own_line_of_words(example):
    lines = (ROOT / ".env.example").read_text().splitlines()
    for number, line in enumerate(lines):
        if line.removeprefix("#").partition("=")[0] in example:
            before = lines[number - 1]
            assert before.startswith(("# ", "#AWS_")), line


def test_a_settings_file_counts_less_than_the_environment(tmp_path, monkeypatch):
    file = tmp_path / ".env"
    file.write_text("# ours\nSOCCER_TEST_ONE=file\nexport SOCCER_TEST_TWO='two words'\n\nSOCCER_TEST_THREE=\"a=b\"\n")
    monkeypatch.setenv("SOCCER_TEST_ONE", "environment")
    for name in ("SOCCER_TEST_TWO", "SOCCER_TEST_THREE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    dotenv.load(file)
    assert [os.environ[f"SOCCER_TEST_{name}"] for name in ("ONE", "TWO", "THREE")] == ["environment", "two words", "a=b"]


def test_a_settings_line_that_is_none_is_a_sentence_with_its_number(tmp_path):
    (tmp_path / ".env").write_text("SOCCER_PORT=1\nSOCCER HOST\n")
    with pytest.raises(SettingsError, match="Line 2"):
        dotenv.load(tmp_path / ".env")


def project(tmp_path):
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "requirements.txt").write_text("# nothing to install\n")
    (tmp_path / "requirements-dev.txt").write_text("uv==0.0.1\n")
    return tmp_path


def test_packages_are_installed_again_only_when_the_file_has_changed(tmp_path, monkeypatch):
    filled = []
    monkeypatch.setattr(install, "fill", lambda project, place, requirements: filled.append(requirements))
    here = project(tmp_path / "a folder with spaces")
    install.install(here, "requirements.txt")
    install.install(here, "requirements.txt")
    assert filled == ["requirements.txt"]
    (here / "requirements.txt").write_text("# something else\n")
    install.install(here, "requirements.txt")
    assert len(filled) == 2
    assert subprocess.run([here / ".venv/bin/python", "-m", "pip", "--version"], check=True, capture_output=True)


def test_a_broken_environment_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(install, "fill", lambda *_: None)
    here = project(tmp_path)
    python = here / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/nowhere/python3")
    install.install(here, "requirements.txt")
    assert install.works(here / ".venv")


def test_an_install_that_fails_is_not_taken_for_done_and_pip_is_tried_after_uv(tmp_path, monkeypatch):
    tried: list[list[str]] = []

    def fails(command, folder):
        tried.append([str(part) for part in command])
        return "uv==0.0.1" in command

    monkeypatch.setattr(install, "run", fails)
    here = project(tmp_path)
    with pytest.raises(install.CannotInstall, match="could not be installed"):
        install.install(here, "requirements.txt")
    assert [("uv" if command[2] == "uv" else "pip") for command in tried] == ["pip", "uv", "pip"]
    assert not (here / ".venv" / "installed-requirements.txt").exists()


def test_it_starts_with_the_standard_library_alone():
    code = "import sys; sys.path.insert(0, '.'); import workers.install"
    assert subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=ROOT, capture_output=True).returncode == 0


def test_an_environment_that_was_left_half_made_does_not_work(tmp_path):
    venv.create(tmp_path / ".venv", with_pip=False, symlinks=True)
    assert not install.works(tmp_path / ".venv")


def test_a_folder_that_python_makes_no_environment_in_is_told_in_words(tmp_path):
    with pytest.raises(install.CannotInstall, match=r"\.venv could not be made"):
        install.make_environment(tmp_path / "a:b" / ".venv")


@pytest.mark.parametrize("target", ["run", "test", "pipeline"])
def test_without_a_python_make_says_what_to_install(tmp_path, target):
    for name in ("make", "sh", "rm"):
        found = subprocess.run(["which", name], capture_output=True, text=True, check=True).stdout.strip()
        (tmp_path / name).symlink_to(found)
    found = subprocess.run(["make", target], cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert found.returncode != 0
    assert "needs Python 3.11 or newer" in found.stderr
    assert "apt-get install python3" in found.stderr


def test_a_python_without_venv_is_told_which_package_to_install(tmp_path):
    for name in ("make", "sh"):
        found = subprocess.run(["which", name], capture_output=True, text=True, check=True).stdout.strip()
        (tmp_path / name).symlink_to(found)
    crippled = tmp_path / "python3"
    crippled.write_text(f"""#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\nexec '{sys.executable}' "$@"\n""")
    crippled.chmod(0o755)
    found = subprocess.run(["make", "run"], cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert found.returncode != 0
    assert "apt-get install python3-venv" in found.stderr
