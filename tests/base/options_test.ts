/**
 * What verbs are told that they do not know, or that is of no use.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Base, PsBase, PsLock, transaction, transactionSync } from "../../mod.ts";
import { tempBase } from "../helpers/temp_base.ts";

// deno-lint-ignore no-explicit-any -- the compiler would refuse it all
type Anything = any;

const OPEN = "durability, timeoutMs, readOnly, cacheBytes";
const SELECT = "the options are fields, orderBy, limit, offset";

/** Verbs with options: what they are asked for and, in their messages, what they can be told. */
function verbs(db: Anything, path: string): [string, (options: Anything) => unknown, string][] {
  const lock = () => new PsLock(`${path}.lock`);
  const classes = [Base, PsBase] as Anything[];
  return [
    ["select", (options) => db.select({}, options), SELECT],
    ["explain", (options) => db.explain({}, options), SELECT],
    ["snapshot.select", (options) => db.snapshot((v: Anything) => v.select({}, options)), SELECT],
    [
      "tx.select",
      (options) => db.transactionSync((tx: Anything) => tx.select({}, options)),
      SELECT,
    ],
    ["watch", (options) => db.watch(options), "the options are since, where, signal"],
    ["transaction", (options) => db.transaction(() => {}, options), "the only option is timeoutMs"],
    ["transaction([])", (options) => transaction([db], () => {}, options), "is timeoutMs"],
    ["addField", (options) => db.addField("z", "string", options), "the only option is after"],
    ["addFieldSync", (o) => db.addFieldSync("z", "string", o), "the only option is after"],
    ["setIndex", (options) => db.setIndex("n", options), "the options are index, unique"],
    ["setIndexSync", (options) => db.setIndexSync("n", options), "the options are index, unique"],
    ["acquire", (options) => lock().acquire(options), "the options are timeoutMs, signal"],
    ["run", (options) => lock().run(() => {}, options), "the options are timeoutMs, signal"],
    ["acquireSync", (options) => lock().acquireSync(options), "the only option is timeoutMs"],
    ...classes.flatMap((Class): ReturnType<typeof verbs> => {
      const made = `${path}-made`;
      return [
        ["open", (o) => Class.open(path, o), `the options are schema, ${OPEN}`],
        ["openSync", (o) => Class.openSync(path, o), `the options are schema, ${OPEN}`],
        ["create", (o) => Class.create(made, { n: "integer" }, o), `the options are mode, ${OPEN}`],
        ["createSync", (o) => Class.createSync(made, { n: "integer" }, o), `mode, ${OPEN}`],
      ];
    }),
  ];
}

/** The message of the TypeError that a call ends with. */
async function refusal(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    assert(error instanceof TypeError, String(error));
    return error.message;
  }
  throw new Error("it was accepted");
}

Deno.test("verbs refuse options that they do not know, and tell those that they do", async () => {
  await using temp = tempBase();
  await using db = await PsBase.create(temp.path, { n: "integer" });
  await db.insert({ n: 1 });
  const { sequence } = db;
  for (const [name, call, valid] of verbs(db, temp.path)) {
    for (const options of [{ limitt: 1 }, Object.assign(new (class Own {})(), { limitt: 1 })]) {
      const message = await refusal(() => call(options));
      assertMatch(message, /^Cannot .*: unknown option "limitt", the (options are|only option is)/);
      assert(message.endsWith(valid), `${name}: ${message}`);
    }
    const strange = [
      null,
      5,
      1n,
      "limit",
      Symbol("limit"),
      [],
      [1],
      () => ({}),
      new Map(),
      new Date(),
    ];
    for (const options of [...strange, Promise.resolve()]) {
      const message = await refusal(() => call(options));
      assertMatch(message, /^Cannot .*: options: /, name);
      assert(message.endsWith(valid), `${name}: ${message}`);
    }
  }
  assertEquals([db.sequence, Object.keys(db.schema)], [sequence, ["n"]]);
  assertEquals([...Deno.readDirSync(temp.parent)].map(({ name }) => name), ["people"]);
});

Deno.test("verbs take options of any class, and what is left out or undefined by its default", async () => {
  await using temp = tempBase();
  await using db = await PsBase.create(temp.path, { n: "integer" }, Object.create(null));
  await db.insertMany([{ n: 1 }, { n: 2 }]);
  class Options {
    limit = 1;
    orderBy = "-n" as const;
  }
  assertEquals(db.select({}, new Options()).map((row) => row.n), [2]);
  assertEquals(db.select({}, { limit: undefined, fields: undefined }).length, 2);
  assertEquals(db.select({}, undefined).length, 2);
  await db.setIndex("n", { unique: true });
  await db.setIndex("n", { index: true });
  assertEquals(db.schema.n, { type: "integer", index: true, unique: true });
});

Deno.test("verbs tell what is wrong with an argument, in their own words", async () => {
  await using temp = tempBase();
  await using base = await PsBase.create(temp.path, { n: "integer" });
  const db: Anything = base;
  await db.insert({ n: 1 });
  const { sequence } = db;
  const path = "The path: it is null, expected a string or a file: URL";
  const lock = new PsLock(`${temp.path}.lock`) as Anything;
  const wrong: [() => unknown, string][] = [
    [() => PsBase.open(null as Anything), path],
    [() => PsBase.create(null as Anything, {}), path],
    [() => PsBase.check(null as Anything), path],
    [() => PsBase.salvage(temp.path, null as Anything), path],
    [() => db.backup(null), path],
    [() => new PsLock(null as Anything), path],
    [() => PsBase.open(temp.path, { schema: null as Anything }), "schema: it is null, expected an"],
    [() => PsBase.open(temp.path, { readOnly: "no" as Anything }), 'readOnly is "no", it can be'],
    [
      () => PsBase.open(temp.path, { durability: 1n as Anything }),
      "durability: 1n is a bigint, it",
    ],
    [() => db.select({}, { fields: "n" }), 'fields: "n" is a string, expected an array of fields'],
    [() => db.sum("m"), `Cannot sum up "${temp.path}": there is no field "m", the fields are n`],
    [() => db.groupBy("n", 5), `Cannot group rows of "${temp.path}": 5 is a number, expected`],
    [() => db.snapshot(5), "Cannot take a snapshot of"],
    [() => db.transaction(null), "it is null, expected a function"],
    [() => db.transactionSync("x"), '"x" is a string, expected a function'],
    [() => transaction([db], null as Anything), "it is null, expected a function"],
    [() => transactionSync([db], 5 as Anything), "5 is a number, expected a function"],
    [() => lock.run(), "it is undefined, expected a function"],
    [() => lock.acquire({ signal: 5 }), "signal: 5 is a number, expected an AbortSignal"],
    [() => db.watch({ signal: {} }), "signal: it is an Object, expected an AbortSignal"],
    // Not "all rows".
    [() => db.deleteWhere(), `Cannot delete from "${temp.path}": undefined is no condition`],
    [() => db.updateWhere(undefined, { n: 2 }), "undefined is no condition"],
    [() => db.insertAsStrings([]), "it is an array, expected an object of fields"],
    [() => db.insertAsStrings(new Map()), "it is a Map without fields"],
  ];
  for (const [call, told] of wrong) {
    const message = await refusal(call);
    assert(message.includes(told), message);
  }
  const failed = [
    [() => db.select({}, { limit: "1" }), 'limit is "1", expected a number of rows, 0 or more'],
    [() => db.addField(5, "string"), "5 is a number, a name is a string"],
    [() => db.renameField("n", null), "it is null, a name is a string"],
    [() => db.delete([, 0]), "what was passed has no __id__"],
  ] as const;
  for (const [call, told] of failed) {
    const message = await Promise.resolve().then(call).catch((error: Error) => error.message);
    assert(message.includes(told), message);
  }
  assertEquals([db.sequence, db.size], [sequence, 1]);
});
