"""A folder in place of docs/results, for tests of what writes there."""

import tempfile
from pathlib import Path
from unittest import mock

from tools import results


def in_a_folder(test):
    """Results go to an empty folder while the test runs, at a known commit and machine."""
    folder = Path(test.enterContext(tempfile.TemporaryDirectory()))
    for patch in (
        mock.patch.object(results, "FOLDER", folder),
        mock.patch.object(results, "commit", return_value="abc1234"),
        mock.patch.object(results, "machine", return_value="a machine"),
        mock.patch("builtins.print"),
    ):
        test.enterContext(patch)
    return folder
