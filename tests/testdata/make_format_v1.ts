/**
 * Writes `format_v1/`: small tables of format 1, and the rows that they hold as JSON beside them.
 * They are opened by a test for ever, and never written again: a change that needs another
 * version of the format gets a directory and a script of its own.
 *
 * ```sh
 * deno run -A tests/testdata/make_format_v1.ts
 * ```
 *
 * | table      | what is in it                                                                      |
 * | --------- | ---------------------------------------------------------------------------------- |
 * | `example` | the worked example of docs/internals/log_format.md, which shows its frame          |
 * | `types`   | each type of field, its least, its greatest and odd values, in the log             |
 * | `table`   | the same in a table, with indexes, a field added, one dropped, an integer widened  |
 * | `log`     | each kind of change in the log over a table: put, delete, batch, schema            |
 * | `links`   | links to `table` and to itself                                                     |
 * | `sealed`  | the log of generation 1 ends with a seal, generation 2 goes on                     |
 * | `torn`    | half a commit at the end of the log                                                |
 *
 * @module
 */


import { json, link, PsBase, type Schema } from "../../mod.ts";
import { golden, GOLDEN } from "../helpers/golden.ts";
import { denoFiles, withFiles } from "../../engine/system/deno_file.ts";

const TYPES = {
  string: { type: "string", index: true },
  integer: { type: "integer", index: true },
  float: "float",
  boolean: "boolean",
  bigint: { type: "bigint", unique: true },
  date: "date",
  time: "time",
  datetime: { type: "datetime", index: true },
  timestamp: "timestamp",
  bytes: "bytes",
  json: json(),
  given: { type: "string", required: true, default: "by default" },
} as const satisfies Schema;

const { PlainDate, PlainDateTime, PlainTime } = Temporal;

const ROWS = [
  {},
  {
    string: "",
    integer: Number.MIN_SAFE_INTEGER,
    float: -0,
    boolean: false,
    bigint: -(2n ** 63n),
    date: PlainDate.from("-271821-04-19"),
    time: PlainTime.from("00:00"),
    datetime: PlainDateTime.from("-271821-04-20T00:00:00"),
    timestamp: new Date(-8.64e15),
    bytes: new Uint8Array(),
    json: {},
    given: "",
  },
  {
    string: "größe 😀 \u0000 \u{10ffff}",
    integer: Number.MAX_SAFE_INTEGER,
    float: Number.MAX_VALUE,
    boolean: true,
    bigint: 2n ** 63n - 1n,
    date: PlainDate.from("+275760-09-13"),
    time: PlainTime.from("23:59:59.999999999"),
    datetime: PlainDateTime.from("+275760-09-13T23:59:59.999999999"),
    timestamp: new Date(8.64e15),
    bytes: Uint8Array.from({ length: 256 }, (_, i) => i),
    json: { text: "x", list: [1, null, [true, { deep: -0.5e-7 }]] },
  },
  { float: NaN, bigint: 0n, json: "text", integer: 0 },
  { float: -Infinity, json: [], integer: -1, bigint: 1n },
  { float: 5e-324, json: false, string: "a".repeat(300) },
];

/** Rows as there are many. */
function someRows(from: number, count: number) {
  return Array.from({ length: count }, (_, i) => ({
    string: `name ${(from + i) % 10}`,
    integer: (from + i) * 1000,
    float: (from + i) / 4,
    boolean: i % 2 === 0,
    bigint: BigInt(from + i) * 10n ** 12n,
    date: new PlainDate(2026, 1, 1).add({ days: i }),
    datetime: new PlainDateTime(2026, 1, 1, i % 24),
    bytes: Uint8Array.of(i),
    json: { i },
  }));
}

/** Makes a table, and the JSON beside it. */
async function make(name: string, fill: (path: string) => Promise<void>): Promise<void> {
  const path = `${GOLDEN}${name}`;
  await fill(path);
  Deno.writeTextFileSync(`${path}.json`, golden(path));
}

Deno.mkdirSync(GOLDEN); // and no further, if they are there

await make("example", async (path) => {
  await using base = await PsBase.create(path, { name: "string", age: "integer" });
  await base.insert({ name: "homer", age: 39 });
});

await make("types", async (path) => {
  await using base = await PsBase.create(path, TYPES);
  for (const row of ROWS) await base.insert(row);
});

await make("table", async (path) => {
  await using base = await PsBase.create(path, { ...TYPES, dropped: "string", widened: "integer" });
  await base.insertMany(ROWS);
  await base.insertMany(someRows(100, 40));
  await base.updateWhere({ integer: { gt: 120_000 } }, { widened: 7, dropped: "x" });
  await base.delete([3, 20]);
  await using less = await base.dropField("dropped");
  await using more = await less.addField("added", { type: "date", default: PlainDate.from("2020-02-29") });
  await using wide = await more.setType("widened", "float");
  await wide.update(7, { widened: 0.5 });
  await wide.cleanup();
});

await make("log", async (path) => {
  await using base = await PsBase.create(path, TYPES);
  await base.insertMany([...ROWS, ...someRows(100, 20)]);
  await base.cleanup();
  await base.insert({ string: "put" });
  await base.update(8, { string: "put over a row of the table", boolean: null });
  await base.delete([1, 10]);
  await base.insertMany(someRows(200, 70));
  await base.update(60, { string: "put over a row of a batch" });
  await base.transaction((tx) => {
    tx.insert({ string: "of a transaction" });
    tx.delete(70);
  });
  await using more = await base.addField("added", { type: "json", default: { of: [1] } });
  await more.insert({ string: "with a field more" });
});

await make("links", async (path) => {
  await using houses = await PsBase.open(`${GOLDEN}table`, { readOnly: true });
  await using base = await PsBase.create(path, {
    name: "string",
    house: link(houses),
    friend: { type: link("self"), index: true },
  });
  await base.insert({ name: "homer", house: 5 });
  await base.insert({ name: "lenny", friend: 0 });
  await base.insert({ name: "carl", friend: 1, house: 6 });
  await base.delete(0);
});

await make("sealed", async (path) => {
  await using base = await PsBase.create(path, { name: "string", age: { type: "integer", index: true } });
  await base.insertMany([{ name: "homer", age: 39 }, { name: "marge" }]);
  // As if it was killed before it removed what was cleaned up.
  const kept = { ...denoFiles, remove: () => false };
  await using other = withFiles(kept, () => PsBase.openSync(base.path));
  await other.cleanup();
  await base.insert({ name: "bart", age: 10 });
});

await make("torn", async (path) => {
  await using base = await PsBase.create(path, { name: "string" });
  await base.insertMany([{ name: "homer" }, { name: "marge" }]);
  const log = `${path}/000001.log`;
  const before = Deno.readFileSync(log);
  await base.insert({ name: "half of which was written" });
  const { logBytes } = base.stats();
  const after = Deno.readFileSync(log);
  after.set(before.subarray(0, 4096));
  after.fill(0, logBytes - 40, logBytes);
  Deno.writeFileSync(log, after);
});
