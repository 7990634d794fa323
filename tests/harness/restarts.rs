//! A corelane that is started again and again on the same folder and the same doors, and may be killed
//! at any moment.
//!
//! Takes a folder, settings of the configuration, and how many shards each start has. Gives what it
//! answers, and what it wrote in all of its lives. Is a [`Host`], so that loadgen can kill it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use loadgen::crash::host::Host;

use super::{Ports, Running, START_WAIT, STOP_WAIT};

/// Longest wait for one answer.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// One appliance in all of its lives.
#[derive(Debug)]
pub(crate) struct Restarts {
    /// Its doors, the same in each life.
    pub(crate) ports: Ports,
    data: PathBuf,
    logs: PathBuf,
    settings: Vec<(String, String)>,
    /// Shards of each life, in turn.
    shards: Vec<usize>,
    running: Option<Running>,
    starts: usize,
    /// What the lives before this one wrote.
    said: String,
}

/// What came back on a request.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Status.
    pub(crate) status: u16,
    /// The header `Retry-After`.
    pub(crate) retry_after: Option<String>,
    /// The header `X-Corelane-Partial`.
    pub(crate) partial: Option<String>,
    /// Body.
    pub(crate) text: String,
}

impl Restarts {
    /// Will run on `data`, with its output in `logs` and `settings` such as `("head.seal_seconds", "1")`.
    pub(crate) fn new(data: &Path, logs: &Path, settings: &[(&str, &str)]) -> Restarts {
        let variable = |key: &str| format!("CORELANE_{}", key.replace('.', "_").to_uppercase());
        let settings = settings.iter();
        Restarts {
            ports: Ports::free(),
            data: data.to_owned(),
            logs: logs.to_owned(),
            settings: settings
                .map(|(key, value)| (variable(key), (*value).to_owned()))
                .collect(),
            shards: vec![1],
            running: None,
            starts: 0,
            said: String::new(),
        }
    }

    /// So many shards in each life, in turn.
    pub(crate) fn with_shards(mut self, shards: &[usize]) -> Restarts {
        shards.clone_into(&mut self.shards);
        self
    }

    /// Start a life; it may not listen yet when this returns.
    pub(crate) fn begin(&mut self) {
        assert!(self.running.is_none(), "it runs already");
        let shards = self.shards[self.starts % self.shards.len()];
        self.starts += 1;
        let mut command = Command::new(env!("CARGO_BIN_EXE_corelane"));
        command.arg("serve").arg("--data").arg(&self.data);
        command.args(self.ports.flags());
        command.arg(format!("--shards={shards}"));
        for (key, _) in std::env::vars_os() {
            if key.to_string_lossy().starts_with("CORELANE_") {
                command.env_remove(key);
            }
        }
        command.envs(self.settings.iter().map(|(key, value)| (key, value)));
        self.running = Some(Running::start("corelane", &self.logs, &mut command));
    }

    /// Start a life, and wait until it is ready.
    #[track_caller]
    pub(crate) fn start(&mut self) {
        self.begin();
        self.wait_ready();
    }

    /// Wait until the life that was begun is ready.
    #[track_caller]
    pub(crate) fn wait_ready(&mut self) {
        let end = Instant::now() + START_WAIT;
        while !self
            .try_get("/ready")
            .is_ok_and(|answer| answer.status == 200)
        {
            if let Some(status) = self.running.as_mut().and_then(Running::ended) {
                panic!("corelane left with {status} at its start\n{}", self.log());
            }
            assert!(
                Instant::now() < end,
                "corelane not ready after {START_WAIT:?}\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Kill it as a crash does.
    pub(crate) fn crash(&mut self) {
        self.said = self.log();
        self.running = None;
    }

    /// Send it a SIGTERM, wait, and check that it leaves with 0.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        let Some(running) = &mut self.running else {
            return;
        };
        running.signal(rustix::process::Signal::TERM);
        let status = running.wait(STOP_WAIT);
        let log = self.log();
        assert!(status.success(), "corelane left with {status}\n{log}");
        self.crash();
    }

    /// What it wrote in all of its lives.
    pub(crate) fn log(&self) -> String {
        let now = self.running.as_ref().map(Running::log);
        format!("{}{}", self.said, now.unwrap_or_default())
    }

    /// The folder it runs on.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// GET `path`.
    pub(crate) fn try_get(&self, path: &str) -> Result<Answer, String> {
        let answer = agent(ANSWER_MAX).get(self.address(path)).call();
        read(answer.map_err(|error| error.to_string())?)
    }

    /// POST `body` to `path`.
    pub(crate) fn try_post(&self, path: &str, body: &str) -> Result<Answer, String> {
        post(&self.address(path), body, ANSWER_MAX)
    }

    /// POST `body` to `path`, which must be answered.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        let answer = self.try_post(path, body);
        answer.unwrap_or_else(|why| panic!("POST {path}: {why}\n{}", self.log()))
    }

    /// GET `path`, which must be answered with 200.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> String {
        match self.try_get(path) {
            Ok(answer) if answer.status == 200 => answer.text,
            other => panic!("GET {path}: {other:?}\n{}", self.log()),
        }
    }

    /// The sum over the shards of what `/metrics` says under `name`.
    #[track_caller]
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let page = self.get("/metrics");
        let of_name = |line: &&str| {
            let bare = line.split(['{', ' ']).next();
            bare == Some(name)
        };
        let values: Vec<f64> = page
            .lines()
            .filter(of_name)
            .filter_map(|line| line.rsplit_once(' ')?.1.parse().ok())
            .collect();
        assert!(!values.is_empty(), "/metrics has no {name}:\n{page}");
        values.into_iter().sum()
    }

    /// The address of `path`.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports.http)
    }
}

impl Host for Restarts {
    fn start(&mut self) -> anyhow::Result<()> {
        self.begin();
        Ok(())
    }

    fn kill(&mut self) -> anyhow::Result<()> {
        self.crash();
        Ok(())
    }

    fn ended(&mut self) -> Option<String> {
        let status = self.running.as_mut().and_then(Running::ended);
        status.map(|status| status.to_string())
    }
}

/// POST `body` to `address`, and wait so long at most.
pub(crate) fn post(address: &str, body: &str, longest: Duration) -> Result<Answer, String> {
    let request = agent(longest).post(address);
    let answer = request.content_type("application/json").send(body);
    read(answer.map_err(|error| error.to_string())?)
}

fn agent(longest: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(longest))
        .build()
        .into()
}

fn read(mut answer: http::Response<ureq::Body>) -> Result<Answer, String> {
    let header = |name: &str| {
        let value = answer.headers().get(name);
        value
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let (retry_after, partial) = (header("retry-after"), header("x-corelane-partial"));
    let mut text = String::new();
    let read = answer.body_mut().as_reader().read_to_string(&mut text);
    read.map_err(|error| error.to_string())?;
    Ok(Answer {
        status: answer.status().as_u16(),
        retry_after,
        partial,
        text,
    })
}
