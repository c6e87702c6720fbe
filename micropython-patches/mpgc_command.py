"""The port's compile command: recorded one argument a line, read off CMake's list, and run."""

import json
import os
import shlex
import shutil
from pathlib import Path

from mpgc_rust import Stop, first_error, run


def stamp(path, words):
    """Writes words one a line, unless the file holds them already."""
    for word in words:
        if "\n" in word:
            raise Stop(f"the argument {word!r} has a line break: take it out of CFLAGS")
    text = "".join(word + "\n" for word in words)
    try:
        if path.read_text() == text:
            return
    except OSError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def from_cmake(commands, target, source, path):
    """The command that compiles `source` for CMake's target, from the list that CMake writes,
    without the arguments that name files.
    """
    try:
        entries = json.loads(commands.read_text())
    except (OSError, ValueError) as error:
        raise Stop(
            f'{commands} tells no commands ({error}): run cmake again, with -G Ninja or -G "Unix '
            'Makefiles"'
        ) from error
    of_target = f"CMakeFiles/{target}.dir/"
    same = [
        entry
        for entry in entries
        if Path(entry["file"]).name == source.name
        and Path(entry["file"]).resolve() == source.resolve()
    ]
    found = [entry for entry in same if of_target in entry["command"]]
    if not found:
        raise Stop(
            f"{commands} has no command that compiles {source} for {target}: give "
            "micropython.cmake to a port that compiles it"
        )
    words = shlex.split(found[0]["command"])
    at = words.index("-c") if "-c" in words else len(words)
    # CMake has the source behind -c
    stamp(path, without_files(words[:at] + words[at + 2 :]))


def without_files(words):
    """A compile command without the arguments that name its output and list its dependencies."""
    words, kept = list(words), []
    while words:
        word = words.pop(0)
        if word in ("-o", "-MF", "-MT", "-MQ"):
            del words[:1]
        elif word not in ("-c", "-MD", "-MMD", "-MP", "--", "") and not word.startswith(
            ("-MF", "-MT", "-MQ", "-Wp,-M")
        ):
            kept.append(word)
    return kept


class Compiler:
    """The port's compiler, as `stamp` recorded it."""

    def __init__(self, command_file):
        self.words = command_file.read_text().splitlines()
        if not self.words:
            raise Stop(f"{command_file} is empty: the port has no CC")
        if shutil.which(self.words[0]) is None:
            raise Stop(
                f"the port's compiler `{self.words[0]}` is not found: install it, or set "
                "CROSS_COMPILE or CC"
            )

    def run(self, *extra):
        return run(self.words + list(extra))

    def macros(self):
        done = self.run("-dM", "-E", "-x", "c", os.devnull)
        if done.returncode:
            raise Stop(f"the port's compiler fails on an empty file: {first_error(done.stderr)}")
        pairs = (line.split(" ", 2) for line in done.stdout.splitlines())
        return {pair[1]: pair[2] if len(pair) > 2 else "" for pair in pairs}

    def driver(self):
        """The program: everything before the first flag (`ccache gcc`)."""
        flags = (at for at, word in enumerate(self.words) if word.startswith("-"))
        return self.words[: next(flags, len(self.words))]

    def linker(self):
        """The compiler driver, with the flags that select the architecture."""
        return self.driver() + [word for word in self.words if word.startswith("-m")]

    def dependencies(self, includes, sources):
        files = []
        for source in sources:
            done = self.run("-I", includes, "-M", "-x", "c", source)
            if done.returncode:
                raise Stop(f"the port's headers do not compile: {first_error(done.stderr)}")
            files += done.stdout.replace("\\\n", " ").split(":", 1)[1].split()
        return sorted(set(files))
