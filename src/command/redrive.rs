//! `tidegate redrive`: what is parked, and its way back.

mod shown;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use jiff::Timestamp;

use self::shown::Shown;
use crate::aws::Clients;
use crate::config::{self, Config};
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint;
use crate::notify::{self, Event, Router};
use crate::queue::{DeadLetters, ParkedMessage};

/// For how long what is looked at is hidden; interrupted, it shows itself after so long.
const HIDDEN: Duration = Duration::from_secs(60);

/// Show parked messages, and move them back once the cause is mended.
///
/// Nothing is lost by an interruption at any point: a message is deleted only after it was sent back, and one that is sent back
/// twice is loaded once. An object that was put again under the same key announces itself; its parked event then ends as
/// replaced.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The service's configuration; pipelines are in the folder beside it.
    #[arg(long, default_value = "tidegate.toml")]
    config: PathBuf,
    /// Whose parked messages.
    #[arg(long, value_enum)]
    queue: QueueArgument,
    /// Only those of this pipeline.
    #[arg(long)]
    pipeline: Option<String>,
    /// Show what is parked (the default).
    #[arg(long, conflicts_with_all = ["dry_run", "move_back"])]
    list: bool,
    /// Show what would be moved, and how.
    #[arg(long, conflicts_with = "move_back")]
    dry_run: bool,
    /// Move messages back to their queue.
    #[arg(long = "move")]
    move_back: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum QueueArgument {
    /// Notifications of objects.
    Events,
    /// Staged batches.
    Loads,
}

impl QueueArgument {
    fn name(self) -> &'static str {
        match self {
            QueueArgument::Events => "events",
            QueueArgument::Loads => "loads",
        }
    }
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let config = match config::load(&arguments.config, &|name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(problems) => {
            eprintln!("{problems}");
            return Ok(ExitCode::from(2));
        }
    };
    if let Some(name) = &arguments.pipeline
        && !config.pipelines.iter().any(|pipeline| pipeline.name == *name)
    {
        let names: Vec<&str> = config.pipelines.iter().map(|pipeline| pipeline.name.as_str()).collect();
        let message = format!("there is no pipeline {name:?}; there are {}", names.join(", "));
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    let clients = Clients::from_environment().await;
    let queues = config.service.queues.clone();
    let queue = match arguments.queue {
        QueueArgument::Events => queues.events,
        QueueArgument::Loads => queues.loads,
    };
    let parked = DeadLetters::new(clients.sqs, arguments.queue.name(), queue);
    let redrive = Redrive { arguments: &arguments, routes: Routes::new(&config), parked };
    match (arguments.move_back, &arguments.pipeline) {
        (false, _) => redrive.show().await?,
        (true, None) => redrive.move_all().await?,
        (true, Some(pipeline)) => redrive.move_some(pipeline).await?,
    }
    Ok(ExitCode::SUCCESS)
}

struct Redrive<'a> {
    arguments: &'a Arguments,
    routes: Routes,
    parked: DeadLetters,
}

impl Redrive<'_> {
    /// Shows what is parked, or what of it would be moved.
    async fn show(&self) -> Result<()> {
        let now = Timestamp::now();
        let (mut shown, mut receipts) = (Vec::new(), Vec::new());
        let total = self.parked.len().await?;
        loop {
            let messages = self.parked.receive(HIDDEN).await?;
            if messages.is_empty() {
                break;
            }
            for message in messages {
                let pipelines = self.routes.pipelines(&message);
                if self.arguments.pipeline.as_ref().is_none_or(|wanted| pipelines.contains(wanted)) {
                    shown.push(Shown::new(&message, &pipelines, now));
                }
                receipts.push(message.receipt);
            }
        }
        self.parked.show(&receipts).await;
        let name = self.arguments.queue.name();
        let behind = total.saturating_sub(receipts.len() as u64);
        if self.arguments.json {
            return print(&shown::json(name, &shown, behind, self.method()));
        }
        print(&shown::table(name, &shown, behind))?;
        if self.arguments.dry_run && !shown.is_empty() {
            let count = shown.len() as u64 + if self.arguments.pipeline.is_none() { behind } else { 0 };
            print(&format!("\nwould go back to {}: {count}, {}\n", self.parked.destination(), self.method()))?;
        }
        Ok(())
    }

    fn method(&self) -> &'static str {
        match self.arguments.pipeline {
            Some(_) => "one by one",
            None => "by one move task of SQS",
        }
    }

    /// Has SQS move all, and says how far it is.
    async fn move_all(&self) -> Result<()> {
        if self.parked.len().await? == 0 {
            return self.told(0);
        }
        self.parked.move_all().await?;
        failpoint::redrive("redrive.started");
        let mut last = None;
        loop {
            let Some(moved) = self.parked.moved().await? else {
                return Err(Error::new(ErrorKind::Unavailable, "SQS does not know of the move any more"));
            };
            if last.as_ref() != Some(&moved) && moved.running {
                eprintln!("moved {} of about {}; SQS goes on with it if this command is ended", moved.moved, moved.of);
            }
            if let Some(failure) = moved.failure {
                let message = format!("SQS ended the move after {} messages: {failure}", moved.moved);
                return Err(Error::new(ErrorKind::Unavailable, message));
            }
            if !moved.running {
                return self.told(moved.moved);
            }
            last = Some(moved);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Moves the messages of a pipeline one by one: sent first, deleted then.
    async fn move_some(&self, pipeline: &str) -> Result<()> {
        let started = Timestamp::now();
        let (mut moved, mut others) = (0_u64, Vec::new());
        let ended: Result<()> = async {
            loop {
                let messages = self.parked.receive(HIDDEN).await?;
                if messages.is_empty() {
                    return Ok(());
                }
                for message in messages {
                    // One that was moved a moment ago may have been parked again: once is enough.
                    let again = message.sent_at.is_some_and(|sent| sent > started);
                    if again || !self.routes.pipelines(&message).iter().any(|each| each == pipeline) {
                        others.push(message.receipt);
                        continue;
                    }
                    self.parked.send_back(&message).await?;
                    failpoint::redrive("redrive.sent");
                    self.parked.delete(&message).await?;
                    failpoint::redrive("redrive.deleted");
                    moved += 1;
                    eprintln!("moved {moved}: {}", Shown::new(&message, &[pipeline.to_owned()], started).what);
                }
            }
        }
        .await;
        self.parked.show(&others).await;
        ended?;
        self.told(moved)
    }

    fn told(&self, moved: u64) -> Result<()> {
        let name = self.arguments.queue.name();
        if self.arguments.json {
            return print(&format!("{}\n", serde_json::json!({ "queue": name, "moved": moved })));
        }
        match moved {
            0 => print(&format!("{name}: nothing is parked that could be moved\n")),
            _ => print(&format!("{name}: {moved} moved back to {}\n", self.parked.destination())),
        }
    }
}

/// Which pipelines a parked message concerns.
struct Routes {
    router: Router,
    names: Vec<String>,
}

impl Routes {
    fn new(config: &Config) -> Self {
        let sources = config.pipelines.iter().map(|it| (it.source.bucket.clone(), it.source.key.clone()));
        Routes { router: Router::new(sources), names: config.pipelines.iter().map(|it| it.name.clone()).collect() }
    }

    /// By what it was parked with; else by its group; else, as SQS itself moved it, by the objects that it announces.
    fn pipelines(&self, message: &ParkedMessage) -> Vec<String> {
        if let Some(name) = message.attributes.get("pipeline").or(message.group.as_ref()) {
            return vec![name.clone()];
        }
        let mut names: Vec<String> = Vec::new();
        for event in notify::parse(&message.body).unwrap_or_default() {
            if let Event::Created(object) = event {
                names.extend(self.router.route(&object).into_iter().map(|route| self.names[route.pipeline].clone()));
            }
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Prints to standard output; a reader that has gone, as `head` does, is no error.
fn print(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
