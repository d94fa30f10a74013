#!/usr/bin/env python3
"""An independent reader of the postlink records in an ELF file.

It is written from `runtime/format/src/specification.md` alone and shares no code with the patcher
or the runtimes: it shows that the chapter is enough. References like "§5" mean its sections.

Usage: reader.py IMAGE

Prints one JSON object and exits with 0. If something in the file breaks a rule of the chapter, or
the file has no records, it says so on standard error, prints nothing else and exits with 1.
"""

import hashlib
import json
import re
import struct
import sys
import warnings
import zlib
from graphlib import CycleError, TopologicalSorter
from typing import Any, Dict, Iterator, List, Tuple

MAGIC = b"\x7fpostlnk"
TYPES = "bool u8 u16 u32 u64 i8 i16 i32 i64 string path bytes list<string> list<path> enum".split()
SIZES = {"bool": 1, "enum": 4, **{f"{sign}{8 * n}": n for sign in "ui" for n in (1, 2, 4, 8)}}
REQUIRED, DERIVED, PATTERN, MIN, MAX, CHOICES, SOURCE = 1, 2, 4, 8, 16, 32, 64
STATES = {1: "generated", 3: "filled"}
ORIGINS = ("unset", "default", "derived", "set")
SHT_PROGBITS, SHT_NOBITS, SHF_ALLOC, SHF_COMPRESSED = 1, 8, 2, 0x800
NOT_ZERO = re.compile(rb"[^\0]")
PATH = re.compile(r"/|[A-Za-z]:[/\\]|\\\\")
BRACES = re.compile(r"(\{\{|\}\}|\{[^{}]*\}|[{}])")
# The hash of a path in the store of Nix, which Nix may replace.
STORE_HASH = re.compile(rb"(?<=/)[0-9a-df-np-sv-z]{32}(?=-)")


class Bad(Exception):
    """Something in the file is not as the chapter says."""


def need(condition: bool, message: str) -> None:
    if not condition:
        raise Bad(message)


def unpack(layout: str, data: bytes, offset: int) -> Tuple[Any, ...]:
    need(offset + struct.calcsize(layout) <= len(data), "the file is truncated")
    return struct.unpack_from(layout, data, offset)


def sections(image: bytes) -> Iterator[Tuple[str, int, int]]:
    """Name, offset and size of each section that holds records (§1)."""
    need(image[:4] == b"\x7fELF" and len(image) > 16, "not an ELF file")
    need(image[4] in (1, 2) and image[5] in (1, 2), "unknown ELF class or byte order")
    order, wide = "<>"[image[5] - 1], image[4] == 2
    header = unpack(order + ("HHIQQQI6H" if wide else "HHIIIII6H"), image, 16)
    table, step, count, names_index = header[5], header[10], header[11], header[12]
    layout = order + ("IIQQQQI" if wide else "7I")
    need(table > 0 and step >= (64 if wide else 40), "there are no section headers")
    first = unpack(layout, image, table)
    # Numbers that are too large for the ELF header are in the first section header.
    count, names_index = count or first[5], first[6] if names_index == 0xFFFF else names_index
    need(table + count * step <= len(image), "the section headers are truncated")
    headers = [unpack(layout, image, table + i * step) for i in range(count)]
    need(0 < names_index < count, "there are no section names")
    names_at, names_size = headers[names_index][4:6]
    names = image[names_at:names_at + names_size]
    for name_at, kind, flags, _, offset, size, _ in headers[1:]:
        end = names.find(b"\0", name_at)
        need(end >= 0, "a section name lies outside the section names")
        name = names[name_at:end].decode("utf-8", "backslashreplace")
        magic = image[offset:offset + min(size, 8)] == MAGIC
        if name.startswith("postlink_") or (kind == SHT_PROGBITS and flags & SHF_ALLOC and magic):
            need(kind != SHT_NOBITS, f"section {name} has no bytes in the file")
            need(not flags & SHF_COMPRESSED, f"section {name} is compressed")
            need(offset + size <= len(image), f"section {name} is truncated")
            yield name, offset, size


class Record:
    """The bytes of a record. Those that nothing takes have to be zero."""

    def __init__(self, data: bytes) -> None:
        self.data, self.untaken, self.texts = data, bytearray(data), 0

    def take(self, offset: int, size: int) -> bytes:
        need(offset + size <= len(self.data), "something lies outside the record")
        self.untaken[offset:offset + size] = bytes(size)
        return self.data[offset:offset + size]

    def numbers(self, offset: int, layout: str) -> Tuple[Any, ...]:
        return struct.unpack("<" + layout, self.take(offset, struct.calcsize("<" + layout)))

    def span(self, at: int) -> bytes:
        """The next text: they follow one another in the order in which this is called."""
        offset, size = self.numbers(at, "II")
        need(offset == (self.texts if size else 0), "a text is out of place")
        self.texts += size
        return self.take(offset, size)


class Field:
    """An entry of the field table, and later the value."""

    def __init__(self, record: Record, at: int) -> None:
        self.name = record.span(at).decode()
        code, flags = record.numbers(at + 8, "BB")
        self.need(0 < code <= len(TYPES) and flags < 128, "unknown type or flags")
        self.type, self.flags = TYPES[code - 1], flags
        self.is_list = self.type.startswith("list<")
        is_integer, is_text = self.type[1:].isdigit(), self.is_list or self.type in ("string", "path")
        # What a type does not have or a flag does not announce is not taken, so it has to be zero.
        limit = "q" if self.type[0] == "i" else "Q"
        self.capacity, = record.numbers(at + 12, "I")
        self.max_items, = record.numbers(at + 16, "I") if self.is_list else (None,)
        self.place, = record.numbers(at + 20, "I")
        self.default = None if flags & REQUIRED else record.span(at + 24)
        self.pattern = record.span(at + 32).decode() if flags & PATTERN else None
        self.choices = self.split(record.span(at + 40)) if flags & CHOICES else None
        self.source = self.read_source(record, at + 10) if flags & SOURCE else None
        self.min, = record.numbers(at + 48, limit) if flags & MIN else (None,)
        self.max, = record.numbers(at + 56, limit) if flags & MAX else (None,)
        self.need(self.capacity == SIZES.get(self.type, self.capacity), "not the size of its type")
        allowed = ((is_text and not flags & REQUIRED) * DERIVED | is_text * PATTERN | REQUIRED
                   | is_integer * (MIN | MAX) | SOURCE | (self.type not in ("bool", "bytes")) * CHOICES)
        self.need(flags & ~allowed == 0, "flags that its type cannot have")
        names = self.choices if self.choices and self.type == "enum" else []
        self.need(len({*names}) == len(names), "a name comes twice")
        self.need(bool(self.choices) or (not flags & CHOICES and self.type != "enum"), "no choices")

    def read_source(self, record: Record, at: int) -> str:
        """The text behind the others of the field: it has a length, and no span (§2)."""
        size, = record.numbers(at, "H")
        text = record.take(record.texts, size)
        record.texts += size
        self.need(0 < size <= 255 and all(33 <= byte <= 126 for byte in text), "a wrong source")
        return text.decode()

    def need(self, condition: bool, message: str) -> None:
        need(condition, f"field {self.name}: {message}")

    def split(self, raw: bytes) -> List[str]:
        """The texts in `raw`, each with one NUL behind it."""
        self.need(raw[-1:] in (b"", b"\0"), "no NUL behind the last item")
        return raw.decode().split("\0")[:-1]

    def decode(self, raw: bytes) -> Any:
        """Decodes a value, and checks all that the descriptor demands of it."""
        self.need(len(raw) <= self.capacity, "a value is longer than the capacity")
        if self.type == "bytes":
            return raw.hex()
        if self.type in SIZES:
            self.need(len(raw) == self.capacity, "a value has not the size of its type")
            number = int.from_bytes(raw, "little", signed=self.type[0] == "i")
            if self.type in ("bool", "enum"):
                names = self.choices or [False, True]
                self.need(number < len(names), "a value is out of range")
                return names[number]
            self.need(self.min is None or number >= self.min, "a value is below the minimum")
            self.need(self.max is None or number <= self.max, "a value is above the maximum")
            self.need(self.choices is None or str(number) in self.choices, "a value is not allowed")
            return number
        texts = self.split(raw) if self.is_list else [raw.decode()]
        self.need(not self.is_list or len(texts) <= self.max_items, "a value has too many items")
        for text in texts:
            self.need("\0" not in text, "a value has a NUL in it")
            self.need("path" not in self.type or PATH.match(text) is not None, "a value is no path")
            self.need(self.choices is None or text in self.choices, "a value is not allowed")
            self.need(self.pattern is None or matches(self.pattern, text), "the pattern does not match")
        return texts if self.is_list else texts[0]

    def derivation(self) -> List[str]:
        return self.split(self.default) if self.is_list else [self.default.decode()]

    def references(self) -> List[str]:
        found = [part for text in self.derivation() for part in BRACES.findall(text)]
        self.need("{" not in found and "}" not in found, "a lone brace in the derivation")
        names = [part[1:-1] for part in found if part not in ("{{", "}}")]
        self.need(names != [], "a derivation that refers to no field")
        return names

    def filled(self, values: Dict[str, Any]) -> Tuple[str, bytes]:
        """Origin and bytes if no value is given (§6); `values` are those of all fields."""
        derived = self.flags & DERIVED
        if self.default is None or (derived and None in map(values.get, self.references())):
            return "unset", b""
        if not derived:
            return "default", self.default
        result = bytearray()
        for text in self.derivation():
            for part in BRACES.split(text):
                if part in ("{{", "}}"):
                    part = part[0]
                elif part[:1] == "{":
                    value = values[part[1:-1]]
                    part = str(value).lower() if isinstance(value, bool) else str(value)
                result += part.encode()
                # Checked in the loop: many references to a long value could fill the memory.
                self.need(len(result) <= self.capacity, "it derives more than the capacity")
            result += b"\0" if self.is_list else b""
        return "derived", bytes(result)

    def read_value(self, record: Record, at: int) -> None:
        origin, = record.numbers(at, "B")
        self.need(origin < len(ORIGINS), "unknown origin")
        self.origin, self.raw, self.value = ORIGINS[origin], b"", None
        # An unset value has neither length nor count nor bytes: nothing is taken.
        if self.origin != "unset":
            size, = record.numbers(at + 4, "I")
            self.need(size <= self.capacity, "a value is longer than the capacity")
            self.raw = record.take(self.place, size)
            self.value = self.decode(self.raw)
            if self.is_list:
                self.need(record.numbers(at + 8, "I") == (len(self.value),), "wrong number of items")

    def described(self) -> Dict[str, Any]:
        keys = ("name", "type", "capacity", "max_items", "pattern", "min", "max", "choices", "origin")
        shape = {key: getattr(self, key) for key in keys if getattr(self, key) is not None}
        if self.choices and self.type[1:].isdigit():
            shape["choices"] = list(map(int, self.choices))
        if self.flags & DERIVED:
            shape["derived"] = self.derivation() if self.is_list else self.default.decode()
        elif self.default is not None:
            shape["default"] = self.decode(self.default)
        if self.source is not None:
            shape["from"] = self.source
        return {**shape, "required": self.default is None, "value": self.value}


def matches(pattern: str, text: str) -> bool:
    with warnings.catch_warnings():
        # Python warns of patterns like `[[:alpha:]]`, which it understands in another way.
        warnings.simplefilter("error")
        try:
            # Like the `regex-lite` crate: `\w`, `\d` and `\s` are ASCII, and `\W` matches an umlaut.
            return re.search(pattern, text, re.ASCII) is not None
        except (re.error, OverflowError, RecursionError, Warning):
            return True


def checksum_of(head: bytes, rest: bytes) -> int:
    """CRC-32, in which the hash of a store path counts as zeros (§2)."""
    return zlib.crc32(head + STORE_HASH.sub(bytes(32), rest))


def read_record(data: bytes) -> Dict[str, Any]:
    """Checks and decodes one record, of which `data` are all bytes."""
    record = Record(data)
    record.take(0, 16)
    values_at, values_size, table, count = record.numbers(16, "4I")
    record.texts = table + 64 * count
    need(1 <= count <= 1024, "its number of fields is not allowed")
    need(values_at == 80 and table == 80 + values_size, "its parts are out of place")
    need(record.texts <= len(data), "it is too small for its field table")
    need(checksum_of(data[:40] + bytes(4) + data[44:80], data[table:]) == record.numbers(40, "I")[0],
         "the checksum of the descriptor is wrong")
    name, fingerprint = record.span(32).decode(), record.take(48, 32).hex()
    fields = [Field(record, table + 64 * i) for i in range(count)]
    need(len(data) == (record.texts + 15) // 16 * 16, "its size is not that of its parts")
    check_descriptor(name, fields, table, fingerprint)
    state = read_values(record, fields, table)
    stray = NOT_ZERO.search(record.untaken)
    need(stray is None, f"the byte at {stray and stray.start()} is not zero")
    return {"section": name, "size": len(data), "fingerprint": fingerprint, "state": state,
            "fields": [field.described() for field in fields]}


def check_descriptor(name: str, fields: List[Field], table: int, fingerprint: str) -> None:
    canonical, place = f"postlink 1\nsection {name}\n", 88 + 12 * len(fields)
    by_name = {field.name: field for field in fields}
    need(len(by_name) == len(fields), "two fields have the same name")
    for field in fields:
        place = (place + 7) // 8 * 8
        field.need(field.place == place, "its value is out of place")
        place += field.capacity + (field.type in ("string", "path"))
        names = " " + ",".join(field.choices) if field.type == "enum" else ""
        canonical += f"field {field.name} {field.type} {field.capacity} {field.max_items or 0}{names}\n"
    need(table == (place + 15) // 16 * 16, "the size of the value area is wrong")
    need(hashlib.sha256(canonical.encode()).hexdigest() == fingerprint, "the fingerprint is wrong")
    references = {field.name: field.references() for field in fields if field.flags & DERIVED}
    for follower, others in references.items():
        for other in others:
            usable = other in by_name and not by_name[other].is_list and by_name[other].type != "bytes"
            by_name[follower].need(usable, f"it cannot be derived from {other!r}")
    try:
        TopologicalSorter(references).prepare()
    except CycleError:
        raise Bad("a field is derived from itself") from None


def read_values(record: Record, fields: List[Field], table: int) -> str:
    code, checksum = record.numbers(80, "II")
    need(code in STATES, "it is being written, or its state is unknown")
    need(checksum_of(record.data[80:84], record.data[88:table]) == checksum,
         "the checksum of the values is wrong")
    for i, field in enumerate(fields):
        field.read_value(record, 88 + 12 * i)
    values = {field.name: field.value for field in fields}
    for field in fields:
        impossible = "unset" if STATES[code] == "filled" else "set"
        field.need(field.origin != impossible, f"{impossible} in a record that is {STATES[code]}")
        # To derive from the stored values is enough, as each of them is checked here itself.
        field.need(field.origin == "set" or (field.origin, field.raw) == field.filled(values),
                   "not what a fill gives")
    return STATES[code]


def read_image(path: str) -> Dict[str, Any]:
    with open(path, "rb") as file:
        image = file.read()
    records: List[Dict[str, Any]] = []
    for spelling, start, size in sections(image):
        end = start + size
        found = NOT_ZERO.search(image, start, end)
        while found:
            at = found.start()
            where = f"section {spelling}, record at {at - start}: "
            need(image[at:min(at + 8, end)] == MAGIC and end - at >= 80, where + "no record")
            version, length = unpack("<II", image, at + 8)
            need(version == 1, where + f"unknown version {version}")
            need(80 <= length <= end - at, where + "it ends outside the section")
            try:
                record = read_record(image[at:at + length])
            except Bad as error:
                raise Bad(where + str(error)) from None
            except UnicodeDecodeError:
                raise Bad(where + "a text is not UTF-8") from None
            records.append({"spelling": spelling, "offset": at, **record})
            found = NOT_ZERO.search(image, at + length, end)
    need(records != [], "there are no records")
    return {"images": [{"path": path, "records": records}]}


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: reader.py IMAGE")
    try:
        result = json.dumps(read_image(sys.argv[1]))
    except (Bad, OSError, ValueError, MemoryError) as error:
        sys.exit(f"{sys.argv[1]}: {error or 'too large'}")
    print(result)


if __name__ == "__main__":
    main()
