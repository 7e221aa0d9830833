//! The Python environment in which the tests' peers live, made at the first need.

use std::ffi::OsStr;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Names a folder for the environment; without it, one in the target folder is used.
const FOLDER_VARIABLE: &str = "TIDEGATE_TEST_VENV";

const REQUIREMENTS: &str = include_str!("../requirements.txt");

/// The longest that the packages may take to come.
const INSTALL_LIMIT: Duration = Duration::from_secs(900);

/// What a script left.
#[derive(Debug)]
pub struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// The Python of an environment with the packages of `tests/requirements.txt`.
///
/// `None`, with a line on the terminal, where there is no Python or the packages cannot be had; in CI, which is where
/// `CI` is set, that is a failure.
pub fn interpreter() -> Option<PathBuf> {
    // One attempt a process: what is missing does not come while the tests run.
    static ENVIRONMENT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match ENVIRONMENT.get_or_init(environment) {
        Ok(python) => Some(python.clone()),
        Err(reason) if std::env::var_os("CI").is_some_and(|value| !value.is_empty()) => panic!("{reason}"),
        Err(reason) => {
            // The handle, and not `eprintln!`, which the test harness keeps for failed tests.
            let line = format!("\nSKIPPED: {reason}\n");
            std::io::stderr().write_all(line.as_bytes()).ok();
            None
        }
    }
}

/// Runs a script of `tests/`, such as `sandbox/s3_objects.py`; `None` if there is no Python. The script is ended, and
/// the test fails, after `limit`.
pub fn run<A: AsRef<OsStr>>(script: &str, args: &[A], limit: Duration) -> Option<Output> {
    let python = interpreter()?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script);
    let mut command = Command::new(python);
    command.arg(path).args(args);
    // The scripts say which endpoint and credentials they mean, whatever the environment says.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    match finish(command, limit) {
        Ok(output) => Some(output),
        Err(error) => panic!("{script}: {error}"),
    }
}

fn environment() -> Result<PathBuf, String> {
    let folder = match std::env::var_os(FOLDER_VARIABLE) {
        Some(folder) => PathBuf::from(folder),
        None => target_folder()?.join("tidegate-test-venv"),
    };
    let python = folder.join("bin").join("python");
    let parent = folder.parent().ok_or("the folder of the Python environment has no parent")?;
    std::fs::create_dir_all(parent).map_err(|error| format!("{}: {error}", parent.display()))?;

    // Tests run in parallel, in processes of their own: one makes the environment, the others wait for it.
    let lock_path = folder.with_extension("lock");
    let lock = File::create(&lock_path).map_err(|error| format!("{}: {error}", lock_path.display()))?;
    lock.lock().map_err(|error| format!("{}: {error}", lock_path.display()))?;

    let stamp_path = folder.join("tidegate-requirements");
    let stamp = stamp();
    if std::fs::read_to_string(&stamp_path).is_ok_and(|text| text == stamp) && python.exists() {
        return Ok(python);
    }
    install(&folder, &python).map_err(|error| {
        format!(
            "the tests with boto3, moto, ministack and pyarrow, for want of Python packages: {error}. To run them, install \
             python3 with venv and pip (Debian: apt-get install python3-venv), or name with {FOLDER_VARIABLE} an \
             environment to put the packages of tests/requirements.txt into."
        )
    })?;
    std::fs::write(&stamp_path, stamp).map_err(|error| format!("{}: {error}", stamp_path.display()))?;
    Ok(python)
}

fn install(folder: &Path, python: &Path) -> Result<(), String> {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("requirements.txt");
    if !python.exists() {
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv"]).arg(folder);
        succeed(venv)?;
    }
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(requirements);
    succeed(pip)
}

fn succeed(command: Command) -> Result<(), String> {
    let name = format!("{command:?}");
    let output = finish(command, INSTALL_LIMIT)?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{name}: {}", output.stderr.trim()))
}

/// The folder of the build: this binary is `<target>/<profile>/deps/<name>`.
fn target_folder() -> Result<PathBuf, String> {
    let binary = std::env::current_exe().map_err(|error| format!("the test's own path: {error}"))?;
    let target = binary.ancestors().nth(3).ok_or("the test's binary is not in a target folder")?;
    Ok(target.to_owned())
}

fn stamp() -> String {
    let mut hasher = DefaultHasher::new();
    REQUIREMENTS.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn finish(mut command: Command, limit: Duration) -> Result<Output, String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
    // Both pipes are read while the process runs: a full one would stop it.
    let stdout = child.stdout.take().map(|pipe| std::thread::spawn(move || text(pipe)));
    let stderr = child.stderr.take().map(|pipe| std::thread::spawn(move || text(pipe)));
    let status = wait(&mut child, limit);
    let [stdout, stderr] =
        [stdout, stderr].map(|thread| thread.and_then(|thread| thread.join().ok()).unwrap_or_default());
    match status {
        Ok(status) => Ok(Output { status, stdout, stderr }),
        Err(error) => Err(format!("{name}: {error}\n{stdout}\n{stderr}")),
    }
}

fn text(mut pipe: impl Read) -> String {
    let mut bytes = Vec::new();
    pipe.read_to_end(&mut bytes).ok();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn wait(child: &mut Child, limit: Duration) -> Result<ExitStatus, String> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(status);
        }
        if Instant::now() > end {
            child.kill().and_then(|()| child.wait()).ok();
            return Err(format!("did not end within {limit:?}"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
