"""Wiring: which threads run in this process, and the WSGI application they stand by."""

from __future__ import annotations

import gc
import logging
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import structlog
from flask import Flask

from adapters.base import Adapter
from connector import logs
from connector.acceptance import Acceptor
from connector.config import (
    Config,
    Server,
    build_adapters,
    build_channels,
    build_directories,
    load,
)
from connector.dashboard import create_blueprint as dashboard_blueprint
from connector.dashboard.guard import behind_proxies
from connector.directories import Directories
from connector.earlier import open_rulebook
from connector.errors import StoreUnavailable
from connector.grouping import Grouping
from connector.health import Health
from connector.inbox import Worker
from connector.metrics import HANDLED, ROUND_SECONDS
from connector.outbox import Sender
from connector.pacing import Budgets
from connector.pipeline import Pipeline
from connector.scheduler import Scheduler
from connector.sidebar import create_blueprint as sidebar_blueprint
from connector.store import Store, deliveries
from connector.store import outbox as outbox_rows
from webhooks.door import Door
from webhooks.receiver import create_blueprint as webhooks_blueprint

_log = structlog.get_logger(__name__)

CONFIG_VARIABLE = "COMPLAINT_CONNECTOR_CONFIG"
ROLES_VARIABLE = "COMPLAINT_CONNECTOR_ROLES"
LOG_VARIABLE = "COMPLAINT_CONNECTOR_LOG"

SERVE, WORK, SCHEDULE = "serve", "work", "schedule"
ALL_ROLES = frozenset({SERVE, WORK, SCHEDULE})

#: Requests under way at a time, with either server.
CONNECTIONS = 1000

#: Longest sleep without a wake-up; rows that become due by time are found by then.
NAP = 0.5


def utc_now() -> datetime:
    return datetime.now(UTC)


class Loop(threading.Thread):
    """Calls ``step`` for as long as it finds work, then waits for a wake-up."""

    def __init__(
        self, name: str, store: Store, channel: str, step: Callable[[], int]
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._store = store
        self._channel = channel
        self._step = step
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.is_set():
            seen = self._store.signals.seen(self._channel)
            try:
                busy = self._step()
            except StoreUnavailable as err:
                _log.error("loop.database", loop=self.name, error=str(err))
                self._stopped.wait(2)
                continue
            except Exception:
                # The loop outlives whatever happens in one round.
                _log.exception("loop.failed", loop=self.name)
                self._stopped.wait(2)
                continue
            if not busy:
                self._store.signals.wait(self._channel, seen, NAP)

    def stop(self) -> None:
        self._stopped.set()
        self._store.signals.ring(self._channel)


class Runtime:
    """Everything of one process: database, adapters and the threads of its roles."""

    def __init__(
        self,
        config: Config,
        roles: frozenset[str] = ALL_ROLES,
        clock: Callable[[], datetime] = utc_now,
        adapters: Mapping[str, Adapter] | None = None,
        path: Path = Path("config.yaml"),
    ) -> None:
        self.config = config
        self.path = path
        self.roles = roles
        self.clock = clock
        self.holder = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.store = Store(config.database.url)
        self.adapters = dict(adapters or build_adapters(config))
        self.channels = build_channels(config)
        self.acceptor = Acceptor(self.store)
        self.rulebook = open_rulebook(config, self.store, clock())
        self.rulebook.follow(self.store)
        self.pipeline = Pipeline(config, self.rulebook, Grouping())
        self.health = Health(self.store, clock)
        own_clock = None if clock is utc_now else clock
        self.budgets = Budgets(self.store, own_clock)
        self.directories = Directories(
            self.store, build_directories(config), self.health, clock, self.budgets
        )
        self.worker = Worker(
            self.store,
            self.adapters,
            self.pipeline,
            config,
            self.holder,
            clock,
            self.health,
            self.budgets,
            self.directories,
        )
        self.senders = [
            Sender(
                self.store,
                adapter,
                config,
                self.holder,
                clock,
                own_clock,
                self.health,
                self.budgets,
            )
            for adapter in (*self.adapters.values(), *self.channels)
        ]
        self.scheduler = Scheduler(
            self.store,
            self.adapters,
            config,
            self.rulebook,
            clock,
            self.health,
            self.budgets,
            self.directories,
        )
        self._loops: list[Loop] = []
        self._beat = threading.Event()
        self._started = False

    def start(self) -> None:
        """Bring the schema up to date and start the threads."""
        self.store.upgrade()
        self.store.listen()
        self._started = True
        if SERVE in self.roles:
            self.acceptor.start()
        if WORK in self.roles:
            self._loops = [
                Loop("worker", self.store, deliveries.WAKE, self._work),
                *(
                    Loop(
                        f"sender-{sender.source}",
                        self.store,
                        outbox_rows.WAKE,
                        sender.run_once,
                    )
                    for sender in self.senders
                ),
            ]
            for loop in self._loops:
                loop.start()
            threading.Thread(
                target=self._heartbeat, name="heartbeat", daemon=True
            ).start()
        if SCHEDULE in self.roles:
            self.scheduler.start()
        _log.info("started", roles=sorted(self.roles), holder=self.holder)

    def stop(self) -> None:
        """Finish what is under way and give everything back. Safe to call twice."""
        if not self._started:
            return
        self._started = False
        self._beat.set()
        if SCHEDULE in self.roles:
            self.scheduler.stop()
        if SERVE in self.roles:
            self.acceptor.stop()
        for loop in self._loops:
            loop.stop()
        for loop in self._loops:
            loop.join(timeout=60)
        self.worker.close()
        for sender in self.senders:
            try:
                sender.close()
            except StoreUnavailable as err:
                _log.warning("stop.database", error=str(err))
        parties = *self.adapters.values(), *self.channels, *self.directories.known
        for party in parties:
            party.close()
        self.store.close()
        _log.info("stopped", holder=self.holder)

    def create_app(self) -> Flask:
        """Build the WSGI application: the webhook door, the sidebar, the dashboard."""
        app = Flask("connector", static_folder=None)
        app.wsgi_app = behind_proxies(  # type: ignore[assignment]
            app.wsgi_app, self.config.server.proxies
        )
        app.register_blueprint(
            webhooks_blueprint(
                self.adapters,
                self.acceptor.hand_in,
                self.config.server.max_body_bytes,
                self.clock,
            )
        )
        app.register_blueprint(
            sidebar_blueprint(self.store, self.config, self.clock, self.adapters)
        )
        app.register_blueprint(
            dashboard_blueprint(
                self.store,
                self.config,
                self.rulebook,
                self.clock,
                self.adapters,
                self.directories.known,
                self.path,
            )
        )
        return app

    def _work(self) -> int:
        began = time.perf_counter()
        taken = self.worker.run_once()
        if taken:
            HANDLED.inc(taken)
            ROUND_SECONDS.observe(time.perf_counter() - began)
        return taken

    def _heartbeat(self) -> None:
        parts = [*(sender.renew for sender in self.senders), self._renew_deliveries]
        while not self._beat.wait(self.config.work.lease.total_seconds() / 3):
            for renew in parts:
                try:
                    renew()
                except StoreUnavailable as err:
                    _log.warning("heartbeat.database", error=str(err))
                except Exception:
                    # Without a heartbeat every lease of this process would run out.
                    _log.exception("heartbeat.failed")

    def _renew_deliveries(self) -> None:
        with self.store.write() as connection:
            deliveries.renew(
                connection, self.holder, self.clock(), self.config.work.lease
            )


def serve(path: Path, config: Config, roles: frozenset[str]) -> None:
    """Run until a signal says stop: a WSGI server with the other roles' threads.

    With granian the server's own process is a child, which reads the configuration
    again from ``path``; the threads live there, beside the requests.
    """
    if config.server.wsgi == "granian":
        _serve_granian(path, config, roles)
    else:
        _serve_waitress(path, config, roles)


def run_threads(config: Config, roles: frozenset[str]) -> None:
    """Run roles that need no server, until a signal says stop."""
    runtime = Runtime(config, roles)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    runtime.start()
    stopped.wait()
    runtime.stop()


def _serve_granian(path: Path, config: Config, roles: frozenset[str]) -> None:
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server as Granian

    os.environ[CONFIG_VARIABLE] = str(path.resolve())
    os.environ[ROLES_VARIABLE] = ",".join(sorted(roles))
    Granian(
        "connector.app:asgi",
        address=config.server.host,
        port=config.server.port,
        interface=Interfaces.ASGI,
        workers=1,
        # Open requests; a stalled one holds its place until the door's time is up.
        backpressure=CONNECTIONS,
        factory=True,
        websockets=False,
        log_level=LogLevels.error,
        # A request under way when the stop comes is answered; then the rest drains.
        workers_kill_timeout=75,
        respawn_failed_workers=True,
    ).serve()


def asgi() -> Door:
    """Build and start everything inside granian's child process."""
    logs.configure(os.environ.get(LOG_VARIABLE, "info"))
    roles = frozenset(os.environ[ROLES_VARIABLE].split(","))
    path = Path(os.environ[CONFIG_VARIABLE])
    runtime = Runtime(load(path), roles, path=path)
    runtime.start()
    # Run when the server has stopped answering and this process is about to end.
    Finalize(runtime, runtime.stop, exitpriority=100)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    server = runtime.config.server
    # What is there by now stays; looking through it again and again for garbage would
    # hold up every open request.
    gc.collect()
    gc.freeze()
    return Door(runtime.create_app().wsgi_app, server.max_body_bytes, server.threads)


def _end_with_parent() -> None:
    """End this process when the one that started it was killed.

    An orphan would keep the port and the leases from its successor.
    """
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def waitress_settings(server: Server) -> dict[str, Any]:
    """Return what waitress is told beside the application."""
    return {
        "host": server.host,
        "port": server.port,
        "threads": server.threads,
        "max_request_body_size": server.max_body_bytes + 1,
        # A body is collected before a thread takes the request, so a sender that stalls
        # costs a connection only. There are enough of them (which select() could not
        # watch), and they are closed after this time without a byte.
        "connection_limit": CONNECTIONS,
        "channel_timeout": 30,
        "cleanup_interval": 10,
        "asyncore_use_poll": True,
        # The dashboard has to see that a request came through a proxy.
        "clear_untrusted_proxy_headers": False,
        "ident": None,
    }


def _serve_waitress(path: Path, config: Config, roles: frozenset[str]) -> None:
    from waitress.server import create_server

    # It warns of each request that waits for a thread, which is everyday life.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    runtime = Runtime(config, roles, path=path)
    runtime.start()
    server = create_server(runtime.create_app(), **waitress_settings(config.server))

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        server.close()
        runtime.stop()
