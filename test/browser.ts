import chromium from '@sparticuz/chromium';
import { type Browser, type BrowserContext, chromium as driver, type Page } from 'playwright-core';

/** The widths at which every page must be usable: a desk and a phone. */
export const DESK = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

/** The package's own arguments switch web security off and run everything in one process: pages are tested as visitors have them. */
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--font-render-hinting=none'];

/** A real Chromium that comes with npm, so that no machine has to have one. */
export async function openBrowser(): Promise<Browser> {
  chromium.setGraphicsMode = false;
  return driver.launch({ executablePath: await chromium.executablePath(), args: ARGUMENTS, headless: true });
}

/** A visitor without any session. What the page throws or logs as an error is kept in `errors`. */
export async function visit(
  browser: Browser,
  url: string,
  viewport: { width: number; height: number } = DESK,
): Promise<{ page: Page; context: BrowserContext; errors: string[] }> {
  const context = await browser.newContext({ viewport, locale: 'kk-KZ', timezoneId: 'Asia/Almaty' });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    // A refused request is the server's answer and shown on the page; the browser also notes it here.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      errors.push(message.text());
  });
  await page.goto(url);
  return { page, context, errors };
}
