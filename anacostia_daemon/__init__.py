"""The supervisor of Anacostia pipelines: the daemon `anacostiad`, its control socket and `anacostiactl`."""

from __future__ import annotations

__version__ = "0.1.0"
