//! The WebSocket that sends back what it hears.

use super::{harness::TestServer, live::Live};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn a_web_socket_sends_back_what_it_hears() {
    let live = Live::listen(TestServer::new().await).await;
    let ann = live.server.person("ann", &[]).await;
    let mut socket = live.open(&ann, "/api/v2/debug/ws").await;
    for message in [Message::text("hello"), Message::binary(vec![7; 16 * 1024])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
    // Too much ends it, and says so.
    socket
        .send(Message::binary(vec![7; 16 * 1024 + 1]))
        .await
        .unwrap();
    let end = socket.next().await;
    assert!(
        matches!(&end, None | Some(Err(_) | Ok(Message::Close(_)))),
        "{end:?}"
    );
    let plain = live.server.get("/api/v2/debug/ws", &ann).await;
    assert_eq!(plain.expect(400)["message"], "This needs a WebSocket.");
}
