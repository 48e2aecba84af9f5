"""XML exchange messages, as systems for dual publication (双公示) write them: one element per record, one per value.

```xml
<?xml version="1.0" encoding="UTF-8"?>
<ROOT>
  <HEAD><BATCH>…</BATCH></HEAD>
  <RECORD><CF_WSH>琼市监罚演〔2026〕0001号</CF_WSH><CF_CFLB>罚款</CF_CFLB>…</RECORD>
</ROOT>
```

Rules
- A value's element is named like a column: its code (XK_…, CF_…), official name or field name; prefixes do not
  count. What the root, the elements between and the record are called is free: the first element named like a
  known column says where the records stand, and all records stand there.
- Text elsewhere refuses the file, unless it is in a message head (a child of the root named HEAD, HEADER,
  MSGHEAD or the like, or 报文头), which is skipped: nothing else of a message is passed over in silence.
  Attributes hold no values; one named like a column refuses the file.
- A document type declaration refuses the file, so there are no entities of its own, inside or outside. Elements
  nest 16 deep at most, and no tag, comment or declaration is longer than 8 MB.
- The encoding declared must be the encoding found: UTF-8, or GBK and its kin.
- Rows are numbered by their record, from 1. An element inside a value, or a value that stands twice, refuses its
  row; XML that is not well formed refuses the file, so a truncated message never lands in part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

from hub.errors import IntakeError
from hub.intake.encoding import detect_encoding
from hub.intake.source import (
    MAX_CELL_CHARACTERS,
    MAX_COLUMNS,
    CellFault,
    Recognise,
    SourceRow,
    changed_meanwhile,
)

MAX_DEPTH = 16
"""Deepest nesting of elements."""
MAX_SILENT_CHARACTERS = 8 << 20
"""Most characters of a tag, comment or declaration."""
_BLOCK = 1 << 16
_LONGEST_NAME = 200
_HEAD = re.compile(r"(?i:(msg|message|batch|data)?_?head(er)?)|报文头|消息头")
_DECLARED = re.compile(r"""\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_FAMILIES = {"utf-8": "utf-8", "utf8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030"}


@dataclass(frozen=True, slots=True)
class XmlFile:
    """A message that was read once to its end and found well formed."""

    path: Path
    encoding: str
    place: tuple[str, ...]
    """Names of the elements from the root to a record."""
    headers: tuple[str, ...]
    row_count: int | None

    def rows(self) -> Iterator[SourceRow]:
        """One row for each record.

        Raises:
            IntakeError: when the file was changed after it was opened.
        """
        rows: list[SourceRow] = []
        records = _Records(self.place, dict.fromkeys(self.headers), rows.append, closed=True)
        for _ in _parse(self.path, self.encoding, records):
            yield from rows
            rows.clear()


def open_xml(path: Path, recognise: Recognise) -> XmlFile:
    """Open an XML message.

    Args:
        path: the file.
        recognise: says whether a text names a known column.

    Raises:
        IntakeError: when encoding or structure is broken, the message declares a document type, or no element is
            named like a known column; nothing has been given then.
    """
    encoding = detect_encoding(path)
    _check_declared(path, encoding)
    search = _Search(recognise)
    for _ in _parse(path, encoding, search):
        if search.place:
            break
    if not search.place:
        raise _no_records()
    headers: dict[str, None] = {}
    count = 0

    def tally(_row: SourceRow) -> None:
        nonlocal count
        count += 1

    for _ in _parse(path, encoding, _Records(search.place, headers, tally, recognise=recognise)):
        pass
    return XmlFile(path, encoding, search.place, tuple(headers), count)


class _Handler:
    """What a pass over a message does with what the parser finds."""

    def __init__(self) -> None:
        self.stack: list[str] = []
        self.head = 0
        """Depth of the message head that is open; 0 for none."""
        self.silent = 0
        """Characters read since the parser last found something."""

    def start(self, name: str, attributes: list[str]) -> None:
        """An element opens; `attributes` are names and values in turn."""
        self.silent = 0
        self.stack.append(_local(name))
        if len(self.stack) > MAX_DEPTH:
            raise IntakeError(
                f"Elements of the message nest deeper than {MAX_DEPTH}.",
                hint="Write one element per record and one per value.",
                message_zh=f"XML 嵌套超过 {MAX_DEPTH} 层。",
            )
        if len(self.stack) == 2 and _HEAD.fullmatch(self.stack[-1]):
            self.head = len(self.stack)
        elif not self.head:
            self.opened(attributes)

    def end(self, _name: str) -> None:
        """An element closes."""
        if not self.head:
            self.closed()
        elif self.head == len(self.stack):
            self.head = 0
        self.stack.pop()

    def text(self, text: str) -> None:
        """Text of the innermost open element."""
        self.silent = 0
        if not self.head:
            self.said(text)

    def other(self, *_: object) -> None:
        """A comment or a processing instruction; neither says anything."""
        self.silent = 0

    def opened(self, attributes: list[str]) -> None:
        """An element outside a head opens."""

    def closed(self) -> None:
        """The innermost element, outside a head, closes."""

    def said(self, text: str) -> None:
        """Text outside a head."""


class _Search(_Handler):
    """Finds where the records stand."""

    def __init__(self, recognise: Recognise) -> None:
        super().__init__()
        self._recognise = recognise
        self.place: tuple[str, ...] = ()

    def opened(self, attributes: list[str]) -> None:
        name = self.stack[-1]
        if not self.place and len(self.stack) > 1 and len(name) <= _LONGEST_NAME and self._recognise(name):
            self.place = tuple(self.stack[:-1])


class _Records(_Handler):
    """Reads the records at their place."""

    def __init__(
        self,
        place: tuple[str, ...],
        headers: dict[str, None],
        give: Callable[[SourceRow], None],
        *,
        recognise: Recognise | None = None,
        closed: bool = False,
    ) -> None:
        """`closed`: no header may come to those given any more; `recognise` is asked about attributes."""
        super().__init__()
        self._place = list(place)
        self._depth = len(place)
        self._headers = headers
        self._positions = {header: n for n, header in enumerate(headers)}
        self._give = give
        self._recognise = recognise
        self._complete = closed
        self._number = 0
        self._inside = False
        """Whether a record is open."""
        self._values: dict[str, str] = {}
        self._faults: dict[str, str] = {}
        self._pieces: list[str] = []
        self._length = 0

    def start(self, name: str, attributes: list[str]) -> None:
        """The common case first: the next value of a record."""
        if (
            self._inside
            and not attributes
            and len(self.stack) == self._depth
            and name in self._positions
            and name not in self._values
        ):
            self.silent = 0
            self.stack.append(name)
            self._pieces, self._length = [], 0
        else:
            super().start(name, attributes)

    def opened(self, attributes: list[str]) -> None:
        depth = len(self.stack)
        if attributes and self._recognise is not None:
            self._check_attributes(attributes[::2])
        if depth == self._depth:
            self._inside = self.stack == self._place
            self._values, self._faults = {}, {}
        elif self._inside and depth == self._depth + 1:
            self._pieces, self._length = [], 0
            name = self.stack[-1]
            if name not in self._headers:
                self._add(name)
            elif name in self._values:
                self._faults[name] = "REPEATED_VALUE"
        elif self._inside and depth > self._depth:
            self._faults[self.stack[self._depth]] = "NESTED_VALUE"

    def said(self, text: str) -> None:
        if self._inside and len(self.stack) > self._depth:
            self._length += len(text)
            if self._length <= MAX_CELL_CHARACTERS:
                self._pieces.append(text)
        elif not text.isspace():
            raise _stray(self.stack[-1])

    def closed(self) -> None:
        if not self._inside:
            return
        if len(self.stack) == self._depth + 1:
            name = self.stack[-1]
            if self._length > MAX_CELL_CHARACTERS:
                self._faults.setdefault(name, "CELL_TOO_LARGE")
            pieces = self._pieces
            text = pieces[0] if len(pieces) == 1 else "".join(pieces)
            self._values[name] = "" if name in self._faults else text.strip()
        elif len(self.stack) == self._depth:
            self._inside = False
            self._record()

    def _record(self) -> None:
        self._number += 1
        values, positions = self._values, self._positions
        faults = tuple(CellFault(positions[name], code) for name, code in self._faults.items())
        self._give(SourceRow(self._number, [values.get(name, "") for name in positions], faults))

    def _add(self, name: str) -> None:
        if self._complete:
            raise changed_meanwhile()
        if len(self._headers) >= MAX_COLUMNS:
            raise IntakeError(
                f"The records of the message have more than {MAX_COLUMNS} different elements.",
                hint="Leave out what the dataset does not have.",
                message_zh=f"报文中不同的元素超过 {MAX_COLUMNS} 个。",
            )
        self._positions[name] = len(self._headers)
        self._headers[name] = None

    def _check_attributes(self, names: list[str]) -> None:
        assert self._recognise is not None
        for name in names:
            if len(name) <= _LONGEST_NAME and self._recognise(_local(name)):
                raise IntakeError(
                    "The message has a value in an attribute.",
                    hint="Write every value as an element of its record.",
                    message_zh="报文把值写在属性中，请把每个值写成记录的子元素。",
                )


def _parse(path: Path, encoding: str, handler: _Handler) -> Iterator[None]:
    """Send a file through the parser, block by block."""
    parser = _parser(handler)
    try:
        with path.open(encoding=encoding, errors="strict", newline="") as file:
            while block := file.read(_BLOCK):
                handler.silent += len(block)
                parser.Parse(block.encode(), False)
                if handler.silent > MAX_SILENT_CHARACTERS:
                    raise _endless()
                yield
        parser.Parse(b"", True)
        yield
    except expat.ExpatError as error:
        raise _malformed(error) from None
    except UnicodeDecodeError:
        raise changed_meanwhile() from None


def _parser(handler: _Handler) -> expat.XMLParserType:
    """A parser that knows of no entity but the five of XML itself."""
    parser = expat.ParserCreate("utf-8")
    parser.ordered_attributes = True
    parser.buffer_text = True
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.text
    parser.CommentHandler = handler.other
    parser.ProcessingInstructionHandler = handler.other
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.EntityDeclHandler = _refuse_doctype
    return parser


def _local(name: str) -> str:
    return name.rpartition(":")[2] if ":" in name else name


def _check_declared(path: Path, encoding: str) -> None:
    """Hold the encoding that the message declares against the one it has."""
    with path.open(encoding=encoding, errors="replace") as file:
        declared = _DECLARED.match(file.read(1000))
    if declared is None:
        return
    family = _FAMILIES.get(declared[1].lower())
    if family is None or (family != encoding.removesuffix("-sig") and not _ascii(path)):
        raise IntakeError(
            "The encoding that the message declares is not the one it is in, or is not accepted.",
            hint="Write the message in UTF-8 and declare UTF-8.",
            message_zh="报文声明的编码与实际编码不一致或不受支持，请使用 UTF-8。",
        )


def _ascii(path: Path) -> bool:
    with path.open("rb") as file:
        return all(block.isascii() for block in iter(lambda: file.read(1 << 20), b""))


def _refuse_doctype(*_: object) -> None:
    raise IntakeError(
        "The message declares a document type or an entity; that is not accepted.",
        hint="Leave the DOCTYPE out and write the values themselves; nothing was taken in.",
        message_zh="报文含有 DOCTYPE 或实体声明，不予接收，文件未入库。",
    )


def _stray(name: str) -> IntakeError:
    short = name if len(name) <= 40 else name[:40] + "…"
    return IntakeError(
        f"The element “{short}” holds text but is no value of a record.",
        hint="Keep one kind of record in a message, one element per value, and message data in a HEAD element.",
        message_zh=f"元素“{short}”含有文本，但不属于任何记录；一份报文只能含一类记录。",
    )


def _malformed(error: expat.ExpatError) -> IntakeError:
    return IntakeError(
        f"The message is not well-formed XML at line {error.lineno}; it may be truncated.",
        hint="Export or transfer the message again; nothing was taken in.",
        message_zh=f"报文第 {error.lineno} 行不是格式正确的 XML，可能被截断，文件未入库。",
    )


def _endless() -> IntakeError:
    return IntakeError(
        f"A tag or comment of the message is longer than {MAX_SILENT_CHARACTERS >> 20} MB.",
        hint="Check how the message was made.",
        message_zh="报文中的标签或注释超长。",
    )


def _no_records() -> IntakeError:
    return IntakeError(
        "No element of the message is named like a column of this dataset.",
        hint="Name the elements by column code, such as CF_WSH, and check the dataset.",
        message_zh="报文中没有以该数据集列代码命名的元素。",
    )
