"""Own words are looked over: each mistake with its place, and words for nothing."""

from __future__ import annotations

import pytest

from connector.errors import ConfigError
from rules.pack import read_packs
from rules.packfile import PackFile
from rules.packlint import lint_words

KNOWN = {
    "en": PackFile.model_validate(
        {
            "language": "en",
            "covers": ["en"],
            "groups": [
                {"name": "broken", "effects": {"complaint": 1}, "words": ["smash*"]},
                {"name": "late", "effects": {"delivery": 1}, "words": ["too late"]},
            ],
            "without": ["brake pump"],
        }
    )
}


def look(*groups: str, head: str = "language: en") -> list[str]:
    text = "\n".join([head, "groups:", *(f"  - {{{group}}}" for group in groups)])
    return [str(one) for one in lint_words([("own/en.yaml", text)], KNOWN)]


def test_nothing_is_said_of_new_words() -> None:
    assert (
        look("name: broken, words: [kaput]", "name: late, words: [no, on time]") == []
    )


@pytest.mark.parametrize(
    ("group", "said"),
    [
        ("name: broken, words: [(a|b]", "3:28: error: '(a|b': ')' is missing"),
        ("name: broken, word: [x]", "3:20: error: word: unknown key; did you mean "
         "'words'?"),
        ("name: new, words: [x], effects: {complaints: 1}", "3:39: error: complaints: "
         "is no effect; did you mean 'complaint'?"),
        ("name: new, words: [x], effects: {complaint: many}", "3:50: error: complaint: "
         "expected a number"),
        ("name: new, words: [x], effects: {complaint: 9}", "3:38: error: "
         "complaint: 9 is more than 5"),
        ("name: brokn, words: [x]", "3:5: error: no group is called 'brokn'; did you "
         "mean 'broken'?"),
        ("name: broken, words: [smashed]", "3:28: warning: broken: 'smashed' is found "
         "by 'smash*' already; take it out"),
        ("name: late, words: [Too  late]", "3:26: warning: late: 'Too  late' is in "
         "this group already"),
        ("name: broken, words: [too late]", "3:28: warning: broken: 'too late' is in "
         "the group 'late' as well, and counts twice"),
        ("name: broken, words: [kaput, kaput]", "3:35: warning: broken: 'kaput' is "
         "in this group already"),
        ("name: broken, words: [brake pump]", "3:28: warning: broken: 'brake pump' "
         "says nothing, because it stands below 'without'"),
        ("name: late, effects: {delivery: -4}", "3:38: warning: delivery: -4 outweighs "
         "nearly everything else; about 1 makes a complaint"),
    ],
)  # fmt: skip
def test_mistake_in_words_is_told_with_its_place(group: str, said: str) -> None:
    (found,) = look(group)
    assert found.startswith(f"own/en.yaml:{said}")


def test_file_that_cannot_be_read_or_has_no_language_is_named() -> None:
    (found,) = look("name: broken", head="language: [")
    assert found.startswith("own/en.yaml:3:3: error: not valid YAML")
    (found,) = look("name: broken", head="language: fr")
    assert found.startswith("own/en.yaml:1:11: error: 'fr' has no pack; known are en")
    (found,) = look("name: broken", head="# nothing")
    assert found.startswith("own/en.yaml:2:1: error: language: missing; add this key")


def test_later_file_is_compared_with_earlier_ones() -> None:
    text = "language: en\ngroups: [{name: broken, words: [kaput]}]\n"
    found = lint_words([("a.yaml", text), ("b.yaml", text)], KNOWN)
    assert [(one.file, one.place.line) for one in found] == [("b.yaml", 2)]


@pytest.mark.parametrize(
    "text",
    [
        "language: \0",
        "[" * 1200 + "]" * 1200,
        "language: en\ngroups: &g [*g]",
        "{[a]: b}",
        "",
        "language: en\nnegators: ['(']",
        "language: en\ngroups: [{name: b, effects: {complaint: .inf}, words: [a]}]",
        'language: en\nwithout: ["\\ud800 a"]',
    ],
)
def test_whatever_stands_in_a_file_of_words_is_a_mistake_and_no_crash(
    text: str,
) -> None:
    base = "language: en\ncovers: [en]\ngroups: []\n"
    with pytest.raises(ConfigError):
        read_packs({"en.yaml": base}, {"own.yaml": text})
    assert [one.gravity for one in lint_words([("own.yaml", text)], KNOWN)]
