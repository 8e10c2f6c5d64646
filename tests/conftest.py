"""What many tests need: databases, a connector made of memory, a sandbox."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import backtest_kit
import browser_kit
import correcting_kit
import database_kit
import helpscout_kit
import jira_kit
import pytest
import responses
import zendesk_kit
from contract_record import DESCRIPTIONS, Recorder, listen
from correcting_kit import Say
from database_kit import Lender
from flask.testing import FlaskClient
from helpscout_kit import Build
from kit import Bench, Clock, settings
from loop_kit import complain
from zendesk_kit import Make

from adapters.helpscout import HelpScoutAdapter
from adapters.jira.adapter import JiraAdapter
from adapters.zendesk.adapter import ZendeskAdapter
from connector.sandbox import Running, SandboxSettings, World, serve
from connector.store import Store

# So that a test of the kit shows what it saw.
pytest.register_assert_rewrite("adapters.conformance")

ENGINES = ["sqlite", "postgresql"]


@pytest.fixture(scope="session", autouse=True)
def quick_sqlite() -> Iterator[None]:
    with database_kit.careless_sqlite():
        yield


@pytest.fixture(scope="session")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lender]:
    """Start one PostgreSQL for the whole run."""
    with database_kit.postgres(tmp_path_factory.mktemp("run")) as server:
        yield Lender(server)


@pytest.fixture(scope="session")
def blank_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a SQLite file with the schema, to be copied: the steps there take longer."""
    path = tmp_path_factory.mktemp("blank") / "connector.db"
    database_kit.upgraded(f"sqlite:///{path}")
    return path


@pytest.fixture
def blank_sqlite(blank_file: Path, tmp_path: Path) -> str:
    """Give a SQLite database with the schema and nothing in it, for what is plain."""
    shutil.copy(blank_file, tmp_path / "connector.db")
    return f"sqlite:///{tmp_path}/connector.db"


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give a database of each kind with the schema and nothing in it."""
    if request.param == "sqlite":
        path = tmp_path / "connector.db"
        shutil.copy(request.getfixturevalue("blank_file"), path)
        yield f"sqlite:///{path}"
        return
    lender: Lender = request.getfixturevalue("lender")
    with lender.lend() as url:
        yield url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store(database_url)
    opened.upgrade()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def past_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Give the world of ``backtest_kit``, which takes seconds to make."""
    bench = backtest_kit.build(tmp_path_factory.mktemp("past") / "connector.db")
    yield bench
    bench.close()


@pytest.fixture
def make_bench(database_url: str) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(**changes: Any) -> Bench:
        made.append(Bench(settings(database_url, **changes)))
        return made[-1]

    yield make
    for bench in made:
        bench.close()


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()


@pytest.fixture
def client(bench: Bench) -> FlaskClient:
    """Give a browser on this machine, as far as it sends requests."""
    return bench.runtime.create_app().test_client()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock, request: pytest.FixtureRequest) -> Iterator[Running]:
    """Run look-alikes of all vendors, on a clock that stands until it is moved."""
    settings = getattr(request, "param", SandboxSettings())
    with serve(World(settings, clock), port=0) as running:
        yield running


@pytest.fixture
def world(sandbox: Running) -> World:
    return sandbox.world


@pytest.fixture
def make_helpscout(sandbox: Running) -> Iterator[Build]:
    with helpscout_kit.adapters_on(sandbox) as build:
        yield build


@pytest.fixture
def helpscout(make_helpscout: Build) -> HelpScoutAdapter:
    return make_helpscout()


@pytest.fixture
def make_zendesk(sandbox: Running) -> Iterator[Make]:
    with zendesk_kit.adapters_on(sandbox) as build:
        yield build


@pytest.fixture
def zendesk(make_zendesk: Make) -> ZendeskAdapter:
    return make_zendesk()


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    """Let nothing out; what a test expects to be asked has to be asked."""
    with responses.RequestsMock(assert_all_requests_are_fired=True) as mock:
        yield mock


@pytest.fixture
def cloud() -> Iterator[JiraAdapter]:
    with jira_kit.on_cloud() as adapter:
        yield adapter


@pytest.fixture
def data_center() -> Iterator[JiraAdapter]:
    with jira_kit.on_data_center() as adapter:
        yield adapter


@pytest.fixture
def say(tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Let Anna type a ``groups`` command when it is the bench's time."""
    # Its group of commands has the module's name, and would be found first.
    monkeypatch.setattr(import_module("connector.cli.groups"), "_now", bench.clock)
    return correcting_kit.typist(bench, tmp_path / "config.yaml")


@pytest.fixture
def two(bench: Bench) -> tuple[int, int]:
    """Let there be two problems of two tickets each, below the threshold."""
    complain(bench, 2)
    correcting_kit.crash(bench, 2)
    bench.settle()
    assert correcting_kit.where(bench, 1, 2) == {1: ["0", "1"], 2: ["c0", "c1"]}
    return 1, 2


RECORDER = pytest.StashKey[Recorder]()


@pytest.fixture(scope="session")
def contract(pytestconfig: pytest.Config) -> Iterator[Recorder | None]:
    """Listen to what adapters and sandboxes exchange, if we can judge it."""
    if not DESCRIPTIONS.exists():
        yield None  # under CI the tests of the contract itself fail then
        return
    recorder = pytestconfig.stash[RECORDER] = Recorder()
    with pytest.MonkeyPatch.context() as patch:
        listen(patch, recorder)
        yield recorder


@pytest.fixture(autouse=True)
def keeps_to_the_contract(contract: Recorder | None) -> Iterator[None]:
    """Fail the test in which something strays from a vendor's own description."""
    yield
    faults = contract.faults() if contract else []
    if faults:
        pytest.fail("\n".join(map(str, faults)), pytrace=False)


#: Modules in which whole connectors run for long, often as processes of their own.
LONG = (
    "test_backfill_cli",
    "test_backup",
    "test_browser",
    "test_budget",
    "test_demo",
    "test_end_to_end",
    "test_faults",
    "test_first_browser",
    "test_jira_loop",
    "test_kill",
    "test_long_run",
    "test_package",
    "test_real_payloads",
    "test_rules_hostile",
    "test_scenario_",
    "test_oidc_browser",
    "test_sidebar_browser",
    "test_site_browser",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what CI runs without watching its lines: that costs half as much again.

    What runs on PostgreSQL goes the same ways as on SQLite.
    """
    for item in items:
        if "postgresql" in item.name or item.path.stem.startswith(LONG):
            item.add_marker("unwatched")


def pytest_collection_finish() -> None:
    """Keep what stays anyway away from the garbage collector, and call it seldom.

    With thousands of tests in memory it takes a fifth of the time of the run.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if RECORDER in config.stash:
        terminalreporter.write_line(config.stash[RECORDER].summary())


# Not for the whole run: while it is open its event loop counts as running in this
# thread, and nothing else here could run one.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser_kit.launched() as browser:
        yield browser
