#!/usr/bin/env python3
"""Checks the signatures of Mach-O files, without any code of postlink.

Written from Apple's published structures: <mach-o/loader.h>, <mach-o/fat.h>, <kern/cs_blobs.h>.
Of each file, and each processor of a universal one, it prints a line of JSON. It ends with 1 if a hash
is not that of the bytes, and with 2 if a file cannot be read.

    macho_signatures.py FILE…
"""

import hashlib
import json
import struct
import sys

FAT = {0xCAFEBABE: (">IIIII", 20), 0xCAFEBABF: (">IIQQII", 32)}
THIN = {
    b"\xcf\xfa\xed\xfe": ("<", 32),
    b"\xce\xfa\xed\xfe": ("<", 28),
    b"\xfe\xed\xfa\xcf": (">", 32),
    b"\xfe\xed\xfa\xce": (">", 28),
}
LC_UUID, LC_CODE_SIGNATURE = 0x1B, 0x1D
SUPERBLOB, DIRECTORY, WRAPPER = 0xFADE0CC0, 0xFADE0C02, 0xFADE0B01
HASHES = {1: ("sha1", 20), 2: ("sha256", 32), 3: ("sha256", 20), 4: ("sha384", 48)}
# The slots of a superblob of which a code directory has hashes by the same numbers.
SEALED = {2, 4, 5, 7, 8, 9, 10, 11}


def slices(data):
    """The processor's numbers and the bytes of each part."""
    magic = struct.unpack_from(">I", data)[0]
    if magic not in FAT:
        yield None, data
        return
    form, size = FAT[magic]
    for number in range(struct.unpack_from(">I", data, 4)[0]):
        cpu, subtype, offset, length = struct.unpack_from(form, data, 8 + number * size)[:4]
        yield f"{cpu:#x}.{subtype & 0xFFFFFF}", data[offset : offset + length]


def commands(data):
    """Each load command, with its kind."""
    order, at = THIN[data[:4]]
    count = struct.unpack_from(order + "I", data, 16)[0]
    for _ in range(count):
        kind, size = struct.unpack_from(order + "II", data, at)
        assert size >= 8, "a load command without a size"
        yield order, kind, data[at : at + size]
        at += size


def check_directory(image, signature, directory, blobs):
    """A description of a code directory, with the numbers of pages and slots that are wrong."""
    fields = struct.unpack_from(">IIIIIIIIIBBBBI", directory)
    _, length, version, flags, hashes, identifier, specials, pages, limit = fields[:9]
    size, kind, _, power = fields[9:13]
    assert length == len(directory)
    if version >= 0x20100:
        assert struct.unpack_from(">I", directory, 44)[0] == 0, "scattered"
    team = struct.unpack_from(">I", directory, 48)[0] if version >= 0x20200 else 0
    if version >= 0x20300:
        limit = struct.unpack_from(">Q", directory, 56)[0] or limit
    name, digest = HASHES[kind]
    assert size == digest, "the size of hashes"

    def of(part):
        return hashlib.new(name, part).digest()[:size]

    def slot(number):
        return directory[hashes + number * size : hashes + (number + 1) * size]

    page = 1 << power if power else limit
    assert pages == -(-limit // page), "the number of pages"
    wrong = [
        number
        for number in range(pages)
        if slot(number) != of(image[number * page : min((number + 1) * page, limit)])
    ]
    empty = bytes(size)
    for number in range(1, specials + 1):
        if number in SEALED:
            part = blobs.get(number)
            if slot(-number) != (of(part) if part else empty):
                wrong.append(-number)

    def text(at):
        return directory[at : directory.index(0, at)].decode()

    return {
        "hash": name + ("" if size == hashlib.new(name).digest_size else "-truncated"),
        "page": page,
        "pages": pages,
        "flags": f"{flags:#x}",
        "identifier": text(identifier),
        "team": text(team) if team else None,
        "covers": limit == signature,
        "wrong": wrong,
    }


def check(data):
    """What is known of a thin image."""
    found = {"uuid": None, "signature": None, "directories": []}
    for order, kind, command in commands(data):
        if kind == LC_UUID:
            found["uuid"] = command[8:24].hex()
        if kind != LC_CODE_SIGNATURE:
            continue
        start, size = struct.unpack_from(order + "II", command, 8)
        blob = data[start : start + size]
        magic, length, count = struct.unpack_from(">III", blob)
        assert magic == SUPERBLOB and length <= size, "no superblob"
        assert start + size == len(data), "not the last thing in the file"
        blobs, found["signature"] = {}, "ad-hoc"
        for number in range(count):
            slot, at = struct.unpack_from(">II", blob, 12 + number * 8)
            blobs[slot] = blob[at : at + struct.unpack_from(">I", blob, at + 4)[0]]
        cms = blobs.get(0x10000, b"")
        if cms:
            assert cms[:4] == WRAPPER.to_bytes(4, "big")
        if len(cms) > 8:
            found["signature"] = "certificate"
        for slot, part in blobs.items():
            if slot == 0 or 0x1000 <= slot < 0x1005:
                assert struct.unpack_from(">I", part)[0] == DIRECTORY
                found["directories"].append(check_directory(data, start, part, blobs))
    return found


def main(paths):
    code = 0
    for path in paths:
        with open(path, "rb") as file:
            data = file.read()
        for processor, part in slices(data):
            try:
                found = check(part)
            except (AssertionError, KeyError, IndexError, ValueError, struct.error) as error:
                print(json.dumps({"file": path, "error": repr(error)}))
                code = 2
                continue
            if any(one["wrong"] for one in found["directories"]):
                code = max(code, 1)
            print(json.dumps({"file": path, "processor": processor, **found}))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
