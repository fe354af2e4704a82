//! Runs the jobs of a sweep as processes, some at a time.

use std::fs::OpenOptions;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::error::{ExploreError, io_error};
use crate::folder::Folder;
use crate::trial::Job;

/// Between looks at the running processes.
const POLL: Duration = Duration::from_millis(50);
/// Lines of a failed job's log that are told.
const LOG_LINES: usize = 3;

/// How jobs become processes.
pub struct Parallel<'a> {
    /// Most processes at a time, at least 1.
    pub n_jobs: usize,
    /// The command that runs one job.
    pub command: &'a dyn Fn(&Job) -> Command,
    /// Called with the number of jobs done, and the names of those that run.
    pub progress: &'a mut dyn FnMut(usize, &[String]),
}

/// A job that did not end with a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Name of the job.
    pub job: String,
    /// The end of its log, or why it was not started.
    pub reason: String,
}

/// Runs every job that is not done yet, float networks before their trials; goes on after failures.
///
/// # Errors
/// If a process cannot be started or a log cannot be written.
pub fn run_all(
    jobs: &[Job],
    folder: &Folder,
    parallel: Parallel<'_>,
) -> Result<Vec<Failure>, ExploreError> {
    let Parallel { n_jobs, command, progress } = parallel;
    let mut waiting: Vec<Job> = jobs.iter().filter(|job| !folder.is_done(job)).copied().collect();
    let mut done = jobs.len() - waiting.len();
    let mut running = Running(Vec::new());
    let mut failures: Vec<Failure> = Vec::new();
    loop {
        let names: Vec<String> = running.0.iter().map(|(job, _)| job.name()).collect();
        progress(done, &names);
        while running.0.len() < n_jobs.max(1) {
            let ready = waiting.iter().position(|job| is_ready(job, folder));
            let Some(job) = ready.map(|at| waiting.remove(at)) else { break };
            running.0.push((job, start(&job, folder, command(&job))?));
        }
        if running.0.is_empty() {
            break;
        }
        std::thread::sleep(POLL);
        for at in (0..running.0.len()).rev() {
            let (job, child) = &mut running.0[at];
            let ended = child.try_wait().map_err(io_error(&folder.of(job)))?;
            if ended.is_none() {
                continue;
            }
            let (job, _) = running.0.swap_remove(at);
            match folder.is_done(&job) {
                true => done += 1,
                false => failures.push(Failure { job: job.name(), reason: log_end(&job, folder) }),
            }
        }
    }
    let unready = waiting.iter().map(|job| Failure {
        job: job.name(),
        reason: format!("not started, {} has failed", Job::Float { seed: job.seed() }.name()),
    });
    failures.extend(unready);
    Ok(failures)
}

/// Processes that end with their owner, unless it is killed; then their locks tell of them.
struct Running(Vec<(Job, Child)>);

impl Drop for Running {
    fn drop(&mut self) {
        for (_, child) in &mut self.0 {
            // one that has ended already cannot be killed, which is as well
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn is_ready(job: &Job, folder: &Folder) -> bool {
    match job {
        Job::Float { .. } => true,
        Job::Trial(trial) => folder.is_done(&Job::Float { seed: trial.seed }),
    }
}

fn start(job: &Job, folder: &Folder, mut command: Command) -> Result<Child, ExploreError> {
    let path = folder.of(job);
    std::fs::create_dir_all(&path).map_err(io_error(&path))?;
    let path = path.join("log.txt");
    let log = OpenOptions::new().create(true).append(true).open(&path).map_err(io_error(&path))?;
    let output = log.try_clone().map_err(io_error(&path))?;
    command.stdin(Stdio::null()).stdout(output).stderr(log);
    command.spawn().map_err(io_error(command.get_program().as_ref()))
}

fn log_end(job: &Job, folder: &Folder) -> String {
    let path = folder.of(job).join("log.txt");
    let text = std::fs::read(&path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(LOG_LINES)..].join("; ");
    if last.is_empty() { format!("ended without a word in {}", path.display()) } else { last }
}
