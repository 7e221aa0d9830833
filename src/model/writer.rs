//! Where fast decoders put single values.

/// Takes the values of one record as a decoder meets them, straight into columns.
///
/// Every method answers whether the value was taken. After one `false` the decoder gives the record up, and it goes the exact way,
/// which alone decides what is wrong with it: a writer may answer `false` to whatever it does not want to deal with, such as a slot
/// that has a value already. What a record has put into columns must be undone then.
///
/// The bytes are of the kind that the method says, and UTF-8 if the whole record is, which decoders check before they finish it.
pub trait FieldWriter {
    /// A text, its escapes resolved, and without a NUL.
    fn text(&mut self, slot: usize, text: &[u8]) -> bool;

    /// A number as JSON writes it.
    fn number(&mut self, slot: usize, digits: &[u8]) -> bool;

    /// True or false.
    fn boolean(&mut self, slot: usize, value: bool) -> bool;

    /// An explicit null.
    fn null(&mut self, slot: usize) -> bool;

    /// An array or object, as valid JSON text.
    fn json(&mut self, slot: usize, text: &[u8]) -> bool;
}
