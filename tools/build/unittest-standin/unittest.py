# A small `unittest` that runs on MicroPython, for trees without micropython-lib.
# It has what the upstream tests use, and prints the summary that run-tests.py looks for.

import sys


class SkipTest(Exception):
    pass


class _Raises:
    def __init__(self, expected):
        self.expected = expected
        self.exception = None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        if kind is None:
            raise AssertionError("%r not raised" % self.expected)
        self.exception = value
        return issubclass(kind, self.expected)


class TestCase:
    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        pass

    def tearDown(self):
        pass

    def fail(self, msg=None):
        raise AssertionError(msg or "failed")

    def skipTest(self, reason):
        raise SkipTest(reason)

    def assertTrue(self, x, msg=None):
        if not x:
            self.fail(msg or "%r is not true" % (x,))

    def assertFalse(self, x, msg=None):
        if x:
            self.fail(msg or "%r is not false" % (x,))

    def assertEqual(self, x, y, msg=None):
        if not x == y:
            self.fail(msg or "%r != %r" % (x, y))

    def assertNotEqual(self, x, y, msg=None):
        if not x != y:
            self.fail(msg or "%r == %r" % (x, y))

    def assertIs(self, x, y, msg=None):
        if x is not y:
            self.fail(msg or "%r is not %r" % (x, y))

    def assertIsNone(self, x, msg=None):
        if x is not None:
            self.fail(msg or "%r is not None" % (x,))

    def assertIn(self, x, y, msg=None):
        if x not in y:
            self.fail(msg or "%r not in %r" % (x, y))

    def assertIsInstance(self, x, y, msg=None):
        if not isinstance(x, y):
            self.fail(msg or "%r is no %r" % (x, y))

    def assertLess(self, x, y, msg=None):
        if not x < y:
            self.fail(msg or "%r >= %r" % (x, y))

    def assertGreater(self, x, y, msg=None):
        if not x > y:
            self.fail(msg or "%r <= %r" % (x, y))

    def assertRaises(self, expected, func=None, *args, **kwargs):
        context = _Raises(expected)
        if func is None:
            return context
        with context:
            func(*args, **kwargs)


def skip(reason):
    def decorate(func):
        def skipped(self):
            raise SkipTest(reason)

        return skipped

    return decorate


def skipIf(condition, reason):
    return skip(reason) if condition else lambda func: func


def skipUnless(condition, reason):
    return skipIf(not condition, reason)


def _run_one(case, name, counts):
    print(name, "(%s) ..." % type(case).__name__, end="")
    try:
        case.setUp()
        try:
            getattr(case, name)()
        finally:
            case.tearDown()
        print(" ok")
    except SkipTest as error:
        print(" skipped:", error)
        counts["skipped"] += 1
    except AssertionError as error:
        print(" FAIL")
        sys.print_exception(error)
        counts["failures"] += 1
    except Exception as error:
        print(" ERROR")
        sys.print_exception(error)
        counts["errors"] += 1


def main(module="__main__"):
    counts = {"failures": 0, "errors": 0, "skipped": 0}
    ran = 0
    scope = __import__(module) if isinstance(module, str) else module
    for class_name in dir(scope):
        cls = getattr(scope, class_name)
        if not isinstance(cls, type) or not issubclass(cls, TestCase) or cls is TestCase:
            continue
        cls.setUpClass()
        for name in dir(cls):
            if name.startswith("test"):
                _run_one(cls(), name, counts)
                ran += 1
        cls.tearDownClass()
    print("-" * 70)
    print("Ran %d tests" % ran)
    print()
    if counts["failures"] or counts["errors"]:
        print("FAILED (failures=%d, errors=%d)" % (counts["failures"], counts["errors"]))
    else:
        print("OK" + (" (skipped=%d)" % counts["skipped"] if counts["skipped"] else ""))
