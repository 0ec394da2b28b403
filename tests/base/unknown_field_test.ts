/**
 * Functions of users that read a name which is no field: nothing may come of it but an error.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Base, link, PsBase, type Transaction, UpdateError, type View } from "../../mod.ts";
import { tempBase } from "../helpers/temp_base.ts";
import { denoFiles, withFiles } from "../../engine/system/deno_file.ts";

type Names = Record<string, unknown>;
type Row = Readonly<Record<string, unknown>>;

const SCHEMA = { plan: "string", n: "integer" } as const;

/** A handle without a schema, as another process would have it. */
function another(path: string): PsBase {
  return withFiles({ ...denoFiles }, () => PsBase.openSync(path));
}

/** Another process gives the field its new name. */
function renameElsewhere(path: string): void {
  using other = another(path);
  other.renameFieldSync("plan", "tier");
}

/** Rows in the table, changed there, in a batch of the log and in a list of it. */
function fill(db: Base): void {
  const rows = Array.from({ length: 100 }, (_, n) => ({ plan: "paid", n }));
  db.insertManySync(rows);
  db.cleanupSync();
  db.insertManySync(rows);
  db.insertManySync(rows.slice(0, 5));
  db.updateSync([3, 103], { n: 7 });
  db.deleteSync([4, 104]);
}

/** A condition that holds for every row whose plan cannot be read. */
type Wrong = (row: Row) => boolean;

/** All that asks a function of rows while reading. */
const READS: Record<string, (view: View, wrong: Wrong) => unknown> = {
  select: (view, wrong) => view.select(wrong),
  "select, among other conditions": (view, wrong) => view.select({ n: { gte: 0 }, _not: wrong }),
  "select, one of two": (view, wrong) => view.select({ _or: [{ n: -1 }, wrong] }),
  count: (view, wrong) => view.count(wrong),
  sum: (view, wrong) => view.sum("n", wrong),
  avg: (view, wrong) => view.avg("n", wrong),
  min: (view, wrong) => view.min("n", wrong),
  max: (view, wrong) => view.max("n", wrong),
  distinct: (view, wrong) => view.distinct("n", wrong),
  groupBy: (view, wrong) => view.groupBy("n", { rows: "count" } as never, wrong),
};

/** All that asks one while writing: a condition, or what makes changes. */
const WRITES: Record<string, (db: Transaction | Base, wrong: Wrong, sync: boolean) => unknown> = {
  deleteWhere: (db, wrong, sync) => verb(db, "deleteWhere", sync)(wrong),
  "deleteWhere, among other conditions": (db, wrong, sync) =>
    verb(db, "deleteWhere", sync)({ _not: { _not: wrong } }),
  updateWhere: (db, wrong, sync) => verb(db, "updateWhere", sync)(wrong, { n: 0 }),
  "updateWhere, changes": (db, wrong, sync) =>
    verb(db, "updateWhere", sync)({}, (row: Row) => wrong(row) ? { n: 0 } : {}),
  update: (db, wrong, sync) =>
    verb(db, "update", sync)(0, (row: Row) => wrong(row) ? { n: 0 } : {}),
  "update of rows": (db, wrong, sync) =>
    verb(db, "update", sync)([150, 3, 200], (row: Row) => wrong(row) ? { n: 0 } : {}),
};

function verb(db: object, name: string, sync: boolean): (...args: unknown[]) => unknown {
  const verbs = db as Record<string, (...args: unknown[]) => unknown>;
  return (...args) => verbs[sync ? `${name}Sync` : name]!(...args);
}

const TOLD =
  'Cannot read "plan" of a row: there is no such field, the fields are tier, n; where it ' +
  'may be missing, ask whether "plan" in row';

for (const Class of [Base, PsBase]) {
  Deno.test(`${Class.name}: a function that reads a field which was renamed is no answer, and changes nothing`, async () => {
    await using temp = tempBase();
    Class.createSync(temp.path, SCHEMA)[Symbol.dispose]();
    await using db = Class.openSync(temp.path) as Base;
    fill(db);
    // A Base is alone: it renames for itself.
    using other = Class === PsBase ? another(temp.path) : db;
    other.renameFieldSync("plan", "tier");
    const before = JSON.stringify([...db]);
    const wrongs: Wrong[] = [
      (row) => row.plan !== "paid",
      ({ plan }) => plan !== "paid",
      ({ plan = "free" }) => plan !== "paid",
      (row) => row.n === 7 && row.plan !== "paid",
    ];
    for (const [i, wrong] of wrongs.entries()) {
      const fails = (what: string, read: () => unknown) => {
        assertEquals(assertThrows(read, TypeError, undefined, what).message, TOLD, what);
      };
      for (const [what, read] of Object.entries(READS)) {
        fails(`${what} ${i}`, () => read(db, wrong));
        db.snapshot((view) => fails(`${what} in a snapshot`, () => read(view as View, wrong)));
        db.transactionSync((tx) => fails(`${what} in a transaction`, () => read(tx, wrong)));
      }
      for (const [what, write] of Object.entries(WRITES)) {
        // Of the last one there is one row that is asked for it, and not all.
        if (i === 3 && what === "update") continue;
        fails(`${what}Sync ${i}`, () => write(db, wrong, true));
        const told = await assertRejects(async () => await write(db, wrong, false), TypeError);
        assertEquals(told.message, TOLD, what);
        await db.transaction((tx) => fails(what, () => write(tx, wrong, false)));
      }
    }
    assertEquals(JSON.stringify([...db]), before);
    // By its name now it is an answer.
    assertEquals(await db.deleteWhere((row) => row.tier !== "paid"), 0);
    assertEquals(await db.deleteWhere((row) => "plan" in row), 0);
    assertEquals(await db.deleteWhere((row) => "tier" in row && row.n === 7), 4);
  });
}

Deno.test("a row has what all objects have, and what JavaScript asks of them", async () => {
  await using temp = tempBase();
  await using db = PsBase.createSync(temp.path, SCHEMA);
  fill(db as never);
  const check = (row: Names) => {
    for (const name of ["then", "toJSON"]) assertEquals(row[name], undefined);
    for (const name of ["toString", "valueOf", "hasOwnProperty", "isPrototypeOf"]) {
      assertStrictEquals(row[name], Object.prototype[name as "toString"]);
    }
    for (const symbol of [Symbol.iterator, Symbol.toStringTag, Symbol.toPrimitive, Symbol("own")]) {
      assertEquals((row as Record<symbol, unknown>)[symbol], undefined);
    }
    assertEquals(typeof row.constructor, "function");
    assertEquals([typeof row.__id__, typeof row.__version__], ["number", "number"]);
    assertEquals(["n" in row, "plan" in row, "other" in row, "then" in row], [
      true,
      true,
      false,
      false,
    ]);
    assert(row instanceof Object);
    assertEquals(`${row}`, "[object Object]");
    for (const name of ["nn", "Plan", "__id_", "_", "", "0", "length", "plan "]) {
      assertThrows(() => row[name], TypeError, `Cannot read ${JSON.stringify(name)} of a row`);
    }
    // A value that is null is there.
    row.n;
    return true;
  };
  assertEquals(db.count((row) => check(row)), 203);
  db.updateWhereSync({}, (row) => check(row) ? {} : { n: -1 });
  db.select((row) => {
    // As it was before: only getters, which nothing asks.
    assert(Deno.inspect(row).startsWith("make {}"));
    return true;
  });
});

Deno.test("the row that an update function gets is printed, copied and compared as any row", async () => {
  await using temp = tempBase();
  const home = link("self");
  await using db = PsBase.createSync(temp.path, { name: "string", past: "json", home });
  const [a] = db.insertManySync([{ name: "a", past: [1] }]);
  const b = db.insertSync({ name: "b", home: a });
  const plain = db.get(b)!;
  const { home: _, ...fields } = plain;
  let kept: typeof plain | undefined;
  const updated = db.updateSync(b, (row) => {
    kept = row;
    assertEquals(Deno.inspect(row), Deno.inspect(plain));
    assertEquals(JSON.stringify(row), JSON.stringify(plain));
    assertEquals(Object.keys(row), Object.keys(plain));
    const { home, ...rest } = row;
    assertEquals(rest, fields);
    assertEquals(home, db.get(a!));
    assertEquals({ ...row }.name, "b");
    return { past: [{ ...rest }, JSON.parse(JSON.stringify(row))], home };
  });
  assertEquals((updated.past as Names[])[0], fields);
  // Kept, it leads where the row does.
  assertEquals(await kept, kept);
  assertEquals(kept!.home?.name, "a");
  assertEquals(db.count({ home: kept!.home }), 1);
  // As a whole in json, as a link, as what is changed.
  db.updateSync(a!, (row) => ({ past: row as never, home: row }));
  assertEquals(db.get(a!)!.past, { __id__: 0, __version__: 0, name: "a", past: [1], home: null });
  assertEquals(db.get(a!)!.home?.__id__, a);
  let again: typeof plain | undefined;
  db.updateSync(b, (row) => {
    again = Object.freeze(row);
    return {};
  });
  assertEquals(db.count({ __version__: 2 }), 1);
  assertThrows(() => db.updateSync(again!, {}), Error, "it is at version 2, not 1");
  // What marks it as a row of this table is with it.
  await using temp2 = tempBase();
  await using other = PsBase.createSync(temp2.path, { name: "string", past: "json", home });
  other.insertManySync([{ name: "c" }, { name: "d" }]);
  assertThrows(() => other.updateSync(again as never, {}), UpdateError, "of another table");
  assertThrows(
    () => other.updateSync(0, { home: kept!.home as never }),
    TypeError,
    "a row of another table",
  );
});

Deno.test("a row that a link leads to throws, too, where its name is no field", async () => {
  await using temp = tempBase();
  using users = PsBase.createSync(`${temp.parent}/users`, {
    plan: "string",
    boss: link("self"),
  });
  const boss = users.insertSync({ plan: "paid" });
  const user = users.insertSync({ plan: "paid", boss });
  await using db = PsBase.createSync(temp.path, { user: link(users), n: "integer" });
  for (let n = 0; n < 70; n++) db.insertSync({ n, user });
  db.cleanupSync();
  db.insertSync({ n: 70, user });
  renameElsewhere(`${temp.parent}/users`);
  const wrongs = [
    (row: Names) => (row.user as Names).plan !== "paid",
    (row: Names) => ((row.user as Names).boss as Names).plan !== "paid",
  ];
  for (const wrong of wrongs) {
    assertThrows(() => db.deleteWhereSync(wrong as never), TypeError, 'read "plan"');
    assertThrows(
      () => db.updateWhereSync({}, (row) => wrong(row) ? { n: 0 } : {}),
      TypeError,
      'read "plan"',
    );
  }
  assertEquals([db.size, db.sum("n")], [71, 2485]);
  assertEquals(db.count((row) => (row.user as unknown as Names).tier === "paid"), 71);
  // What select gives are plain objects, and so is what they lead to.
  assertEquals((db.get(0)!.user as unknown as Names).plan, undefined);
});

Deno.test("watch() ends where its condition reads a field that was renamed", async () => {
  await using temp = tempBase();
  PsBase.createSync(temp.path, SCHEMA)[Symbol.dispose]();
  await using db = PsBase.openSync(temp.path);
  const changes = db.watch({ where: (row) => row.plan !== "free" });
  db.insertSync({ plan: "paid" });
  db.insertSync({ plan: "free" });
  renameElsewhere(temp.path);
  db.insertSync({ tier: "free" });
  assertEquals((await changes.next()).value.id, 0);
  assertEquals((await changes.next()).value.id, null);
  assertEquals((await assertRejects(() => changes.next(), TypeError)).message, TOLD);
});
