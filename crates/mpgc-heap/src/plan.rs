//! Where references lie in a C type, worked out once a type: offset, path of fields, and what is
//! pointed at.

use std::collections::HashMap;
use std::rc::Rc;

use crate::dwarf::{Layouts, Struct, Type};

/// What a pointer's type says about the memory that it points at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// A MicroPython object, whose first word is its type.
    Object,
    /// One or more values of a type that has this plan.
    Plan(usize),
    /// Bytes without references.
    Bytes,
    /// `void *`.
    Unknown,
}

#[derive(Clone, Debug)]
pub struct Slot {
    pub offset: usize,
    pub path: Rc<str>,
    pub target: Target,
}

#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The name of the structure; none where it is an `mp_obj_t` or a pointer.
    pub name: String,
    pub size: usize,
    pub slots: Vec<Slot>,
    /// The array without a length at the end: its offset, its path, and the plan of an element.
    pub tail: Option<(usize, Rc<str>, usize)>,
}

#[derive(Default)]
pub struct Plans {
    plans: Vec<Plan>,
    known: HashMap<String, usize>,
}

/// References in one structure, arrays and all; a larger one is not taken apart to its end.
const MOST_SLOTS: usize = 8192;

impl Plans {
    pub fn get(&self, plan: usize) -> &Plan {
        &self.plans[plan]
    }

    pub fn of_struct(&mut self, layouts: &Layouts, name: &str) -> Option<usize> {
        let found = layouts.find(name)?;
        Some(self.of(layouts, &Type::Named(found.name.clone())))
    }

    pub fn of(&mut self, layouts: &Layouts, kind: &Type) -> usize {
        // An anonymous structure has its fields for a name.
        let key = format!("{kind:?}");
        if let Some(&plan) = self.known.get(&key) {
            return plan;
        }
        let plan = self.plans.len();
        // A structure may point at itself: its number is known before its fields are.
        self.known.insert(key, plan);
        let mut made = Plan {
            size: layouts.size(kind),
            ..Plan::default()
        };
        if let Some(found) = layouts.structure(kind) {
            made.name = found.name.trim_start_matches('_').to_string();
        }
        self.plans.push(Plan::default());
        self.fill(layouts, kind, 0, "", &mut made, 0);
        made.slots.sort_by_key(|slot| slot.offset);
        self.plans[plan] = made;
        plan
    }

    fn fill(
        &mut self,
        layouts: &Layouts,
        kind: &Type,
        offset: usize,
        path: &str,
        plan: &mut Plan,
        depth: usize,
    ) {
        if plan.slots.len() >= MOST_SLOTS || depth > 16 {
            return;
        }
        match kind {
            Type::Object(_) => plan.slots.push(Slot {
                offset,
                path: path.into(),
                target: Target::Object,
            }),
            Type::Pointer(to) => {
                if let Some(target) = self.target(layouts, to) {
                    plan.slots.push(Slot {
                        offset,
                        path: path.into(),
                        target,
                    });
                }
            }
            Type::Named(_) | Type::Inline(_) => {
                let Some(found) = layouts.structure(kind).map(Rc::clone) else {
                    return;
                };
                self.fill_struct(layouts, &found, offset, path, plan, depth);
            }
            Type::Array(element, Some(count)) => {
                let size = layouts.size(element);
                for index in 0..*count {
                    if plan.slots.len() >= MOST_SLOTS
                        || size == 0
                        || matches!(**element, Type::Scalar(_))
                    {
                        break;
                    }
                    let within = offset + index * size;
                    self.fill(
                        layouts,
                        element,
                        within,
                        &format!("{path}[{index}]"),
                        plan,
                        depth + 1,
                    );
                }
            }
            Type::Array(element, None) => {
                if depth <= 2 || plan.tail.is_none() {
                    plan.tail = Some((offset, path.into(), self.of(layouts, element)));
                }
            }
            Type::Scalar(_) | Type::Function | Type::Void => {}
        }
    }

    fn fill_struct(
        &mut self,
        layouts: &Layouts,
        found: &Struct,
        offset: usize,
        path: &str,
        plan: &mut Plan,
        depth: usize,
    ) {
        // Which member of a union holds is not known: its words are read as any others.
        if found.union {
            return;
        }
        for field in found.fields.iter().filter(|field| field.bits.is_none()) {
            let within = match (path.is_empty(), field.name.is_empty()) {
                (true, _) => field.name.clone(),
                (false, true) => path.to_string(),
                (false, false) => format!("{path}.{}", field.name),
            };
            self.fill(
                layouts,
                &field.kind,
                offset + field.offset,
                &within,
                plan,
                depth + 1,
            );
        }
    }

    fn target(&mut self, layouts: &Layouts, to: &Type) -> Option<Target> {
        match to {
            Type::Function => None,
            Type::Scalar(_) => Some(Target::Bytes),
            Type::Void => Some(Target::Unknown),
            Type::Named(_) | Type::Inline(_) => match layouts.structure(to) {
                Some(found) if is_object(found) => Some(Target::Object),
                // Declared, and defined nowhere.
                None => Some(Target::Unknown),
                Some(_) => Some(Target::Plan(self.of(layouts, to))),
            },
            Type::Object(_) | Type::Pointer(_) | Type::Array(..) => {
                Some(Target::Plan(self.of(layouts, to)))
            }
        }
    }

    /// The reference at `offset` of a chunk of `length` bytes that holds one or more values with
    /// this plan.
    pub fn slot_at(&self, plan: usize, length: usize, offset: usize) -> Option<(Path<'_>, Target)> {
        let plan = self.get(plan);
        if let Some((start, array, element)) = &plan.tail
            && offset >= *start
        {
            let element = self.get(*element);
            let index = (offset - start).checked_div(element.size)?;
            let slot = element.find(offset - start - index * element.size)?;
            return Some((
                Path {
                    array,
                    index: Some(index),
                    path: &slot.path,
                },
                slot.target,
            ));
        }
        // Values of one type one after the other; what is left of a chunk after the only one is no
        // second.
        let many = plan.tail.is_none()
            && plan.size > 0
            && (length >= 2 * plan.size || plan.name.is_empty());
        let index = if many { offset / plan.size } else { 0 };
        let slot = plan.find(offset - index * plan.size)?;
        Some((
            Path {
                array: "",
                index: many.then_some(index),
                path: &slot.path,
            },
            slot.target,
        ))
    }
}

impl Plan {
    fn find(&self, offset: usize) -> Option<&Slot> {
        let found = self
            .slots
            .binary_search_by_key(&offset, |slot| slot.offset)
            .ok()?;
        Some(&self.slots[found])
    }
}

/// An object begins with `mp_obj_base_t`, or is one.
fn is_object(found: &Struct) -> bool {
    found.name.trim_start_matches('_') == "mp_obj_base_t"
        || found.fields.first().is_some_and(|field| {
            matches!(&field.kind, Type::Named(name)
                if name.trim_start_matches('_') == "mp_obj_base_t")
        })
}

/// `array[index].path`, of which each part may be missing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Path<'a> {
    pub array: &'a str,
    pub index: Option<usize>,
    pub path: &'a str,
}

impl std::fmt::Display for Path<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.array)?;
        if let Some(index) = self.index {
            write!(out, "[{index}]")?;
        }
        if self.index.is_some() && !self.path.is_empty() {
            out.write_str(".")?;
        }
        out.write_str(self.path)
    }
}
