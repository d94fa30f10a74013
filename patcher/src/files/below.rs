//! Places below a folder that stands for the root of all files, and outside of trees.

use std::io;
use std::path::{Component, Path, PathBuf};

use super::open::is_nothing;
use crate::error::{Error, Result};
use crate::shown::escaped;

/// A place below a root.
#[derive(Debug)]
pub(crate) struct Below {
    /// Its path.
    pub(crate) place: PathBuf,
    /// The way from the root to the folder that it is in, without links.
    pub(crate) way: PathBuf,
}

/// Where an absolute path is if `root` stands for the root of all files: `/opt/app` is at
/// `root/opt/app`. Neither the root nor the place need be there.
///
/// # Errors
/// The way to the place leads out of the root, through a link or `..`.
pub(crate) fn below(root: &Path, path: &Path) -> Result<Below> {
    let parts: Vec<Component<'_>> = parts(path).collect();
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(Error::input(
            format!("{} may lead out of {}: it has `..` in it", escaped(path), escaped(root)),
            "write the path without `..`",
        ));
    }
    let place = path_below(root, path);
    let real = match root.canonicalize() {
        Ok(real) => real,
        // Without a root, there are no links in it.
        Err(error) if is_nothing(&error) => {
            let way = parts.iter().take(parts.len().saturating_sub(1)).collect();
            return Ok(Below { place, way });
        }
        Err(error) => return Err(Error::io("look at", root)(error)),
    };
    let (mut way, mut plain) = (root.to_owned(), real.clone());
    for part in parts.iter().take(parts.len().saturating_sub(1)) {
        way.push(part);
        plain.push(part);
        let target = match way.read_link() {
            Ok(target) => target,
            // No link, or nothing.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput || is_nothing(&error) => {
                continue;
            }
            Err(error) => return Err(Error::io("look at", way)(error)),
        };
        let there = way.canonicalize().ok().filter(|there| there.starts_with(&real));
        let Some(there) = there else {
            return Err(Error::input(
                format!(
                    "{} is a link to {}, which leads out of {}",
                    escaped(&way),
                    escaped(&target),
                    escaped(root)
                ),
                "remove the link, or replace it with a relative one to a folder that is there",
            ));
        };
        plain = there;
    }
    let way = plain.strip_prefix(&real).map(Path::to_owned);
    let way = way.map_err(|error| Error::io("look at", &place)(io::Error::other(error)))?;
    Ok(Below { place, way })
}

/// The path of the place below a root where an absolute path is, for a message: nothing is asked.
pub(crate) fn path_below(root: &Path, path: &Path) -> PathBuf {
    let mut place = root.to_owned();
    place.extend(parts(path));
    place
}

fn parts(path: &Path) -> impl Iterator<Item = Component<'_>> {
    path.components().filter(|part| matches!(part, Component::Normal(_)))
}

/// Refuses a place that is one of these trees or in it. `real` is the place, and all trees are, without
/// links; `shown` is the place for a message.
///
/// # Errors
/// It is in one of them.
pub(crate) fn outside(shown: &Path, real: &Path, trees: &[PathBuf]) -> Result<()> {
    match trees.iter().find(|tree| real.starts_with(tree)) {
        Some(tree) => Err(Error::input(
            format!("{} is in the tree {}", escaped(shown), escaped(tree)),
            "a tree that is read does not change: name a place outside of it",
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_dots_is_no_place_below() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        below(root, "/opt/../../x".as_ref()).expect_err("it may lead out");
        let there = below(root, "/opt/x".as_ref()).expect("a place");
        assert_eq!((there.place, there.way), (root.join("opt/x"), "opt".into()));
    }
}
