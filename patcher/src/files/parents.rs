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
            fs::create_dir(folder).map_err(Error::io("create", folder))?;
            self.made.push(folder.to_owned());
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
