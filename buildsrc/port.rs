//! The port's compiler command, as the make rules captured it.

use super::{Result, feature, variable};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A port under construction: how its C is compiled, and from where.
pub struct Port {
    compiler: String,
    args: Vec<String>,
    dir: PathBuf,
    /// Where the shim's header is.
    host_folder: PathBuf,
    /// The Rust target, which bindgen takes for the C one.
    pub target: String,
}

/// The beginnings of options that change the contents of headers, or the layout of their types.
const FLAGS_OF_HEADERS: &[&str] = &[
    "-I",
    "-D",
    "-U",
    "-i",
    "--sysroot=",
    "-nostdinc",
    "-std=",
    "-ansi",
    "-march=",
    "-mcpu=",
    "-mabi=",
    "-mfloat-abi=",
    "-mfpu=",
    "-mhard-float",
    "-msoft-float",
    "-mthumb",
    "-marm",
    "-m32",
    "-m64",
    "-mx32",
    "-mips",
    "-EB",
    "-EL",
    "-mbig-endian",
    "-mlittle-endian",
    "-fshort-enums",
    "-fno-short-enums",
    "-fsigned-char",
    "-funsigned-char",
    "-fshort-wchar",
    "-fms-extensions",
];
/// If these stand alone, their value is the next word.
const FLAGS_WITH_VALUE: &[&str] = &[
    "-I",
    "-D",
    "-U",
    "-isystem",
    "-iquote",
    "-idirafter",
    "-include",
    "-imacros",
    "-isysroot",
    "--sysroot",
];

/// The options for readable assembly: no two functions share their code, and a function has only
/// its own.
const ASSEMBLY: &[&str] = &[
    "-w",
    "-g0",
    "-O2",
    "-fno-lto",
    "-fomit-frame-pointer",
    "-fno-ipa-icf",
    "-fno-stack-protector",
    "-fno-asynchronous-unwind-tables",
];

impl Port {
    /// Reads the files of the make rules: `MPGC_PORT_COMMAND`, a file with one argument a line, and
    /// `MPGC_PORT_DIR`, where relative paths start.
    pub fn from_rules(host_folder: &Path, target: &str) -> Result<Port> {
        let file = variable("MPGC_PORT_COMMAND")?;
        let dir = PathBuf::from(variable("MPGC_PORT_DIR")?);
        println!("cargo:rerun-if-changed={file}");
        let text = std::fs::read_to_string(&file)
            .map_err(|e| format!("cannot read the compiler command in {file}: {e}"))?;
        let mut words = text.lines().map(String::from);
        let compiler = words
            .next()
            .ok_or_else(|| format!("{file} is empty: it should hold $(CC) $(CFLAGS)"))?;
        // The port's -I. and the like are relative to its own directory.
        std::env::set_current_dir(&dir)
            .map_err(|e| format!("cannot enter the port's directory {}: {e}", dir.display()))?;
        Ok(Port {
            compiler,
            args: words.collect(),
            dir,
            host_folder: host_folder.to_owned(),
            target: target.to_owned(),
        })
    }

    fn include_shim(&self) -> String {
        format!("-I{}", self.host_folder.display())
    }

    /// Runs the port's compiler with the port's flags and `extra`.
    pub fn run(&self, extra: &[&str]) -> Result<Output> {
        Command::new(&self.compiler)
            .args(&self.args)
            .arg(self.include_shim())
            .args(extra)
            .env("LC_ALL", "C")
            .output()
            .map_err(|e| format!("cannot run the port's compiler `{}`: {e}", self.compiler))
    }

    /// Compiles `source` to `object` with the port's compiler and flags; the error is the
    /// compiler's message.
    pub fn compile(&self, source: &Path, object: &Path) -> std::result::Result<(), String> {
        let (source, object) = (source.display().to_string(), object.display().to_string());
        let output = self.run(&["-fno-lto", "-c", &source, "-o", &object])?;
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// The assembly that the port's compiler writes for `source`, by its flags, but optimised: what
    /// the code does is the same.
    pub fn assembly(&self, source: &Path, file: &Path) -> Option<String> {
        let (source, written) = (source.display().to_string(), file.display().to_string());
        let mut words = ASSEMBLY.to_vec();
        words.extend(["-S", &source, "-o", &written]);
        let output = self.run(&words).ok()?;
        output.status.success().then_some(())?;
        std::fs::read_to_string(file).ok()
    }

    /// `source` with all macros expanded and `define` defined.
    pub fn preprocess(&self, source: &Path, define: &str) -> std::result::Result<String, String> {
        let (source, define) = (source.display().to_string(), format!("-D{define}"));
        let output = self.run(&["-E", "-P", &define, &source])?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Compiles the shim into the static library.
    pub fn compile_shim(&self, source: &Path) -> Result<()> {
        let flag = |on| if on { "1" } else { "0" };
        let hardened = feature("HARDENED");
        cc::Build::new()
            .define("MPGC_HARDENED", flag(hardened))
            .define("MPGC_IDLE_COLLECT", flag(feature("IDLE_COLLECT")))
            .define("MPGC_STATS", flag(feature("STATS")))
            .define("MPGC_TRACE", flag(feature("TRACE")))
            .define("MPGC_NO_MESSAGES", flag(feature("SMALL") && !hardened))
            .compiler(&self.compiler)
            .no_default_flags(true)
            .warnings(false)
            .extra_warnings(false)
            .flags(&self.args)
            .flag(self.include_shim())
            // The carrier is linked before the port's own link: it needs machine code.
            .flag("-fno-lto")
            .file(source)
            .try_compile("mpgc_shim")
            .map_err(|e| {
                format!(
                    "the shim {} does not compile with the port's compiler: {e}; \
                     build once with the C files to see whether the port itself does",
                    source.display()
                )
            })
    }

    /// Every file that the sources include, and the sources.
    pub fn dependencies(&self, sources: &[PathBuf]) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for source in sources {
            // Given a header, some drivers would precompile it.
            let output = self.run(&["-M", "-x", "c", &source.display().to_string()])?;
            let rule = String::from_utf8_lossy(&output.stdout).replace("\\\n", " ");
            let Some((_, list)) = rule.split_once(':') else {
                return Err(format!(
                    "the port's compiler lists no dependencies of {}: {}",
                    source.display(),
                    first_error(&String::from_utf8_lossy(&output.stderr))
                ));
            };
            files.extend(list.split_whitespace().map(|file| self.dir.join(file)));
        }
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// The arguments for libclang: of the port's own those that change what headers say, and that
    /// compiler's include list in place of clang's. An argument that clang does not know would end
    /// it, and gcc has many.
    pub fn clang_args(&self) -> Result<Vec<String>> {
        let mut args: Vec<String> = Vec::new();
        // Bare-metal ARM, where clang's default is the other one.
        if self.target.contains("-none-eabi") {
            args.push("-fshort-enums".into());
        }
        if self.target.starts_with("xtensa") {
            args.extend(self.stand_in_for_xtensa()?);
        }
        let mut words = self.args.iter();
        while let Some(word) = words.next() {
            if FLAGS_WITH_VALUE.contains(&word.as_str()) {
                args.push(word.clone());
                args.extend(words.next().cloned());
            } else if FLAGS_OF_HEADERS.iter().any(|flag| word.starts_with(flag)) {
                // rv32imac_zicsr and its like: clang 14 wants the plain name.
                let arch = word
                    .strip_prefix("-march=")
                    .and_then(|arch| arch.split_once("_z"));
                args.push(arch.map_or(word.clone(), |(arch, _)| format!("-march={arch}")));
            }
        }
        if self.target.starts_with("wasm") {
            // libclang hides what is not exported there, and bindgen leaves out hidden functions.
            args.push("-fvisibility=default".into());
        }
        // CircuitPython's headers for boards refuse an old gcc, and libclang says that it is gcc 4.
        // The port's own compiler reads the same headers, and is asked.
        args.push("-DCIRCUITPY_MIN_GCC_VERSION=0".into());
        args.push("-nostdinc".into());
        for dir in self.system_includes()? {
            args.extend(["-isystem".into(), dir]);
        }
        args.push(self.include_shim());
        Ok(args)
    }

    /// clang before 20 has no Xtensa. Types lie in memory as on RISC-V of 32 bits (layout.rs proves
    /// it), and headers ask for what the port's compiler predefines.
    fn stand_in_for_xtensa(&self) -> Result<Vec<String>> {
        let output = self.run(&["-dM", "-E", "-x", "c", "/dev/null"])?;
        let mut args = vec!["--target=riscv32-unknown-none-elf".into()];
        args.extend(["__riscv", "__riscv_xlen"].map(|name| format!("-U{name}")));
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let mut words = line.splitn(3, ' ').skip(1);
            let (Some(name), Some(value)) = (words.next(), words.next()) else {
                continue;
            };
            if name.starts_with("__XTENSA") || name.starts_with("__XCHAL") || name == "__xtensa__" {
                args.push(format!("-D{name}={value}"));
            }
        }
        Ok(args)
    }

    /// The directories that the port's compiler searches for `#include <...>`.
    fn system_includes(&self) -> Result<Vec<String>> {
        let output = self.run(&["-E", "-v", "-x", "c", "/dev/null"])?;
        let said = String::from_utf8_lossy(&output.stderr);
        let list: Vec<String> = said
            .lines()
            .skip_while(|line| !line.starts_with("#include <...>"))
            .skip(1)
            .take_while(|line| line.starts_with(' '))
            .map(|line| line.trim().to_owned())
            .collect();
        if list.is_empty() {
            return Err(format!(
                "the port's compiler `{}` does not list its include directories (-E -v): {}",
                self.compiler,
                first_error(&said)
            ));
        }
        Ok(list)
    }
}

/// The first line of a compiler's output that names an error.
pub fn first_error(said: &str) -> &str {
    said.lines()
        .find(|line| line.contains("error"))
        .or_else(|| said.lines().next())
        .unwrap_or("no message")
        .trim()
}
