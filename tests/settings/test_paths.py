"""Where the store and the configuration are: what we work out ourselves is what platformdirs says."""

from __future__ import annotations

import os
import subprocess
import sys

import platformdirs
import pytest

from approval_tui.settings.paths import config_path, default_store_path

FOLDERS = ["", " ", "/srv/own", "/srv/own/", "relative", "~/own", "/srv/with space"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_default_paths_are_those_of_platformdirs(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APPROVAL_TUI_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", folder)
    monkeypatch.setenv("XDG_DATA_HOME", folder)
    assert config_path() == os.path.join(platformdirs.user_config_dir("approval-tui"), "config.yaml")
    assert default_store_path() == os.path.join(platformdirs.user_data_dir("approval-tui"), "approvals.db")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere platformdirs is asked")
def test_finding_them_on_linux_loads_no_platformdirs() -> None:
    code = "import sys; from approval_tui.settings import paths; paths.config_path(); paths.default_store_path()"
    said = subprocess.run(
        [sys.executable, "-c", f"{code}; print('platformdirs' in sys.modules)"], capture_output=True, text=True
    )
    assert said.stdout.strip() == "False"
