//! The processors whose assembly is understood: their registers, and their instructions.

use super::text::Line;

/// How an instruction uses its operands.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    /// Writes the first operand, a register.
    Computes,
    /// Loads the first operand from memory.
    Loads,
    /// Writes the first operand, and changes more than that.
    Exchanges,
    /// Writes no operand.
    Acts,
}

/// A kind of processor.
pub struct Machine {
    /// The registers of arguments.
    pub arguments: &'static [&'static str],
    pub result: &'static str,
    /// Further registers that a function may overwrite.
    pub scratch: &'static [&'static str],
    /// Other names of registers.
    pub aliases: &'static [(&'static str, &'static str)],
    pub comment: &'static str,
    pub calls: &'static [&'static str],
    pub jumps: &'static [&'static str],
    pub returns: &'static [&'static str],
    /// The instructions around a call that keep the return address and the stack's alignment.
    pub around: &'static [&'static str],
    /// Those that set a register to a constant, and whether the constant comes first.
    pub moves: &'static [&'static str],
    pub constant_first: bool,
    /// Those moves write 32 bits, unless the register's name begins with x.
    pub narrow: bool,
    /// The instructions that may stand in place of a call, by their kind.
    pub code: &'static [(Kind, &'static str)],
}

const ARM: Machine = Machine {
    arguments: &["r0", "r1", "r2", "r3"],
    result: "r0",
    scratch: &["r12"],
    aliases: &[("ip", "r12")],
    comment: "@",
    calls: &["bl"],
    jumps: &["b"],
    returns: &["bx lr"],
    around: &[
        "push {r3,lr}",
        "push {r4,lr}",
        "push {r7,lr}",
        "pop {r3,pc}",
        "pop {r4,pc}",
        "pop {r7,pc}",
    ],
    moves: &["mov", "movs", "movw", "ldr"],
    constant_first: false,
    narrow: true,
    code: &[
        (
            Kind::Computes,
            "mov movs movw movt mvn mvns add adds sub subs rsb rsbs and ands orr orrs eor eors \
             bic bics lsl lsls lsr lsrs uxtb uxth ubfx",
        ),
        (Kind::Loads, "ldr ldrb ldrh"),
        (Kind::Exchanges, "mrs"),
        (
            Kind::Acts,
            "str strb strh msr cpsid cpsie dmb dsb isb sev nop",
        ),
    ],
};
/// Instructions with the same meaning in the two syntaxes of ARM's assembler. gcc has it read the
/// older one in an `asm` of the port's headers, for Thumb-1.
pub const IN_BOTH_SYNTAXES: &[&str] = &[
    "mrs", "msr", "cpsid", "cpsie", "dmb", "dsb", "isb", "sev", "nop",
];

const RISCV: Machine = Machine {
    arguments: &["a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7"],
    result: "a0",
    scratch: &["t0", "t1", "t2", "t3", "t4", "t5", "t6"],
    aliases: &[],
    comment: "#",
    calls: &["call"],
    jumps: &["tail"],
    returns: &["ret", "jr ra"],
    around: &[
        "addi sp,sp,-16",
        "sw ra,12(sp)",
        "lw ra,12(sp)",
        "addi sp,sp,16",
    ],
    moves: &["li"],
    constant_first: false,
    narrow: false,
    code: &[
        (
            Kind::Computes,
            "li lui la lla mv add addi sub and andi or ori xor xori sll slli srl srli sh1add \
             sh2add sh3add",
        ),
        (Kind::Loads, "lw lh lhu lb lbu"),
        (
            Kind::Exchanges,
            "csrr csrrc csrrs csrrw csrrci csrrsi csrrwi",
        ),
        (
            Kind::Acts,
            "sw sh sb csrc csrs csrw csrci csrsi csrwi fence nop",
        ),
    ],
};

const AARCH64: Machine = Machine {
    arguments: &["x0", "x1", "x2", "x3"],
    result: "x0",
    scratch: &[],
    aliases: &[("w0", "x0"), ("w1", "x1"), ("w2", "x2"), ("w3", "x3")],
    comment: "//",
    calls: &["bl"],
    jumps: &["b"],
    returns: &["ret"],
    around: &["stp x29,x30,[sp,-16]!", "mov x29,sp", "ldp x29,x30,[sp],16"],
    moves: &["mov"],
    constant_first: false,
    narrow: true,
    code: &[],
};

const X86_64: Machine = Machine {
    arguments: &["rdi", "rsi", "rdx", "rcx"],
    result: "rax",
    scratch: &["rax"],
    aliases: &[
        ("edi", "rdi"),
        ("esi", "rsi"),
        ("edx", "rdx"),
        ("ecx", "rcx"),
        ("eax", "rax"),
    ],
    comment: "#",
    calls: &["call"],
    jumps: &["jmp"],
    returns: &["ret"],
    around: &[
        "endbr64",
        "pushq %rax",
        "popq %rdx",
        "popq %rcx",
        "subq $8,%rsp",
        "addq $8,%rsp",
    ],
    moves: &["movl"],
    constant_first: true,
    narrow: true,
    code: &[],
};

impl Machine {
    pub fn of(target: &str) -> Option<&'static Machine> {
        let arm = target.starts_with("thumb") || target.starts_with("arm");
        match target {
            _ if arm && !target.starts_with("armeb") => Some(&ARM),
            _ if target.starts_with("riscv") => Some(&RISCV),
            _ if target.starts_with("aarch64-") => Some(&AARCH64),
            _ if target.starts_with("x86_64-") && target.contains("-linux-") => Some(&X86_64),
            _ => None,
        }
    }

    /// The register that a word names, if a function may overwrite it.
    pub fn register(&self, word: &str) -> Option<&'static str> {
        let word = word.trim_start_matches('%');
        let same = self.aliases.iter().find(|(alias, _)| *alias == word);
        let name = same.map_or(word, |(_, name)| name);
        let mut usable = self.arguments.iter().chain(self.scratch);
        usable.find(|known| **known == name).copied()
    }

    /// Whether a word names another register.
    pub fn is_reserved(&self, word: &str) -> bool {
        let (first, rest) = word.split_at(1);
        matches!(
            word,
            "sp" | "lr" | "pc" | "fp" | "ip" | "sl" | "sb" | "ra" | "gp" | "tp"
        ) || matches!(first, "r" | "s" | "x") && rest.parse::<u8>().is_ok()
    }

    pub fn goes_on(&self, line: &Line) -> bool {
        let name = line.instruction.as_str();
        self.calls.contains(&name) || self.jumps.contains(&name)
    }

    pub fn is_in(&self, line: &Line, list: &[&str]) -> bool {
        let whole = format!("{} {}", line.instruction, line.operands);
        list.contains(&whole.trim_end())
    }
}
