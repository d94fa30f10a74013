"""What LLVM's tools read from the headers of a program, library, object file or archive.

tests/differential-reading compares it with what postlink reads, which is not given away here: offsets are
in bytes from the start of the file, and the names of sections begin with those of the processor and the
member that they are in.
"""

import collections
import json
import re
import subprocess
import tempfile

VERSION = "19"
# Processors as lipo calls them.
POWERPC = {("18", "0"): "ppc", ("18", "10"): "ppc7400", ("18", "100"): "ppc970", ("16777234", "0"): "ppc64"}
# A name, where its bytes begin, how many they are; "code" or "data", where it is one of these.
Section = collections.namedtuple("Section", "name offset size purpose")


class Tables:
    """What is in one file: its images are the file itself, the members of an archive, the slices of a universal file."""

    def __init__(self):
        self.members, self.sections, self.strings, self.libraries, self.warnings = [], [], [], [], []


def run(tool, *words):
    # What hangs is a failure too.
    done = subprocess.run([f"{tool}-{VERSION}", *words], capture_output=True, timeout=100, check=False)
    return done.stdout.decode("utf-8", "backslashreplace"), done.stderr.decode("utf-8", "replace")


def read(path):
    """The tables of a file."""
    tables = Tables()
    with open(path, "rb") as file:
        start = file.read(8)
    if start == b"!<arch>\n":
        tables.members = members(path, tables)
        starts = collections.defaultdict(list)
        for name, offset, _ in tables.members:
            starts[name].append(offset)
    elif start[:4] in (b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf"):
        for one in slices(path):
            if len(one) == 3:
                add_slice(tables, path, *one)
        return tables
    else:
        starts = None
    if start[:4] == b"\x7fELF" or (starts and is_elf(path, tables.members)):
        read_elf(path, starts, tables)
    else:
        read_text(path, starts, tables)
    return tables


def is_elf(path, found):
    with open(path, "rb") as file:
        for _, offset, _ in found:
            file.seek(offset)
            if file.read(4) == b"\x7fELF":
                return True
    return False


def members(path, tables):
    """The members of an archive, in its order: name, offset, size."""
    out, error = run("llvm-ar", "tvO", path)
    if error:
        # GNU's is less strict about what nobody reads: dates, owners.
        out = subprocess.run(["ar", "tvO", path], capture_output=True, check=False).stdout.decode("utf-8", "replace")
    found = []
    for line in out.splitlines():
        # Rights, owner, size, date of four words, name, offset.
        known = re.fullmatch(r"\S+ +\S+ +(\d+) +\S+ +\S+ +\S+ +\S+ (.*) (0x[0-9a-f]+)", line)
        if known:
            found.append((known[2], int(known[3], 16), int(known[1])))
    return found


def slices(path):
    """The part for each processor: name, offset, size."""
    out, _ = run("llvm-objdump", "--macho", "--universal-headers", path)
    found = []
    for line in out.splitlines():
        words = line.split()
        if words[:1] == ["architecture"]:
            found.append(words[1:2])
        elif words[:1] == ["cputype"] and not found[-1]:
            # LLVM knows no name of it.
            processor = words[1].strip("()")
        elif words[:1] == ["cpusubtype"] and not found[-1]:
            model = words[1].strip("()")
            unknown = f"processor {processor}, model {model}"
            found[-1] = [POWERPC.get((processor, model), unknown)]
        elif words[:1] in (["offset"], ["size"]) and words[1].isdigit():
            found[-1].append(int(words[1]))
    return found


def add_slice(tables, path, name, offset, size):
    with tempfile.NamedTemporaryFile() as part, open(path, "rb") as file:
        file.seek(offset)
        part.write(file.read(size))
        part.flush()
        found = read(part.name)
    moved = [one._replace(name=f"{name}: {one.name}", offset=one.offset + offset) for one in found.sections]
    tables.sections += moved
    tables.strings += found.strings
    tables.warnings += found.warnings


def image(name, starts):
    """What the names of an image's sections begin with, and where the image begins."""
    if starts is None:
        return "", 0
    # A path may have brackets of its own: then a member is not known.
    member = name.rsplit("(", 1)[-1].removesuffix(")")
    # Members of the same name follow one another.
    places = starts.get(member) or [None]
    return f"{member}: ", places.pop(0) if len(places) > 1 else places[0]


def shortened(name):
    """A name as postlink tells it: the start of a very long one."""
    return name if len(name) <= 256 else name[:256] + "…"


def read_elf(path, starts, tables):
    flags = ["--sections", "--dynamic-table", "--program-headers", "--elf-output-style=JSON"]
    out, error = run("llvm-readobj", *flags, path)
    tables.warnings += error.splitlines()[:1]
    for told in json.loads(out, strict=False):
        prefix, start = image(told["FileSummary"]["File"], starts)
        empty = set()
        for entry in told.get("Sections", []):
            section = entry["Section"]
            kind, names = section["Type"]["Name"], {flag["Name"] for flag in section["Flags"]["Flags"]}
            if kind == "SHT_NOBITS":
                empty.add(section["Address"])
            if kind not in ("SHT_NOBITS", "SHT_NULL") and start is not None:
                purpose = "code" if "SHF_EXECINSTR" in names else "data" if "SHF_ALLOC" in names else None
                name = prefix + (shortened(section["Name"]["Name"]) or "section without a name")
                tables.sections.append(Section(name, start + section["Offset"], section["Size"], purpose))
        if starts is None:
            for entry in told.get("DynamicSection", []):
                text = entry.get("Library") or entry.get("Path") or entry.get("Name")
                kind = {"NEEDED": "library's name", "SONAME": "library's name", "RUNPATH": "RUNPATH", "RPATH": "RUNPATH"}
                if entry.get("Type") in kind and text is not None:
                    tables.strings.append((kind[entry["Type"]], ":".join(text) if isinstance(text, list) else text))
            for entry in told.get("ProgramHeaders", []):
                header = entry["ProgramHeader"]
                # In a separate debug file the bytes are those of another file.
                if header["Type"]["Name"] == "PT_INTERP" and header["VirtualAddress"] not in empty:
                    with open(path, "rb") as file:
                        file.seek(header["Offset"])
                        text = file.read(header["FileSize"]).split(b"\0")[0]
                    # The kernel wants a NUL.
                    if header["FileSize"] > len(text):
                        tables.strings.append(("interpreter", text.decode("utf-8", "replace")))


def number(text):
    return int(text.split()[0], 0)


def read_text(path, starts, tables):
    """Mach-O and PE, of which llvm-readobj writes no JSON."""
    flags = ["--file-headers", "--sections", "--macho-segment", "--coff-imports"]
    out, error = run("llvm-readobj", *flags, path)
    tables.warnings += error.splitlines()[:1]
    for text in re.split(r"^\n?File: ", out, flags=re.MULTILINE)[1:]:
        name = text.splitlines()[0]
        values = dict(re.findall(r"^(Format|Arch|  FileType): (.*)$", text, re.MULTILINE))
        if values.get("Format", "").startswith("Mach-O"):
            read_macho(text, image(name, starts), values, tables)
        elif values.get("Format", "").startswith("COFF"):
            read_pe(text, image(name, starts), tables)
    if starts is None:
        tables.strings += loaded(path)


def entries(text, kind):
    """The lines of each entry of a kind."""
    for entry in re.findall(rf"^( *){kind} {{\n(.*?)^\1}}", text, re.MULTILINE | re.DOTALL):
        yield entry[1], dict(re.findall(r"^ *(\w+): (.*)$", entry[1], re.MULTILINE))


def read_macho(text, where, values, tables):
    prefix, start = where
    is_debug_file = "(0xA)" in values.get("  FileType", "")
    empty = set()
    for _, segment in entries(text, "Segment"):
        if number(segment["filesize"]) == 0:
            empty.add(segment["Name"])
    for lines, section in entries(text, "Section"):
        segment = section["Segment"].rsplit(" (", 1)[0]
        # In a separate debug file only the sections for debuggers have bytes.
        has_bytes = number(section["Offset"]) > 0 and not (is_debug_file and segment != "__DWARF")
        if "ZeroFill" in section["Type"] or "ZEROFILL" in section["Type"].upper() or not has_bytes:
            continue
        if segment in empty or start is None:
            continue
        name = f"{prefix}{segment},{section['Name'].rsplit(' (', 1)[0]}"
        purpose = "code" if "Instructions (" in lines else None
        offset, size = start + number(section["Offset"]), number(section["Size"])
        tables.sections.append(Section(name, offset, size, purpose))


def read_pe(text, where, tables):
    prefix, start = where
    if start is None:
        return
    for lines, section in entries(text, "Section"):
        if "IMAGE_SCN_CNT_UNINITIALIZED_DATA" in lines:
            continue
        name = prefix + shortened(section["Name"].rsplit(" (", 1)[0])
        purpose = "code" if "IMAGE_SCN_MEM_EXECUTE" in lines else None
        offset, size = start + number(section["PointerToRawData"]), number(section["RawDataSize"])
        tables.sections.append(Section(name, offset, size, purpose))
    if not prefix:
        for kind in ("Import", "DelayImport"):
            tables.libraries += [one["Name"] for _, one in entries(text, kind) if "Name" in one]


def loaded(path):
    """What dyld reads: libraries, rpaths, the install name, the interpreter."""
    out, _ = run("llvm-objdump", "--macho", "--private-headers", path)
    kinds = {"LC_ID_DYLIB": "install name", "LC_RPATH": "rpath", "LC_LOAD_DYLINKER": "interpreter"}
    library = ("LC_LOAD_DYLIB", "LC_LOAD_WEAK_DYLIB", "LC_REEXPORT_DYLIB", "LC_LAZY_LOAD_DYLIB", "LC_LOAD_UPWARD_DYLIB")
    found, kind = [], None
    for line in out.splitlines():
        words = line.strip().split(" ", 1)
        if words[0] == "cmd" and len(words) > 1:
            kind = "name of a library" if words[1] in library else kinds.get(words[1])
        elif words[0] in ("name", "path") and kind and len(words) > 1:
            found.append((kind, words[1].strip().rsplit(" (offset ", 1)[0]))
            kind = None
    return found
