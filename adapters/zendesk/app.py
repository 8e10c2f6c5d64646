"""The app that shows our page in Zendesk's sidebar, as an admin uploads it. Pure.

https://developer.zendesk.com/documentation/apps/app-developer-guide/manifest/
"""

from __future__ import annotations

import json
from importlib.resources import files
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from connector.errors import VendorRefused

#: Raised with each change of the manifest.
VERSION = "1.0.0"

#: Where a file of ours goes. Zendesk's own word for Norwegian is "no".
FILES = {
    "assets/logo.png": "logo.png",
    "assets/logo-small.png": "logo-small.png",
    "translations/en.json": "en.json",
    "translations/fi.json": "fi.json",
    "translations/nb.json": "nb.json",
    "translations/no.json": "nb.json",
}

#: So that the same app is the same bytes: no archive can be older.
_WHENEVER = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o100644 << 16


def package(address: str) -> bytes:
    """Return the archive of an app that shows the page at ``address``.

    Raises ``VendorRefused`` if Zendesk would not show it.
    """
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname != "localhost":
        raise VendorRefused(
            f"Zendesk shows pages by https only, and not {address}; correct "
            "server.public_url"
        )
    folder = files("adapters.zendesk").joinpath("sidebar_app")
    contents = {name: folder.joinpath(file) for name, file in FILES.items()}
    found = {name: file.read_bytes() for name, file in contents.items()}
    found["manifest.json"] = _written(manifest(address))
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_STORED) as archive:
        for name, content in sorted(found.items()):
            info = ZipInfo(name, _WHENEVER)
            info.create_system, info.external_attr = 3, _READABLE
            archive.writestr(info, content)
    return packed.getvalue()


def manifest(address: str) -> dict[str, Any]:
    """Say where the page is shown, and that its calls are to be signed."""
    parts = urlsplit(address)
    author = {
        "name": "Complaint Connector",
        "email": f"postmaster@{parts.hostname}",
        "url": f"{parts.scheme}://{parts.netloc}",
    }
    return {
        "name": "Complaint Connector",
        "author": author,
        "defaultLocale": "en",
        "private": True,
        "location": {"support": {"ticket_sidebar": {"url": address, "flexible": True}}},
        "version": VERSION,
        "frameworkVersion": "2.0",
        "signedUrls": True,
        "singleInstall": True,
    }


def _written(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=2).encode() + b"\n"
