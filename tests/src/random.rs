//! Numbers that look random, and are the same in each run.

/// Marsaglia, "Xorshift RNGs". The state is never 0.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The numbers of a case: neighbours differ from the first one on.
    #[must_use]
    pub fn of_case(case: u64) -> Self {
        // The finisher of MurmurHash3 by Appleby, which maps only 0 to 0.
        let mut state = case.wrapping_add(0x9e37_79b9_7f4a_7c15);
        state = (state ^ (state >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        state = (state ^ (state >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        Self((state ^ (state >> 33)).max(1))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number less than the limit.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.number() % limit as u64) as usize
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    ///
    /// # Panics
    /// There is none.
    pub fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}
