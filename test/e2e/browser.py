"""Real Chromium, driven by Selenium: as a person, with mouse or keyboard."""
import os
import pathlib
import shutil
import tempfile

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import hive

AXE = hive.ROOT / "build/page-test/node_modules/axe-core/axe.min.js"


class Chromium:
    """One browser with a profile and a folder for downloads of its own."""

    rules = ""  # which names mean which addresses

    def __init__(self, width=1440, height=900, lang="en-US"):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hm-chromium-"))
        self.downloads = self.folder / "downloads"
        self.downloads.mkdir()
        options = webdriver.ChromeOptions()
        for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--lang={lang}", f"--window-size={width},{height}",
                     f"--user-data-dir={self.folder}/profile", "--no-first-run", "--disable-background-networking", "--disable-component-update",
                     "--disable-sync", "--js-flags=--expose-gc", "--enable-precise-memory-info", f"--host-resolver-rules={self.rules}"):
            options.add_argument(word)
        options.add_experimental_option("prefs", {"download.default_directory": str(self.downloads), "intl.accept_languages": lang})
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_script_timeout(30 * hive.SLOW)
        self.size(width, height)

    def end(self):
        self.driver.quit()
        shutil.rmtree(self.folder, ignore_errors=True)

    def size(self, width, height=900):
        """Of the page itself; windows have a least width."""
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def shot(self, path, whole=True):
        import base64
        more = {}
        if whole:
            height = self.run("return document.documentElement.scrollHeight")
            more = {"captureBeyondViewport": True, "clip": {"x": 0, "y": 0, "width": self.run("return innerWidth"),
                                                             "height": min(2400, max(height, self.run("return innerHeight"))), "scale": 1}}
        data = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", **more})["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))

    # --- what a person sees and does ---

    def run(self, script, *values):
        return self.driver.execute_script(script, *values)

    def go(self, address):
        self.driver.get(address)

    def newcomer(self, origin, address):
        """Go to the page as if it had never been seen; address() signs in, where that is still to be done."""
        self.size(1440)
        self.go(f"{origin}/base.css")
        self.run("localStorage.clear()")
        self.go(f"{origin}/")
        if self.see("h1").text == "HiveMind":
            self.go("about:blank")
            self.go(address())

    def to(self, hash):
        self.run("location.hash = arguments[0]", "#/" + hash)

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def see(self, css, text=None, seconds=15):
        """The first element that is shown, matches and has the text."""
        def found():
            return self.run("""return [...document.querySelectorAll(arguments[0])].find(e => e.checkVisibility({visibilityProperty: true})
                && (arguments[1] === null || (e.textContent + (e.value ?? '')).includes(arguments[1]))) ?? null""", css, text)
        try:
            return hive.until(f"{css} with {text!r}", found, seconds)
        except AssertionError as e:
            raise AssertionError(f"{e}; the page: {self.text()[:1500]}\n{self.faults()}") from None

    def reads(self, css, text, seconds=15):
        """One of these elements says exactly this."""
        hive.until(f"{css} to read {text!r}", lambda: self.run(
            "return [...document.querySelectorAll(arguments[0])].some(e => e.textContent === arguments[1])", css, text), seconds)

    def gone(self, css, text="", seconds=15):
        hive.until(f"no {css} with {text!r}", lambda: not self.run(
            "return [...document.querySelectorAll(arguments[0])].some(e => e.checkVisibility() && e.textContent.includes(arguments[1]))", css, text), seconds)

    def text(self):
        return self.run("return document.body.innerText")

    def click(self, css, text=None):
        for last in (False, False, True):
            try:
                element = self.see(css, text)
                self.run("arguments[0].scrollIntoView({block: 'center'})", element)
                ActionChains(self.driver).move_to_element(element).click().perform()
                return
            except StaleElementReferenceException:  # it has just been drawn anew: a person looks again
                if last:
                    raise

    def press(self, *keys):
        chain = ActionChains(self.driver)
        for key in keys:
            chain.send_keys(key)
        chain.perform()

    def chord(self, modifier, key):
        ActionChains(self.driver).key_down(modifier).send_keys(key).key_up(modifier).perform()

    def focused(self):
        return self.driver.switch_to.active_element

    def tab_to(self, css, text=None, most=120):
        """Tab until the focus is on it; fails when the keyboard does not get there."""
        for _ in range(most):
            if self.run("""const e = document.activeElement; return e.matches(arguments[0]) && (arguments[1] === null ||
                    (e.textContent + (e.getAttribute('aria-label') ?? '')).includes(arguments[1]))""", css, text):
                return self.focused()
            self.press(Keys.TAB)
        raise AssertionError(f"the keyboard does not reach {css} {text!r}")

    def faults(self):
        """What the browser complains of: errors of scripts, refusals of the policy."""
        return [line["message"] for line in self.driver.get_log("browser") if line["level"] == "SEVERE"]

    def axe(self):
        """What axe-core finds wrong, as text."""
        self.run(AXE.read_text())
        found = self.driver.execute_async_script("""const done = arguments[0]; axe.run(document, {resultTypes: ['violations']})
            .then(r => done(r.violations.map(v => v.id + ': ' + v.help + '\\n' + v.nodes.slice(0, 4).map(n => '   ' + n.html.slice(0, 200) + ' ' +
            (n.any[0]?.message ?? '')).join('\\n'))), e => done([String(e)]))""")
        return found
