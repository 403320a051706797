//! Frames of a WebSocket of tokio-tungstenite.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::frame::{BoxError, Frame};
use super::limits::{CHUNK_BYTES, MAX_MESSAGE_BYTES};

/// The frames of a WebSocket over `T`.
#[derive(Debug)]
pub struct WebSocketFrames<T>(WebSocketStream<T>);

/// The client's side of a WebSocket over `io`, a connection that has been upgraded already.
pub async fn client_frames<T: AsyncRead + AsyncWrite + Unpin>(io: T) -> WebSocketFrames<T> {
    wrap(io, Role::Client).await
}

/// The server's side of a WebSocket over `io`, a connection that has been upgraded already.
pub async fn server_frames<T: AsyncRead + AsyncWrite + Unpin>(io: T) -> WebSocketFrames<T> {
    wrap(io, Role::Server).await
}

async fn wrap<T: AsyncRead + AsyncWrite + Unpin>(io: T, role: Role) -> WebSocketFrames<T> {
    let config = WebSocketConfig::default()
        .read_buffer_size(CHUNK_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(2 * MAX_MESSAGE_BYTES)
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    WebSocketFrames(WebSocketStream::from_raw_socket(io, role, Some(config)).await)
}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for WebSocketFrames<T> {
    type Item = Result<Frame, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.0.poll_next_unpin(cx);
        next.map(|next| next.map(|message| message.map(from_message).map_err(BoxError::from)))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Sink<Frame> for WebSocketFrames<T> {
    type Error = BoxError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready_unpin(cx).map_err(BoxError::from)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), BoxError> {
        Ok(self.0.start_send_unpin(into_message(frame))?)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_flush_unpin(cx).map_err(BoxError::from)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_close_unpin(cx).map_err(BoxError::from)
    }
}

fn from_message(message: Message) -> Frame {
    match message {
        Message::Text(text) => Frame::Text(text.as_str().to_owned()),
        Message::Binary(bytes) => Frame::Binary(bytes),
        Message::Ping(_) => Frame::Ping,
        // Raw frames are never read from a socket.
        Message::Pong(_) | Message::Frame(_) => Frame::Pong,
        Message::Close(frame) => {
            Frame::Close(frame.map(|frame| (frame.code.into(), frame.reason.to_string())))
        }
    }
}

fn into_message(frame: Frame) -> Message {
    match frame {
        Frame::Text(text) => Message::text(text),
        Frame::Binary(bytes) => Message::Binary(bytes),
        Frame::Ping => Message::Ping(Bytes::new()),
        Frame::Pong => Message::Pong(Bytes::new()),
        Frame::Close(reason) => Message::Close(reason.map(|(code, reason)| CloseFrame {
            code: code.into(),
            reason: reason.into(),
        })),
    }
}
