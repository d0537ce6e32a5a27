// Use the explorer's page as a person with a keyboard would, and print what was seen as JSON.
//
//     node explore.mjs ADDRESS CHROMIUM PICTURES
import { chromium } from "playwright-core";

const [address, executablePath, pictures] = process.argv.slice(2);
const browser = await chromium.launch({executablePath});
const page = await browser.newPage({viewport: {width: 1200, height: 1000}, colorScheme: "light"});
const problems = [], strangers = [];
page.on("console", message => { if (["error", "warning"].includes(message.type())) problems.push(message.text()); });
page.on("pageerror", error => problems.push(error.message));
page.on("request", request => { if (!request.url().startsWith(new URL(address).origin)) strangers.push(request.url()); });

const texts = selector => page.locator(selector).allInnerTexts();
const state = async () => ({watched: await texts("#explorer-watched li > span"), answers: await texts("#explorer-answers strong"),
  reasons: await texts("#explorer-answers .reason"), scores: await texts("#explorer-answers .score"), status: await page.locator("#explorer [role=status]").innerText()});
const answered = words => page.waitForFunction(words => document.querySelector("#explorer [role=status]")?.innerText.includes(words), words);

await page.goto(address);
await answered("What is popular");
const before = await state();
await page.getByLabel("Search a movie").focus();
const chosen = ["toy story 1995", "MATRIX", "fargo", "amelie", "alien 1979"];
for (const [place, title] of chosen.entries()) {
  await page.keyboard.type(title);
  await page.keyboard.press("Enter");
  await answered(`for the ${place + 1} that`);
}
const five = await state(), old = await page.locator("#explorer-answers").innerText();
await page.locator("#explorer-watched select").first().selectOption("0.5");
await page.waitForFunction(old => document.querySelector("#explorer-answers").innerText !== old, old);
const rated = await state();
const nameless = await page.locator("#explorer").evaluate(box => [...box.querySelectorAll("button, input, select")]
  .filter(control => !(control.ariaLabel || control.labels?.length || control.tagName === "BUTTON" && control.innerText.trim())).map(control => control.outerHTML));

for (const [name, colorScheme, width] of [["light", "light", 1200], ["dark", "dark", 1200], ["narrow", "light", 360]]) {
  await page.emulateMedia({colorScheme});
  await page.setViewportSize({width, height: 1000});
  await page.screenshot({path: `${pictures}/${name}.png`, fullPage: true});
}
const tooWide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);

await page.locator("#explorer-answers button").first().click();
await answered("for the 6 that");
const six = await state();
await page.getByLabel("Remove Toy Story").click();
await answered("for the 5 that");
console.log(JSON.stringify({before, five, rated, six, removed: await state(), nameless, tooWide, problems, strangers}));
await browser.close();
