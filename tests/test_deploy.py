"""What is in ``deploy``: it agrees with the program, holds no secret, and no rights."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kit import Bench, settings
from test_config import environment_of

from connector.cli import cli
from connector.config import Config, Server, load

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
ALERTS = DEPLOY / "prometheus-alerts.yaml"
GRAFANA = DEPLOY / "grafana-dashboard.json"


def text_of(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text_of("compose.yaml"))
    return found


def lines_of(name: str, word: str) -> list[str]:
    """Return what follows a word at the beginning of lines, continued ones joined."""
    joined = re.sub(r"\\\n\s*", "", text_of(name))
    return re.findall(rf"^{word}[ =]+(.+)$", joined, re.MULTILINE)


# -- the image --


def test_image_runs_without_rights_and_says_how_it_is() -> None:
    assert lines_of("Dockerfile", "USER") == ["10001:10001"]
    stages = lines_of("Dockerfile", "FROM")
    assert len(stages) == 2 and all("-slim" in stage for stage in stages)
    port = Server().port
    assert lines_of("Dockerfile", "EXPOSE") == [str(port)]
    (check,) = lines_of("Dockerfile", "HEALTHCHECK")
    assert f"http://127.0.0.1:{port}/healthz" in check
    entry = [*lines_of("Dockerfile", "ENTRYPOINT"), *lines_of("Dockerfile", "CMD")]
    program, command = (json.loads(line)[0] for line in entry)
    assert program == "complaint-connector" and command in cli.commands


def test_image_is_made_of_what_the_wheel_needs_and_nothing_else() -> None:
    copied = {
        name
        for line in lines_of("Dockerfile", "COPY")
        for name in line.split()[:-1]
        if not name.startswith("--")
    }
    ignored = text_of("Dockerfile.dockerignore").splitlines()
    assert "*" in ignored
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    assert [name for name in copied if not (ROOT / name).exists()] == []


# -- the containers --


def test_only_the_proxy_has_ports_and_nothing_has_rights_it_needs_not() -> None:
    services = compose()["services"]
    assert [name for name, one in services.items() if "ports" in one] == ["proxy"]
    own = services["connector"]
    assert (own["read_only"], own["cap_drop"]) == (True, ["ALL"])
    assert "healthcheck" in services["database"]
    for name, one in services.items():
        for other, how in one.get("depends_on", {}).items():
            assert (how["condition"], other in services) == ("service_healthy", True)
        assert one["restart"] == "unless-stopped", name
        assert set(one.get("networks", ())) <= set(compose()["networks"])
    assert "outward" not in services["database"]["networks"]


def test_secrets_of_the_containers_are_files_and_are_all_there() -> None:
    given = compose()
    assert set(given["secrets"]) == set(given["services"]["connector"]["secrets"])
    assert all(set(one) == {"file"} for one in given["secrets"].values())
    named = re.findall(r"\$\{file:/run/secrets/(\w+)\}", text_of("container.yaml"))
    assert set(named) == set(given["secrets"])
    for service in given["services"].values():
        for key in service.get("environment", {}):
            assert "PASSWORD" not in key or key.endswith("_FILE")


def test_configuration_of_the_containers_can_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the place of what the example says of the same."""
    example = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    for name in compose()["secrets"]:
        (tmp_path / name).write_text("0123456789abcdef\n")
    own = text_of("container.yaml").replace("/run/secrets", str(tmp_path))
    raw = {**yaml.safe_load(example), **yaml.safe_load(own)}
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(raw))
    config: Config = load(path, environment_of(example))
    assert config.database.url.endswith(":0123456789abcdef@database/connector")
    assert (config.server.host, config.server.proxies) == ("0.0.0.0", 1)


# -- the service --


def test_service_starts_what_there_is_and_may_write_to_its_folder_only() -> None:
    unit = "systemd/complaint-connector@.service"
    instances = set(re.findall(r"@(\w+)\b", text_of(unit).partition("[Unit]")[0]))
    assert instances == {"run", "serve", "work", "schedule"}
    assert instances <= set(cli.commands)
    (start,) = lines_of(unit, "ExecStart")
    assert start.endswith("/complaint-connector %i")
    assert lines_of(unit, "ProtectSystem") == ["strict"]
    assert lines_of(unit, "NoNewPrivileges") == ["yes"]
    (folder,) = lines_of(unit, "StateDirectory")
    assert lines_of(unit, "WorkingDirectory") == [f"/var/lib/{folder}"]


# -- the proxies --


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile"])
def test_proxy_passes_on_the_door_and_closes_the_rest(name: str) -> None:
    plain = re.sub(r"^\s*#.*$", "", text_of(name), flags=re.MULTILINE)
    passed_on = set(re.findall(r"(?<=\s)/[\w*]+/?\*?(?=[\s{])", plain))
    assert {"/healthz"} < passed_on
    assert {path.rstrip("*") for path in passed_on} <= {
        "/webhooks/",
        "/sidebar/",
        "/healthz",
        "/",
    }
    assert "404" in plain
    assert str(Server().port) in plain


# -- metrics --


@pytest.fixture
def metrics(blank_sqlite: str) -> Iterator[set[str]]:
    bench = Bench(settings(blank_sqlite))
    told = bench.runtime.create_app().test_client().get("/metrics").text
    found = set()
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", told, re.MULTILINE):
        endings = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        found |= {name + ending for ending in endings}
    yield found
    bench.close()


def named(text: str) -> set[str]:
    return set(re.findall(r"\bconnector_\w+", text))


def test_alerts_ask_for_metrics_that_there_are(metrics: set[str]) -> None:
    rules = [
        rule
        for group in yaml.safe_load(text_of(ALERTS.name))["groups"]
        for rule in group["rules"]
    ]
    assert {name for rule in rules for name in named(rule["expr"])} <= metrics
    for rule in rules:
        assert {"alert", "expr", "labels", "annotations"} <= set(rule)
        assert set(rule["annotations"]) == {"summary", "description"}
    alerts = [rule["alert"] for rule in rules]
    assert len(alerts) == len(set(alerts)) > 10
    commands = re.findall(r"complaint-connector ([a-z]+)", text_of(ALERTS.name))
    assert set(commands) <= set(cli.commands)


def test_dashboard_asks_for_metrics_that_there_are(metrics: set[str]) -> None:
    panels = json.loads(text_of(GRAFANA.name))["panels"]
    asked = {t["expr"] for panel in panels for t in panel["targets"]}
    assert {name for expr in asked for name in named(expr)} <= metrics
    assert all(named(expr) for expr in asked)
    ids = [panel["id"] for panel in panels]
    assert len(ids) == len(set(ids))


def test_page_about_metrics_has_exactly_those_that_there_are(
    metrics: set[str],
) -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    whole = {re.sub(r"_(bucket|sum|count)$", "", name) for name in metrics}
    ours = {n for n in whole if n.startswith("connector_") and "_created" not in n}
    assert named(page.partition("## Metrics")[2]) == ours
