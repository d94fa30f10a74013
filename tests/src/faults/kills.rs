//! A command is ended at many moments of its run, and how far it was is told.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::{self, Display};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Case, Counts, Files, is_ours, is_stopped};
use crate::{Run, postlink};

/// How far a run was when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It had opened and read nothing but itself.
    Starting,
    /// It had written nothing.
    Reading,
    /// It had written some of the new bytes and entries: so many tenths.
    Writing(u8),
    /// All is written, and nothing is in its place.
    Written,
    /// Something was in its place, but the run had not ended.
    Placed,
    /// A file that is written in place has parts of both.
    Cut,
    /// It ended by itself, and had refused.
    Refused,
    /// It ended by itself.
    Done,
}

/// How many runs ended in each phase.
#[derive(Clone, Debug, Default)]
pub struct Phases(pub BTreeMap<Phase, usize>);

impl Phases {
    /// How many were ended, and did not end by themselves.
    #[must_use]
    pub fn killed(&self) -> usize {
        self.count(|phase| !matches!(phase, Phase::Refused | Phase::Done))
    }

    /// How many were ended when some of the new bytes were written, or all, and not all was in its place.
    #[must_use]
    pub fn killed_in_writing(&self) -> usize {
        self.count(|phase| matches!(phase, Phase::Writing(_) | Phase::Written | Phase::Cut))
    }

    fn count(&self, is_one: impl Fn(&Phase) -> bool) -> usize {
        self.0.iter().filter(|(phase, _)| is_one(phase)).map(|(_, count)| count).sum()
    }
}

impl Display for Phases {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} killed", self.killed())?;
        self.0.iter().try_for_each(|(phase, count)| write!(out, ", {count} {phase:?}"))
    }
}

/// What is seen of a run from outside.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// It has opened a file of its work, or read more than the system's own.
    is_reading: bool,
    /// It has written something, or made a new file.
    is_writing: bool,
    /// The size of a new file that has no name.
    unnamed: Option<u64>,
}

/// Bytes that a program reads before its own work: of libraries, and what the system tells of the process.
const BEFORE_MAIN: u64 = 64 << 10;

/// A command that ends by signals, also where the tests run in the background of a shell, which ignores some.
#[must_use]
pub fn ended_by_signals(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("env");
    command.arg("--default-signal=HUP,INT,PIPE,TERM").arg(program);
    command
}

impl Case {
    fn spawn(&self) -> Child {
        let words: Vec<&str> = self.line.split_whitespace().collect();
        let mut command = ended_by_signals(postlink());
        command.args(words).current_dir(self.folder.path("work"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().expect("postlink")
    }

    /// Sends a signal at so many moments of the command's run: `KILL`, or one that it may take for something
    /// else than its end. With `STOP` it is continued afterwards.
    ///
    /// # Panics
    /// There is another outcome than there may be: the old files or the new ones; and the new ones after the
    /// next run.
    #[must_use]
    pub fn signal_at(&self, signal: &str, moments: u32) -> Phases {
        let mut phases = Phases::default();
        let (mut reading, mut writing) = self.timed();
        for moment in 0..moments {
            self.reset();
            // What else happens on the machine makes runs longer and shorter.
            if moment % 16 == 15 {
                (reading, writing) = self.timed();
                self.reset();
            }
            let mut child = self.spawn();
            // Moments that are evenly spread, in an order that is not: half of them over all of the run, half over
            // what it does from its first write on, which is the smaller part.
            let part = f64::from(moment + 1) * 0.618_033_988_75;
            if moment % 2 == 0 {
                std::thread::sleep((reading + writing).mul_f64(part.fract()));
            } else {
                self.wait_for_writing(&mut child);
                std::thread::sleep(writing.mul_f64(part.fract()));
            }
            let seen = self.look(&child);
            send(&mut child, signal);
            let output = child.wait_with_output().expect("its end");
            let status = output.status;
            let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            let run = Run { code, stdout: self.said.clone(), stderr, shown: self.line.clone() };
            let after = self.files();
            *phases.0.entry(self.phase(&run, seen, &after)).or_default() += 1;
            let judged = self.judge(&run, &after, "", &mut Counts::default());
            assert_eq!(
                judged,
                Ok(()),
                "{}: {signal} at {moment} of {moments}, {seen:?} {}",
                self.line,
                run.stderr
            );
        }
        self.reset();
        println!("{signal}: {}: {phases}", self.line);
        phases
    }

    /// How long a run takes to its first write, and from then on.
    fn timed(&self) -> (Duration, Duration) {
        let begun = Instant::now();
        let mut child = self.spawn();
        self.wait_for_writing(&mut child);
        let reading = begun.elapsed();
        child.wait_with_output().expect("its end");
        (reading, begun.elapsed() - reading)
    }

    /// Until it writes, or has ended.
    fn wait_for_writing(&self, child: &mut Child) {
        while child.try_wait().expect("a child").is_none() && !self.look(child).is_writing {
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    /// What the system tells of a run that goes on.
    fn look(&self, child: &Child) -> Seen {
        let process = Path::new("/proc").join(child.id().to_string());
        let work = self.folder.path("work");
        let told = fs::read_to_string(process.join("io")).unwrap_or_default();
        let bytes = |key: &str| {
            let bytes = told.lines().find_map(|line| line.strip_prefix(key));
            bytes.and_then(|bytes| bytes.trim().parse::<u64>().ok()).unwrap_or_default()
        };
        let mut seen = Seen {
            is_reading: bytes("rchar:") > BEFORE_MAIN,
            is_writing: bytes("wchar:") > 0,
            unnamed: None,
        };
        for file in fs::read_dir(process.join("fd")).into_iter().flatten().flatten() {
            let Ok(target) = fs::read_link(file.path()) else { continue };
            if target.starts_with(&work) {
                seen.is_reading = true;
                if target.to_string_lossy().ends_with(" (deleted)") {
                    let size = fs::metadata(file.path()).ok().map(|file| file.len());
                    seen.unnamed = seen.unnamed.max(size);
                }
                seen.is_writing |=
                    seen.unnamed.is_some() || target.strip_prefix(&work).is_ok_and(is_ours);
            }
        }
        seen
    }

    /// How far a run was, from what was seen of it and what it left.
    fn phase(&self, run: &Run, seen: Seen, after: &Files) -> Phase {
        match run.code {
            1 => return Phase::Refused,
            _ if is_stopped(run) => return Phase::Refused,
            code if code < 128 => return Phase::Done,
            _ => {}
        }
        let is_old = |path| after.get(path) == self.before.get(path);
        let is_new = |path| after.get(path) == self.good.get(path);
        let changed: Vec<_> =
            self.good.iter().filter(|(path, file)| self.before.get(*path) != Some(file)).collect();
        if self.mends && changed.iter().any(|(path, _)| !is_old(*path) && !is_new(*path)) {
            return Phase::Cut;
        }
        if changed.iter().any(|(path, _)| is_new(*path)) {
            return Phase::Placed;
        }
        // An entry counts as some bytes: a tree of empty files has none.
        let size = |files: &mut dyn Iterator<Item = &(u32, Vec<u8>)>| -> u64 {
            files.map(|(_, bytes)| bytes.len() as u64 + 64).sum()
        };
        let whole = size(&mut changed.iter().map(|(_, file)| *file));
        let named = size(&mut after.iter().filter(|(path, _)| is_ours(path)).map(|(_, file)| file));
        let written = named + seen.unnamed.map_or(0, |bytes| bytes + 64);
        match (written, seen.is_reading) {
            (0, false) => Phase::Starting,
            (0, true) => Phase::Reading,
            _ if written >= whole => Phase::Written,
            _ => Phase::Writing((written * 10 / whole) as u8),
        }
    }
}

fn send(child: &mut Child, signal: &str) {
    if signal == "KILL" {
        child.kill().expect("a kill");
        return;
    }
    let process = child.id();
    let more = if signal == "STOP" {
        format!("; sleep 0.01; kill -CONT {process}")
    } else {
        String::new()
    };
    // It may have ended meanwhile.
    let line = format!("kill -{signal} {process}{more}");
    Command::new("sh").args(["-c", &line]).stderr(Stdio::null()).status().expect("a shell");
}
