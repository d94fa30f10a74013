#!/usr/bin/env python3
"""Makes a small Mach-O library of arm64 with a record, and with a signature of any kind.

Written from <mach-o/loader.h> and <kern/cs_blobs.h>, without any code of postlink.

    macho_mint.py RECORD OUT [JSON]

The JSON object may have:
    directories   a list of objects with `hash` (1 to 4), `power` (of a page, 0 for one page) and `flags`,
                  `team`, `scatter`, `before_encryption`; none for a file without a signature
    cms           bytes of the certificate's signature
    requirements  bytes of requirements beside their header
    stale         a page whose hash is wrong
    encrypted     1: the text is
    behind        bytes behind the signature
    limit         how many bytes before the signature are not signed
    rpaths        a list
    environment   a list of texts, each in an LC_DYLD_ENVIRONMENT
    info          1: the record is in the section of an Info.plist, which the signature has a hash of
    pad           bytes between the load commands and the record
"""

import hashlib
import json
import struct
import sys

HASHES = {1: ("sha1", 20), 2: ("sha256", 32), 3: ("sha256", 20), 4: ("sha384", 48)}


def blob(magic, content):
    return struct.pack(">II", magic, 8 + len(content)) + content


def string_command(kind, head, text):
    size = -(-(len(head) + 12 + len(text) + 1) // 8) * 8
    command = struct.pack("<III", kind, size, 12 + len(head)) + head + text.encode()
    return command.ljust(size, b"\0")


def directory(image, how, sealed, stale):
    """A code directory, with hashes of these blobs in special slots."""
    name, size = HASHES[how["hash"]]
    power, identifier = how.get("power", 14), b"org.example.minted\0"
    team = how.get("team", "").encode() + b"\0" if how.get("team") else b""
    page = 1 << power if power else max(len(image), 1)
    pages = -(-len(image) // page)
    specials = max(sealed, default=0)
    head = 96
    hashes = head + len(identifier) + len(team) + specials * size
    length = hashes + pages * size
    fixed = struct.pack(
        ">IIIIIIIIIBBBBIIIIQQQQII",
        0xFADE0C02, length, 0x20500, how.get("flags", 2), hashes, head, specials, pages, len(image),
        size, how["hash"], 0, power, 0,
        how.get("scatter", 0), head + len(identifier) if team else 0, 0, 0,
        0, 0x4000, 0, 0x0D0000, how.get("before_encryption", 0),
    )  # fmt: skip
    assert len(fixed) == head

    def of(part):
        return hashlib.new(name, part).digest()[:size]

    slots = b"".join(of(sealed[n]) if n in sealed else bytes(size) for n in range(specials, 0, -1))
    for number in range(pages):
        value = of(image[number * page : (number + 1) * page])
        slots += bytes(size) if number == stale else value
    return fixed + identifier + team + slots


def signature(image, options, record):
    blobs = {}
    if options.get("requirements"):
        blobs[2] = blob(0xFADE0C01, struct.pack(">I", 1) + bytes(options["requirements"] - 4))
    if options.get("entitlements"):
        blobs[5] = blob(0xFADE7171, options["entitlements"].encode())
    sealed = dict(blobs)
    if options.get("info"):
        sealed[1] = record
    for number, how in enumerate(options["directories"]):
        slot = 0 if number == 0 else 0x1000 + number - 1
        blobs[slot] = directory(image, how, sealed, options.get("stale"))
    if "cms" in options:
        blobs[0x10000] = blob(0xFADE0B01, b"\x30" * options["cms"])
    index, content = b"", b""
    start = 12 + 8 * len(blobs)
    for slot in sorted(blobs):
        index += struct.pack(">II", slot, start + len(content))
        content += blobs[slot]
    return struct.pack(">III", 0xFADE0CC0, start + len(content), len(blobs)) + index + content


def mint(record, options):
    at, linkedit = 0x1000 + options.get("pad", 0), 0x8000

    def commands(signature_size):
        signature_at = linkedit + 64
        end = signature_at + signature_size
        name = lambda text: text.encode().ljust(16, b"\0")
        found = [
            struct.pack("<II16sQQQQIIII", 0x19, 152, name("__TEXT"), 0, linkedit, 0, linkedit, 5, 5, 1, 0)
            + struct.pack("<16s16sQQIIIIIIII", name("__info_plist" if options.get("info") else "__postlink"), name("__TEXT"), at, len(record), at, 4, 0, 0, 0, 0, 0, 0),
            struct.pack("<II16sQQQQIIII", 0x19, 72, name("__LINKEDIT"), linkedit, 0x4000, linkedit, end - linkedit, 1, 1, 0, 0),
            string_command(0xD, struct.pack("<III", 1, 0x10000, 0x10000), "/opt/old/lib/libminted.dylib"),
            string_command(0xC, struct.pack("<III", 1, 0x10000, 0x10000), "/usr/lib/libSystem.B.dylib"),
        ]  # fmt: skip
        found += [string_command(0x8000001C, b"", path) for path in options.get("rpaths", [])]
        found += [string_command(0x27, b"", text) for text in options.get("environment", [])]
        found.append(struct.pack("<II", 0x1B, 24) + bytes(range(16)))
        if options.get("encrypted"):
            found.append(struct.pack("<IIIIII", 0x2C, 24, 0x1000, 0x1000, 1, 0))
        if options.get("directories"):
            found.append(struct.pack("<IIII", 0x1D, 16, signature_at, signature_size))
        return found

    def image(signature_size):
        found = commands(signature_size)
        data = struct.pack("<IIIIIIII", 0xFEEDFACF, 0x0100000C, 0, 6, len(found), sum(map(len, found)), 0x85, 0)
        data += b"".join(found)
        assert len(data) <= at
        data = data.ljust(at, b"\0") + record
        return (data.ljust(linkedit, b"\xab") + bytes(64))[: linkedit + 64]

    if not options.get("directories"):
        return image(0)
    size = len(signature(image(0), options, record)) + 16
    data = image(size)
    signed = data[: len(data) - options.get("limit", 0)]
    return data + signature(signed, options, record).ljust(size, b"\0") + bytes(options.get("behind", 0))


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file:
        content = file.read()
    given = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
    with open(sys.argv[2], "wb") as file:
        file.write(mint(content, given))
