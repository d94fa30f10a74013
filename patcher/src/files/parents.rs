//! Folders that something new will be in.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use super::folder::Folder;
use crate::error::{Error, Result};

/// Folders that were made for a file or tree to be in. They go away unless they are used.
#[derive(Debug, Default)]
pub(crate) struct Parents {
    /// From the outermost to the innermost.
    made: Vec<PathBuf>,
    /// Behind these: the folder that each is in, and its name there.
    below: Vec<(Arc<Folder>, OsString)>,
}

impl Parents {
    /// Makes a folder and all that it is in.
    ///
    /// # Errors
    /// What the system refuses.
    pub(crate) fn make(&mut self, folder: &Path) -> Result<()> {
        let missing: Vec<&Path> = folder
            .ancestors()
            .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
            .collect();
        for folder in missing.into_iter().rev() {
            match fs::create_dir(folder) {
                Ok(()) => self.made.push(folder.to_owned()),
                // Another run made it meanwhile: it is that one's to remove.
                Err(_) if folder.is_dir() => {}
                Err(error) => return Err(Error::io("create", folder)(error)),
            }
        }
        Ok(())
    }

    /// Makes a folder, and opens the one that a way without links leads to from there, which is made as well. Each
    /// is made in an open folder: what somebody puts on the way meanwhile leads nowhere.
    ///
    /// # Errors
    /// What the system refuses, a link among that.
    pub(crate) fn make_below(&mut self, root: &Path, way: &Path) -> Result<Arc<Folder>> {
        self.make(root)?;
        let mut folder = Arc::new(Folder::open(root).map_err(Error::io("open", root))?);
        for part in way.components() {
            let (part, path) = (part.as_os_str(), folder.path().join(part));
            let mut opened = folder.folder_below(part.as_ref());
            if opened.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
                match folder.make(part, 0o777) {
                    Ok(()) => self.below.push((Arc::clone(&folder), part.to_owned())),
                    // Another run made it meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(Error::io("create", path)(error)),
                }
                opened = folder.folder_below(part.as_ref());
            }
            folder = Arc::new(opened.map_err(Error::io("open", path))?);
        }
        Ok(folder)
    }
}

impl Drop for Parents {
    fn drop(&mut self) {
        // Those that something is in stay.
        for (folder, name) in self.below.iter().rev() {
            let _ = folder.remove_folder(name);
        }
        for folder in self.made.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn a_folder_that_another_run_makes_meanwhile_is_there() {
        let root = tempfile::tempdir().expect("a folder");
        // Behind `new/..` is what is there as soon as `new` is.
        let mut parents = Parents::default();
        parents.make(&root.path().join("new/../other")).expect("folders");
        assert!(root.path().join("other").is_dir());
        drop(parents);
        assert_eq!(root.path().read_dir().expect("a folder").count(), 0);
        for round in 0..100 {
            let (folder, barrier) = (root.path().join(format!("{round}/a/b/c")), Barrier::new(4));
            let make = || {
                let mut parents = Parents::default();
                barrier.wait();
                let made = parents.make(&folder);
                // It goes away when all have made it.
                barrier.wait();
                made
            };
            std::thread::scope(|scope| {
                let runs = [(); 4].map(|()| scope.spawn(make));
                runs.into_iter().for_each(|run| run.join().expect("a run").expect("folders"));
            });
        }
        fs::write(root.path().join("file"), "").expect("a file");
        Parents::default().make(&root.path().join("file/in")).expect_err("it is a file");
    }
}
