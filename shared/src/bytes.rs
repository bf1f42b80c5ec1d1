//! Small helpers for byte strings: reading fixed fields of strings whose length was checked, and
//! the canonical encoding of curve points. Nothing here fails or panics.

/// The `N` bytes from `at` on. Callers use constants within a checked length; beyond the end, which
/// no caller asks for, it would read zeros.
pub(crate) fn take<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..at + N).and_then(|part| part.try_into().ok()).unwrap_or([0; N])
}

/// Whether 32 bytes are the canonical encoding of a point's y coordinate that is below the field's
/// prime (RFC 8032, 5.1.3). Decompression alone takes two encodings of some points.
pub(crate) fn is_canonical(point: &[u8; 32]) -> bool {
    let all_ones = point[1..31].iter().all(|byte| *byte == 0xff) && point[31] & 0x7f == 0x7f;
    !(all_ones && point[0] >= 0xed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prime_itself_and_what_is_above_it_are_not_canonical() {
        let mut prime = [0xff; 32];
        (prime[0], prime[31]) = (0xed, 0x7f);
        assert!(!is_canonical(&prime));
        prime[31] = 0xff;
        assert!(!is_canonical(&prime));
        prime[0] = 0xec;
        assert!(is_canonical(&prime));
        assert!(!is_canonical(&[0xff; 32]));
        assert!(is_canonical(&[0; 32]));
    }
}
