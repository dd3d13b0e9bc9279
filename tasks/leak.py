"""What one member's pack may never say: the ids, names and LEIs of any other party.

Ids are as short as `007`, so they are looked for as whole words, and never inside a number, a date or a time. An id
that the house says to everybody anyway (a numeral such as `100`, an asset such as `BTC`) cannot be told from that
word: it counts only where a party is named, in the identity columns, keys and marks of the files.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from tasks.model.errors import Finding
from tasks.pack import FILE_NAME, MANIFEST

IDENTITY = ("clearing_member_id", "margin_account_id", "client_id", "legal_name", "lei")
_CLIENT_BLOCKS = ("positions", "requirement", "risk")
_SEPARATORS = bytes(byte if byte >= 0x80 or chr(byte).isalnum() else 0x20 for byte in range(256))
_JSON_ESCAPE = re.compile(rb"\\(?:[bfnrt]|u[0-9a-f]{4})")
_HTML_ESCAPES = (b"&amp;", b"&lt;", b"&gt;", b"&#34;", b"&#39;")
_NUMERAL = re.compile(rb"0|[1-9][0-9]*")
_TIME = rb"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]+(?:Z|[+-][0-9]{2}:[0-9]{2})?)?"
_DECIMAL = rb"[0-9]+\.[0-9]+"
_GROUPED = rb"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?"
_FIGURES = {
    False: re.compile(rb"(?<![A-Za-z0-9.])(?:" + _TIME + rb"|" + _DECIMAL + rb")(?![A-Za-z0-9])"),
    True: re.compile(rb"(?<![A-Za-z0-9.,])(?:" + _TIME + rb"|" + _GROUPED + rb"|" + _DECIMAL + rb")(?![A-Za-z0-9])"),
}
_JSON_IDENTITY = re.compile(rb'"(?:' + "|".join(IDENTITY).encode() + rb')": "((?:[^"\\]|\\.)*)"')
_PAGE_IDENTITY = re.compile(rb'<span class="id">([^<]*)</span>')


def words(content: bytes) -> list[bytes]:
    """Words of a text: runs of letters and digits, escapes of JSON and HTML resolved to separators.

    The style sheet of a page is the house's own text and the same for everybody: it is not read.
    """
    return _spaced(content).split()


def _spaced(content: bytes) -> bytes:
    """The text with a blank in the place of every byte that is in no word."""
    if content.startswith(b"<!DOCTYPE"):
        head, _, rest = content.partition(b"<style>")
        content = head + rest.partition(b"</style>")[2]
    if b"\\" in content:
        content = _JSON_ESCAPE.sub(b" ", content)
    if b"&" in content:
        for escape in _HTML_ESCAPES:
            content = content.replace(escape, b" ")
    return content.translate(_SEPARATORS)


@dataclass
class Guard:
    """Who may be named to whom. Built from (member, name, kind) rows with kind id or name."""

    parties: Sequence[tuple[str, str, str]]
    said_to_all: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._own: dict[str, set[bytes]] = {}
        self._phrases: dict[str, set[bytes]] = {}
        self._ids: set[bytes] = set()
        for member, name, kind in self.parties:
            if kind == "id":
                self._own.setdefault(member, set()).add(name.encode())
                self._ids.add(name.encode())
            elif words(name.encode()):
                self._phrases.setdefault(member, set()).add(b" ".join(words(name.encode())))
        phrases = {phrase for each in self._phrases.values() for phrase in each}
        self._by_rarest = _by_rarest(phrases)
        self._reach = max((len(phrase.split()) for phrase in phrases), default=0)
        self._sought = [f" {word.decode()} " for word in sorted(self._ids | self._by_rarest.keys())]

    def scan(self, packs: Mapping[str, Mapping[str, bytes]]) -> list[Finding]:
        """Every leak in the files of some members (member empty: files for everybody); nothing where they are clean.

        One search for all ids and rarest words of names at once goes over all the files: give it many.
        """
        files = [(member, path, content) for member, pack in packs.items() for path, content in pack.items()]
        texts = [b" " + _spaced(content) + b" " for _, _, content in files]
        held = pl.Series(texts, dtype=pl.Binary).cast(pl.String)
        found = held.str.extract_many(self._sought, overlapping=True).list.unique()
        return [
            leak
            for (member, path, content), text, sought in zip(files, texts, found.to_list(), strict=True)
            for leak in self._leaks(member, path, content, text, {word.strip().encode() for word in sought})
        ]

    def _leaks(self, member: str, path: str, content: bytes, text: bytes, sought: set[bytes]) -> Iterator[Finding]:
        own, own_phrases = self._own.get(member, set()), self._phrases.get(member, set())
        hits = (sought & self._ids) - own
        named = {phrase for word in sought & self._by_rarest.keys() for phrase in self._named(text, word)} - own_phrases
        if hits or named:
            leaked = self._confirmed(path, content, hits, named, own_phrases)
            yield from (_leak(path, leak) for leak in sorted(leaked))
        yield from self._misnamed(member, path, own)

    def _named(self, text: bytes, rarest: bytes) -> Iterator[bytes]:
        """Names that stand around one of the places of their rarest word."""
        at = text.find(b" " + rarest + b" ")
        while at >= 0:
            before, after = text[:at].rsplit(None, self._reach)[-self._reach :], text[at:].split(None, self._reach)
            around = b" " + b" ".join(before + after[: self._reach]) + b" "
            yield from (phrase for phrase in self._by_rarest[rarest] if b" " + phrase + b" " in around)
            at = text.find(b" " + rarest + b" ", at + 1)

    def _confirmed(
        self, path: str, content: bytes, hits: set[bytes], named: set[bytes], own_phrases: set[bytes]
    ) -> set[bytes]:
        common = {name for name in hits | named if _NUMERAL.fullmatch(name) or self._is_said_to_all(name)}
        leaked = set()
        if named - common:
            leaked |= _named_in(b" " + b" ".join(words(content)) + b" ", named - common, own_phrases)
        if hits - common:
            read = words(_without_figures(path, _lines_with(hits - common, content)))
            leaked |= (hits - common) & set(_without(own_phrases, read).split())
        if common:
            leaked |= common & set(_identities(path, content))
        return leaked

    def _is_said_to_all(self, name: bytes) -> bool:
        return all(word in self.said_to_all for word in name.split())

    def _misnamed(self, member: str, path: str, own: set[bytes]) -> Iterator[Finding]:
        named = FILE_NAME.fullmatch(path.rpartition("/")[2])
        if member and named:
            account = named["account"].encode()
            if named["party"] != member or (account != b"ALL" and account not in own):
                yield _leak(path, account)


def _by_rarest(phrases: set[bytes]) -> dict[bytes, list[bytes]]:
    """Names by their least common word, so that a pack is searched only for names it could hold."""
    counts = Counter(word for phrase in phrases for word in phrase.split())
    found: dict[bytes, list[bytes]] = {}
    for phrase in sorted(phrases):
        found.setdefault(min(phrase.split(), key=lambda word: (counts[word], word)), []).append(phrase)
    return found


def _named_in(text: bytes, names: set[bytes], own: set[bytes]) -> set[bytes]:
    """Names that a text holds, longest first: `Alpha` is not in `Alpha Sons` where that is a name itself."""
    found = set()
    for name in sorted(names | own, key=lambda name: (-len(name), name)):
        if b" " + name + b" " in text:
            found.add(name)
            text = text.replace(b" " + name + b" ", b" ; ")
    return found - own


def _without(phrases: set[bytes], listed: list[bytes]) -> bytes:
    text = b" " + b" ".join(listed) + b" "
    for phrase in sorted(phrases, key=len, reverse=True):
        text = text.replace(b" " + phrase + b" ", b" ")
    return text


def _lines_with(names: set[bytes], content: bytes) -> bytes:
    """Lines of a file that hold one of the names, be it inside a number."""
    return b"\n".join(line for line in content.split(b"\n") if any(name in line for name in names))


def _without_figures(path: str, content: bytes) -> bytes:
    page = path.endswith(".html")
    return _FIGURES[page].sub(b" ", content if page else content.replace(b",", b" "))


def _identities(path: str, content: bytes) -> Iterator[bytes]:
    """Texts of a file that stand where a party is named, as words."""
    if path.endswith(".csv"):
        values: Iterable[bytes] = _csv_identities(content)
    elif path.endswith(".html"):
        values = _PAGE_IDENTITY.findall(content)
    else:
        values = _named_in_json(path, content) if path.endswith(MANIFEST) else _JSON_IDENTITY.findall(content)
    for value in values:
        yield b" ".join(words(value))


def _named_in_json(path: str, content: bytes) -> Iterator[bytes]:
    for entry in json.loads(content)["files"]:
        named = FILE_NAME.fullmatch(entry["path"])
        yield from (named["party"].encode(), named["account"].encode()) if named else ()


def _csv_identities(content: bytes) -> Iterator[bytes]:
    rows = csv.reader(content.decode().splitlines()[1:-1])
    columns = next(rows)
    if columns[0] == "block":
        for block, key, _, name, value in rows:
            yield from (key.encode(),) if block in _CLIENT_BLOCKS else ()
            yield from (value.encode(),) if name in IDENTITY else ()
        return
    positions = [index for index, name in enumerate(columns) if name in IDENTITY]
    for row in rows:
        yield from (row[index].encode() for index in positions)


def _leak(path: str, leak: bytes) -> Finding:
    return Finding(
        "LEAK",
        "a pack names another party",
        where=path,
        value=leak.decode(errors="replace"),
        action="nothing was published; find the rows that carry it and correct them",
    )
