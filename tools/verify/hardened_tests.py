"""MicroPython's tests that a fault of MicroPython stops in a hardened build: docs/porting.md
describes each.
"""

# mp_builtin_compile reads lex->source_name after mp_parse has freed the lexer.
READS_FREED_LEXER = "reads the lexer after it has been freed"

STOPPED = {
    "basics/builtin_compile.py": READS_FREED_LEXER,
    "basics/parser.py": READS_FREED_LEXER,
    "extmod/marshal_basic.py": READS_FREED_LEXER,
    "extmod/marshal_micropython.py": READS_FREED_LEXER,
}


def stopped(test, options):
    """Why a test may fail with mpgc although it passes with the C; empty if it may not."""
    hardened = options.make_variables.get("MPGC_HARDENED") == "1"
    return STOPPED.get(test, "") if hardened else ""
