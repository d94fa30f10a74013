//! Compressed texts, such as manual pages, that are unpacked, rewritten, and compressed again.
//!
//! Equal files give equal bytes: the compressors are part of postlink, which does not ask how many processors
//! there are, or of what kind. The name, time and comment that gzip kept stay. What had several parts has one.

use std::fs::File;
use std::io::{self, Cursor, Write};

use flate2::GzBuilder;
use flate2::bufread::GzDecoder;
use lzma_rust2::{XzOptions, XzWriter};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use crate::edit::Edit;
use crate::search::unpack::{PackFormat, PackedText, packed_text, whole};

/// What gzip says of the system that it runs on: Unix (RFC 1952, 2.3.1).
const UNIX: u8 = 3;
/// How hard xz tries, of 0 to 9; its own default.
const XZ_PRESET: u32 = 6;

/// What becomes of a text, or why it cannot be rewritten.
type Rewriter<'a> = dyn Fn(&[u8]) -> Result<Option<Vec<u8>>, String> + 'a;

/// What becomes of a compressed text of this size: its bytes as they are, and as they will be. `None` if
/// `rewrite` gives no other text. Or why it cannot be rewritten, as a sentence of which the file is the subject;
/// `rewrite` may refuse, too.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn repack(
    file: &File,
    size: u64,
    rewrite: &Rewriter<'_>,
) -> io::Result<Result<Option<Edit>, String>> {
    Ok(packed_text(file, size)?.and_then(|packed| packed_again(packed, rewrite)))
}

fn packed_again(
    (format, before, text): PackedText,
    rewrite: &Rewriter<'_>,
) -> Result<Option<Edit>, String> {
    if format == PackFormat::Gzip && !header_stays(&before, rewrite) {
        return Err("gzip keeps an old path in its name or comment".into());
    }
    let Some(new) = rewrite(&text)?.filter(|new| *new != text) else { return Ok(None) };
    let after = match format {
        PackFormat::Gzip => gzip(&before, &new),
        PackFormat::Xz => xz(&new),
        PackFormat::Zstd => Ok(compress_to_vec(new.as_slice(), CompressionLevel::Fastest)),
        PackFormat::Bzip2 => bzip2(&new),
        _ => return Err("it is not one compressed text".into()),
    };
    let after = after.map_err(|error| format!("it cannot be compressed again: {error}"))?;
    if whole(Cursor::new(&after), format)? != new {
        return Err("it does not unpack to what was compressed".into());
    }
    Ok(Some(Edit { offset: 0, before, after }))
}

/// Whether nothing is to be rewritten in what gzip says of the file that it was given.
fn header_stays(gzip: &[u8], rewrite: &Rewriter<'_>) -> bool {
    let decoder = GzDecoder::new(gzip);
    let Some(header) = decoder.header() else { return true };
    let mut texts = [header.filename(), header.comment()].into_iter().flatten();
    texts.all(|text| rewrite(text) == Ok(None))
}

/// As `gzip -9` does, with what `before` says of the file that it was made of.
fn gzip(before: &[u8], text: &[u8]) -> io::Result<Vec<u8>> {
    let best = flate2::Compression::best();
    let mut header = GzBuilder::new().operating_system(UNIX);
    if let Some(known) = GzDecoder::new(before).header() {
        header = header.mtime(known.mtime());
        header = known.filename().into_iter().fold(header, GzBuilder::filename);
        header = known.comment().into_iter().fold(header, GzBuilder::comment);
    }
    let mut packed = header.write(Vec::new(), best);
    packed.write_all(text)?;
    packed.finish()
}

/// As `xz` does in one thread.
fn xz(text: &[u8]) -> io::Result<Vec<u8>> {
    let mut packed = XzWriter::new(Vec::new(), XzOptions::with_preset(XZ_PRESET))?;
    packed.write_all(text)?;
    packed.finish()
}

/// As `bzip2 -9` does.
fn bzip2(text: &[u8]) -> io::Result<Vec<u8>> {
    let mut packed = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    packed.write_all(text)?;
    packed.finish()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;

    const FORMATS: [(PackFormat, &str); 4] = [
        (PackFormat::Gzip, "gzip"),
        (PackFormat::Xz, "xz"),
        (PackFormat::Zstd, "zstd"),
        (PackFormat::Bzip2, "bzip2"),
    ];

    fn shell(folder: &Path, line: &str) -> Vec<u8> {
        let run = Command::new("sh").args(["-c", line]).current_dir(folder).output().expect("sh");
        assert!(run.status.success() && run.stderr.is_empty(), "{line}: {run:?}");
        run.stdout
    }

    fn rewritten(text: &[u8]) -> Option<Vec<u8>> {
        let text = str::from_utf8(text).expect("UTF-8");
        text.contains("/opt/app").then(|| text.replace("/opt/app", "/srv/a/longer").into_bytes())
    }

    fn repacked(path: &Path) -> Result<Option<Edit>, String> {
        let file = File::open(path).expect("a file");
        repack(&file, file.metadata().expect("a size").len(), &|text| Ok(rewritten(text)))
            .expect("a file that can be read")
    }

    /// The programs that users have read it, and whatever it was compressed with, it has the same bytes.
    #[test]
    fn compressed_texts_are_rewritten_and_are_the_same_each_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        // Larger than what each of the compressors works on at a time, and with odd lines.
        let lines: String = (0..8_000_u64)
            .map(|number| {
                format!("{} /opt/app/{}\n", number.wrapping_mul(0x9e37_79b9_7f4a_7c15), number % 7)
            })
            .collect();
        for (name, text) in [("page", ".TH APP 1\nSee /opt/app/share\n"), ("large", lines.as_str())]
        {
            std::fs::write(folder.join(name), text).expect("a text");
            for (format, program) in FORMATS {
                let bare = if format == PackFormat::Gzip { "n" } else { "" };
                shell(
                    folder,
                    &format!(
                        "touch -d @1 {name}; {program} -kfq{bare} -1 {name}; mv {name}.[gxzb]* fast"
                    ),
                );
                shell(
                    folder,
                    &format!(
                        "touch -d @9 {name}; head -c 20 {name} | {program} > best; tail -c +21 {name} | {program} -9 >> best"
                    ),
                );
                let fast = repacked(&folder.join("fast")).expect(program).expect("an edit");
                let best = repacked(&folder.join("best")).expect(program).expect("an edit");
                assert!(fast.after == best.after && fast.before != best.before, "{program}");
                assert_eq!(fast.before, std::fs::read(folder.join("fast")).expect("a file"));
                std::fs::write(folder.join("after"), &fast.after).expect("a file");
                let unpacked =
                    shell(folder, &format!("{program} -qt < after; {program} -dc < after"));
                assert!(unpacked == rewritten(text.as_bytes()).expect("a text"), "{program}");
                if format == PackFormat::Gzip {
                    // Of gzip, the header is that of `gzip -9n`.
                    let header = shell(folder, "gzip -9n < page | head -c 10");
                    assert_eq!(fast.after[..10], header);
                }
            }
        }
    }

    /// Python's gzip reads what `gzip -N` does. With an extra field, tools find their way in the file.
    #[test]
    fn what_gzip_says_of_a_file_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        shell(folder, "echo /opt/app > page; touch -d @1000 page; gzip page; mv page.gz out");
        let edit = repacked(&folder.join("out")).expect("a text").expect("an edit");
        std::fs::write(folder.join("new.gz"), &edit.after).expect("a file");
        let told = "gzip -dN < new.gz > /dev/null; gzip -lN new.gz | tail -1 | cut -d% -f2; file -b new.gz";
        let told = String::from_utf8(shell(folder, told)).expect("a text");
        assert!(told.contains("page") && told.contains("1970"), "{told}");
        let mut with_extra = edit.before.clone();
        with_extra[3] |= 4;
        with_extra.splice(10..10, *b"\x04\0AB\0\0");
        std::fs::write(folder.join("out"), with_extra).expect("a file");
        let problem = repacked(&folder.join("out")).expect_err("an extra field");
        assert_eq!(problem, "it has an extra field of gzip");
    }

    /// Nobody was told of a path in a comment, and it stayed.
    #[test]
    fn an_old_path_in_what_gzip_says_of_a_file_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out");
        for text in ["/opt/app\n", "nothing\n"] {
            for (name, comment) in [("/opt/app/x", "it"), ("it", "built in /opt/app")] {
                let header = GzBuilder::new().filename(name).comment(comment);
                let mut packed = header.write(Vec::new(), flate2::Compression::best());
                packed.write_all(text.as_bytes()).expect("bytes");
                std::fs::write(&path, packed.finish().expect("bytes")).expect("a file");
                let problem = repacked(&path).expect_err(name);
                assert_eq!(problem, "gzip keeps an old path in its name or comment");
            }
        }
    }

    #[test]
    fn what_is_no_compressed_text_is_refused_or_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        for (_, program) in FORMATS {
            let refused = |line: &str, said: &str| {
                shell(folder, &line.replace("PACK", program));
                let problem = repacked(&folder.join("out")).expect_err(said);
                assert!(problem.starts_with(said), "{program}: {problem}");
            };
            refused("printf '/opt/app\\0' | PACK > out", "it does not unpack to a text");
            refused("printf '%%PDF-1 /opt/app' | PACK > out", "it does not unpack to a text");
            refused(
                "echo /opt/app | PACK > whole; head -c -3 whole > out",
                "it cannot be unpacked",
            );
            refused("{ echo /opt/app | PACK; echo more; } > out", "it cannot be unpacked");
            shell(
                folder,
                &format!("echo /opt/apple | {program} > out").replace("/opt/apple", "other"),
            );
            assert_eq!(repacked(&folder.join("out")), Ok(None));
        }
        shell(folder, "{ echo /opt/app | gzip; head -c 9000 /dev/zero; } > out; gzip -t out");
        let problem = repacked(&folder.join("out")).expect_err("zeros");
        assert_eq!(problem, "zeros stand behind the end of gzip");
        shell(folder, "yes /opt/app | head -c 70M | gzip -1 > large");
        let problem = repacked(&folder.join("large")).expect_err("too large");
        assert_eq!(problem, "it unpacks to more than 67108864 bytes");
    }
}
