"""Programs and libraries for Windows that others built: postlink reads them as llvm-readobj and LIEF do, fills
a record that llvm-objcopy adds, and changes nothing else.

files.py POSTLINK RECORD FOLDER prints how many of each kind were right; it fails if one was wrong. RECORD is
a payload of section `lix`.
"""

import collections
import concurrent.futures
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

import lief

lief.logging.disable()
POSTLINK, RECORD, FOLDER = sys.argv[1:4]
ENDINGS = {".dll", ".pyd", ".exe", ".node"}
SET = ["--set", "version=9.9.9", "--set", "prefix=C:/elsewhere"]


def run(*command: object) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, errors="replace")


class Headers:
    """Where the checksum and the entry of the certificate table are (PE Format, "Optional Header")."""

    def __init__(self, data: bytes):
        (start,) = struct.unpack_from("<I", data, 0x3C)
        assert data[start : start + 4] == b"PE\0\0"
        optional = start + 24
        (magic,) = struct.unpack_from("<H", data, optional)
        self.bits = {0x10B: 32, 0x20B: 64}[magic]
        (self.machine,) = struct.unpack_from("<H", data, start + 4)
        self.linker = data[optional + 2]
        self.checksum_at = optional + 64
        (self.checksum,) = struct.unpack_from("<I", data, self.checksum_at)
        self.security_at = optional + (96 if self.bits == 32 else 112) + 4 * 8
        self.security = struct.unpack_from("<II", data, self.security_at)
        self.rich = b"Rich" in data[0x40:start]
        managed = optional + (96 if self.bits == 32 else 112) + 14 * 8
        self.managed = struct.unpack_from("<I", data, managed)[0] != 0

    def maker(self, data: bytes) -> str:
        if self.managed:
            return ".NET"
        if b"\xff Go buildinf:" in data:
            return "Go"
        if b"/rustc/" in data or b"library\\core\\src" in data or b"library/core/src" in data:
            return "rustc, Microsoft's linker" if self.rich else "rustc, another linker"
        if self.rich:
            return "Microsoft's compiler and linker"
        return "GNU's linker" if self.linker == 2 else "LLVM's linker"


def computed(data: bytes, field: int) -> int:
    data = data[:field] + bytes(4) + data[field + 4 :]
    length = len(data)
    data += b"\0" * (length % 2)
    total = sum(memoryview(data).cast("H"))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (total + length) & 0xFFFFFFFF


def with_checksum(data: bytes) -> bytes:
    """The same with a right checksum, where it has one."""
    headers = Headers(data)
    if headers.checksum == 0:
        return data
    right = struct.pack("<I", computed(data, headers.checksum_at))
    return data[: headers.checksum_at] + right + data[headers.checksum_at + 4 :]


def sections_by_llvm(path: pathlib.Path) -> list[tuple[str, int, int]]:
    said = run("llvm-readobj-19", "--sections", path)
    assert said.returncode == 0, said.stderr
    pattern = r"Name: (\S+) \(.*?RawDataSize: (\d+)\s+PointerToRawData: 0x([0-9A-F]+).*?Characteristics \[ \(0x([0-9A-F]+)\)"
    found = re.findall(pattern, said.stdout, re.DOTALL)
    return [(name, int(at, 16), int(size)) for name, size, at, flags in found if not int(flags, 16) & 0x80]


def sections_by_lief(path: pathlib.Path) -> list[tuple[str, int, int]]:
    binary = lief.PE.parse(str(path))
    return [
        (section.fullname.rstrip(b"\0").decode("utf-8", "replace"), section.offset, section.sizeof_raw_data)
        for section in binary.sections
        if not section.characteristics & 0x80
    ]


def differing(one: bytes, other: bytes) -> list[int]:
    """Where bytes of two files differ, by blocks first: most do not."""
    found = []
    for start in range(0, min(len(one), len(other)), 4096):
        if one[start : start + 4096] != other[start : start + 4096]:
            pairs = zip(one[start : start + 4096], other[start : start + 4096])
            found += [start + at for at, (a, b) in enumerate(pairs) if a != b]
    return found


def look(path: pathlib.Path) -> collections.Counter:
    counts: collections.Counter = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        check(path, pathlib.Path(folder), counts)
    return counts


def check(path: pathlib.Path, folder: pathlib.Path, counts: collections.Counter) -> None:
    data = path.read_bytes()
    headers = Headers(data)
    machine = {0x14C: "x86", 0x8664: "x86-64", 0xAA64: "ARM64", 0x1C4: "ARM"}.get(headers.machine, hex(headers.machine))
    counts[f"file: {machine}, {headers.maker(data)}"] += 1
    if headers.security[1]:
        counts["signed by its owner"] += 1
    if headers.checksum:
        right = computed(data, headers.checksum_at) == headers.checksum
        counts["checksum right" if right else "checksum wrong as it came"] += 1
    else:
        counts["no checksum"] += 1

    # Without a record it is told so, and nothing else is wrong with it.
    said = run(POSTLINK, "inspect", path)
    assert said.returncode == 1 and "has no postlink section" in said.stderr, said.stderr
    assert sections_by_lief(path) == sections_by_llvm(path), "LIEF and LLVM differ"

    added = folder / "added"
    made = run("llvm-objcopy-19", f"--add-section=.plink={RECORD}", path, added)
    if made.returncode != 0:
        counts[f"llvm-objcopy refuses it: {made.stderr.strip().rsplit(': ', 1)[-1]}"] += 1
        return
    # What it leaves of a signature points anywhere.
    image = added.read_bytes()
    now = Headers(image)
    image = image[: now.security_at] + bytes(8) + image[now.security_at + 8 :]
    image = with_checksum(image)
    added.write_bytes(image)
    sections = sections_by_llvm(added)
    [(_, start, size)] = [section for section in sections if section[0] == ".plink"]

    filled = folder / "filled"
    said = run(POSTLINK, "fill", added, "--output", filled, *SET)
    assert said.returncode == 0, said.stderr
    assert "checksum" not in said.stderr, said.stderr
    counts["told: hashes in place of times"] += "Brepro" in said.stderr
    counts["told: strong name"] += "strong name" in said.stderr
    result = filled.read_bytes()
    assert len(result) == len(image)
    others = [at for at in differing(image, result) if not start <= at < start + size]
    assert all(now.checksum_at <= at < now.checksum_at + 4 for at in others), "other bytes differ"
    assert result == with_checksum(result), "the checksum is wrong"
    payload = folder / "payload"
    said = run(POSTLINK, "payload", "--image", added, "--section", "lix", *SET, "--output", payload)
    assert said.returncode == 0, said.stderr
    assert payload.read_bytes() == result[start : start + size], "another payload"
    said = run(POSTLINK, "verify", added, filled)
    assert said.returncode == 0, said.stderr
    counts["filled, checked and verified"] += 1
    counts["with its checksum made right"] += now.checksum != 0

    # One byte in each section, and verify tells each by its name and place.
    spoiled = bytearray(image)
    expected = []
    for name, at, length in sections:
        if length and name != ".plink":
            spoiled[at] ^= 0xFF
            expected.append((name, at))
    other = folder / "spoiled"
    other.write_bytes(spoiled)
    said = json.loads(run(POSTLINK, "verify", "--json", added, other).stdout)
    told = [(one["region"], one["offset"]) for one in said["differences"]]
    # Of several sections with one name the first is told.
    first = {}
    for name, at in sorted(expected, key=lambda one: one[1]):
        first.setdefault(name, at)
    assert sorted(told) == sorted(first.items()), f"sections: {told} {sorted(first.items())}"
    counts["sections as LLVM and LIEF read them"] += 1

    # Its owner's certificates, where it had some: they vouch for other bytes, but are where they belong.
    at, length = headers.security
    if length:
        table = data[at : at + length]
        padded = image + bytes(-len(image) % 8)
        entry = struct.pack("<II", len(padded), len(table))
        signed = folder / "signed"
        whole = padded[: now.security_at] + entry + padded[now.security_at + 8 :] + table
        signed.write_bytes(with_checksum(whole))
        before = signed.read_bytes()
        said = run(POSTLINK, "fill", signed, *SET)
        assert said.returncode == 1 and "Authenticode" in said.stderr, said.stderr
        assert "--drop-signature" in said.stderr and signed.read_bytes() == before
        dropped = folder / "dropped"
        said = run(POSTLINK, "fill", "--drop-signature", signed, "--output", dropped, *SET)
        assert said.returncode == 0, said.stderr
        unsigned = result + bytes(len(padded) - len(image))
        assert dropped.read_bytes() == with_checksum(unsigned), "not the unsigned one"
        assert run(POSTLINK, "verify", signed, dropped).returncode == 0
        counts["signed: refused, and filled without the signature"] += 1


def main() -> None:
    files = sorted(path for path in pathlib.Path(FOLDER).rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())
    assert files
    counts: collections.Counter = collections.Counter()
    wrong = []
    with concurrent.futures.ProcessPoolExecutor() as pool:
        for path, future in [(path, pool.submit(look, path)) for path in files]:
            try:
                counts += future.result()
            except Exception as error:
                wrong.append(f"{path}: {error!r}")
    print(f"{len(files)} files, {len(wrong)} wrong")
    for what, count in sorted(counts.items()):
        print(f"{count:6} {what}")
    for line in wrong:
        print("WRONG", line[:600])
    sys.exit(1 if wrong else 0)


main()
