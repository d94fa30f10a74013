//! A program that answers on standard output, with bounds on the length of the answer and the wait for it.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// A program that works that long is taken for one that hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a program said.
pub(super) struct Said {
    /// How it ended.
    pub(super) status: ExitStatus,
    /// Its standard output.
    pub(super) stdout: Vec<u8>,
    /// Its standard error.
    pub(super) stderr: Vec<u8>,
}

/// Runs a program to its end, without standard input. It may say `longest` bytes on each stream.
///
/// # Errors
/// It cannot be started; it says too much, or does not end: then it is killed.
pub(super) fn run(mut command: Command, longest: u64) -> io::Result<Said> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let said = listen(&mut child, longest);
    if said.is_err() {
        let _ = child.kill();
        let _ = child.wait();
    }
    said
}

fn listen(child: &mut Child, longest: u64) -> io::Result<Said> {
    let deadline = Instant::now() + PATIENCE;
    let stdout = read(child.stdout.take(), longest);
    let stderr = read(child.stderr.take(), longest);
    let stdout = receive(&stdout, deadline, longest)?;
    let stderr = receive(&stderr, deadline, longest)?;
    // Both of its streams are closed: it ends by itself, unless it hangs.
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Said { status, stdout, stderr });
        }
        if Instant::now() > deadline {
            return Err(late());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Reads a stream in a thread of its own, so that neither waits for the other.
fn read(stream: Option<impl Read + Send + 'static>, longest: u64) -> Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = match stream {
            Some(stream) => stream.take(longest.saturating_add(1)).read_to_end(&mut bytes),
            None => Ok(0),
        };
        // Whoever gave up does not listen any more.
        let _ = sender.send(read.map(|_| bytes));
    });
    receiver
}

fn receive(
    stream: &Receiver<io::Result<Vec<u8>>>,
    deadline: Instant,
    longest: u64,
) -> io::Result<Vec<u8>> {
    let left = deadline.saturating_duration_since(Instant::now());
    let bytes = stream.recv_timeout(left).map_err(|error| match error {
        RecvTimeoutError::Timeout => late(),
        RecvTimeoutError::Disconnected => io::Error::other("what it says could not be read"),
    })??;
    if bytes.len() as u64 > longest {
        return Err(io::Error::other(format!("it said more than {longest} bytes")));
    }
    Ok(bytes)
}

fn late() -> io::Error {
    io::Error::other(format!("it did not end within {} seconds", PATIENCE.as_secs()))
}
