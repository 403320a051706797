use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, split};
use tokio::time::{Instant, timeout, timeout_at};

use super::meter::{Interval, Meter};
use super::protocol::{Answer, BLOCK_BYTES, Direction, GRACE, MAX_SECONDS, Report, Request, block};
use crate::tunnel::Io;
use crate::{Error, ErrorKind, Result};

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpeedtestOptions {
    /// Which way bytes go.
    pub direction: Direction,
    /// For how long, 1 to [`MAX_SECONDS`].
    pub seconds: u16,
}

impl Default for SpeedtestOptions {
    /// Five seconds from the workspace.
    fn default() -> Self {
        Self {
            direction: Direction::Down,
            seconds: 5,
        }
    }
}

/// Measures over `io`, a stream to port [`SPEEDTEST`](crate::tunnel::port::SPEEDTEST) of an agent.
/// `watch` is told of each second as it ends; the answer is the whole test.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) for no or too many seconds, what the agent refuses
/// with, [`Closed`](ErrorKind::Closed) when the stream breaks, [`TimedOut`](ErrorKind::TimedOut)
/// when the test does not end.
pub async fn run(
    io: impl Io,
    options: SpeedtestOptions,
    watch: impl FnMut(Interval),
) -> Result<Interval> {
    if !(1..=MAX_SECONDS).contains(&options.seconds) {
        let message = format!("a speed test takes 1 to {MAX_SECONDS} seconds");
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    let duration = Duration::from_secs(options.seconds.into());
    let test = timeout(duration + 2 * GRACE, measure(io, options, duration, watch));
    let test = test.await;
    test.unwrap_or_else(|_| {
        Err(Error::new(
            ErrorKind::TimedOut,
            "the speed test did not end",
        ))
    })
}

async fn measure(
    mut io: impl Io,
    options: SpeedtestOptions,
    duration: Duration,
    mut watch: impl FnMut(Interval),
) -> Result<Interval> {
    let request = Request {
        direction: options.direction,
        seconds: options.seconds,
    };
    io.write_all(&request.encode()).await.map_err(broken)?;
    io.flush().await.map_err(broken)?;
    Answer::check(io.read_u8().await.map_err(broken)?)?;
    let mut meter = Meter::default();
    match options.direction {
        Direction::Down => download(io, &mut meter, &mut watch).await?,
        Direction::Up => upload(io, duration, &mut meter, &mut watch).await?,
    }
    if let Some(rest) = meter.rest() {
        watch(rest);
    }
    Ok(meter.total())
}

async fn download(
    mut io: impl Io,
    meter: &mut Meter,
    watch: &mut impl FnMut(Interval),
) -> Result<()> {
    let begin = Instant::now();
    let mut buffer = vec![0; BLOCK_BYTES];
    let mut bytes = 0;
    loop {
        let length = io.read(&mut buffer).await.map_err(broken)?;
        if length == 0 {
            return Ok(());
        }
        bytes += length as u64;
        let elapsed = begin.elapsed();
        meter
            .record(Report { elapsed, bytes })
            .into_iter()
            .for_each(&mut *watch);
    }
}

async fn upload(
    io: impl Io,
    duration: Duration,
    meter: &mut Meter,
    watch: &mut impl FnMut(Interval),
) -> Result<()> {
    let (mut reader, mut writer) = split(io);
    let send = async {
        let (block, end) = (block(), Instant::now() + duration);
        // A block that does not get through in time is cut off; the agent counts what came.
        while let Ok(sent) = timeout_at(end, writer.write_all(&block)).await {
            sent.map_err(broken)?;
        }
        writer.shutdown().await.map_err(broken)
    };
    let count = async {
        let mut report = [0; Report::LEN];
        while read_report(&mut reader, &mut report).await? {
            let report = Report::decode(report);
            meter.record(report).into_iter().for_each(&mut *watch);
        }
        Ok(())
    };
    tokio::try_join!(send, count).map(drop)
}

/// Whether there was another report before the end.
async fn read_report(
    reader: &mut (impl tokio::io::AsyncRead + Unpin),
    report: &mut [u8],
) -> Result<bool> {
    let length = reader.read(report).await.map_err(broken)?;
    if length > 0 {
        let rest = report.get_mut(length..).unwrap_or_default();
        reader.read_exact(rest).await.map_err(broken)?;
    }
    Ok(length > 0)
}

fn broken(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Closed, "the speed test broke off").with_source(error)
}
