//! The signals that end a command, or that it outlives.

use std::fs;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::low_level::emulate_default_handler;

use crate::error::{Error, Result};

/// Those that ask a command to end: Ctrl-C, SIGTERM, and the end of its terminal. One that was ignored when the
/// process began stays ignored, where /proc tells: `nohup` asks for that, and a shell does for what a script runs
/// beside itself.
pub(super) fn ending() -> Vec<i32> {
    match ignored() {
        Some(mask) => {
            let is_heard = |signal: &i32| mask >> (signal - 1) & 1 == 0;
            [SIGINT, SIGTERM, SIGHUP].into_iter().filter(is_heard).collect()
        }
        // Where that cannot be asked, SIGHUP is left to the system.
        None => vec![SIGINT, SIGTERM],
    }
}

/// The signals that are ignored, each a bit; Linux tells them (`proc(5)`).
fn ignored() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

/// The one that has arrived, or 0.
static ARRIVED: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);

/// A flag that these signals set, so that what is not complete can be removed. The second of them ends the
/// process at once.
pub(super) fn stop() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in ending() {
        flag::register_conditional_default(signal, Arc::clone(&stop))
            .and_then(|_| flag::register(signal, Arc::clone(&stop)))
            .and_then(|_| {
                flag::register_usize(signal, Arc::clone(&ARRIVED), signal.unsigned_abs() as usize)
            })
            .map_err(Error::io("wait for signals beside", "postlink"))?;
    }
    Ok(stop)
}

/// Ends the process by the signal that has stopped the command, if one has, as if it had not been handled: a shell
/// goes on with its script behind a command that ends by itself.
pub(super) fn end_by_what_arrived() {
    if let Ok(signal @ 1..) = i32::try_from(ARRIVED.load(Ordering::Relaxed)) {
        let _ = io::stdout().flush();
        // Where the system does not end it, it ends by itself.
        let _ = emulate_default_handler(signal);
    }
}

/// Lets a write that makes a file larger than `ulimit -f` allows fail, and the command tell that and clean up. By
/// default, the system ends the process.
pub(super) fn outlive_large_files() {
    // Where that cannot be, it is as if the process was killed.
    let _ = flag::register(SIGXFSZ, Arc::default());
}
