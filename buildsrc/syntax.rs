//! The declarations in bindgen's Rust, from its syntax tree.

use std::collections::BTreeMap;
use syn::{
    BinOp, Expr, ExprIndex, Fields, ForeignItem, Item, ItemStruct, Lit, Pat, ReturnType, Signature,
    Stmt, Type, TypePtr,
};

/// The declarations of a port's headers.
#[derive(Default)]
pub struct Declared {
    /// Constants that are a number or a truth, which counts as 0 or 1.
    pub values: BTreeMap<String, u64>,
    /// The layouts of structs, by their C tag.
    pub structs: BTreeMap<String, Struct>,
    /// The types of the fields of structs, by C tag and name.
    pub fields: BTreeMap<(String, String), String>,
    /// The types of each function's arguments and result: `usize, uint -> *mut void`.
    pub functions: BTreeMap<String, String>,
}

/// A struct as libclang lays it out.
#[derive(Default)]
pub struct Struct {
    pub size: u64,
    /// The fields in order, with their offsets; without bit fields.
    pub fields: Vec<(String, u64)>,
}

impl Declared {
    /// Reads Rust as bindgen writes it.
    pub fn read(text: &str) -> syn::Result<Declared> {
        let mut declared = Declared::default();
        for item in syn::parse_file(text)?.items {
            declared.add(&item);
        }
        Ok(declared)
    }

    fn add(&mut self, item: &Item) {
        match item {
            Item::Const(constant) if constant.ident == "_" => self.add_layout(&constant.expr),
            Item::Const(constant) => {
                if let Some(value) = value(&constant.expr) {
                    self.values.insert(constant.ident.to_string(), value);
                }
            }
            Item::ForeignMod(foreign) => {
                for item in &foreign.items {
                    if let ForeignItem::Fn(function) = item {
                        let name = function.sig.ident.to_string();
                        self.functions.insert(name, types(&function.sig));
                    }
                }
            }
            Item::Struct(item) => self.add_types(item),
            _ => {}
        }
    }

    fn add_types(&mut self, item: &ItemStruct) {
        let Fields::Named(fields) = &item.fields else {
            return;
        };
        for field in &fields.named {
            if let Some(name) = &field.ident {
                let key = (item.ident.to_string(), name.to_string());
                self.fields.insert(key, shown(&field.ty));
            }
        }
    }

    /// The layout tests of one struct, a block of
    /// `["Size of T"][size_of::<T>() - 8usize];` and
    /// `["Offset of field: T::f"][offset_of!(T, f) - 0usize];`.
    fn add_layout(&mut self, tests: &Expr) {
        let Expr::Block(tests) = tests else {
            return;
        };
        for statement in &tests.block.stmts {
            let Stmt::Expr(Expr::Index(test), _) = statement else {
                continue;
            };
            let Some((title, number)) = layout_test(test) else {
                continue;
            };
            if let Some(name) = title.strip_prefix("Size of ") {
                self.structs.entry(name.to_owned()).or_default().size = number;
            } else if let Some(field) = title.strip_prefix("Offset of field: ")
                && let Some((name, field)) = field.split_once("::")
            {
                let fields = &mut self.structs.entry(name.to_owned()).or_default().fields;
                fields.push((field.to_owned(), number));
            }
        }
    }
}

/// The title of a layout test, and the number that it compares with.
fn layout_test(test: &ExprIndex) -> Option<(String, u64)> {
    let Expr::Array(title) = &*test.expr else {
        return None;
    };
    let Some(Expr::Lit(title)) = title.elems.first() else {
        return None;
    };
    let (Lit::Str(title), Expr::Binary(difference)) = (&title.lit, &*test.index) else {
        return None;
    };
    matches!(difference.op, BinOp::Sub(_)).then_some(())?;
    Some((title.value(), value(&difference.right)?))
}

fn value(expr: &Expr) -> Option<u64> {
    let Expr::Lit(literal) = expr else {
        return None;
    };
    match &literal.lit {
        Lit::Bool(truth) => Some(truth.value.into()),
        Lit::Int(number) => number.base10_parse().ok(),
        _ => None,
    }
}

fn types(function: &Signature) -> String {
    let arguments: Vec<String> = function
        .inputs
        .iter()
        .map(|argument| match argument {
            syn::FnArg::Typed(typed) if matches!(&*typed.pat, Pat::Ident(_) | Pat::Wild(_)) => {
                shown(&typed.ty)
            }
            _ => "?".into(),
        })
        .collect();
    match &function.output {
        ReturnType::Default => arguments.join(", "),
        ReturnType::Type(_, result) => arguments.join(", ") + " -> " + &shown(result),
    }
}

/// A type as `needed.rs` and `release.rs` spell it: the last name of a path, without the `c_` of
/// `core::ffi`. What no function that they name has is `?`.
fn shown(kind: &Type) -> String {
    match kind {
        Type::Never(_) => "!".into(),
        Type::Ptr(TypePtr {
            mutability, elem, ..
        }) => {
            let access = if mutability.is_some() { "mut" } else { "const" };
            format!("*{access} {}", shown(elem))
        }
        Type::Path(path) => {
            let names: Vec<String> = path
                .path
                .segments
                .iter()
                .map(|segment| segment.ident.to_string())
                .collect();
            match &names[..] {
                [core, ffi, name] if (core.as_str(), ffi.as_str()) == ("core", "ffi") => {
                    name.strip_prefix("c_").unwrap_or(name).to_owned()
                }
                [name] => name.clone(),
                _ => "?".into(),
            }
        }
        _ => "?".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::Declared;

    fn read(text: &str) -> Declared {
        Declared::read(text).expect("it is Rust")
    }

    #[test]
    fn values_are_numbers_and_truths() {
        let found = read(
            "pub const FLAG_A: bool = true;\n\
             pub const FLAG_B: bool\n    = false;\n\
             pub const NUMBER_C: core::ffi::c_ulonglong = 18446744073709551615;\n\
             pub const E_MINUS: e = -1;\n\
             pub const TEXT: &[u8; 3] = b\"a = \\\"1\\0\";",
        );
        let values: Vec<_> = found.values.iter().map(|(n, v)| (n.as_str(), *v)).collect();
        let expected = [("FLAG_A", 1), ("FLAG_B", 0), ("NUMBER_C", u64::MAX)];
        assert_eq!(values, expected);
    }

    #[test]
    fn functions_have_their_types_however_the_lines_are_broken() {
        let found = read(
            "unsafe extern \"C\" {\n\
             pub fn gc_alloc(\n    n_bytes: usize,\n    flags: core::ffi::c_uint,\n) \
             -> *mut ::core::ffi::c_void;\n\
             pub fn nlr_jump(val: *mut core::ffi::c_void) -> !;\n\
             pub fn gc_lock();\n\
             pub fn roots(of: *mut *const mp_obj_t, all: ::core::option::Option<f>);\n}",
        );
        for (name, types) in [
            ("gc_alloc", "usize, uint -> *mut void"),
            ("nlr_jump", "*mut void -> !"),
            ("gc_lock", ""),
            ("roots", "*mut *const mp_obj_t, ?"),
        ] {
            let of = found.functions.get(name).map(String::as_str);
            assert_eq!((name, of), (name, Some(types)));
        }
    }

    /// A field's name in a text, and a test of something other than a layout, are ignored.
    #[test]
    fn structs_have_the_sizes_and_offsets_of_the_layout_tests() {
        let found = read(
            "#[repr(C)] pub struct _a { pub gc_mutex: mp_mutex_t, pub next: *mut _a }\n\
             const _: () = {\n    [\"Size of _a\"][::core::mem::size_of::<_a>() - 24usize];\n\
             [\"Alignment of _a\"][::core::mem::align_of::<_a>() - 8usize];\n\
             [\n\"Offset of field: _a::gc_mutex\",\n][::core::mem::offset_of!(_a, gc_mutex) - 0usize];\n\
             [\"Offset of field: _a::next\"][::core::mem::offset_of!(_a, next) - 16usize];\n};\n\
             pub const NOTE: &str = \"Size of _b\";",
        );
        assert_eq!(found.structs.len(), 1);
        let of = &found.structs["_a"];
        let fields = [("gc_mutex".to_owned(), 0), ("next".to_owned(), 16)];
        assert_eq!((of.size, &of.fields[..]), (24, &fields[..]));
        let types: Vec<_> = found.fields.values().map(String::as_str).collect();
        assert_eq!(types, ["mp_mutex_t", "*mut _a"]);
    }
}
