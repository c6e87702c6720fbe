use super::{Body, Call, Register, Step, Value, read};

const ARM: &str = "thumbv6m-none-eabi";
const RISCV: &str = "riscv32imac-unknown-none-elf";
const LINUX: &str = "x86_64-unknown-linux-gnu";

/// A function `f` of these lines.
fn function(lines: &str) -> String {
    format!("\t.syntax unified\n\t.type\tf, %function\nf:\n{lines}\n\t.size\tf, .-f\n")
}

fn of(target: &str, lines: &str, arguments: usize, result: bool) -> Option<Body> {
    read(&function(lines), "f", target, arguments, result)
}

fn call(name: &str, arguments: &[Value], result: Option<Value>) -> Option<Body> {
    Some(Body::Call(Call {
        function: name.into(),
        arguments: arguments.to_vec(),
        result,
    }))
}

/// The registers of code by name: before, whether written, whether it has the result.
fn registers(body: &Option<Body>) -> Vec<(&str, Option<Value>, bool, bool)> {
    let of = |register: &Register| (register.before.clone(), register.written, register.result);
    match body {
        Some(Body::Code(code)) => code
            .registers
            .iter()
            .map(|register| {
                let (before, written, result) = of(register);
                (register.name.as_str(), before, written, result)
            })
            .collect(),
        other => panic!("no code: {other:?}"),
    }
}

fn address(name: &str) -> Value {
    Value::Address(name.into(), 0)
}

fn lines(body: &Option<Body>) -> Vec<&str> {
    match body {
        Some(Body::Code(code)) => code.lines.iter().map(String::as_str).collect(),
        other => panic!("no code: {other:?}"),
    }
}

/// As gcc 12 writes it for a Cortex-M0+, comments and all.
#[test]
fn a_state_in_an_array_by_the_number_of_the_core_stands_in_place() {
    let text = "\t@ args = 0, pretend = 0, frame = 0\n\t@ link register save eliminated.\n\
        \tldr\tr3, .L3\n\t@ sp needed\n\tldr\tr2, [r3]\n\tldr\tr3, .L3+4\n\tlsls\tr2, r2, #2\n\
        \tldr\tr0, [r2, r3]\n\tbx\tlr\n.L4:\n\t.align\t2\n.L3:\n\t.word\t-805306368\n\
        \t.word\tcore_state";
    let found = of(ARM, text, 0, true);
    // the second constant is in the register of the first
    assert_eq!(
        lines(&found),
        [
            "ldr {r2},[{r3}]",
            "lsls {r2},{r2},#2",
            "ldr {r0},[{r2},{r3_1}]"
        ]
    );
    assert_eq!(
        registers(&found),
        [
            ("r3", Some(Value::Number(-805_306_368)), false, false),
            ("r2", None, true, false),
            ("r3_1", Some(address("core_state")), false, false),
            ("r0", None, true, true),
        ]
    );
    let Some(Body::Code(code)) = found else {
        unreachable!()
    };
    assert!(code.only_reads && !code.keeps_flags);
    assert_eq!(code.steps[2], Step::Constant("r3", address("core_state")));
}

#[test]
fn a_register_of_a_constant_that_is_written_is_so_named() {
    let text = "\tldr\tr3, .L6\n\tldr\tr3, [r3]\n\tldr\tr0, [r3, #4]\n\tbx\tlr\n.L6:\n\t.word\tpyb_thread_cur";
    let found = of(ARM, text, 0, true);
    assert_eq!(lines(&found), ["ldr {r3},[{r3}]", "ldr {r0},[{r3},#4]"]);
    assert_eq!(
        registers(&found),
        [
            ("r3", Some(address("pyb_thread_cur")), true, false),
            ("r0", None, true, true)
        ]
    );
}

#[test]
fn the_usual_section_of_a_cortex_m_stands_in_place_in_both_syntaxes() {
    for syntax in ["unified", "divided"] {
        let text = format!(
            "\t.syntax {syntax}\n@ 8 \"p.h\" 1\n\tmrs r0, primask\n\tcpsid i\n@ 0 \"\" 2\n\t.thumb\n\
             \t.syntax unified\n\tbx\tlr"
        );
        let found = of(ARM, &text, 0, true);
        assert_eq!(lines(&found), ["mrs {r0},primask", "cpsid i"]);
        let Some(Body::Code(code)) = &found else {
            unreachable!()
        };
        assert!(!code.only_reads && code.keeps_flags);
    }
    let end = of(ARM, "\tmsr primask, r0\n\tbx\tlr", 1, false);
    assert_eq!(lines(&end), ["msr primask,{r0}"]);
    assert_eq!(
        registers(&end),
        [("r0", Some(Value::Argument(0)), false, false)]
    );
}

#[test]
fn the_section_of_zephyr_stands_in_place() {
    let text = "\tmov r3, #16;mrs r0, BASEPRI;msr BASEPRI_MAX, r3;isb;\n\tbx\tlr";
    let found = of(ARM, text, 0, true);
    assert_eq!(
        lines(&found),
        [
            "mov {r3},#16",
            "mrs {r0},BASEPRI",
            "msr BASEPRI_MAX,{r3}",
            "isb"
        ]
    );
    // in the older syntax `mov` sets the flags
    assert_eq!(
        of(ARM, &format!("\t.syntax divided\n{text}"), 0, true),
        None
    );
}

#[test]
fn a_function_that_only_calls_another_is_a_call() {
    let section = [Value::Argument(0)];
    for (target, lines) in [
        (ARM, "\tb\tend"),
        (
            ARM,
            "\tpush\t{r4, lr}\n\tbl\tend\n\t@ sp needed\n\tpop\t{r4, pc}",
        ),
        (RISCV, "\ttail\tend"),
        (
            RISCV,
            "\taddi\tsp,sp,-16\n\tsw\tra,12(sp)\n\tcall\tend\n\tlw\tra,12(sp)\n\taddi\tsp,sp,16\n\tjr\tra",
        ),
        (LINUX, "\tendbr64\n\tjmp\tend@PLT"),
        ("aarch64-unknown-linux-gnu", "\tb\tend"),
    ] {
        assert_eq!(
            of(target, lines, 1, false),
            call("end", &section, None),
            "{lines}"
        );
    }
}

#[test]
fn constants_are_passed_and_returned() {
    let mutex = [Value::Argument(0), Value::Number(1)];
    for (target, lines) in [
        (ARM, "\tmovs\tr1, #1\n\tb\tlock"),
        (
            ARM,
            "\tpush\t{r4, lr}\n\tmovs\tr1, #1\n\tbl\tlock\n\tpop\t{r4, pc}",
        ),
        (RISCV, "\tli\ta1,1\n\ttail\tlock"),
        (LINUX, "\tmovl\t$1, %esi\n\tjmp\tlock"),
        ("aarch64-unknown-linux-gnu", "\tmov\tw1, 1\n\tb\tlock"),
    ] {
        assert_eq!(
            of(target, lines, 1, false),
            call("lock", &mutex, None),
            "{lines}"
        );
    }
    // (begin(), 0xffffffff), as the unix port has it
    let ones = Some(Value::Number(0xffff_ffff));
    for (target, lines) in [
        (
            LINUX,
            "\tsubq\t$8, %rsp\n\tcall\tbegin\n\tmovl\t$-1, %eax\n\taddq\t$8, %rsp\n\tret",
        ),
        (
            ARM,
            "\tpush\t{r3, lr}\n\tbl\tbegin\n\tmov\tr0, #-1\n\tpop\t{r3, pc}",
        ),
    ] {
        assert_eq!(
            of(target, lines, 0, true),
            call("begin", &[], ones.clone()),
            "{lines}"
        );
    }
}

#[test]
fn risc_v_reads_the_number_of_its_core_and_switches_interrupts_off() {
    let text = "\tli\ta5,-805306368\n\tlw\ta5,0(a5)\n\tlui\ta4,%hi(core_state)\n\
        \taddi\ta4,a4,%lo(core_state)\n\tsh2add\ta5,a5,a4\n\tlw\ta0,0(a5)\n\tret";
    let found = of(RISCV, text, 0, true);
    assert_eq!(lines(&found)[3], "addi {a4},{a4},%lo(core_state)");
    assert_eq!(lines(&found)[5], "lw {a0},0({a5})");
    let text = " #APP\n# 8 \"p.h\" 1\n\tcsrrci a0, mstatus, 8\n# 0 \"\" 2\n #NO_APP\n\tandi\ta0,a0,8\n\tret";
    let found = of(RISCV, text, 0, true);
    assert_eq!(lines(&found), ["csrrci {a0},mstatus,8", "andi {a0},{a0},8"]);
}

/// Each of these is called through the shim.
#[test]
fn what_is_not_understood_is_none() {
    let loops = ".L19:\n\tldr\tr3, [r0]\n\tcmp\tr3, #0\n\tbne\t.L19\n\tbx\tlr";
    for (why, target, lines, arguments, result) in [
        ("a loop", ARM, loops, 1, false),
        ("a jump within", ARM, "\tb\t.L3\n.L3:\n\tbx\tlr", 0, false),
        (
            "a register to be kept",
            ARM,
            "\tldr\tr0, [r9]\n\tbx\tlr",
            0,
            true,
        ),
        ("the stack", ARM, "\tstr\tr0, [sp]\n\tbx\tlr", 1, false),
        (
            "a stack that grows",
            ARM,
            "\tpush\t{r0, r1}\n\tbx\tlr",
            1,
            false,
        ),
        (
            "a changed address",
            ARM,
            "\tldr\tr3, [r0], #4\n\tbx\tlr",
            1,
            false,
        ),
        (
            "a changed address",
            ARM,
            "\tldr\tr3, [r0, #4]!\n\tbx\tlr",
            1,
            false,
        ),
        ("no value", ARM, "\tldr\tr0, [r1]\n\tbx\tlr", 0, true),
        ("no result", ARM, "\tmovs\tr1, #1\n\tbx\tlr", 0, true),
        ("no return", ARM, "\tmovs\tr0, #1", 0, true),
        (
            "two calls",
            ARM,
            "\tpush\t{r4, lr}\n\tbl\ta\n\tbl\tb\n\tpop\t{r4, pc}",
            0,
            true,
        ),
        (
            "a result that is used",
            ARM,
            "\tpush\t{r4, lr}\n\tbl\ta\n\tadds\tr0, r0, #1\n\tpop\t{r4, pc}",
            0,
            true,
        ),
        (
            "an address of this object",
            ARM,
            "\tldr\tr0, .L3\n\tbx\tlr\n.L3:\n\t.word\tf",
            0,
            true,
        ),
        (
            "a section's anchor",
            ARM,
            "\tldr\tr0, .L3\n\tbx\tlr\n.L3:\n\t.word\t.LANCHOR0",
            0,
            true,
        ),
        (
            "an address of a table",
            ARM,
            "\tldr\tr0, .L3\n\tbx\tlr\n.L3:\n\t.word\ta(GOT)",
            0,
            true,
        ),
        ("a call by address", LINUX, "\tjmp\t*%rax", 0, false),
        ("a function of this object", ARM, "\tb\tf", 0, false),
        (
            "code by its bytes",
            ARM,
            "\t.short\t0xbf00\n\tbx\tlr",
            0,
            false,
        ),
        ("a macro", ARM, "\tmsr_x\tr0\n\tbx\tlr", 1, false),
        (
            "another processor",
            "mips-unknown-linux-gnu",
            "\tjr\t$31",
            0,
            false,
        ),
        ("Windows", "x86_64-pc-windows-gnu", "\tjmp\tend", 0, false),
    ] {
        assert_eq!(of(target, lines, arguments, result), None, "{why}");
    }
    assert_eq!(
        read("g:\n\tb\tend\n\t.size\tg, .-g\n", "f", ARM, 0, false),
        None
    );
    // gcc may give two functions one code
    let twin = "\t.thumb_set f,g\ng:\n\tb\tend\n\t.size\tg, .-g\n";
    assert_eq!(read(twin, "f", ARM, 0, false), None);
}
