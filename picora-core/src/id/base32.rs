//! Crockford base 32 of 128 bits: 26 characters, the first of which holds only three bits.

use super::IdError;

/// Writes 16 bytes as 26 lower-case characters.
pub(super) fn encode(bytes: &[u8; 16]) -> String {
    let number = u128::from_be_bytes(*bytes);
    (0..WIDTH)
        .rev()
        .map(|place| char::from(ALPHABET[((number >> (place * 5)) & 31) as usize]))
        .collect()
}

/// Reads exactly what [`encode`] writes.
pub(super) fn decode(text: &str) -> Result<[u8; 16], IdError> {
    if text.len() != WIDTH || text.as_bytes()[0] > b'7' {
        return Err(IdError::Digits); // a first character above 7 would need more than 128 bits
    }
    let mut number: u128 = 0;
    for byte in text.bytes() {
        let digit = DIGITS[usize::from(byte)];
        if digit == NO_DIGIT {
            return Err(IdError::Digits);
        }
        number = (number << 5) | u128::from(digit);
    }
    Ok(number.to_be_bytes())
}

const WIDTH: usize = 26;

/// Douglas Crockford's alphabet: no `i`, `l`, `o`, `u`, which are misread.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The value of each character, so that reading looks up instead of searching.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value: u8 = 0;
    while value < 32 {
        digits[ALPHABET[value as usize] as usize] = value;
        value += 1;
    }
    digits
};

const NO_DIGIT: u8 = 0xff;
