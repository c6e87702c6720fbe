"""A headless browser that is clicked and typed into as by a person, over its debugging pipe."""

import base64
import json
import os
import select
import subprocess
import tempfile
import time

from tools.common import Fail
from tools.setup.deps import find_browser

WINDOW = (1400, 1000)
SECONDS = 120


class Browser:
    """One page of a browser. Messages are JSON objects, each ended by a zero byte."""

    def __enter__(self):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_browser, self.output = os.pipe()
        self.input, from_browser = os.pipe()

        # The browser reads its descriptor 3 and writes to 4.
        script = f'exec 3<&{to_browser} 4>&{from_browser}; exec "$@"'
        command = [
            "sh",
            "-c",
            script,
            "sh",
            find_browser(),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--remote-debugging-pipe",
            f"--user-data-dir={self.profile.name}",
            f"--window-size={WINDOW[0]},{WINDOW[1]}",
        ]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(to_browser, from_browser),
        )
        os.close(to_browser)
        os.close(from_browser)
        self.number, self.held, self.session = 0, b"", None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        # Its children end a moment later, and may still write there.
        os.close(self.input)
        os.close(self.output)
        self.profile.cleanup()

    def ask(self, method, **params):
        """The result of a command of the protocol; events are skipped."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.output, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + SECONDS
        while True:
            while b"\0" not in self.held:
                if not select.select([self.input], [], [], max(0, end - time.monotonic()))[0]:
                    raise Fail(f"the browser does not answer {method}")
                data = os.read(self.input, 1 << 16)
                if not data:
                    raise Fail(f"the browser ended before it answered {method}")
                self.held += data
            text, _, self.held = self.held.partition(b"\0")
            answer = json.loads(text)
            if answer.get("id") != self.number:
                continue
            if "error" in answer:
                raise Fail(f"the browser refuses {method}: {answer['error']}")
            return answer["result"]

    def value(self, expression):
        """The value of JavaScript in the page."""
        found = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise Fail(f"in the page `{expression}` fails: {found['exceptionDetails']}")
        return found["result"].get("value")

    def open(self, url):
        self.ask("Page.enable")
        self.ask("Page.navigate", url=url)
        end = time.monotonic() + SECONDS
        while self.value("document.readyState + ' ' + location.href") != f"complete {url}":
            if time.monotonic() > end:
                raise Fail(f"the browser does not load {url}")
            time.sleep(0.05)

    def click(self, x, y, count=1):
        """Press and release the mouse where it is; twice is a double click."""
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for number in range(1, count + 1):
            for kind in ("mousePressed", "mouseReleased"):
                self.ask(
                    "Input.dispatchMouseEvent",
                    type=kind,
                    x=x,
                    y=y,
                    button="left",
                    clickCount=number,
                )

    def place(self, expression):
        """The middle of an element, scrolled into sight."""
        script = (
            f"(() => {{ const found = {expression}; found.scrollIntoView({{block: 'center'}});"
            "const box = found.getBoundingClientRect();"
            "return [box.left + box.width / 2, box.top + box.height / 2]; })()"
        )
        return self.value(script)

    def click_on(self, expression):
        self.click(*self.place(expression))

    def type(self, text):
        self.ask("Input.insertText", text=text)

    def picture(self, path):
        shot = self.ask("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))
