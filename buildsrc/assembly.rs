//! What the port's compiler makes of a small function, read off its assembly: the call of another
//! function, or instructions that can stand in place of a call.
//!
//! Only what is listed here is understood: instructions without a jump that use no stack, by gcc
//! and clang for ARM and RISC-V; and on AArch64 and x86-64 calls alone. Of anything else `read`
//! says so, by returning none.

mod machine;
#[cfg(test)]
mod tests;
mod text;

use machine::{IN_BOTH_SYNTAXES, Kind, Machine};
use text::{Function, Line, words};

/// What a function does.
#[derive(Debug, PartialEq)]
pub enum Body {
    /// Calls a function and returns.
    Call(Call),
    /// Executes these instructions and returns.
    Code(Code),
}

/// The call of a function that another object defines.
#[derive(Debug, PartialEq)]
pub struct Call {
    pub function: String,
    pub arguments: Vec<Value>,
    /// What the caller returns; none if it returns what the function returns.
    pub result: Option<Value>,
}

/// A value in a register.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The argument of the function that was read, by its number.
    Argument(usize),
    /// A number.
    Number(i64),
    /// An address, of a symbol of another object, and an offset.
    Address(String, i64),
}

/// Instructions, one after the other.
#[derive(Debug, Default, PartialEq)]
pub struct Code {
    /// As the port's compiler has them, with `{r0}` for a register.
    pub steps: Vec<Step>,
    /// Those that do not set a register to a constant, with `{name}` for one of `registers`.
    pub lines: Vec<String>,
    pub registers: Vec<Register>,
    /// Nothing is written but registers, and nothing depends on the order of this code and of other
    /// accesses.
    pub only_reads: bool,
    /// The processor's flags are as before.
    pub keeps_flags: bool,
}

#[derive(Debug, PartialEq)]
pub enum Step {
    Constant(&'static str, Value),
    Line(String),
}

/// What a register is for; it may be for something else later, under another name.
#[derive(Debug, PartialEq)]
pub struct Register {
    pub name: String,
    /// The processor's.
    of: &'static str,
    /// What it holds before the instructions.
    pub before: Option<Value>,
    /// Whether the instructions write it.
    pub written: bool,
    /// Whether it then holds what the function returns.
    pub result: bool,
}

/// Whether functions for this Rust target can be read.
pub fn is_known(target: &str) -> bool {
    Machine::of(target).is_some()
}

/// Reads the function `name` of `text`, the assembly that the port's compiler wrote for a Rust
/// target. It has so many arguments, and a result or none.
pub fn read(text: &str, name: &str, target: &str, arguments: usize, result: bool) -> Option<Body> {
    let machine = Machine::of(target)?;
    let function = Function::read(text, name, machine)?;
    let body = if function.lines.iter().any(|line| machine.goes_on(line)) {
        Body::Call(function.call(arguments, result)?)
    } else {
        Body::Code(function.code(arguments, result)?)
    };
    Some(body)
}

impl Function<'_> {
    /// The call that is all that the function does.
    fn call(&self, arguments: usize, result: bool) -> Option<Call> {
        let machine = self.machine;
        let mut lines = self.lines.iter();
        let mut given: Vec<Option<Value>> = (0..arguments)
            .map(|number| Some(Value::Argument(number)))
            .collect();
        let target = loop {
            let line = lines.next()?;
            if machine.goes_on(line) {
                break line;
            }
            if machine.is_in(line, machine.around) {
                continue;
            }
            let (register, value) = self.moved(line)?;
            let at = machine
                .arguments
                .iter()
                .position(|name| *name == register)?;
            given.resize(given.len().max(at + 1), None);
            given[at] = Some(value);
        };
        let function = target.operands.trim_end_matches("@PLT");
        self.address(function)?;
        let mut call = Call {
            function: function.to_owned(),
            arguments: given.into_iter().collect::<Option<_>>()?,
            result: None,
        };
        if machine.jumps.contains(&target.instruction.as_str()) {
            return lines.next().is_none().then_some(call);
        }
        for line in lines {
            if machine.is_in(line, machine.around) || machine.is_in(line, machine.returns) {
                continue;
            }
            let (register, value) = self.moved(line)?;
            (register == machine.result && result).then_some(())?;
            call.result = Some(value);
        }
        Some(call)
    }

    /// The register that an instruction sets to a constant, and the constant.
    fn moved(&self, line: &Line) -> Option<(&'static str, Value)> {
        let machine = self.machine;
        let moves = machine.moves.contains(&line.instruction.as_str()) && !line.divided;
        let (first, second) = line.operands.split_once(',')?;
        let (register, value) = if machine.constant_first {
            (second, first)
        } else {
            (first, second)
        };
        let wide = register.starts_with('x');
        let value = match self.constant(value)? {
            // what is written to the low half of a register is not negative
            Value::Number(number) if machine.narrow && !wide => Value::Number(number & 0xffff_ffff),
            value => value,
        };
        Some((machine.register(register)?, value)).filter(|_| moves)
    }

    /// The instructions before the return.
    fn code(&self, arguments: usize, result: bool) -> Option<Code> {
        let machine = self.machine;
        let (last, lines) = self.lines.split_last()?;
        machine.is_in(last, machine.returns).then_some(())?;
        let mut code = Code {
            only_reads: true,
            keeps_flags: true,
            ..Code::default()
        };
        for (number, of) in machine.arguments[..arguments].iter().enumerate() {
            code.new_register(of, Some(Value::Argument(number)));
        }
        for line in lines {
            self.add(line, &mut code)?;
        }
        if result {
            code.latest(machine.result)?.result = true;
        }
        Some(code)
    }

    /// Adds an instruction to `code`.
    fn add(&self, line: &Line, code: &mut Code) -> Option<()> {
        let name = line.instruction.as_str();
        let mut kinds = self.machine.code.iter();
        let (kind, _) = kinds.find(|(_, names)| names.split(' ').any(|known| known == name))?;
        (!line.divided || IN_BOTH_SYNTAXES.contains(&name)).then_some(())?;
        // an address that the instruction changes
        (!line.operands.contains('!') && !line.operands.contains("],")).then_some(())?;
        let (first, rest) = line
            .operands
            .split_once(',')
            .unwrap_or((&line.operands, ""));
        if *kind == Kind::Loads && rest.starts_with(".L") {
            let (of, value) = (self.machine.register(first)?, self.constant(rest)?);
            code.new_register(of, Some(value.clone()));
            code.steps.push(Step::Constant(of, value));
            return Some(());
        }
        code.only_reads &= matches!(kind, Kind::Computes | Kind::Loads);
        // so the ones of ARM that set flags are named
        code.keeps_flags &= !(*kind == Kind::Computes && name.ends_with('s'));
        let mut step = format!("{name} ");
        let mut operands = Vec::new();
        for word in words(&line.operands) {
            match self.machine.register(word) {
                Some(of) => step.push_str(&format!("{{{of}}}")),
                None => {
                    let good = !self.machine.is_reserved(word) && self.is_operand(word, name);
                    good.then_some(())?;
                    step.push_str(word);
                }
            }
            operands.push(word);
        }
        code.steps.push(Step::Line(step.trim_end().to_owned()));
        // what is read before it is written has no value
        let writes = *kind != Kind::Acts;
        let mut written = None;
        let mut text = format!("{name} ");
        for (at, word) in operands.into_iter().enumerate() {
            let Some(of) = self.machine.register(word) else {
                text.push_str(word);
                continue;
            };
            if at == 0 && writes && name != "movt" {
                written = Some(of);
                text.push_str("{written}");
            } else {
                text.push_str(&format!("{{{}}}", code.latest(of)?.name));
                if at == 0 && writes {
                    code.latest(of)?.written = true;
                }
            }
        }
        if let Some(of) = written {
            if code.latest(of).is_none() {
                code.new_register(of, None);
            }
            let register = code.latest(of)?;
            register.written = true;
            text = text.replace("{written}", &format!("{{{}}}", register.name));
        }
        code.lines.push(text.trim_end().to_owned());
        Some(())
    }

    /// Whether a word that is no register may stand as it is: a sign, a number, a shift, a special
    /// register, or the address of a symbol of another object.
    fn is_operand(&self, word: &str, instruction: &str) -> bool {
        let signs = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.');
        word.chars().all(signs)
            || word.starts_with(|c: char| c.is_ascii_digit())
            || matches!(
                word,
                "lsl" | "lsr" | "lower16" | "upper16" | "hi" | "lo" | "zero"
            )
            || IN_BOTH_SYNTAXES.contains(&instruction)
            || instruction.starts_with("csr")
            || instruction == "fence"
            || self.address(word).is_some()
    }
}

impl Code {
    fn new_register(&mut self, of: &'static str, before: Option<Value>) {
        let earlier = self.registers.iter().filter(|known| known.of == of);
        let number = earlier.count();
        let name = if number == 0 {
            of.to_owned()
        } else {
            format!("{of}_{number}")
        };
        self.registers.push(Register {
            name,
            of,
            written: before.is_none(),
            before,
            result: false,
        });
    }

    /// What a register of the processor is for now.
    fn latest(&mut self, of: &str) -> Option<&mut Register> {
        self.registers.iter_mut().rev().find(|known| known.of == of)
    }
}
