// Uses pages of `postlink scan --html` in Chromium as a reader would, and takes pictures of them.
//
//     node scan_page.js PAGES PICTURES
//
// PAGES has hostile.html, many.html (20,000 findings and those of hostile.html) and nothing.html;
// playwright-core is in PICTURES.
"use strict";

const assert = require("node:assert/strict");
const path = require("node:path");
const { pathToFileURL } = require("node:url");

const [pages, pictures] = process.argv.slice(2).map((each) => path.resolve(each));
const { chromium } = require(path.join(pictures, "node_modules", "playwright-core"));
const address = (name) => pathToFileURL(path.join(pages, `${name}.html`)).href;

const main = async () => {
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium-headless-shell",
    args: process.getuid() === 0 ? ["--no-sandbox"] : [],
  });

  /** A page that fails the test as soon as it complains, asks for anything, or opens a dialog. */
  const wrong = [];
  const open = async (name, options = {}) => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    const page = await context.newPage();
    page.on("console", (message) => wrong.push(`${name}: ${message.text()}`));
    page.on("pageerror", (error) => wrong.push(`${name}: ${error.message}`));
    page.on("dialog", (dialog) => wrong.push(`${name}: a dialog: ${dialog.message()}`));
    page.on("request", (request) => {
      if (request.url() !== address(name)) wrong.push(`${name}: asks for ${request.url()}`);
    });
    const start = Date.now();
    await page.goto(address(name));
    page.took = Date.now() - start;
    return page;
  };
  const shown = (page) => page.locator("#shown").textContent();
  const rows = (page) => page.locator("li[data-kind]:not([hidden])").count();
  const focused = (page) => page.evaluate(() => document.activeElement.closest("details")?.id ?? document.activeElement.id);

  // What it looks like: nothing is wider than the screen.
  for (const name of ["hostile", "many", "nothing"]) {
    for (const width of [1280, 375]) {
      for (const colorScheme of ["light", "dark"]) {
        const page = await open(name, { viewport: { width, height: 900 }, colorScheme });
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.equal(over, 0, `${name} is wider than ${width}`);
        const picture = path.join(pictures, `${name}-${width}-${colorScheme}.png`);
        await page.screenshot({ path: picture, fullPage: name !== "many" });
        await page.context().close();
      }
    }
  }

  // Search and filters, by keys alone.
  let page = await open("many");
  console.log(`${await rows(page)} findings, there after ${page.took} ms`);
  await page.keyboard.press("/");
  assert.equal(await focused(page), "query");
  await page.keyboard.type("007.conf KEY7");
  await page.waitForFunction(() => document.getElementById("shown").textContent.includes(" of "));
  assert.match(await shown(page), /^1 finding of [\d,]+, in 1 file$/);
  assert.equal(await rows(page), 1);
  await page.keyboard.press("Enter");
  const found = await focused(page);
  assert.equal(await page.locator(`#${found}`).getAttribute("open"), "", "what is found is open");
  await page.keyboard.press("Enter");
  assert.equal(await page.locator(`#${found}`).getAttribute("open"), null, "Enter closes it");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("#query").inputValue(), "");
  const all = await rows(page);
  assert.ok(all > 20_000, `${all}`);
  const times = [];
  for (const text of ["key", "no such text", ""]) {
    times.push(await page.evaluate(async (text) => {
      const query = document.getElementById("query");
      query.value = text;
      const start = performance.now();
      query.form.dispatchEvent(new Event("submit", { cancelable: true }));
      document.getElementById("kind").dispatchEvent(new Event("change"));
      document.body.getBoundingClientRect();
      return Math.round(performance.now() - start);
    }, text));
  }
  console.log(`searched ${times.length} times: ${times.join(", ")} ms`);
  for (const [filter, value, fits] of [
    ["kind", "data", (row) => row.kind === "data"],
    ["action", "none", (row) => row.action === "none"],
    ["possible", "yes", (row) => row.possible !== undefined],
    ["possible", "no", (row) => row.possible === undefined],
  ]) {
    await page.selectOption(`#${filter}`, value);
    const data = (selector) => page.evaluate((selector) =>
      [...document.querySelectorAll(selector)].map((row) => ({ ...row.dataset })), selector);
    const wanted = (await data("li[data-kind]")).filter(fits).length;
    const kept = await data("li[data-kind]:not([hidden])");
    assert.ok(kept.length === wanted && wanted > 0 && kept.every(fits), `${filter} ${value}: ${kept.length} of ${wanted}`);
    await page.click("button[type=reset]");
    await page.waitForFunction((all) => document.querySelectorAll("li[data-kind]:not([hidden])").length === all, all);
  }
  const trees = await page.locator("#tree option").count();
  assert.equal(trees, 3);
  await page.selectOption("#tree", "1");
  assert.equal(await page.locator("div.tree:not([hidden])").count(), 1 + 1, "the tree, and its filter");
  await page.keyboard.press("Escape");
  await page.selectOption("#kind", "data");
  await page.fill("#query", "nothing has this");
  await page.waitForSelector("#none:not([hidden])");
  await page.keyboard.press("Escape");

  // From file to file.
  await page.locator("details.file summary").first().focus();
  const first = await focused(page);
  await page.keyboard.press("j");
  await page.keyboard.press("ArrowDown");
  const third = await focused(page);
  assert.notEqual(first, third);
  await page.keyboard.press("k");
  await page.keyboard.press("ArrowUp");
  assert.equal(await focused(page), first);

  // A link from what needs a hand opens the file, and one from a finding leads back.
  const link = page.locator("#hand a[href^='#f']").first();
  const id = (await link.getAttribute("href")).slice(1);
  await link.click();
  await page.waitForFunction((id) => document.getElementById(id).open, id);
  assert.equal(await focused(page), id);
  await page.screenshot({ path: path.join(pictures, "many-opened.png") });

  // Copying.
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  for (const copy of await page.locator("button.copy").all()) {
    const text = await page.locator(`#${await copy.getAttribute("data-copy")}`).textContent();
    await copy.click();
    await page.waitForFunction(() => document.getElementById("said").textContent === "Copied");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), text);
    await page.waitForFunction(() => document.getElementById("said").textContent === "");
  }

  // On paper.
  page = await open("hostile");
  await page.emulateMedia({ media: "print" });
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  assert.equal(await page.locator("details.file:not([open])").count(), 0, "all is open on paper");
  assert.equal(await page.locator("#filters").isVisible(), false);
  await page.screenshot({ path: path.join(pictures, "hostile-printed.png"), fullPage: true });

  // Without JavaScript everything is there but the controls that need it.
  page = await open("hostile", { javaScriptEnabled: false });
  assert.equal(await page.locator("#filters").isVisible(), false);
  assert.equal(await page.locator("button.copy").first().isVisible(), false);
  assert.equal(await page.locator("details.file summary").first().isVisible(), true);
  await page.screenshot({ path: path.join(pictures, "hostile-without-script.png"), fullPage: true });

  assert.deepEqual(wrong, []);

  // The policy holds: what is not in the page as it was written does not run, and nothing is loaded.
  page = await open("hostile");
  const ran = await page.evaluate(async () => {
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
    const image = new Image();
    const loaded = await new Promise((done) => {
      image.onload = () => done(true);
      image.onerror = () => done(false);
      image.src = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";
    });
    return [window.ran === true, loaded];
  });
  assert.deepEqual(ran, [false, false]);
  assert.ok(wrong.length >= 2 && wrong.every((each) => each.includes("Content Security Policy")), `${wrong}`);
  await browser.close();
};

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
