//! What nobody wants to know.

use super::{Element, Fault, Kind, Reader};

/// Arrays and objects inside one another that [`Skip`] passes over.
pub const DEPTH_MAX: u32 = 64;

/// Passing over an array or object, in slices.
#[derive(Clone, Copy, Debug)]
pub struct Skip {
    /// Open arrays and objects.
    depth: u32,
    /// For each of them, the innermost lowest: whether it is an object.
    objects: u64,
    first: bool,
}

impl Skip {
    /// Begin with an array or object whose bracket or brace was read.
    pub fn new(opened: Kind) -> Skip {
        Skip {
            depth: 1,
            objects: u64::from(opened == Kind::Object),
            first: true,
        }
    }

    /// Whether what comes next is an element of the array that it began with, and if so, whether the first.
    pub fn outer_element(&self) -> Option<bool> {
        (self.depth == 1 && self.objects & 1 == 0).then_some(self.first)
    }

    /// Somebody else passed over elements of that array, up to behind one of them.
    pub fn passed_elements(&mut self) {
        self.first = false;
    }

    /// Go on, about up to byte `until`. True at the end, which is read.
    ///
    /// # Errors
    /// What breaks the rules, or is nested deeper than [`DEPTH_MAX`].
    pub fn step(&mut self, reader: &mut Reader, until: usize) -> Result<bool, Fault> {
        while self.depth > 0 {
            if until <= reader.at {
                return Ok(false);
            }
            let is_value = if self.objects & 1 == 1 {
                reader.member(&mut self.first)?.map(|_| true)
            } else {
                match reader.element(&mut self.first)? {
                    Element::End => None,
                    Element::Hole => Some(false),
                    Element::Value => Some(true),
                }
            };
            match is_value {
                None => {
                    self.depth -= 1;
                    self.objects >>= 1;
                    self.first = false;
                }
                Some(true) => {
                    let kind = reader.value()?.kind;
                    if matches!(kind, Kind::Array | Kind::Object) {
                        if self.depth == DEPTH_MAX {
                            return reader
                                .broken("no deeper nesting (64 arrays and objects at most)");
                        }
                        self.depth += 1;
                        self.objects = self.objects << 1 | u64::from(kind == Kind::Object);
                        self.first = true;
                    }
                }
                Some(false) => {}
            }
        }
        Ok(true)
    }
}
