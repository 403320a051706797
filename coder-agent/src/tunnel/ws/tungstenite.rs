use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{MAX_MESSAGE_BYTES, SEND_MESSAGE_BYTES, WsByteStream, WsFrame};
use crate::tunnel::Io;

/// Bytes over a WebSocket over `T`.
pub type WsIo<T> = WsByteStream<TungsteniteFrames<T>>;

/// Enough to take a message in few reads; allocated for each connection.
const READ_BUFFER_BYTES: usize = 32 * 1024;

/// The messages of a WebSocket spoken by this crate itself.
#[derive(Debug)]
pub struct TungsteniteFrames<T>(WebSocketStream<T>);

/// The client's side of a WebSocket over `io`, a connection that has been upgraded already.
pub async fn client_io<T: Io>(io: T) -> WsIo<T> {
    wrap(io, Role::Client).await
}

/// The server's side of a WebSocket over `io`, a connection that has been upgraded already; see
/// [`upgrade_response`](super::upgrade_response).
pub async fn server_io<T: Io>(io: T) -> WsIo<T> {
    wrap(io, Role::Server).await
}

async fn wrap<T: Io>(io: T, role: Role) -> WsIo<T> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(SEND_MESSAGE_BYTES)
        .max_write_buffer_size(4 * SEND_MESSAGE_BYTES)
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    let socket = WebSocketStream::from_raw_socket(io, role, Some(config)).await;
    WsByteStream::new(TungsteniteFrames(socket))
}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for TungsteniteFrames<T> {
    type Item = Result<WsFrame, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0
            .poll_next_unpin(cx)
            .map(|next| next.map(|message| message.map(from_message)))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Sink<WsFrame> for TungsteniteFrames<T> {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: WsFrame) -> Result<(), Error> {
        self.0.start_send_unpin(into_message(frame))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_flush_unpin(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_close_unpin(cx)
    }
}

fn from_message(message: Message) -> WsFrame {
    match message {
        Message::Binary(bytes) => WsFrame::Binary(bytes),
        Message::Ping(bytes) => WsFrame::Ping(bytes),
        Message::Pong(bytes) => WsFrame::Pong(bytes),
        Message::Close(frame) => {
            WsFrame::Close(frame.map(|frame| (frame.code.into(), frame.reason.to_string())))
        }
        // Raw frames are never read from a socket.
        Message::Text(_) | Message::Frame(_) => WsFrame::Text,
    }
}

fn into_message(frame: WsFrame) -> Message {
    match frame {
        WsFrame::Binary(bytes) => Message::Binary(bytes),
        WsFrame::Text => Message::text(""),
        WsFrame::Ping(bytes) => Message::Ping(bytes),
        WsFrame::Pong(bytes) => Message::Pong(bytes),
        WsFrame::Close(reason) => Message::Close(reason.map(|(code, reason)| CloseFrame {
            code: code.into(),
            reason: reason.into(),
        })),
    }
}
