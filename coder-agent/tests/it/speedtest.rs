//! Speed tests over in-memory streams.

use std::time::Duration;

use coder_agent::ErrorKind;
use coder_agent::speedtest::{self, Direction, SpeedtestOptions, SpeedtestServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

fn stream(server: &SpeedtestServer) -> DuplexStream {
    let (near, far) = duplex(64 * 1024);
    let server = server.clone();
    tokio::spawn(async move { server.serve(far).await });
    near
}

#[tokio::test]
async fn only_a_few_tests_run_at_once() {
    let server = SpeedtestServer::default();
    let mut running = Vec::new();
    for expected in [0, 0, 2] {
        let mut stream = stream(&server);
        stream.write_all(&[1, 0, 0, 5]).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), expected);
        running.push(stream);
    }
    let options = SpeedtestOptions::default();
    let refused = speedtest::run(stream(&server), options, |_| {}).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Busy);
}

#[tokio::test]
async fn nonsense_is_refused() {
    let mut stream = stream(&SpeedtestServer::default());
    stream.write_all(&[9, 9, 9, 9]).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, [1]);
    let long = SpeedtestOptions {
        direction: Direction::Up,
        seconds: 61,
    };
    let refused = speedtest::run(stream_that_hears_nothing(), long, |_| {}).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
}

fn stream_that_hears_nothing() -> DuplexStream {
    let (near, far) = duplex(1024);
    std::mem::forget(far);
    near
}

#[tokio::test(start_paused = true)]
async fn both_sides_give_up_in_time() {
    for request in [&[][..], &[1, 0, 0, 5], &[1, 1, 0, 5]] {
        let (mut client, far) = duplex(1024);
        client.write_all(request).await.unwrap();
        let begin = tokio::time::Instant::now();
        let served = SpeedtestServer::default().serve(far).await;
        if request != [1, 0, 0, 5] {
            assert_eq!(served.unwrap_err().kind(), ErrorKind::TimedOut);
        }
        assert!(begin.elapsed() <= Duration::from_secs(15));
    }
    for direction in [Direction::Down, Direction::Up] {
        let options = SpeedtestOptions {
            direction,
            seconds: 5,
        };
        let begin = tokio::time::Instant::now();
        let silent = speedtest::run(stream_that_hears_nothing(), options, |_| {}).await;
        assert_eq!(silent.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(begin.elapsed(), Duration::from_secs(25));
    }
}
