//! The server under test: how it is started and ended.

use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// Something that can be started and ended without warning.
pub trait Host {
    /// Starts it; it may not listen yet when this returns.
    fn start(&mut self) -> Result<()>;

    /// Ends it at once, as a crash does, and waits until it is gone.
    fn kill(&mut self) -> Result<()>;

    /// How it ended, if it did by itself.
    fn ended(&mut self) -> Option<String>;
}

/// A server that is a child process.
pub struct Process {
    command: String,
    child: Option<Child>,
}

impl Process {
    /// Will run `command` as a shell does. Its errors go where ours go.
    pub fn new(command: &str) -> Process {
        Process {
            command: command.to_owned(),
            child: None,
        }
    }
}

impl Host for Process {
    fn start(&mut self) -> Result<()> {
        // The shell becomes the server, so that its number is that of the server.
        let child = Command::new("sh")
            .arg("-c")
            .arg(format!("exec {}", self.command))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start a shell for the command of --crash")?;
        self.child = Some(child);
        Ok(())
    }

    fn kill(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        child.kill().context("cannot kill the server")?;
        child
            .wait()
            .context("cannot wait for the end of the server")?;
        Ok(())
    }

    fn ended(&mut self) -> Option<String> {
        match self.child.as_mut()?.try_wait() {
            Ok(status) => status.map(|status| status.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nobody is left who could be told.
        let _ = self.kill();
    }
}
