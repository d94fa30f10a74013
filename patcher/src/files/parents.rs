//! Folders that something new will be in.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Folders that were made for a file or tree to be in. They go away unless they are used.
#[derive(Debug, Default)]
pub(crate) struct Parents {
    /// From the outermost to the innermost.
    made: Vec<PathBuf>,
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
}

impl Drop for Parents {
    fn drop(&mut self) {
        // Those that something is in stay.
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
