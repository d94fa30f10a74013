//! Files with nothing but the standard library: for build scripts and `postlink-generate`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::error::{Error, failed};
use super::run::Files;
use crate::words::shown;

/// The files of the machine. The command `postlink` has a writer of its own, which also waits for other runs, and
/// leaves nothing behind when it is killed.
pub(super) struct Plain;

impl Files for Plain {
    type Error = Error;
    type Turn = ();

    fn text(&self, path: &Path) -> Result<String, Error> {
        fs::read_to_string(path).map_err(failed("read", path))
    }

    fn refuse_clashes(&self, outputs: &[&Path], schema: &Path) -> Result<(), Error> {
        let mut known = vec![target(schema)?];
        for output in outputs {
            let target = target(output)?;
            if known.contains(&target) {
                return Err(Error::Input {
                    message: format!("{} is named twice", shown(&output.to_string_lossy())),
                    help: "name another file for each output, and none that is read".into(),
                });
            }
            known.push(target);
        }
        Ok(())
    }

    fn wait_for_turn(&self, _: &[&Path]) -> Result<(), Error> {
        Ok(())
    }

    fn replace(&self, outputs: &[(PathBuf, String)], _: &Path) -> Result<(), Error> {
        let mut new = Vec::new();
        let mut write = |path: &Path, text: &str| {
            let path = target(path)?;
            let name = format!(".postlink-{}-{}.new", std::process::id(), new.len());
            let beside = path.with_file_name(name);
            new.push((beside.clone(), path.clone()));
            // What a killed run left, or a link that somebody put there: it is not written into.
            let _ = fs::remove_file(&beside);
            let file = fs::OpenOptions::new().write(true).create_new(true).open(&beside);
            let mut file = file.map_err(failed("write", &path))?;
            file.write_all(text.as_bytes()).map_err(failed("write", &path))?;
            match path.metadata() {
                Ok(old) => file
                    .metadata()
                    .and_then(|new| file.set_permissions(permissions(&old, &new)))
                    .map_err(failed("set the permissions of", &path)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                // A name that is too long is seen here, and not when others have their places.
                Err(error) => Err(failed("write", &path)(error)),
            }
        };
        let written = outputs.iter().try_for_each(|(path, text)| write(path, text));
        let put = |(beside, path): &(PathBuf, PathBuf)| {
            fs::rename(beside, path).map_err(failed("put a new file in the place of", path))
        };
        let done = written.and_then(|()| new.iter().try_for_each(put));
        if done.is_err() {
            for (beside, _) in &new {
                // Those that are in their places are not there any more.
                let _ = fs::remove_file(beside);
            }
        }
        done
    }
}

/// The mode of a new file in the place of an old one, of which nothing else is kept: the owner may be another one,
/// whose rights special bits would be; and what a group might, another one may only as all others may.
#[must_use]
pub fn mode_alone(old: u32, keeps_group: bool) -> u32 {
    let mode = old & 0o777;
    if keeps_group { mode } else { mode & (!0o070 | (mode & 0o007) << 3) }
}

#[cfg(unix)]
fn permissions(old: &fs::Metadata, new: &fs::Metadata) -> fs::Permissions {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    PermissionsExt::from_mode(mode_alone(old.mode(), old.gid() == new.gid()))
}

#[cfg(not(unix))]
fn permissions(old: &fs::Metadata, _: &fs::Metadata) -> fs::Permissions {
    old.permissions()
}

/// The file that a path names, behind all links; it need not exist, its folder must.
fn target(path: &Path) -> Result<PathBuf, Error> {
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => path.canonicalize().map_err(failed("open", path)),
        Ok(_) => {
            let message = format!("{} is no regular file", shown(&path.to_string_lossy()));
            Err(Error::Input { message, help: "name a file, or a new one".into() })
        }
        Err(_) if path.is_symlink() => {
            let message =
                format!("{} is a symbolic link to nothing", shown(&path.to_string_lossy()));
            Err(Error::Input { message, help: "name a file, or a new one".into() })
        }
        Err(_) => {
            let folder = path.parent().filter(|folder| *folder != Path::new(""));
            let folder = folder.unwrap_or(Path::new("."));
            let name = path.file_name().ok_or_else(|| io::ErrorKind::NotADirectory.into());
            let name = name.map_err(failed("create", path))?;
            let folder = folder.canonicalize().map_err(failed("create a file in", folder))?;
            Ok(folder.join(name))
        }
    }
}
