"""Unit tests of what runs upstream's tests of threads, with a program that ends as the unix port
does.
"""

import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tools.build.unix import Build
from tools.verify import suite, threads

# Cancels its thread and unmaps the argument, as the port does with its heap.
PORT = """
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>

static void *entry(void *arg) {
    volatile int *number = arg;
    *number += 1;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    return NULL;
}

int main(int argc, char **argv) {
    void *heap = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_t id;
    pthread_create(&id, NULL, entry, heap);
    if (argc > 1) {
        pthread_join(id, NULL);
        printf("%d %s\\n", *(int *)heap, argv[1]);
        return 0;
    }
    pthread_detach(id);
    pthread_cancel(id);
    munmap(heap, 4096);
    return 0;
}
"""


class EarlyCancel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.folder = Path(scratch.name)
        (cls.folder / "port.c").write_text(PORT)
        program = cls.folder / "micropython"
        subprocess.run(["gcc", "-O2", "-o", program, cls.folder / "port.c"], check=True)
        work = cls.folder / "work"
        work.mkdir()
        cls.plain = program
        cls.script = suite.with_early_cancel(Build("c", cls.folder, program, ["make"]), work)
        with mock.patch.object(threads, "WORK", work):
            cls.late = threads.late_thread()

    def run_it(self, program, *words, **variables):
        return subprocess.run([program, *words], capture_output=True, env=variables, check=False)

    def run_late(self, program):
        return self.run_it(program, LD_PRELOAD=str(self.late), LATE_THREAD="1")

    def test_a_thread_that_begins_after_the_end_ends_the_program_by_a_signal(self):
        self.assertLess(self.run_late(self.plain).returncode, 0)

    def test_one_that_can_be_cancelled_early_does_not(self):
        done = self.run_late(self.script)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_a_thread_runs_to_its_end(self):
        done = self.run_it(self.script, "it is")
        self.assertEqual((done.returncode, done.stdout), (0, b"1 it is\n"))


if __name__ == "__main__":
    unittest.main()
