"""How well the customer's words are found in mails, beside libraries that do it.

The mails are those of the tests, in the shapes of the common programs in all languages,
and one thread of 900 kB. Run it with ``python -m bench.mails`` from the repository.
"""

from __future__ import annotations

import importlib
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rules.words import customer_words, html_to_text

ROOT = Path(__file__).resolve().parent.parent
QUOTES, THREAD_CHARS = 60, 900_000

Way = Callable[[str, bool], str]


def product(body: str, is_html: bool) -> str:
    return customer_words(body, is_html, "Re: 1").text


def mail_parser_reply() -> Way:
    languages = ["en", "no", "fi", "sv", "da", "de"]
    parser = importlib.import_module("mailparser_reply").EmailReplyParser
    known = parser(languages=languages)

    def way(body: str, is_html: bool) -> str:
        return str(known.parse_reply(html_to_text(body) if is_html else body) or "")

    return way


def email_reply_parser() -> Way:
    parser = importlib.import_module("email_reply_parser").EmailReplyParser

    def way(body: str, is_html: bool) -> str:
        return str(parser.parse_reply(html_to_text(body) if is_html else body))

    return way


def ways() -> dict[str, Way]:
    found: dict[str, Way] = {"product": product}
    for name, make in (
        ("mail-parser-reply", mail_parser_reply),
        ("email-reply-parser", email_reply_parser),
    ):
        try:
            found[name] = make()
        except ImportError:
            print(f"{name} is left out: pip install {name}")
    return found


def said(text: str) -> str:
    """Leave out how lines are broken, which markup does not keep."""
    return " ".join(text.split())


def thread(says: dict[str, Any]) -> str:
    """Make a thread in which everybody quoted all that came before."""
    block = (says["old"] + "\n") * (THREAD_CHARS // QUOTES // len(says["old"]) + 1)
    quotes = [
        f"{'> ' * depth}{says['gmail']}\n{'> ' * depth}{block}"
        for depth in range(QUOTES)
    ]
    return says["own"] + "\n\n" + "\n".join(quotes)


def main() -> int:
    sys.path.insert(0, str(ROOT / "tests"))
    mails = importlib.import_module("test_rules_mails")
    cases = [case.values for case in mails.WRITTEN]
    body = thread(mails.SAYS["en"])
    print(
        f"{'':20} {'right of':>9} {len(cases)} {'ms a mail':>12} {'thread, s':>10} MB"
    )
    for name, way in ways().items():
        started = time.process_time()
        right = sum(
            said(way(text, is_html)) == said(mails.SAYS[lang]["own"])
            for lang, text, is_html in cases
        )
        each = (time.process_time() - started) / len(cases) * 1000
        started = time.process_time()
        way(body, False)
        long = time.process_time() - started
        tracemalloc.start()
        way(body, False)
        most = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        print(f"{name:20} {right:>13} {each:>12.2f} {long:>10.2f} {most:.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
