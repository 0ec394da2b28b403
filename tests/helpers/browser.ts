/**
 * A browser for tests of the page: Debian's Chromium. Where there is none, the tests are skipped,
 * unless `PSBASE_NEEDS_BROWSER` is set.
 */

import { assertEquals } from "@std/assert";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import type { AnyBase } from "../../mod.ts";
import type { ServeOptions } from "../../serve.ts";
import { Served } from "./served.ts";

const PATH = "/usr/bin/chromium";

function hasBrowser(): boolean {
  try {
    return Deno.statSync(PATH).isFile;
  } catch {
    return false;
  }
}

/** Tables in a browser. */
export class Opened implements AsyncDisposable {
  /** What the page said that it should not say: errors, reports of its policy, foreign requests. */
  readonly complaints: string[] = [];
  readonly #served: Served;
  readonly #browser: Browser;
  readonly #contexts: BrowserContext[] = [];

  constructor(served: Served, browser: Browser) {
    this.#served = served;
    this.#browser = browser;
  }

  /** The server. */
  get served(): Served {
    return this.#served;
  }

  /** Opens a window; each has its own storage. */
  async window(path: string, { dark = false }: { dark?: boolean } = {}): Promise<Page> {
    const context = await this.#browser.newContext({
      viewport: { width: 1200, height: 700 },
      colorScheme: dark ? "dark" : "light",
      permissions: ["clipboard-read", "clipboard-write"],
    });
    this.#contexts.push(context);
    const page = await context.newPage();
    page.on("pageerror", (error) => this.complaints.push(`error: ${error.message}`));
    page.on("console", (message) => {
      // A refusal of the server is no fault of the page.
      const isFault = message.type() === "error" &&
        !message.text().includes("the server responded");
      if (isFault) this.complaints.push(`console: ${message.text()}`);
    });
    page.on("request", (request) => {
      const url = request.url();
      if (url.startsWith(this.#served.url()) || /^(?:data|blob):/.test(url)) return;
      this.complaints.push(`request to ${url}`);
    });
    await page.addInitScript(
      `addEventListener("securitypolicyviolation", (event) =>
        console.error("policy: " + event.violatedDirective + " " + event.sample));`,
    );
    await page.goto(this.#served.url(path));
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const context of this.#contexts) await context.close();
    await this.#browser.close();
    await this.#served[Symbol.asyncDispose]();
    assertEquals(this.complaints, [], "the page has nothing to complain of");
  }
}

/** Serves tables, and starts a browser. */
export async function open(
  tables: Record<string, AnyBase>,
  options: ServeOptions = {},
): Promise<Opened> {
  const browser = await chromium.launch({
    executablePath: PATH,
    args: [
      ...["--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-sync"],
      ...["--disable-background-networking", "--disable-component-update"],
    ],
  });
  return new Opened(new Served(tables, options), browser);
}

/** A test in a browser; skipped where there is none. */
export function browserTest(name: string, fn: () => Promise<void>): void {
  const found = hasBrowser() || Deno.env.has("PSBASE_NEEDS_BROWSER");
  Deno.test({
    name: found ? name : `${name} (skipped: there is no ${PATH})`,
    ignore: !found,
    fn,
    // The driver keeps timers and pipes of its own.
    sanitizeOps: false,
    sanitizeResources: false,
  });
}

/** Waits for an element with a text. */
export async function see(page: Page, selector: string, text: string | RegExp): Promise<void> {
  await page.locator(selector).filter({ hasText: text }).first().waitFor();
}
