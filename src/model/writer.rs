//! Where fast decoders put single values.

/// Bytes of a record, and with them those that stand behind: who reads whole words need not stop at the end.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'t> {
    from: &'t [u8],
    length: usize,
}

impl<'t> Piece<'t> {
    /// The first `length` bytes of `from`, or as many as there are.
    #[inline(always)]
    pub fn new(from: &'t [u8], length: usize) -> Self {
        Piece { from, length: length.min(from.len()) }
    }

    /// The bytes.
    #[inline(always)]
    pub fn bytes(self) -> &'t [u8] {
        &self.from[..self.length]
    }

    /// How many they are.
    #[inline(always)]
    pub fn len(self) -> usize {
        self.length
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.length == 0
    }

    /// All but the first of the bytes.
    #[inline(always)]
    pub fn behind_first(self) -> Self {
        Piece { from: self.from.get(1..).unwrap_or_default(), length: self.length.saturating_sub(1) }
    }

    /// The first `N` bytes from the piece's beginning on, be they of it or stand behind it; `None` where there are not as many.
    #[inline(always)]
    pub fn block<const N: usize>(self) -> Option<&'t [u8; N]> {
        self.from.first_chunk()
    }
}

impl<'t> From<&'t [u8]> for Piece<'t> {
    fn from(bytes: &'t [u8]) -> Self {
        Piece { from: bytes, length: bytes.len() }
    }
}

/// Takes the values of one record as a decoder meets them, straight into columns.
///
/// Every method answers whether the value was taken. After one `false` the decoder gives the record up, and it goes the exact way,
/// which alone decides what is wrong with it: a writer may answer `false` to whatever it does not want to deal with, such as a slot
/// that has a value already. What a record has put into columns must be undone then.
///
/// The bytes are of the kind that the method says, and UTF-8 if the whole record is, which decoders check before they finish it.
pub trait FieldWriter {
    /// A text, its escapes resolved, and without a NUL.
    fn text(&mut self, slot: usize, text: Piece<'_>) -> bool;

    /// A number as JSON writes it.
    fn number(&mut self, slot: usize, digits: Piece<'_>) -> bool;

    /// True or false.
    fn boolean(&mut self, slot: usize, value: bool) -> bool;

    /// An explicit null.
    fn null(&mut self, slot: usize) -> bool;

    /// An array or object, as valid JSON text.
    fn json(&mut self, slot: usize, text: &[u8]) -> bool;
}
