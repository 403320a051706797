//! The encoding of SFTP: big-endian numbers, and strings with their length before them.

/// A packet that does not say what its kind has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Takes a packet apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(u8::from_be_bytes)
    }

    pub(super) fn number(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn long(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn string(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(self.number()?).map_err(|_too_long| Malformed)?;
        let (string, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(string)
    }

    fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], Malformed> {
        let (array, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*array)
    }
}

/// Puts packets together, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Packets(pub(super) Vec<u8>);

impl Packets {
    /// Appends a packet with what `fill` writes, and its length before that.
    pub(super) fn packet<T>(&mut self, fill: impl FnOnce(&mut Self) -> T) -> T {
        let start = self.0.len();
        self.number(0);
        let result = fill(self);
        self.set_length(start);
        result
    }

    /// Appends a string that `fill` writes.
    pub(super) fn string_with<T>(&mut self, fill: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let start = self.0.len();
        self.number(0);
        let result = fill(&mut self.0);
        self.set_length(start);
        result
    }

    pub(super) fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn number(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn long(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn string(&mut self, value: &[u8]) {
        self.string_with(|buffer| buffer.extend_from_slice(value));
    }

    /// Writes a number at a place that was left for it.
    pub(super) fn set_number(&mut self, at: usize, value: u32) {
        if let Some(place) = self.0.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            *place = value.to_be_bytes();
        }
    }

    /// What was written behind a length is as long as this.
    fn set_length(&mut self, start: usize) {
        let length = self.0.len().saturating_sub(start + size_of::<u32>());
        self.set_number(start, u32::try_from(length).unwrap_or(u32::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let mut packets = Packets::default();
        packets.packet(|packet| {
            packet.byte(7);
            packet.number(1);
            packet.long(u64::MAX);
            packet.string(b"name");
        });
        let mut fields = Fields::new(&packets.0);
        assert_eq!(fields.number(), Ok(21));
        assert_eq!(fields.byte(), Ok(7));
        assert_eq!(fields.number(), Ok(1));
        assert_eq!(fields.long(), Ok(u64::MAX));
        assert_eq!(fields.string(), Ok(&b"name"[..]));
        assert_eq!(fields.byte(), Err(Malformed));
    }

    #[test]
    fn a_string_longer_than_its_packet_is_malformed() {
        for bytes in [&[0, 0, 0, 5, b'x'][..], &[255; 4], &[0, 0], &[]] {
            assert_eq!(Fields::new(bytes).string(), Err(Malformed));
        }
    }
}
