//! The way out of each refusal.

use std::collections::HashSet;
use std::io;

use super::{Error, ImageProblem, Imports, SPECIAL_HELP, SectionProblem, Since, TooMany, listed};
use crate::shown::line;

impl Error {
    /// The way out, one or more lines; empty where the message says it all.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Io { action: "keep the owner of" | "keep the capabilities of", .. } => {
                "only root can: run it as root, or name another place for what is written".into()
            }
            Self::Io { action: "list" | "search" | "read the link", source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                "run it as a user who may read all of it".into()
            }
            Self::Io { action, source, .. } => io_help(action, source).into(),
            Self::NotRegular { .. } => "name a regular file".into(),
            Self::Special { .. } => SPECIAL_HELP.into(),
            Self::Changed { since: Since::Opened, .. } => {
                "nothing was written: run it again when nothing else writes there".into()
            }
            Self::Changed { since: Since::Scanned, .. } => "run the command again when nothing else writes there; if a manifest is older than the tree, make it again: postlink scan --manifest".into(),
            Self::NotImage { problem, .. } => problem.help(),
            Self::NoRecord { imports: Imports { libraries, accessors: true, .. }, .. } => format!(
                "the file calls accessors of another library: fill the one that carries the record; it needs {}",
                listed(libraries)
            ),
            Self::NoRecord { imports: Imports { unlinked: true, .. }, .. } => {
                "the record is where the generated source was compiled to: name that object file, or the library that it is in".into()
            }
            Self::NoRecord { imports, .. } => {
                let elsewhere = match imports.libraries.as_slice() {
                    [] => String::new(),
                    needed => format!("perhaps a library that it needs carries the record: {}\n", listed(needed)),
                };
                format!("{elsewhere}perhaps the generated source was not linked, or {DROPPED}")
            }
            Self::NoSuchSection { known, .. } => format!("its sections are {}", listed(known)),
            Self::SeveralSections { .. } => {
                "a payload is one section: take an object file out of an archive (ar x), or one processor out of a universal file (lipo -thin), or use `fill`".into()
            }
            Self::Section { problem, .. } => match problem {
                SectionProblem::NoBits => "this is a separate debug file: fill the program or library that it belongs to; the debug file still fits it".into(),
                SectionProblem::Compressed => "decompress it first: objcopy --decompress-debug-sections FILE, or link it without --compress-sections".into(),
                SectionProblem::Encrypted => "fill the file before it is encrypted".into(),
                SectionProblem::TooLarge => "something other than postlink made this section: give it another name".into(),
                SectionProblem::Overlaps => "the section headers are damaged: build the file again".into(),
                SectionProblem::Outside => "the file is truncated: build or copy it again".into(),
            },
            Self::Record { source, .. } => record_help(*source),
            Self::BadValues { .. } => FILL_AGAIN.into(),
            Self::Unsound { .. } => "the file was changed by something else, or built with another version of postlink: build it again".into(),
            Self::Doubled { .. } => "a library was probably linked in twice: link it once, or fill all its records with --all".into(),
            Self::Fingerprint { .. } => "the file was built from another schema: name that schema, or build the file again".into(),
            Self::Values { problems, .. } => {
                each_once(problems.iter().map(|problem| problem.help.clone()))
            }
            Self::Several { errors } => each_once(errors.iter().map(Self::help)),
            Self::Dropped { required: true, .. } => "give them again, or keep them with --keep".into(),
            Self::Dropped { .. } => "give them again, or keep them with --keep, or return to the defaults with --reset".into(),
            Self::BuildIds { count: 0, .. } => {
                "leave out --rewrite-build-id; or link the file with -Wl,--build-id: only a link can add one".into()
            }
            Self::BuildIds { .. } => "leave out --rewrite-build-id: nothing tells which of them counts".into(),
            Self::ReadBack { .. } => "the file system lost a write: check the disk, then build the file again".into(),
            Self::Schema { .. } => String::new(),
            Self::Usage { help, .. } | Self::Input { help, .. } => line(help),
        }
    }
}

impl ImageProblem {
    fn help(&self) -> String {
        match self {
            Self::Script | Self::Unknown => {
                "name the program or library that carries the record; a wrapper script may start it".into()
            }
            Self::NoSectionHeaders => {
                "sections are found by their headers: fill the file before they are stripped".into()
            }
            Self::ThinArchive(members) => {
                const SHOWN: usize = 8;
                let more = if members.len() > SHOWN { ", …" } else { "" };
                let named = members.get(..SHOWN).unwrap_or(members);
                format!("fill the one of its object files that carries the record: {}{more}", listed(named))
            }
            Self::Intermediate => {
                "fill the program or library after the link; or compile with -ffat-lto-objects, and link without LTO".into()
            }
            Self::Unsupported(_) => "this version patches ELF, Mach-O and PE files".into(),
            Self::Member(_, problem) => problem.help(),
            Self::Unread(number) => io_help("read", &io::Error::from_raw_os_error(*number)).into(),
            Self::Empty | Self::Damaged(..) | Self::DamagedArchive(_) => {
                "build or copy the file again".into()
            }
        }
    }
}

/// Ways out, each once, in their order.
fn each_once(helps: impl Iterator<Item = String>) -> String {
    let mut known = HashSet::new();
    let new = helps.filter(|help| !help.is_empty() && known.insert(help.clone()));
    new.collect::<Vec<_>>().join("\n")
}

/// Why a linker leaves the record out.
const DROPPED: &str = "the linker dropped it: with --gc-sections it keeps a section that is `retain`ed \
    (the generated source asks for that; linkers before binutils 2.36 ignore it) or whose accessors are \
    called; from a static library it takes what is referred to, or everything with --whole-archive; /MERGE puts it \
    into another section";

fn io_help(action: &str, source: &io::Error) -> &'static str {
    if let Some(TooMany(_)) = source.get_ref().and_then(|error| error.downcast_ref()) {
        return TooMany::HELP;
    }
    match source.kind() {
        io::ErrorKind::AlreadyExists => "name one that does not exist yet",
        io::ErrorKind::ExecutableFileBusy => {
            "the program is running: leave out --in-place, and a new file takes the old one's place"
        }
        io::ErrorKind::WouldBlock => {
            "another program holds a lock on it: try again when it has ended"
        }
        io::ErrorKind::InvalidFilename => {
            "a path has at most 4095 bytes, a name in it 255: go into a folder and name what is there from it, or use \
             shorter names"
        }
        _ => postlink_codegen::generate::way_out(action, source),
    }
}

const FILL_AGAIN: &str = "fill the file again, with all its values and --reset";

const BUILD_AGAIN: &str = "something other than postlink changed the section: build the file again";

/// Nix builds at another path where the right one is taken, and then replaces that in all files.
const NIX: &str = "if Nix made the file (nix-build --check without a sandbox, a content-addressed \
    output), it replaced a store path in the record: compare outputs of a build in the sandbox, where \
    they have their own paths";

fn record_help(error: postlink_format::Error) -> String {
    use postlink_format::Error as E;
    match error {
        E::Version(_) => {
            "use the version of postlink that the file was built with, or a newer one".into()
        }
        E::Writing | E::Values(_) => FILL_AGAIN.into(),
        E::ValuesChecksum => format!("{FILL_AGAIN}\n{NIX}"),
        E::DescriptorChecksum => format!("{BUILD_AGAIN}\n{NIX}"),
        E::Foreign(_) | E::Truncated | E::Descriptor(_) => BUILD_AGAIN.into(),
    }
}
