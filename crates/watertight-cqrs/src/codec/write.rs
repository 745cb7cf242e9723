use serde::ser::{
    Error, Impossible, Serialize, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleVariant, Serializer,
};

/// Takes a variant apart: its name is the result, what is in it goes into the serializer.
pub(super) struct Variants<S>(pub(super) S);

/// What is in a variant, on its way.
pub(super) struct Content<C> {
    kind: &'static str,
    content: C,
}

type Never<E> = Impossible<&'static str, E>;

fn no_enum<T, E: Error>() -> Result<T, E> {
    Err(E::custom("events are variants of an enum"))
}

/// Methods for what is no variant.
macro_rules! refuse {
    ($($method:ident($($argument:ty),*) -> $result:ty;)*) => {
        $(fn $method(self, $(_: $argument),*) -> Result<$result, S::Error> {
            no_enum()
        })*
    };
}

impl<S: Serializer> Serializer for Variants<S> {
    type Ok = &'static str;
    type Error = S::Error;
    type SerializeSeq = Never<S::Error>;
    type SerializeTuple = Never<S::Error>;
    type SerializeTupleStruct = Never<S::Error>;
    type SerializeTupleVariant = Content<S::SerializeTuple>;
    type SerializeMap = Never<S::Error>;
    type SerializeStruct = Never<S::Error>;
    type SerializeStructVariant = Content<S::SerializeStruct>;

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        kind: &'static str,
    ) -> Result<&'static str, S::Error> {
        self.0.serialize_unit()?;
        Ok(kind)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        kind: &'static str,
        content: &T,
    ) -> Result<&'static str, S::Error> {
        content.serialize(self.0)?;
        Ok(kind)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        kind: &'static str,
        fields: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let content = self.0.serialize_tuple(fields)?;
        Ok(Content { kind, content })
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        kind: &'static str,
        fields: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let content = self.0.serialize_struct(name, fields)?;
        Ok(Content { kind, content })
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<&'static str, S::Error> {
        no_enum()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        content: &T,
    ) -> Result<&'static str, S::Error> {
        content.serialize(self)
    }

    refuse! {
        serialize_bool(bool) -> &'static str;
        serialize_i8(i8) -> &'static str;
        serialize_i16(i16) -> &'static str;
        serialize_i32(i32) -> &'static str;
        serialize_i64(i64) -> &'static str;
        serialize_u8(u8) -> &'static str;
        serialize_u16(u16) -> &'static str;
        serialize_u32(u32) -> &'static str;
        serialize_u64(u64) -> &'static str;
        serialize_f32(f32) -> &'static str;
        serialize_f64(f64) -> &'static str;
        serialize_char(char) -> &'static str;
        serialize_str(&str) -> &'static str;
        serialize_bytes(&[u8]) -> &'static str;
        serialize_none() -> &'static str;
        serialize_unit() -> &'static str;
        serialize_unit_struct(&'static str) -> &'static str;
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
    }
}

impl<C: SerializeTuple> SerializeTupleVariant for Content<C> {
    type Ok = &'static str;
    type Error = C::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, field: &T) -> Result<(), C::Error> {
        self.content.serialize_element(field)
    }

    fn end(self) -> Result<&'static str, C::Error> {
        self.content.end()?;
        Ok(self.kind)
    }
}

impl<C: SerializeStruct> SerializeStructVariant for Content<C> {
    type Ok = &'static str;
    type Error = C::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        field: &T,
    ) -> Result<(), C::Error> {
        self.content.serialize_field(name, field)
    }

    fn skip_field(&mut self, name: &'static str) -> Result<(), C::Error> {
        self.content.skip_field(name)
    }

    fn end(self) -> Result<&'static str, C::Error> {
        self.content.end()?;
        Ok(self.kind)
    }
}
