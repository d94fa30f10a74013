//! CRC-32 as in zlib, PNG and gzip (ITU-T V.42, reflected polynomial 0xEDB88320).
//!
//! Written out here, sixteen table entries small, because the runtime and the generated C++ carry
//! the same loop into every program: the published crates bring 1 to 16 KiB of tables.

/// A CRC-32 that is fed piece by piece.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crc32(u32);

/// Remainders of the sixteen values of four bits: the table of the loop below, and of the one in
/// generated C++.
pub const CRC32_NIBBLES: [u32; 16] = [
    0x0000_0000,
    0x1db7_1064,
    0x3b6e_20c8,
    0x26d9_30ac,
    0x76dc_4190,
    0x6b6b_51f4,
    0x4db2_6158,
    0x5005_713c,
    0xedb8_8320,
    0xf00f_9344,
    0xd6d6_a3e8,
    0xcb61_b38c,
    0x9b64_c2b0,
    0x86d3_d2d4,
    0xa00a_e278,
    0xbdbd_f21c,
];

impl Crc32 {
    /// The checksum of nothing, so far.
    pub(crate) const fn new() -> Self {
        Self(!0)
    }

    /// Takes in more bytes.
    pub(crate) fn update(&mut self, bytes: impl IntoIterator<Item = u8>) {
        for byte in bytes {
            self.nibble(byte);
            self.nibble(byte >> 4);
        }
    }

    fn nibble(&mut self, bits: u8) {
        let index = usize::from((self.0 as u8 ^ bits) & 15);
        self.0 = CRC32_NIBBLES.get(index).copied().unwrap_or_default() ^ (self.0 >> 4);
    }

    /// The checksum of all that was taken in.
    pub(crate) const fn value(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    /// The check value of the catalogue of CRCs.
    #[test]
    fn it_is_the_one_of_zlib() {
        let mut crc = super::Crc32::new();
        crc.update(*b"1234");
        crc.update(*b"56789");
        assert_eq!(crc.value(), 0xCBF4_3926);
    }
}
