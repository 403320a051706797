//! Datagrams in a stream: each is its length in two bytes, big-endian, and so many bytes.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The longest datagram, in bytes: what the length can say. UDP over IPv4 carries 65 507.
pub const MAX_DATAGRAM_BYTES: usize = u16::MAX as usize;

/// Reads the next datagram into `buffer`, in place of what was there. Not safe to cancel.
///
/// Answers whether there was one: the stream may end between two, and nowhere else.
///
/// # Errors
/// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) for a cut-off datagram, else the stream's.
pub async fn read_datagram(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
) -> io::Result<bool> {
    let mut high = [0];
    if stream.read(&mut high).await? == 0 {
        return Ok(false);
    }
    let low = stream.read_u8().await?;
    let [high] = high;
    buffer.resize(usize::from(u16::from_be_bytes([high, low])), 0);
    stream.read_exact(buffer).await?;
    Ok(true)
}

/// Writes one datagram and flushes. Not safe to cancel.
///
/// # Errors
/// [`InvalidInput`](io::ErrorKind::InvalidInput) above [`MAX_DATAGRAM_BYTES`], else the stream's.
pub async fn write_datagram(
    stream: &mut (impl AsyncWrite + Unpin),
    datagram: &[u8],
) -> io::Result<()> {
    let length = u16::try_from(datagram.len())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "datagram is too long"))?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(datagram).await?;
    stream.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn datagrams_keep_their_bounds() {
        let (mut one, mut other) = tokio::io::duplex(256 * 1024);
        let long = vec![7; MAX_DATAGRAM_BYTES];
        for datagram in [&b"a"[..], b"", &long] {
            write_datagram(&mut one, datagram).await.unwrap();
        }
        let late = write_datagram(&mut one, &vec![0; MAX_DATAGRAM_BYTES + 1]).await;
        assert_eq!(late.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        drop(one);
        let mut buffer = Vec::new();
        for datagram in [&b"a"[..], b"", &long] {
            assert!(read_datagram(&mut other, &mut buffer).await.unwrap());
            assert!(buffer == datagram);
        }
        assert!(!read_datagram(&mut other, &mut buffer).await.unwrap());
    }

    #[tokio::test]
    async fn a_cut_off_datagram_is_an_error() {
        for cut in [&[0_u8][..], &[0, 2, 9]] {
            let mut stream = cut;
            let read = read_datagram(&mut stream, &mut Vec::new()).await;
            assert_eq!(read.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }
    }
}
