"""An installation of our command that a test may break, beside the one that runs the tests."""

from __future__ import annotations

import shutil
import sysconfig
import venv
from pathlib import Path

from tests.support import ROOT


class OwnProgram:
    """An environment of its own with today's sources, and the libraries of the one that runs the tests."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, symlinks=True, with_pip=False)
        self._folder = folder
        (packages,) = (folder / "lib").glob("python*/site-packages")
        self._sources = packages / "approval_tui"
        self._sources.symlink_to(Path(ROOT) / "approval_tui")
        (packages / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
        self.command = str(folder / "bin" / "approval-tui")
        start = f"#!{folder}/bin/python\nimport sys\nfrom approval_tui.cli.main import run\nsys.exit(run())\n"
        Path(self.command).write_text(start)
        Path(self.command).chmod(0o755)

    def remove(self) -> None:
        """Takes the whole environment away."""
        shutil.rmtree(self._folder)

    def spoil(self) -> None:
        """Leaves a package that does not import."""
        self._sources.unlink()
        self._sources.mkdir()
        (self._sources / "__init__.py").write_text('raise ImportError("half of an update")\n')
