"""Tells what a PE file is: the headers as this file reads them, by Microsoft's "PE Format" and with nothing
but Python's own library, and the sections as LIEF reads them. It shares no code with postlink.

check.py FILE prints one JSON object.
"""

import json
import struct
import sys

import lief

lief.logging.disable()


def computed(data: bytes, field: int) -> int:
    """The checksum: words of 16 bits added up with each carry, and the length."""
    data = data[:field] + bytes(4) + data[field + 4 :]
    length = len(data)
    if length % 2:
        data += b"\0"
    words = memoryview(data).cast("H") if sys.byteorder == "little" else struct.unpack(f"<{len(data) // 2}H", data)
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (total + length) & 0xFFFFFFFF


def main() -> None:
    data = open(sys.argv[1], "rb").read()
    (start,) = struct.unpack_from("<I", data, 0x3C)
    assert data[:2] == b"MZ" and data[start : start + 4] == b"PE\0\0"
    optional = start + 24
    (magic,) = struct.unpack_from("<H", data, optional)
    (checksum,) = struct.unpack_from("<I", data, optional + 64)
    directories = optional + {0x10B: 96, 0x20B: 112}[magic]
    (count,) = struct.unpack_from("<I", data, directories - 4)
    security = struct.unpack_from("<II", data, directories + 4 * 8) if count > 4 else (0, 0)
    binary = lief.PE.parse(data)
    assert binary is not None
    sections = [
        {
            "name": section.name,
            "offset": section.offset,
            "size": section.size,
            "virtual_size": section.virtual_size,
        }
        for section in binary.sections
    ]
    print(
        json.dumps(
            {
                "checksum": checksum,
                "computed": computed(data, optional + 64),
                "security": security,
                "signatures": len(list(binary.signatures)),
                "sections": sections,
                "repro": any(entry.type == lief.PE.Debug.TYPES.REPRO for entry in binary.debug),
                "bits": 64 if magic == 0x20B else 32,
            }
        )
    )


main()
