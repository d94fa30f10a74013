//! Formats that carry checksums of their bytes, or keep them in an order by which they are searched: with
//! other bytes in it, of whatever length, such a file is damaged.
//!
//! Not among them are formats that only count their bytes or say where these lie (PDF, Java classes,
//! `cpio` of the kinds without checksums, squashfs, ISO 9660): bytes of equal length may take the place
//! of others there.

use std::fs::File;
use std::io;

use super::{PackFormat, detect};
use crate::files::compare::holds;
use crate::files::open::read_at;
use crate::search::text;

/// Formats that hold other bytes in compressed form, and are not looked into: first bytes, and name.
const COMPRESSED: [(&[u8], &str); 16] = [
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"MSCF\0\0\0\0", "a cabinet file"),
    (b"xar!\0\x1c", "a xar archive"),
    (b"\xed\xab\xee\xdb", "an RPM package"),
    (b"\x04\x22\x4d\x18", "an lz4 file"),
    (b"\x02\x21\x4c\x18", "an lz4 file"),
    (b"LZIP\x01", "an lzip file"),
    (b"\x89LZO\0\r\n\x1a\n", "an lzop file"),
    (b"\xff\x06\0\0sNaPpY", "a snappy file"),
    (b"\x1f\x9d", "a file of compress"),
    (b"]\0\0\x80\0\xff\xff\xff\xff", "an lzma file"),
    (b"]\0\0\0\x01\xff\xff\xff\xff", "an lzma file"),
    (b"]\0\0\0\x04\xff\xff\xff\xff", "an lzma file"),
    (b"wOFF", "a WOFF font"),
    (b"wOF2", "a WOFF font"),
];

/// Other such formats: where their first bytes are, these, and the name.
const CHECKED: [(u64, &[u8], &str); 34] = [
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (0, b"\x8aMNG\r\n\x1a\n", "an MNG image"),
    (0, b"\x8bJNG\r\n\x1a\n", "a JNG image"),
    (0, b"OggS\0", "an Ogg stream"),
    (0, b"070702", "a cpio archive with checksums"),
    (0, b"PACK\0\0\0", "a git pack"),
    (0, b"\xfftOc\0\0\0", "an index of a git pack"),
    (0, b"DIRC\0\0\0", "a git index"),
    (0, b"MIDX\x01", "an index of git packs"),
    (0, b"CGPH\x01", "a git commit graph"),
    (0, b"OTTO\0", "a font"),
    (0, b"true\0", "a font"),
    (0, b"ttcf\0", "a collection of fonts"),
    (0, b"dex\n0", "a DEX file"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (0, b"\x27\x05\x19\x56", "a U-Boot image"),
    (0, b"\x45\x3d\xcd\x28", "a cramfs file system"),
    (0, b"-rom1fs-", "a romfs file system"),
    // Indexes and hash tables of what is in them.
    (0, b"SQLite format 3\0", "an SQLite database, which has indexes in order"),
    (0, b"\xde\x12\x04\x95", "a message catalogue, which is in order"),
    (0, b"\x95\x04\x12\xde", "a message catalogue, which is in order"),
    (0, b"\x37\x7f\x06\x82", "a log of SQLite"),
    (0, b"\x37\x7f\x06\x83", "a log of SQLite"),
    (0, b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", "a journal of SQLite"),
    (12, b"\x62\x31\x05\0", "a Berkeley DB file, which is in order"),
    (12, b"\0\x05\x31\x62", "a Berkeley DB file, which is in order"),
    (12, b"\x61\x15\x06\0", "a Berkeley DB file, which has hashes"),
    (12, b"\0\x06\x15\x61", "a Berkeley DB file, which has hashes"),
    (0, b"\xce\x9a\x57\x13", "a GDBM file, which has hashes"),
    (0, b"\xcf\x9a\x57\x13", "a GDBM file, which has hashes"),
    (16, b"\xde\xc0\xef\xbe", "an LMDB file, which is in order"),
    (0, b"XFSB", "an XFS file system"),
    (1024, b"\xe2\xe1\xf5\xe0", "an EROFS file system"),
    (0x10040, b"_BHRfS_M", "a btrfs file system"),
];

/// The name of a compressed format that begins so and cannot be looked into.
pub(super) fn compressed(start: &[u8]) -> Option<&'static str> {
    COMPRESSED.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, name)| *name)
}

/// The format, in words with an article, of a file with these first bytes and this size, if it carries
/// checksums of its bytes or is in their order: none of them may become others, not even of equal length.
///
/// # Errors
/// The system refuses something.
pub(crate) fn checked_format(
    file: &File,
    start: &[u8],
    size: u64,
) -> io::Result<Option<&'static str>> {
    if let Some(format) = detect(file, start, size)? {
        return Ok(match format {
            PackFormat::Gzip => Some("a gzip file"),
            PackFormat::Xz => Some("an xz file"),
            PackFormat::Zstd => Some("a Zstandard file"),
            PackFormat::Bzip2 => Some("a bzip2 file"),
            PackFormat::Zip => Some("a ZIP archive"),
            PackFormat::Tar => Some("a tar archive"),
            PackFormat::Script => Some("a script with compressed data"),
            PackFormat::Closed(name) => Some(name),
            PackFormat::Ar => holds(file, 8, b"debian-binary")?.then_some("a Debian package"),
        });
    }
    for (at, magic, name) in CHECKED {
        if holds(file, at, magic)? {
            return Ok(Some(name));
        }
    }
    let mut block = [0; TAR_BLOCK];
    let read = read_at(file, &mut block, 0)?;
    Ok(if is_tar_header(&block[..read]) {
        Some("a tar archive")
    } else if is_true_type(&block[..read]) {
        Some("a font")
    } else if has_ext_checksums(file)? {
        Some("an ext4 file system with checksums")
    } else if start.starts_with(b"#!") && text::lines(file, &[])?.is_none() && holds_tar(file)? {
        Some("a script with a tar archive")
    } else {
        None
    })
}

/// Bytes of a header of a tar archive.
const TAR_BLOCK: usize = 512;
/// Where the checksum is in it.
const TAR_SUM: std::ops::Range<usize> = 148..156;
/// Where the magic of all kinds but the oldest is in it.
const TAR_MAGIC: usize = 257;

/// Whether these bytes begin with a header whose checksum is right (POSIX, `pax` interchange format):
/// the sum of all bytes in which those of the checksum itself are spaces.
fn is_tar_header(bytes: &[u8]) -> bool {
    let Some(block) = bytes.get(..TAR_BLOCK) else { return false };
    let octal = block[TAR_SUM].iter().skip_while(|byte| **byte == b' ');
    let digits: Vec<u8> = octal.take_while(|byte| byte.is_ascii_digit()).copied().collect();
    let expected =
        std::str::from_utf8(&digits).ok().and_then(|text| u64::from_str_radix(text, 8).ok());
    let others = block.iter().enumerate().filter(|(at, _)| !TAR_SUM.contains(at));
    let sum: u64 = others.map(|(_, byte)| u64::from(*byte)).sum();
    block[0] != 0 && expected == Some(sum + TAR_SUM.len() as u64 * u64::from(b' '))
}

/// Whether there is a header of a tar archive somewhere in a file.
fn holds_tar(file: &File) -> io::Result<bool> {
    let mut window = vec![0; 128 << 10];
    let mut at = 0;
    loop {
        let read = read_at(file, &mut window, at)?;
        let bytes = &window[..read];
        let starts =
            memchr::memmem::find_iter(bytes, b"ustar").filter_map(|at| at.checked_sub(TAR_MAGIC));
        if starts.into_iter().any(|start| is_tar_header(&bytes[start..])) {
            return Ok(true);
        }
        if read < window.len() {
            return Ok(false);
        }
        at += (read - TAR_BLOCK) as u64;
    }
}

/// Whether these bytes begin a TrueType font: its version, a number of tables, and the name of one.
fn is_true_type(bytes: &[u8]) -> bool {
    let Some([0, 1, 0, 0, 0, 1..=64, _, _, _, _, _, _, name @ ..]) = bytes.first_chunk::<16>()
    else {
        return false;
    };
    name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
}

/// Whether a file is an ext4 file system whose metadata have checksums: the flag `metadata_csum`.
fn has_ext_checksums(file: &File) -> io::Result<bool> {
    let mut features = [0; 4];
    let read = read_at(file, &mut features, 1024 + 0x64)?;
    let has_checksums = read == features.len() && u32::from_le_bytes(features) & 0x400 != 0;
    Ok(has_checksums && holds(file, 1024 + 0x38, b"\x53\xef")?)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Makes one file of each kind with the programs that users have.
    const MAKE: &str = r#"
set -e
exec >/dev/null
echo '/opt/app and more' > text
tar cf ustar.tar text
tar cf v7.tar --format=v7 text
python3 -m zipfile -c text.zip text
mkdir app && cp text app/__main__.py && python3 -m zipapp app -p /opt/app/python -o app.pyz
ar rc libtext.a text
for packer in gzip xz zstd bzip2 lz4; do $packer < text > text.$packer; done
xz --format=lzma < text > text.lzma
{ printf '#!/bin/sh\nexit\n'; cat text.gzip; } > gzip.run
{ printf '#!/bin/sh\nexit\n'; cat ustar.tar; } > tar.run
printf '#!/bin/sh\n# ustar, BZh91AY&SY\nexec /opt/app\n' > script
mkdir -p deb/DEBIAN && printf 'Package: a\nVersion: 1\nArchitecture: all\nMaintainer: a <a@a>\nDescription: a\n' > deb/DEBIAN/control
dpkg-deb --build deb text.deb
git init -q repo && cd repo && git config user.name a && git config user.email a@a
cp ../text . && git add text && git commit -qm a && git gc -q && git commit-graph write
cp .git/index ../git.index && cp .git/objects/pack/*.pack ../git.pack && cp .git/objects/pack/*.idx ../pack.idx
cp .git/objects/info/commit-graph ../commit-graph
cd ..
cat > make.py <<'END'
import sqlite3, struct, zlib, py_compile
def chunk(kind, data): return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
open('text.png', 'wb').write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 1, 1, 8, 0, 0, 0, 0))
    + chunk(b'tEXt', b'Source\0/opt/app') + chunk(b'IDAT', zlib.compress(b'\0\0')) + chunk(b'IEND', b''))
text = open('text', 'rb').read()
def cpio(magic, sum):
    fields = [1, 0o100644, 0, 0, 1, 0, len(text), 0, 0, 0, 0, 5, sum]
    return magic + b''.join(b'%08X' % field for field in fields) + b'text\0\0' + text
open('crc.cpio', 'wb').write(cpio(b'070702', sum(text)))
open('newc.cpio', 'wb').write(cpio(b'070701', 0))
base = sqlite3.connect('text.sqlite'); base.execute('create table a(b)'); base.execute('insert into a values ("/opt/app")'); base.commit()
logged = sqlite3.connect('logged.sqlite'); logged.execute('pragma journal_mode=wal'); logged.execute('create table a(b)'); logged.commit()
open('sqlite.log', 'wb').write(open('logged.sqlite-wal', 'rb').read())
open('text.py', 'w').write('a = "/opt/app"')
py_compile.compile('text.py', cfile='text.pyc', invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
head = struct.pack('>IHHHH', 0x10000, 1, 16, 0, 0)
open('text.ttf', 'wb').write(head + b'name' + struct.pack('>III', 0, 28, len(text)) + text)
for name, hashes in [('hashed.mo', 3), ('plain.mo', 0)]:
    tables = struct.pack('<IIII', 1, 44 + 4 * hashes, 8, 46 + 4 * hashes) + bytes(4 * hashes)
    open(name, 'wb').write(struct.pack('<7I', 0x950412de, 0, 1, 28, 36, hashes, 44) + tables + b'a\0/opt/app\0')
open('text.class', 'wb').write(b'\xca\xfe\xba\xbe\0\0\0\x34' + text)
END
python3 make.py
truncate -s 1M ext4.disk plain.disk
/sbin/mke2fs -q -t ext4 -O metadata_csum ext4.disk
/sbin/mke2fs -q -t ext2 plain.disk
"#;

    #[test]
    fn formats_with_checksums_are_known_and_others_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let made = Command::new("sh").args(["-c", MAKE]).current_dir(folder.path()).output();
        let made = made.expect("sh");
        assert!(made.status.success(), "{made:?}");
        let of = |name: &str| {
            let file = File::open(folder.path().join(name)).expect(name);
            let mut start = vec![0; 16];
            let read = read_at(&file, &mut start, 0).expect(name);
            let size = file.metadata().expect(name).len();
            checked_format(&file, &start[..read], size).expect(name)
        };
        for (name, format) in [
            ("ustar.tar", "a tar archive"),
            ("v7.tar", "a tar archive"),
            ("tar.run", "a script with a tar archive"),
            ("text.zip", "a ZIP archive"),
            ("app.pyz", "a ZIP archive"),
            ("text.gzip", "a gzip file"),
            ("gzip.run", "a script with compressed data"),
            ("text.xz", "an xz file"),
            ("text.lzma", "an lzma file"),
            ("text.zstd", "a Zstandard file"),
            ("text.bzip2", "a bzip2 file"),
            ("text.lz4", "an lz4 file"),
            ("text.deb", "a Debian package"),
            ("text.png", "a PNG image"),
            ("crc.cpio", "a cpio archive with checksums"),
            ("git.index", "a git index"),
            ("git.pack", "a git pack"),
            ("pack.idx", "an index of a git pack"),
            ("commit-graph", "a git commit graph"),
            ("hashed.mo", "a message catalogue, which is in order"),
            ("plain.mo", "a message catalogue, which is in order"),
            ("text.sqlite", "an SQLite database, which has indexes in order"),
            ("sqlite.log", "a log of SQLite"),
            ("text.ttf", "a font"),
            ("ext4.disk", "an ext4 file system with checksums"),
        ] {
            assert_eq!(of(name), Some(format), "{name}");
        }
        let others =
            ["text", "script", "newc.cpio", "libtext.a", "text.pyc", "text.class", "plain.disk"];
        for name in others {
            assert_eq!(of(name), None, "{name}");
        }
    }
}
