"""The worked example of CONTRIBUTING.md: installed as a package, and it conforms."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import responses
from acme_desk import SETTINGS, AcmeStage
from kit import Bench

import adapters
from adapters import AdapterKind, kinds
from adapters.conformance import HelpdeskConformance, HistorianConformance
from connector.errors import ConnectorError
from connector.store import deliveries

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "example_helpdesk"
MODULE = "complaint_connector_acme"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable]:
    """Install the example as an installer would: its module, and what it registers."""

    def installed(points: dict[str, str] | None = None) -> None:
        project = tomllib.loads((FOLDER / "pyproject.toml").read_text("utf-8"))
        named = project["project"]
        (module,) = project["tool"]["setuptools"]["py-modules"]
        assert module == MODULE
        source = (FOLDER / f"{module}.py").read_text(encoding="utf-8")
        (tmp_path / f"{module}.py").write_text(source, encoding="utf-8")
        info = tmp_path / f"{module}-{named['version']}.dist-info"
        info.mkdir()
        metadata = f"Name: {named['name']}\nVersion: {named['version']}\n"
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\n{metadata}")
        points = points or named["entry-points"][adapters.GROUP]
        lines = [f"{name} = {value}" for name, value in points.items()]
        listed = "\n".join([f"[{adapters.GROUP}]", *lines, ""])
        (info / "entry_points.txt").write_text(listed)
        monkeypatch.syspath_prepend(tmp_path)
        kinds.cache_clear()

    yield installed
    kinds.cache_clear()
    sys.modules.pop(MODULE, None)


@pytest.fixture
def acme(install: Callable) -> AdapterKind:
    install()
    return kinds()["acme"]


class TestAcme(HelpdeskConformance, HistorianConformance):
    @pytest.fixture
    def stage(self, acme: AdapterKind) -> Iterator[AcmeStage]:
        with responses.RequestsMock(assert_all_requests_are_fired=False) as web:
            yield AcmeStage(acme, web)


def test_example_is_small() -> None:
    lines = (FOLDER / f"{MODULE}.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) < 200


def test_lines_that_are_shown_are_those_of_this_file() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert shown in Path(__file__).read_text(encoding="utf-8")


def test_names_that_are_walked_through_are_in_the_example() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    steps = page.partition("**A worked example.**")[2].partition("**Prove it.**")[0]
    named = re.findall(r"`(\w+)`", re.sub(r"\(docs/[^)]*\)", "", steps))
    source = (FOLDER / f"{MODULE}.py").read_text(encoding="utf-8")
    assert len(named) > 10
    assert [name for name in named if not re.search(rf"\b{name}\b", source)] == []


def test_kind_of_another_package_is_a_kind_like_ours(acme: AdapterKind) -> None:
    assert acme.config(**SETTINGS)
    assert set(adapters.BUILT_IN) < set(kinds())


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ({"acme": f"{MODULE}:AcmeAdapter"}, "is not an AdapterKind"),
        (
            {"acme": f"{MODULE}:KIND", "twin": f"{MODULE}:KIND"},
            "the kind 'acme', which is taken",
        ),
        ({"zendesk": "adapters.zendesk:KIND"}, "the kind 'zendesk', which is taken"),
    ],
)
def test_package_that_registers_wrongly_is_told_so(
    install: Callable, points: dict[str, str], why: str
) -> None:
    install(points)
    with pytest.raises(ConnectorError, match=why):
        kinds()


def test_example_works_on_the_whole_road(
    acme: AdapterKind, make_bench: Callable[..., Bench]
) -> None:
    bench = make_bench(sources={"acme": {"kind": "acme", **SETTINGS}})
    with responses.RequestsMock() as web:
        stage = AcmeStage(acme, web)
        words = "The discount code does not work at checkout. Really annoying!"
        ticket = stage.make_ticket(words, "kari@example.com")
        body, now = stage.delivery(ticket).body, bench.clock()
        with bench.store.write() as connection:
            deliveries.accept(connection, [deliveries.new("acme", None, {}, body, now)])
        bench.settle()
        assert "cc-discount_pricing" in stage.tags(ticket)
        (note,) = stage.notes(ticket)
        assert "Complaint: discount pricing" in note
