/**
 * Chromium for the tests of the page. Where there is none, they are skipped, unless
 * `PSBASE_NEEDS_BROWSER` is set.
 *
 * @module
 */

import { chromium, type Page } from "playwright-core";
import type { Served } from "./served.ts";

const PROGRAM = "/usr/bin/chromium";
const ARGS = [
  ...["--headless", "--no-sandbox", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];

function isThere(): boolean {
  try {
    return Deno.statSync(PROGRAM).isFile;
  } catch {
    return false;
  }
}

/** Whether the tests are skipped. */
const isSkipped = !isThere() && !Deno.env.has("PSBASE_NEEDS_BROWSER");

/** A window of a browser, and what it complained about. */
export interface Window {
  readonly page: Page;
  /** Errors of scripts, reports of the policy, and requests to other servers. */
  readonly complaints: string[];
}

/** Windows of one browser, at the page of a server. */
export async function withWindows(
  served: Served,
  count: number,
  use: (...windows: Window[]) => Promise<void>,
  options: { readonly colorScheme?: "dark" | "light" } = {},
): Promise<void> {
  const browser = await chromium.launch({ executablePath: PROGRAM, args: ARGS });
  try {
    const windows: Window[] = [];
    for (let i = 0; i < count; i++) {
      const context = await browser.newContext({
        viewport: { width: 1280, height: 760 },
        ...options,
      });
      const page = await context.newPage();
      page.setDefaultTimeout(15_000);
      const complaints: string[] = [];
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("console", (message) => {
        // A refused request is told to the user.
        if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) {
          complaints.push(message.text());
        }
      });
      page.on("request", (request) => {
        const url = request.url();
        if (!url.startsWith(served.url()) && !url.startsWith("data:")) complaints.push(url);
      });
      windows.push({ page, complaints });
    }
    await use(...windows);
  } finally {
    await browser.close();
  }
}

/** A test in a browser. */
export function browserTest(name: string, test: () => Promise<void>): void {
  Deno.test({
    name: isSkipped ? `${name} (skipped: there is no ${PROGRAM})` : name,
    ignore: isSkipped,
    fn: test,
    // The driver keeps timers and streams of its own.
    sanitizeOps: false,
    sanitizeResources: false,
  });
}
