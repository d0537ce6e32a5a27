// Print as JSON what a page alerts its reader to.
//
//     node alert.mjs ADDRESS CHROMIUM
import { chromium } from "playwright-core";

const [address, executablePath] = process.argv.slice(2);
const browser = await chromium.launch({executablePath});
const page = await browser.newPage();
await page.goto(address);
console.log(JSON.stringify(await page.getByRole("alert").innerText()));
await browser.close();
