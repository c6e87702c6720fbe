"""What a board prints is read up to a mark, and no byte after it is lost."""

import sys
import unittest

from tools.verify.heap_board import Board

PRINTS_AT_ONCE = """
import sys
sys.stdout.write("OK42>")
sys.stdout.flush()
sys.stdin.read()
"""


class Lines(unittest.TestCase):
    def test_what_comes_at_once_is_read_in_parts(self):
        with Board([sys.executable, "-c", PRINTS_AT_ONCE]) as board:
            self.assertEqual(board.until(b"OK", 5), b"OK")
            self.assertEqual(board.exactly(1, 5), b"4")
            self.assertEqual(board.until(b">", 5), b"2>")


if __name__ == "__main__":
    unittest.main()
