/** The page, in a browser. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Page } from "playwright-core";
import { json, link, PsBase } from "../../mod.ts";
import { browserTest, open, see } from "../helpers/browser.ts";

const PEOPLE = { name: "string", age: "integer", team: "string" } as const;

async function people(count = 0): Promise<PsBase<typeof PEOPLE>> {
  const table = await PsBase.create(`${await Deno.makeTempDir()}/people`, PEOPLE);
  await table.insertMany(Array.from({ length: count }, (_, i) => ({
    name: `name ${i}`,
    age: i % 90,
    team: "abc"[i % 3]!,
  })));
  return table;
}

/** A cell, once it is there. */
function cell(page: Page, row: number, column: number) {
  return page.locator(`#c${row}-${column}`);
}

/** Goes to a cell. */
async function goTo(page: Page, row: number, column: number): Promise<void> {
  await cell(page, row, column).click();
  await page.locator(`#c${row}-${column}.active`).waitFor();
}

/** Types into the editor that has the focus, in place of what is there. */
async function typeOver(page: Page, text: string): Promise<void> {
  await page.locator(".editor input").fill(text);
  await page.keyboard.press("Enter");
}

browserTest("the last row of 2,000,000 is reached, and the first again", async () => {
  const table = await PsBase.create(await Deno.makeTempDir() + "/big", { n: "integer" });
  await table.insertMany(Array.from({ length: 2_000_000 }, (_, n) => ({ n })));
  await using _table = table;
  await using opened = await open({ big: table });
  const page = await opened.window("big");
  await see(page, "#c0-1", "0");
  await page.locator('[role=grid][aria-rowcount="2000001"]').waitFor();
  await page.keyboard.press("Control+End");
  await see(page, "#c1999999-1", "1999999");
  assertEquals(await page.locator("[aria-rowindex='2000001']").count(), 1);
  await page.keyboard.press("ArrowUp");
  await see(page, "#c1999998-1.active", "1999998");
  // By the scroll bar.
  await page.evaluate("document.querySelector('[role=grid]').scrollTop = 0");
  await see(page, "#c0-1", "0");
  await page.evaluate("document.querySelector('[role=grid]').scrollTop = 1e9");
  await see(page, "#c1999999-1", "1999999");
  await page.keyboard.press("Control+Home");
  await see(page, "#c0-0.active", "0");
  // A turn of the wheel goes on by a few rows, however long the table is.
  await page.mouse.move(400, 400);
  await page.mouse.wheel(0, 280);
  await page.locator("#c30-1").waitFor();
  assertEquals(await page.locator("#c100-1").count(), 0);
});

browserTest("an edit conflict between two windows", async () => {
  await using table = await people(5);
  await using opened = await open({ people: table });
  const one = await opened.window("people");
  const two = await opened.window("people?order=age");
  await see(one, "#c1-1", "name 1");
  await see(two, "#c1-1", "name 1");
  await goTo(two, 1, 1);
  await two.keyboard.press("Enter");
  await two.locator(".editor input").fill("mine");
  await goTo(one, 1, 1);
  await one.keyboard.press("Enter");
  await typeOver(one, "theirs");
  await see(one, "[role=status]", "saved");
  assertEquals(table.get(1)?.name, "theirs");
  await two.keyboard.press("Enter");
  await see(two, "dialog", "Somebody else changed row 1");
  const text = await two.locator("dialog table").innerText();
  assertMatch(text, /mine\s+mine\s+theirs\s+theirs\s+before\s+name 1/);
  assertEquals(table.get(1)?.name, "theirs");
  await two.getByRole("button", { name: "Keep mine" }).click();
  await see(two, "#c1-1", "mine");
  await see(one, "#c1-1", "mine");
  assertEquals(table.get(1)?.name, "mine");
});

browserTest("changes of another process are seen as they are made", async () => {
  await using table = await people(3);
  await using opened = await open({ people: table });
  const page = await opened.window("people");
  const sorted = await opened.window("people?order=-age");
  await see(page, ".live", "live");
  await see(sorted, ".live", "live");
  const program = new URL("../../cli.ts", import.meta.url).pathname;
  const run = async (...args: string[]) => {
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", program, ...args],
    }).output();
    assert(success);
  };
  await run("update", table.path, "__id__=1", "--set", "name=seen");
  await see(page, "#c1-1.flash", "seen");
  await run("insert", table.path, "name=new", "age=99");
  await see(page, "#c3-1", "new");
  // A sorted view does not jump.
  await see(sorted, ".status button", "2 changes: refresh");
  assertEquals(await cell(sorted, 0, 1).innerText(), "name 2");
  await sorted.keyboard.press("r");
  await see(sorted, "#c0-1", "new");
});

browserTest("the keyboard alone: filter, sort, edit, null, new, delete", async () => {
  await using table = await people(200);
  await using opened = await open({ people: table });
  const page = await opened.window("people");
  const press = async (...keys: string[]) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  await see(page, "#c0-1", "name 0");
  await press("/");
  await page.keyboard.type("age=30..40 team=");
  await see(page, "#proposals", "b");
  await page.keyboard.type("a");
  await press("Enter");
  await see(page, ".status", /of 8/);
  assertStringIncludes(page.url(), "?age=gte.30&age=lte.40&team=eq.a");
  await see(page, "code", "psbase select people age=30..40 team=a");
  await press("Escape");
  assertEquals(await page.evaluate("document.activeElement.role"), "grid");
  // Up to the names of the columns: sort by age.
  await press("ArrowRight", "ArrowUp", "Enter");
  await page.locator("[aria-sort=ascending]").waitFor();
  await press("Enter");
  await page.locator("[aria-sort=descending]").waitFor();
  assertStringIncludes(page.url(), "order=-age");
  await see(page, "#c0-2", "39");
  await press("ArrowDown", "Enter");
  await page.keyboard.type("x");
  await press("Enter");
  await see(page, "[role=alert]", "is not a whole number");
  await page.locator(".editor input").fill("77");
  await press("Enter");
  await see(page, "[role=status]", "age of row");
  const edited = table.select({ age: 77, team: "a" }).find(({ __version__ }) => __version__ > 0);
  await press("ArrowUp", "Control+0");
  await see(page, "#c0-2", "null");
  assertEquals(table.get(edited!.__id__)?.age, null);
  await press("Control+z");
  await see(page, "#c0-2", "77");
  assertEquals(table.get(edited!.__id__)?.age, 77);
  await press("n");
  await page.locator("dialog").waitFor();
  await page.keyboard.type("bart");
  await page.locator("dialog").getByRole("button", { name: "Insert" }).focus();
  await press("Enter");
  await see(page, "[role=status]", "row 200 inserted");
  assertEquals({ ...table.get(200) }.age, null);
  await press("Shift+Delete");
  await see(page, "dialog", /Delete row \d+/);
  await press("Tab", "Enter");
  await see(page, "[role=status]", "deleted");
  assertEquals(table.size, 200);
  await press("?");
  await see(page, "dialog", "filter");
  await press("Escape");
  // Back and forth.
  await page.goBack();
  await page.locator("[aria-sort=ascending]").waitFor();
  await page.goBack();
  await page.goBack();
  await see(page, ".status", /of 200/);
  await page.goForward();
  // One of the eight was edited, and one deleted.
  await see(page, ".status", /of 6/);
});

browserTest("values of every type are edited", async () => {
  const dir = await Deno.makeTempDir();
  await using houses = await PsBase.create(`${dir}/houses`, { name: "string" });
  await houses.insertMany([{ name: "evergreen" }, { name: "mill" }]);
  await using table = await PsBase.create(`${dir}/all`, {
    big: "bigint",
    day: "date",
    face: "bytes",
    tags: json<string[]>(),
    home: link(houses),
    text: { type: "string", required: true },
  });
  await table.insert({ text: "" });
  await using opened = await open({ all: table, houses });
  const page = await opened.window("all");
  await see(page, "#c0-6", '""');
  assertEquals(await page.locator(".line .cell .null").count(), 6);
  await goTo(page, 0, 1);
  await page.keyboard.press("Enter");
  await typeOver(page, "99999999999999999999");
  await see(page, ".bubble", "64 bits");
  await typeOver(page, "1152921504606846976");
  await see(page, "#c0-1", "1152921504606846976");
  await goTo(page, 0, 2);
  await page.keyboard.press("Enter");
  await typeOver(page, "2026-02-30");
  await see(page, ".bubble", "a date such as");
  await typeOver(page, "2026-02-28");
  await see(page, "#c0-2", "2026-02-28");
  await goTo(page, 0, 3);
  await page.keyboard.press("Enter");
  await page.locator("dialog textarea").fill("AQID");
  await page.getByRole("button", { name: "Save" }).click();
  await see(page, "#c0-3", "3B");
  await goTo(page, 0, 4);
  await page.keyboard.press("Enter");
  await page.locator("dialog textarea").fill("[1,");
  await page.getByRole("button", { name: "Save" }).click();
  await see(page, "dialog [role=alert]", "not JSON");
  await page.locator("dialog textarea").fill('["sax"]');
  await page.getByRole("button", { name: "Save" }).click();
  await see(page, "#c0-4", '["sax"]');
  await goTo(page, 0, 5);
  await page.keyboard.press("Enter");
  await page.locator("dialog [type=search]").fill("MIL");
  await page.locator("dialog li").getByText("mill").click();
  await page.getByRole("button", { name: "Save" }).click();
  await see(page, "#c0-5", "1");
  await goTo(page, 0, 6);
  await page.keyboard.press("Control+0");
  await see(page, "[role=alert]", "required");
  const { big, day, face, tags, home, text } = table.get(0)!;
  assertEquals([big, String(day), face, tags, home?.name, text], [
    ...[2n ** 60n, "2026-02-28", new Uint8Array([1, 2, 3]), ["sax"], "mill", ""],
  ]);
  // The link leads to its row.
  await goTo(page, 0, 5);
  await page.keyboard.press("l");
  await see(page, "#c0-1", "mill");
  await see(page, ".chip", "__id__=1");
});

browserTest("a table of a spreadsheet is pasted after a preview; cells are copied", async () => {
  await using table = await people(2);
  await using opened = await open({ people: table });
  const page = await opened.window("people");
  await goTo(page, 0, 1);
  const paste = async (text: string) => {
    await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`);
    await page.keyboard.press("Control+v");
  };
  await paste("name\tage\nbart\tten");
  await see(page, "dialog [role=alert]", 'field "age"');
  await page.keyboard.press("Escape");
  await paste('name\tage\n"bart\nsimpson"\t10\nlisa\t');
  await page.getByRole("button", { name: "Insert 2 rows" }).click();
  await see(page, "[role=status]", "2 rows inserted");
  assertEquals(
    [...table.select({}, { fields: ["name", "age"] })].slice(2).map((row) => [row.name, row.age]),
    [
      ["bart\nsimpson", 10],
      ["lisa", null],
    ],
  );
  await goTo(page, 0, 1);
  await page.keyboard.press("Shift+ArrowRight");
  await page.keyboard.press("Shift+ArrowDown");
  await page.keyboard.press("Control+c");
  await see(page, "[role=status]", "2 rows copied");
  assertEquals(await page.evaluate("navigator.clipboard.readText()"), "name 0\t0\nname 1\t1");
});

browserTest("hostile values are only text", async () => {
  await using table = await PsBase.create(`${await Deno.makeTempDir()}/hostile`, {
    text: "string",
    tree: json<unknown>(),
  });
  const texts = [
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "${alert(1)} {{x}} </title><svg onload=alert(1)>",
    "\0\x1b[31m\x07\u202e\u2028\u2029\ufeff\r\n\t",
    "x".repeat(2 ** 20),
    "javascript:alert(1)",
  ];
  await table.insertMany(
    texts.map((text) => ({ text, tree: { [text.slice(0, 40)]: text.slice(0, 40) } })),
  );
  await using opened = await open({ hostile: table });
  const page = await opened.window("hostile?~facets=text");
  await see(page, "#c0-1", "<script>");
  await see(page, "#c3-1", "\\x00\\x1b[31m\\x07\\u202e\\u2028\\u2029\\ufeff\\x0d↵⇥");
  for (let row = 0; row < texts.length; row++) {
    for (const column of [1, 2]) {
      await goTo(page, row, column);
      await page.keyboard.press("F2");
      await page.keyboard.press("Escape");
    }
    await goTo(page, row, 1);
    await page.keyboard.press("=");
    if (texts[row]!.length > 2000) {
      await see(page, "[role=alert]", "too long for an address");
      continue;
    }
    await see(page, ".status", "of 1");
    await page.goBack();
    await see(page, ".status", "of 6");
  }
  await page.keyboard.press("i");
  for (const tab of ["Plan", "Stats", "Check"]) await page.getByRole("tab", { name: tab }).click();
  await see(page, "[role=tabpanel]", "problems");
  assertEquals(await page.title(), "hostile – psbase");
  assertEquals(await page.locator("img, svg, #app script").count(), 0);
});

browserTest("facets, figures, columns: all in the address", async () => {
  await using table = await people(90);
  await using opened = await open({ people: table });
  const page = await opened.window("people?~facets=team");
  await page.locator(".facet button.row").filter({ hasText: "b" }).click();
  await see(page, ".status", "of 30");
  assertStringIncludes(page.url(), "team=eq.b&~facets=team");
  await page.locator("#h2").hover();
  await page.locator("#h2 .more").click();
  await page.getByRole("menuitem", { name: "Figures" }).click();
  await see(page, "dialog dl", /distinct\s*30/);
  await page.locator("dialog svg g").first().click();
  await see(page, ".chip", "age>=1");
  await page.goBack();
  await page.locator("#h1").hover();
  await page.locator("#h1 .more").click();
  await page.getByRole("menuitem", { name: "Hide" }).click();
  await see(page, "#h1", "age");
  assertStringIncludes(page.url(), "select=age,team");
  const href = await page.getByText(".csv").getAttribute("href");
  assertEquals(href, "/people.csv?team=eq.b&select=age,team");
  const csv = await (await opened.served.ask(href!.slice(1))).text();
  assertEquals(csv.split("\n").slice(0, 2), ["__id__,__version__,age,team", "1,0,1,b"]);
  // A reload shows the same.
  await page.reload();
  await see(page, "#h1", "age");
  await see(page, ".status", "of 30");
  await page.locator(".facet [aria-pressed=true]").waitFor();
});

browserTest("what is wrong is said where it was caused", async () => {
  await using table = await people(3);
  await using opened = await open({ people: table });
  const page = await opened.window("people?name=match.(");
  await see(page, ".filter [role=alert]", 'parameter "name"');
  await page.keyboard.press("/");
  await page.keyboard.type("nme=x");
  await page.keyboard.press("Enter");
  await see(page, ".filter [role=alert]", 'there is no field "nme"');
  const other = await opened.window("people");
  await see(other, "#c0-1", "name 0");
  await other.evaluate(
    "history.pushState(null, '', '/nobody'); dispatchEvent(new Event('popstate'))",
  );
  await see(other, "[role=alert]", "the tables are people");
});

browserTest("no table, no row, one column, 200 columns, odd names", async () => {
  const dir = await Deno.makeTempDir();
  await using one = await PsBase.create(`${dir}/one`, { ä_ß: "string" });
  const fields = (of: (i: number) => unknown) =>
    Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`field_${i}`, of(i)]));
  const schema = fields(() => "integer") as unknown as { field_0: "integer" };
  await using wide = await PsBase.create(`${dir}/wide`, schema);
  await wide.insert(fields((i) => i) as { field_0: number });
  {
    await using opened = await open({});
    const page = await opened.window("");
    await see(page, ".empty", "No tables are served");
  }
  await using opened = await open({ "größe & <b>": one, wide }, { write: false });
  const page = await opened.window("");
  await see(page, ".nothing", "The table is empty");
  await see(page, "#h1", "ä_ß");
  await see(page, "nav", "größe & <b>");
  await see(page, ".status", "read only");
  assertEquals(await page.getByRole("button", { name: "New row" }).count(), 0);
  const other = await opened.window("wide");
  await see(other, "#c0-1", "0");
  assert(await other.locator(".line .cell").count() < 60);
  await other.keyboard.press("End");
  await see(other, "#c0-200.active", "199");
  await other.locator("#c0-0").waitFor();
});

browserTest("a lost connection is said, and found again", async () => {
  await using table = await people(3);
  await using opened = await open({ people: table });
  const page = await opened.window("people");
  await see(page, ".live", "live");
  await page.context().setOffline(true);
  await page.keyboard.press("r");
  await see(page, "[role=alert]", "Cannot reach the server");
  await page.context().setOffline(false);
  await page.keyboard.press("r");
  await see(page, "#c2-1", "name 2");
  assertEquals(await page.locator("[role=alert]").count(), 0);
  opened.complaints.length = 0; // Chromium reports what it could not load.
});

browserTest("a hidden tab hears nothing, and catches up when it is seen again", async () => {
  await using table = await people(3);
  await using opened = await open({ people: table });
  const page = await opened.window("people");
  await see(page, ".live", "live");
  const show = (is: boolean) =>
    page.evaluate(
      `Object.defineProperty(document, "hidden", { get: () => ${!is}, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"))`,
    );
  await show(false);
  await see(page, ".live", "paused");
  await table.update(1, { name: "meanwhile" });
  await table.insert({ name: "new" });
  await page.keyboard.press("ArrowDown");
  await page.locator("#c1-1.active").waitFor();
  assertEquals(await cell(page, 1, 1).innerText(), "name 1");
  await show(true);
  await see(page, "#c1-1", "meanwhile");
  await see(page, "#c3-1", "new");
  // The server ends its streams: the page asks again, and nothing comes twice.
  await opened.served.handler.close();
  await see(page, ".live", "connection lost");
  await see(page, ".live", "live");
  await table.update(2, { name: "later" });
  await see(page, "#c2-1", "later");
  await see(page, ".status", "of 4");
});

browserTest("the token goes from the address into a cookie", async () => {
  await using table = await people(3);
  const token = "a-token-of-16-characters";
  await using opened = await open({ people: table }, { tokens: [token] });
  const page = await opened.window(`people#t=${token}`);
  await see(page, "#c0-1", "name 0");
  assert(!page.url().includes(token));
  assertEquals(await page.evaluate("document.cookie"), "");
  const other = await opened.window("people");
  await see(other, "dialog", "asks for a token");
  await other.locator("dialog input").fill("wrong-token-of-16-chars");
  await other.getByRole("button", { name: "Open" }).click();
  await see(other, "dialog [role=alert]", "this is not the token");
  await other.locator("dialog input").fill(token);
  await other.getByRole("button", { name: "Open" }).click();
  await see(other, "#c0-1", "name 0");
});

browserTest("dark and light", async () => {
  await using table = await people(100);
  await using opened = await open({ people: table });
  const colors: string[] = [];
  for (const dark of [true, false]) {
    const page = await opened.window("people?~facets=team", { dark });
    await see(page, "#c0-1", "name 0");
    const shot = await page.screenshot();
    assert(shot.length > 10_000);
    colors.push(await page.evaluate("getComputedStyle(document.documentElement).backgroundColor"));
  }
  assertEquals(colors, ["rgb(21, 24, 28)", "rgb(255, 255, 255)"]);
  const page = await opened.window("people");
  await see(page, "#c0-1", "name 0");
  await page.keyboard.press("t");
  await page.locator("html[style*='dark']").waitFor();
});
