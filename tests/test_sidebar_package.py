"""The app that shows our page in Zendesk: as its checker wants it, always the same."""

from __future__ import annotations

import json
import re
import struct
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit
from zipfile import ZipFile

import pytest
import yaml
from click.testing import CliRunner, Result

from adapters.zendesk import app
from connector.cli import cli
from connector.errors import VendorRefused

ADDRESS = "https://connector.example.com/sidebar/desk"


def unpacked(content: bytes) -> dict[str, bytes]:
    with ZipFile(BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_manifest_is_what_the_vendors_checker_wants() -> None:
    """After the rules of zendesk_apps_support: manifest, translations, package."""
    files = unpacked(app.package(ADDRESS))
    manifest = json.loads(files["manifest.json"])
    assert {"author", "defaultLocale", "location", "frameworkVersion"} <= set(manifest)
    assert manifest["frameworkVersion"] == "2.0"
    assert all(manifest[key] is True for key in ("private", "signedUrls"))
    author = manifest["author"]
    assert all(isinstance(author[key], str) for key in ("name", "email", "url"))
    assert urlsplit(author["url"]).scheme == "https"
    (location,) = manifest["location"]["support"].items()
    assert location == ("ticket_sidebar", {"url": ADDRESS, "flexible": True})
    assert f"translations/{manifest['defaultLocale']}.json" in files


def test_every_language_says_everything() -> None:
    files = unpacked(app.package(ADDRESS))
    spoken = {
        name: json.loads(content)["app"]
        for name, content in files.items()
        if name.startswith("translations/")
    }
    assert {"translations/en.json", "translations/nb.json", "translations/fi.json"} <= (
        set(spoken)
    )
    for name, words in spoken.items():
        assert re.fullmatch(r"translations/[a-z]{2}(-\w{2,3})?\.json", name)
        assert set(words) == set(spoken["translations/en.json"])
        assert all(words.values())


@pytest.mark.parametrize(("name", "size"), [("logo", 320), ("logo-small", 128)])
def test_icons_have_the_sizes_that_zendesk_shows(name: str, size: int) -> None:
    picture = unpacked(app.package(ADDRESS))[f"assets/{name}.png"]
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", picture[16:24]) == (size, size)


def test_the_same_app_is_the_same_bytes() -> None:
    assert app.package(ADDRESS) == app.package(ADDRESS)
    assert app.package(ADDRESS) != app.package(f"{ADDRESS}2")


def test_page_that_is_not_safe_is_refused() -> None:
    with pytest.raises(VendorRefused, match=r"https only.*server\.public_url"):
        app.package("http://connector.example.com/sidebar/desk")


# -- the command


def run(folder: Path, source: str, public_url: str | None) -> Result:
    config = {
        "server": {"public_url": public_url},
        "sources": {
            "desk": {
                "kind": "zendesk",
                "base_url": "https://example.zendesk.com",
                "client_id": "connector",
                "client_secret": "secret",
                "webhook_secret": "secret",
            },
            "other": {"kind": "memory"},
        },
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    words = ["sidebar", "package", "--source", source, "--out", str(folder / "app.zip")]
    return CliRunner().invoke(cli, [*words, "--config", str(path)])


def test_command_writes_the_app_of_a_source(tmp_path: Path) -> None:
    done = run(tmp_path, "desk", "https://connector.example.com/")
    assert done.exit_code == 0, done.output
    assert ADDRESS in done.output
    assert (tmp_path / "app.zip").read_bytes() == app.package(ADDRESS)


@pytest.mark.parametrize(
    ("source", "public_url", "code", "said"),
    [
        ("other", "https://connector.example.com", 2, "no source whose sidebar is an"),
        ("none", "https://connector.example.com", 2, "no source whose sidebar is an"),
        ("desk", None, 1, "server.public_url"),
        ("desk", "http://connector.example.com", 1, "https only"),
    ],
)
def test_command_says_what_is_missing(
    tmp_path: Path, source: str, public_url: str | None, code: int, said: str
) -> None:
    done = run(tmp_path, source, public_url)
    assert done.exit_code == code
    assert said in " ".join(done.output.split())
    assert not (tmp_path / "app.zip").exists()
