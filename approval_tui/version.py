"""The version, in one place for the package, the command and the build."""

__version__ = "0.1.0"
