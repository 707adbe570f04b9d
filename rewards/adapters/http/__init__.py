"""Rewards over HTTP: for OpenRLHF's remote protocol, and as a plain JSON API for everything else.

``srl-data serve`` runs it; :func:`create_app` gives the ASGI application to those who have a server of their own. Needs
``srl-data[serve]``.
"""

from __future__ import annotations

from rewards.errors import MissingExtra

try:
    from rewards.adapters.http.app import create_app
    from rewards.adapters.http.limits import Limits
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("fastapi", "starlette", "pydantic", "prometheus_client"):
        raise
    raise MissingExtra(
        f"serving rewards needs {error.name}, which is not installed: pip install 'srl-data[serve]'"
    ) from error

__all__ = ["Limits", "create_app"]
