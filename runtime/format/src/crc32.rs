//! CRC-32 as in zlib, PNG and gzip (ITU-T V.42, reflected polynomial 0xEDB88320).
//!
//! Written out here, sixteen table entries small, because the runtime and the generated C++ carry
//! the same loop into every program: the published crates bring 1 to 16 KiB of tables. Most of a record
//! is unused room, though; so a long run of zeros is taken in at once.

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

/// The polynomial; the highest bit stands for `x^0`.
const POLYNOMIAL: u32 = 0xedb8_8320;
/// From this many zeros on, a few multiplications are faster than the loop.
const MANY: usize = 64;

impl Crc32 {
    /// The checksum of nothing, so far.
    pub(crate) const fn new() -> Self {
        Self(!0)
    }

    /// Takes in more bytes.
    pub(crate) fn update(&mut self, bytes: impl IntoIterator<Item = u8>) {
        let mut zeros = 0_usize;
        for byte in bytes {
            if byte == 0 {
                zeros = zeros.saturating_add(1);
                continue;
            }
            self.zeros(core::mem::take(&mut zeros));
            self.nibble(byte);
            self.nibble(byte >> 4);
        }
        self.zeros(zeros);
    }

    /// Takes in so many zeros. Each multiplies the remainder by `x^8`, so that all of them multiply it
    /// by a power of that, which comes by squaring.
    fn zeros(&mut self, mut count: usize) {
        if count < MANY {
            for _ in 0..count {
                self.nibble(0);
                self.nibble(0);
            }
            return;
        }
        let mut power = 1 << (31 - 8);
        while count > 0 {
            if count & 1 == 1 {
                self.0 = product(self.0, power);
            }
            power = product(power, power);
            count >>= 1;
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

/// The product of two remainders.
fn product(left: u32, mut right: u32) -> u32 {
    let mut sum = 0;
    for bit in (0..u32::BITS).rev() {
        if left & (1 << bit) != 0 {
            sum ^= right;
        }
        right = (right >> 1) ^ if right & 1 == 1 { POLYNOMIAL } else { 0 };
    }
    sum
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

    /// The check value of 1,000 zeros, and of such among other bytes, by Python's `zlib.crc32`.
    #[test]
    fn many_zeros_are_as_many_times_one() {
        let of = |parts: &[&[u8]]| {
            let mut crc = super::Crc32::new();
            crc.update(parts.concat());
            crc.value()
        };
        assert_eq!(of(&[&[0; 1000]]), 0x060b_1780);
        assert_eq!(of(&[b"12", &[0; 63], b"3", &[0; 64], b"4", &[0; 100_003]]), 0x9ed2_b28c);
    }
}
