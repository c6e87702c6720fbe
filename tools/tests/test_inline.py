"""How many functions are inlined against the compiler's judgement."""

import re
import unittest

from tools.common import ROOT

# Each was tried: without it an instruction count or a size is worse (CONTRIBUTING.md has the
# rule). Fewer is a reason to lower the number.
MOST = 45
ALWAYS = re.compile(r"^\s*#!?\[.*\binline\(always\)")


def always(text):
    """The numbers of the lines with such an attribute."""
    return [n for n, line in enumerate(text.splitlines(), 1) if ALWAYS.search(line)]


class Inline(unittest.TestCase):
    def test_attributes_are_found_and_prose_is_not(self):
        text = (
            "#[inline(always)]\n"
            "    #[cfg_attr(not(mpgc_bare), inline(always))]\n"
            "// inline(always) is rare\n"
            "#[inline]\n"
        )
        self.assertEqual(always(text), [1, 2])

    def test_there_are_no_more_than_were_measured(self):
        found = [
            f"{path.relative_to(ROOT)}:{n}"
            for path in sorted((ROOT / "src").rglob("*.rs"))
            for n in always(path.read_text())
        ]
        self.assertLessEqual(
            len(found),
            MOST,
            "inline(always) needs a count or a size that is worse without it (CONTRIBUTING.md); "
            f"these are there: {', '.join(found)}",
        )
        self.assertGreaterEqual(len(found), MOST, f"lower MOST to {len(found)}")


if __name__ == "__main__":
    unittest.main()
