"""Headless Chromium through chromedriver, by the plain HTTP and JSON of WebDriver."""
import base64
import json
import pathlib
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

PATIENCE_SECONDS = 60
HERE = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this machine is asked without a proxy
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-extensions",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
             "--force-device-scale-factor=1", "--hide-scrollbars"]


class Browser:
    """One Chromium with a profile of its own; ends with the `with` it stands in."""

    def __init__(self, driver="/usr/bin/chromedriver", binary="/usr/bin/chromium", width=1200, height=900):
        self.driver, self.binary, self.size = driver, binary, f"{width},{height}"

    def __enter__(self):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        # Port 0: the driver takes a free one and says which.
        self.process = subprocess.Popen([self.driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            self.base = f"http://127.0.0.1:{self._port()}/session"
            options = {"binary": self.binary, "args": [*ARGUMENTS, f"--user-data-dir={self.profile.name}",
                                                       f"--window-size={self.size}"]}
            wanted = {"browserName": "chrome", "goog:chromeOptions": options,
                      "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
            self.base += "/" + self._ask("", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_):
        try:
            self._ask("", method="DELETE")
        except OSError:
            pass
        self._end()

    def _end(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.profile.cleanup()

    def _port(self):
        for line in self.process.stdout:
            if "successfully on port " in line:
                return int(line.rsplit(" ", 1)[1].strip(".\n"))
        raise OSError("chromedriver did not start")

    def _ask(self, path, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"},
                                         method=method or ("GET" if body is None else "POST"))
        try:
            with HERE.open(request, timeout=PATIENCE_SECONDS) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise OSError(json.load(error)["value"]["message"]) from error

    def open(self, path):
        self._ask("/url", {"url": pathlib.Path(path).resolve().as_uri()})

    def run(self, script, *arguments):
        """What the body of a function gives in the page."""
        return self._ask("/execute/sync", {"script": script, "args": list(arguments)})

    def wait_for(self, script):
        """Until the script gives something true."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            if found := self.run(script):
                return found
            time.sleep(0.05)
        raise OSError("never came true: " + script)

    def devtools(self, command, **parameters):
        return self._ask("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def colours(self, scheme):
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def log(self, kind):
        """What was said since the last call: "browser" is the console, "performance" holds requests."""
        return self._ask("/se/log", {"type": kind})

    def point_at(self, x, y):
        """Moves the mouse to a place in the window."""
        move = {"type": "pointerMove", "duration": 0, "x": round(x), "y": round(y), "origin": "viewport"}
        self._ask("/actions", {"actions": [{"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": [move]}]})

    def press(self, *keys):
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._ask("/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def picture(self, path):
        """The whole page as PNG, however long."""
        shot = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        pathlib.Path(path).write_bytes(base64.b64decode(shot["data"]))

    def pdf(self, path):
        printed = self.devtools("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
        pathlib.Path(path).write_bytes(base64.b64decode(printed["data"]))
