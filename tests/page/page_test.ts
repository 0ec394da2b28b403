/** The page in a browser, used as people use it. */

import { assert, assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { json, link, type NoReservedNames, PsBase, type Schema } from "../../mod.ts";
import { browserTest, withWindows } from "../helpers/browser.ts";
import { Served } from "../helpers/served.ts";

// Functions that run in the page. Its types would change those of all other tests.
// deno-lint-ignore no-explicit-any
declare const document: any;
// deno-lint-ignore no-explicit-any
declare const navigator: any;

const SCHEMA = { name: "string", age: "integer" } as const;

async function people(): Promise<PsBase<typeof SCHEMA>> {
  return await PsBase.open(await Deno.makeTempDir(), SCHEMA);
}

/** Waits until a cell shows a text. */
async function cellShows(page: Page, row: number, column: number, text: string): Promise<void> {
  await page.waitForFunction(
    ([id, text]) => {
      const cell = document.getElementById(id!);
      return cell?.firstChild?.textContent === text;
    },
    [`cell-${row}-${column}`, text] as const,
  );
}

async function countShows(page: Page, text: string): Promise<void> {
  await page.waitForFunction(
    (text) => document.querySelector(".count")?.textContent === text,
    text,
  );
}

browserTest("the keyboard alone: filter, move, edit, insert, delete", async () => {
  await using table = await people();
  await table.insertMany([
    { name: "homer", age: 39 },
    { name: "lisa", age: 8 },
    { name: "bart", age: null },
  ]);
  await using served = new Served({ people: table });
  await withWindows(served, 1, async ({ page, complaints }) => {
    await page.goto(served.url());
    await countShows(page, "3 rows");
    assertEquals(new URL(page.url()).pathname, "/people");
    const { keyboard } = page;
    // Filter.
    await keyboard.press("/");
    await keyboard.type("age>10");
    await keyboard.press("Enter");
    await countShows(page, "1 row");
    assert(page.url().endsWith("/people?age=gt.10"), page.url());
    await keyboard.press("Backspace");
    await countShows(page, "3 rows");
    // Move and edit.
    await keyboard.press("Escape");
    await keyboard.press("ArrowDown");
    await keyboard.press("ArrowRight");
    await keyboard.press("Enter");
    await keyboard.type("marge");
    await keyboard.press("Enter");
    await cellShows(page, 1, 1, "marge");
    assertEquals(table.get(1)?.name, "marge");
    // Null is not empty text.
    await keyboard.press("Enter");
    await keyboard.press("Control+Delete");
    await keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector(".editor") === null);
    await cellShows(page, 1, 1, "null");
    assertEquals(table.get(1)?.name, null);
    await keyboard.press("Enter");
    await keyboard.type("x");
    await keyboard.press("Backspace");
    await keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector(".editor") === null);
    assertEquals(table.get(1)?.name, "");
    // A wrong value is refused with its reason, and Esc leaves.
    await keyboard.press("ArrowRight");
    await keyboard.press("Enter");
    await keyboard.type("many");
    await keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "a whole number is expected" }).waitFor();
    await keyboard.press("Escape");
    assertEquals(table.get(1)?.age, 8);
    // Sort.
    await keyboard.press("s");
    await cellShows(page, 0, 2, "null");
    await keyboard.press("s");
    await cellShows(page, 0, 2, "39");
    await keyboard.press("s");
    await cellShows(page, 0, 0, "0");
    // Insert.
    await keyboard.press("n");
    await page.getByRole("dialog").waitFor();
    await keyboard.type("maggie");
    await keyboard.press("Tab");
    await keyboard.type("1");
    await keyboard.press("Enter");
    await countShows(page, "4 rows");
    assertEquals([table.get(3)?.name, table.get(3)?.age], ["maggie", 1]);
    // Delete.
    await keyboard.press("Control+End");
    await keyboard.press("Delete");
    await page.getByRole("dialog").waitFor();
    await page.getByRole("button", { name: "Delete", exact: true }).press("Enter");
    await countShows(page, "3 rows");
    assertEquals(table.has(3), false);
    // The panel and the keys.
    for (const [key, title] of [["i", "people"], ["?", "Keys"]] as const) {
      await keyboard.press(key);
      await page.getByRole("dialog", { name: title }).waitFor();
      await keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
    }
    assertEquals(complaints, []);
  });
});

browserTest("an edit conflict shows mine, theirs and before, and lets choose", async () => {
  await using table = await people();
  await table.insert({ name: "homer", age: 39 });
  await using served = new Served({ people: table });
  await withWindows(served, 2, async (one, two) => {
    for (const { page } of [one, two]) {
      await page.goto(served.url("people"));
      await countShows(page, "1 row");
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("Enter");
      await page.locator(".editor input").waitFor();
    }
    await one.page.keyboard.type("max");
    await one.page.keyboard.press("Enter");
    await cellShows(one.page, 0, 1, "max");
    await two.page.keyboard.type("rex");
    await two.page.keyboard.press("Enter");
    const dialog = two.page.getByRole("dialog");
    await dialog.waitFor();
    const text = await dialog.innerText();
    for (const value of ["homer", "max", "rex"]) assert(text.includes(value), text);
    assertEquals(table.get(0)?.name, "max");
    await two.page.getByRole("button", { name: "Save mine" }).click();
    await cellShows(two.page, 0, 1, "rex");
    await cellShows(one.page, 0, 1, "rex");
    assertEquals([table.get(0)?.name, table.get(0)?.__version__], ["rex", 2]);
  });
});

browserTest("changes of other processes appear, and a sorted view does not jump", async () => {
  await using table = await people();
  await table.insertMany([{ name: "homer", age: 39 }, { name: "lisa", age: 8 }]);
  await using served = new Served({ people: table });
  await using other = await PsBase.open(table.path, { schema: SCHEMA });
  await withWindows(served, 2, async (plain, sorted) => {
    await plain.page.goto(served.url("people"));
    await sorted.page.goto(served.url("people?order=age"));
    for (const { page } of [plain, sorted]) await page.locator(".live.live").waitFor();
    await other.update(1, { age: 50 });
    await cellShows(plain.page, 1, 2, "50");
    await plain.page.locator(".flash").waitFor();
    await other.insert({ name: "bart", age: 1 });
    await countShows(plain.page, "3 rows");
    await cellShows(plain.page, 2, 1, "bart");
    await other.delete(0);
    await countShows(plain.page, "2 rows");
    await cellShows(plain.page, 0, 1, "lisa");
    const refresh = sorted.page.getByRole("button", { name: /changes: refresh/ });
    await refresh.waitFor();
    await countShows(sorted.page, "2 rows");
    await refresh.click();
    await cellShows(sorted.page, 0, 1, "bart");
    // Another field appears by itself.
    await other.addField("nick", "string");
    await plain.page.getByRole("columnheader", { name: /nick/ }).waitFor();
    assertEquals([...plain.complaints, ...sorted.complaints], []);
  });
});

browserTest("the last row of 2,000,000 is within reach", async () => {
  await using table = await PsBase.open(await Deno.makeTempDir(), { n: "integer" });
  const rows = Array.from({ length: 100_000 }, (_, n) => ({ n }));
  for (let i = 0; i < 20; i++) {
    for (const row of rows) row.n += i === 0 ? 0 : 100_000;
    await table.insertMany(rows);
  }
  await using served = new Served({ people: table });
  await withWindows(served, 1, async ({ page, complaints }) => {
    await page.goto(served.url("people"));
    await countShows(page, "2,000,000 rows");
    await page.keyboard.press("Control+End");
    const last = page.locator("#cell-1999999-1");
    await cellShows(page, 1_999_999, 1, "1999999");
    assert(
      await last.evaluate((cell) => {
        const { bottom } = cell.getBoundingClientRect();
        return bottom <= document.querySelector(".grid")!.getBoundingClientRect().bottom;
      }),
    );
    await page.keyboard.press("PageUp");
    await page.keyboard.press("Control+Home");
    await cellShows(page, 0, 1, "0");
    // By the scroll bar to the middle.
    await page.evaluate(() => {
      const grid = document.querySelector(".grid")!;
      grid.scrollTop = (grid.scrollHeight - grid.clientHeight) / 2;
    });
    await page.waitForFunction(() => {
      const [row] = document.querySelectorAll(".row");
      const place = Number(/^cell-(\d+)/.exec(row!.firstElementChild!.id)![1]);
      return place > 990_000 && place < 1_010_000 && row!.textContent!.includes(String(place));
    });
    assertEquals(complaints, []);
  });
});

browserTest("hostile values, odd names and every type are only text", async () => {
  const dir = await Deno.makeTempDir();
  const hostile =
    `<script>document.title="owned"</script><img src=x onerror="document.title='owned'">`;
  await using other = await PsBase.open(`${dir}/other`, { name: "string" });
  await other.insert({ name: hostile });
  await using table = await PsBase.open(`${dir}/odd`, {
    text: { type: "string", default: hostile },
    größe: "float",
    big: "bigint",
    day: "date",
    time: "time",
    at: "datetime",
    seen: "timestamp",
    bytes: "bytes",
    json: json<unknown>(),
    limit: "boolean",
    to: link(other),
  });
  await table.insert({
    text: `${hostile}\u0007\u202e\u2028`,
    größe: -0,
    big: 2n ** 62n,
    day: Temporal.PlainDate.from("2000-01-02"),
    time: Temporal.PlainTime.from("01:02:03.000000004"),
    at: Temporal.PlainDateTime.from("2000-01-02T03:04:05"),
    seen: new Date(0),
    bytes: new Uint8Array(3),
    json: { a: [hostile] },
    limit: true,
    to: 0,
  });
  await table.insert({ text: "x".repeat(2 ** 20) });
  await using served = new Served({ "odd <b>": table, other });
  await withWindows(served, 1, async ({ page, complaints }) => {
    await page.goto(served.url(encodeURIComponent("odd <b>")));
    await countShows(page, "2 rows");
    await cellShows(page, 0, 2, "-0");
    await cellShows(page, 0, 3, String(2n ** 62n));
    await cellShows(page, 0, 8, "3 bytes");
    for (let column = 1; column <= 11; column++) {
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("Enter");
      await page.locator(".value").first().waitFor();
      await page.keyboard.press("Escape");
      await page.locator(".value").waitFor({ state: "detached" });
      if (column === 9) continue;
      await page.keyboard.press("=");
      await countShows(page, "1 row");
      await page.keyboard.press("=");
      await countShows(page, "2 rows");
    }
    await page.keyboard.press("n");
    await page.keyboard.press("Escape");
    assertEquals(await page.title(), "psbase");
    assertEquals(complaints, []);
  });
});

browserTest("columns: facet, figures, hide; rows: copy and paste", async () => {
  await using table = await people();
  await table.insertMany(Array.from({ length: 50 }, (_, n) => ({ name: `n${n % 3}`, age: n })));
  await using served = new Served({ people: table });
  await withWindows(served, 1, async ({ page, complaints }) => {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto(served.url("people"));
    await countShows(page, "50 rows");
    const menu = async (column: string, entry: string) => {
      await page.getByRole("button", { name: `Menu of ${column}` }).click();
      await page.getByRole("menuitem", { name: entry, exact: true }).click();
    };
    await menu("name", "Facet");
    const facet = page.getByRole("region", { name: "Values of name" });
    await facet.getByRole("button", { name: /^n0/ }).click();
    await countShows(page, "17 rows");
    assert(page.url().endsWith("/people?name=eq.n0#facets=name"), page.url());
    await page.goBack();
    await countShows(page, "50 rows");
    await menu("age", "Figures");
    const dialog = page.getByRole("dialog");
    await dialog.getByText("24.5").waitFor();
    await dialog.getByRole("button", { name: /^0 to/ }).click();
    await page.waitForFunction(() => location.search.includes("gte.0"));
    await page.goBack();
    await menu("age", "Hide");
    await page.getByRole("columnheader", { name: /age/ }).waitFor({ state: "detached" });
    assert(page.url().includes("hide=age"));
    await page.getByRole("button", { name: "Show 1 hidden" }).click();
    // Copy four cells, and paste them as rows.
    await page.locator("#cell-0-1").click();
    await page.keyboard.press("Shift+ArrowDown");
    await page.keyboard.press("Shift+ArrowRight");
    await page.keyboard.press("Control+c");
    assertEquals(await page.evaluate(() => navigator.clipboard.readText()), "n0\t0\nn1\t1");
    await page.keyboard.press("Control+v");
    await page.getByRole("dialog", { name: "Insert 2 pasted rows?" }).waitFor();
    await page.getByRole("button", { name: "Insert", exact: true }).click();
    await countShows(page, "52 rows");
    assertEquals([table.get(51)?.name, table.get(51)?.age], ["n1", 1]);
    assertEquals(complaints, []);
  });
});

browserTest("a token opens the page, and is gone from the address", async () => {
  await using table = await people();
  await table.insert({ name: "homer" });
  const token = "0123456789abcdef";
  await using served = new Served({ people: table }, { tokens: [token], write: false });
  await withWindows(served, 1, async ({ page, complaints }) => {
    await page.goto(served.url());
    await page.getByLabel("Token").fill("wrong token");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    await page.goto(served.url(`#t=${token}`));
    await page.reload();
    await page.goto(`${served.url("people")}#t=${token}`);
    await countShows(page, "1 row");
    assert(!page.url().includes(token), page.url());
    await page.reload();
    await countShows(page, "1 row");
    // A server that only reads offers no changes.
    assertEquals(await page.getByRole("button", { name: "New row" }).count(), 0);
    await page.keyboard.press("Enter");
    assertEquals(await page.locator(".editor").count(), 0);
    assertEquals(complaints, []);
  });
});

browserTest("no rows, no tables, many columns, a server that is gone", async () => {
  const many: Schema = Object.fromEntries(
    Array.from({ length: 200 }, (_, i) => [`f${i}`, "integer"]),
  );
  await using wide = await PsBase.open(
    await Deno.makeTempDir(),
    many as NoReservedNames & Schema,
  );
  await using empty = await people();
  const served = new Served({ empty, wide });
  await withWindows(served, 1, async ({ page, complaints }) => {
    await page.goto(served.url("empty"));
    await page.getByText("This table has no rows yet.").waitFor();
    await page.goto(served.url("empty?age=gt.5"));
    await page.getByText("No row matches.").waitFor();
    await wide.insert({ f199: 7 });
    await page.goto(served.url("wide"));
    await countShows(page, "1 row");
    await page.keyboard.press("End");
    await cellShows(page, 0, 200, "7");
    await page.goto(served.url("wide?f0=nonsense"));
    await page.getByRole("alert").filter({ hasText: "has no operator" }).waitFor();
    await page.goto(served.url("wide"));
    await page.locator(".live.live").waitFor();
    await served[Symbol.asyncDispose]();
    await page.locator(".live.waiting, .live.lost").waitFor();
    assertEquals(complaints.filter((one) => !/ERR_(?:CONNECTION|INCOMPLETE|EMPTY)/.test(one)), []);
  });
});
