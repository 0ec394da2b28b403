/**
 * Files whose sums hold, and which nobody but an enemy would write. What they tell may be wrong;
 * but whoever reads them gets an answer or a `CorruptionError`: no other error, no end of
 * memory, and no endless loop (which would be a test that does not end).
 *
 * With `PSBASE_LONG` set, 20,000 random forgeries. `PSBASE_SEED` repeats a run of these.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ByteReader, ByteWriter, encodeText } from "../engine/bytes/bytes.ts";
import { CorruptionError } from "../engine/system/errors.ts";
import { BaseError, type FieldSpec, PsBase } from "../mod.ts";
import { psbase } from "./helpers/cli.ts";
import type { Disk } from "./helpers/crash_file.ts";
import { asDamage, checked } from "./helpers/damage.ts";
import {
  type Anything,
  type ForgedExtent,
  type ForgedFrame,
  forgeLog,
  forgeTable,
  jsonOf,
  logOf,
  mutateBytes,
  mutateJson,
} from "./helpers/forge.ts";
import { newSeed, type Random, randomFrom } from "./helpers/random.ts";
import {
  DIR,
  filesOf,
  LOG,
  open,
  put,
  show,
  smallBase,
  TABLE,
  writeOut,
} from "./helpers/small_base.ts";
import { tempBase } from "./helpers/temp_base.ts";
import { GROUP_ROWS } from "../engine/bytes/header.ts";
import { FRAME } from "../engine/log/frame.ts";
import { withFiles } from "../engine/system/deno_file.ts";

const LONG = Deno.env.has("PSBASE_LONG");
const SMALL = smallBase();

/** The small table with another file. */
function forged(path: string, bytes: Uint8Array): Disk {
  const disk = SMALL.disk.killed();
  put(disk, path, bytes);
  return disk;
}

/** All that can be asked, by what fields there are. */
function questions(base: PsBase): (() => unknown)[] {
  const asked: (() => unknown)[] = [
    () => show([...base]),
    () => [...base.keys()].length,
    () => show([base.at(0), base.at(-1), base.at(40), base.get(31), base.get(5)]),
    () =>
      base.count((row: Anything) => {
        return Object.keys(base.schema).every((name) => show(row[name]) !== "");
      }),
  ];
  for (const [name, { type }] of Object.entries(base.schema) as [string, FieldSpec][]) {
    const ask = (...wheres: unknown[]) => {
      for (const where of wheres) base.count({ [name]: where } as Anything);
    };
    asked.push(() => ask(null, { ne: null }));
    if (type === "json") {
      asked.push(() => ask({ eq: { i: 3, tags: ["x", null] } }));
      continue;
    }
    asked.push(() => {
      const present = base.select({ [name]: { ne: null } } as Anything, { limit: 2 });
      const [low, high] = present.map((row: Anything) => row[name]);
      if (high === undefined) return;
      ask({ eq: low }, { in: [low, high] });
      if (typeof type !== "object" && type !== "boolean") ask({ gte: low, lt: high });
    });
    const field = name as never;
    asked.push(() => base.distinct(field), () => base.min(field), () => base.max(field));
    asked.push(() => base.groupBy(field, { rows: "count" }));
    asked.push(() => base.select(undefined, { orderBy: [name], limit: 3 } as Anything));
    if (type === "string") asked.push(() => ask({ contains: "ö" }, { endsWith: "1" }));
    if (type === "integer" || type === "float" || type === "bigint") {
      asked.push(() => base.sum(field), () => base.avg(field));
    }
  }
  return asked;
}

/** Runs `fn`; whether it told of damage. Other errors are thrown, but what a schema refuses. */
function tells(disk: Disk, fn: () => unknown): boolean {
  try {
    fn();
    return false;
  } catch (error) {
    if (error instanceof Error && /^Cannot \w+ [^]*"\/small[^]*: /.test(error.message)) {
      if (!(error instanceof CorruptionError)) return false;
    }
    asDamage(error, disk);
    return true;
  }
}

/** Does everything with a table; how often it told of damage. */
function useAll(disk: Disk): number {
  let told = 0;
  const one = (fn: () => unknown) => {
    if (tells(disk, fn)) told++;
  };
  one(() => {
    using base = open(disk, { readOnly: true });
    for (const question of questions(base)) one(question);
  });
  told += checked(disk).length;
  for (
    const verb of [
      (base: PsBase) => base.insertSync({} as never),
      (base: PsBase) => base.updateWhereSync({ __id__: [0, 40] } as never, {} as never),
      (base: PsBase) => base.deleteWhereSync({ __id__: [10, 12] } as never),
      (base: PsBase) => base.backupSync(`${DIR}_copy`),
      (base: PsBase) => base.cleanupSync(),
      (base: PsBase) => show([...base]),
    ]
  ) {
    one(() => {
      using base = open(disk);
      withFiles(disk.process(), () => verb(base));
    });
  }
  return told;
}

// --------------------------------------------------------------- memory

/** What reading takes at most, whatever a file tells: room for the rows of a group, and some files. */
const FIXED_BYTES = 2 ** 20;

/** Counts the bytes of arrays made while `fn` runs; the largest may be so much for its files. */
function bounded<T>(disk: Disk, fn: () => T): T {
  const files = [...disk.image().values()].reduce((sum, { length }) => sum + length, 0);
  let largest = 0;
  const counted = ["ArrayBuffer", "Uint8Array", "Uint32Array", "Float64Array", "Array"] as const;
  const kept = counted.map((name) => [name, globalThis[name]] as const);
  for (const [name, original] of kept) {
    const construct = (target: new (...args: unknown[]) => object, args: unknown[]) => {
      if (typeof args[0] === "number") {
        const width = (original as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 8;
        largest = Math.max(largest, args[0] * (name === "ArrayBuffer" ? 1 : width));
      }
      return Reflect.construct(target, args);
    };
    (globalThis as Anything)[name] = new Proxy(original, { construct } as ProxyHandler<never>);
  }
  try {
    return fn();
  } finally {
    for (const [name, original] of kept) (globalThis as Anything)[name] = original;
    assert(largest <= FIXED_BYTES + 4 * files, `an array of ${largest} bytes`);
  }
}

// --------------------------------------------------------------- tables

type Footer = (footer: Anything) => unknown;

const FOOTERS: Record<string, Footer> = {
  "no object": () => "raw:[]",
  "null": () => "raw:null",
  "nested deep": () => `raw:${"[".repeat(100_000)}${"]".repeat(100_000)}`,
  "no groups": (f) => void delete f.groups,
  "groups that are no array": (f) => void (f.groups = { length: 2 }),
  "overlapping groups": (f) => void (f.groups[1] = f.groups[0]),
  "overlapping ids": (f) => void f.groups[1].splice(1, 1, f.groups[0][1]),
  "ids in the wrong order": (f) => void f.groups.reverse(),
  "a wrong last id": (f) => void f.groups[2].splice(2, 1, 1e6),
  "2^31 rows": (f) => void f.groups[0].splice(2, 2, 2 ** 31, 2 ** 31),
  "a negative offset": (f) => void f.groups[1].splice(4, 1, -4096),
  "an offset beyond the file": (f) => void f.groups[1].splice(4, 1, 2 ** 52),
  "an infinite offset": (f) => void f.groups[1].splice(4, 1, "raw:1e999"),
  "half an offset": (f) => void f.groups[1].splice(4, 1, 40.5),
  "a huge length": (f) => void f.groups[1].splice(5, 1, 2 ** 40),
  "a text for a length": (f) => void f.groups[1].splice(5, 1, "16"),
  "a huge directory": (f) => void f.groups[1].splice(6, 1, 2 ** 40),
  "an index of no rows": (f) => void f.indexes[0].splice(1, 1, 1e9),
  "an index of too few nulls": (f) => void f.indexes[0].splice(1, 1, 0),
  "an extent that is there twice": (f) => {
    const [number, , , , ...extent] = f.groups[0];
    f.groups[1].splice(0, 1, number);
    f.groups[1].splice(4, 3, ...extent);
  },
  "an index that is a group": (f) => void f.indexes[0].splice(3, 3, ...f.groups[0].slice(4)),
  "a wrong nextId": (f) => void (f.nextId = 3),
  "half a nextId": (f) => void (f.nextId = 30.5),
  "a text for nextId": (f) => void (f.nextId = "30"),
  "a wrong sequence": (f) => void (f.sequence = -1),
  "a wrong nextGroup": (f) => void (f.nextGroup = "x"),
  "fields of no type": (f) => void (f.schema.fields[2].type = "int"),
  "a field named __proto__": (f) => void (f.schema.fields[0].name = "__proto__"),
  "a field number that is huge": (f) => void (f.schema.fields[0].number = 2 ** 40),
  "huge field numbers": (f) => {
    f.schema.nextNumber = 2 ** 40;
    f.schema.fields[0].number = 2 ** 39;
  },
  "a field of another type": (f) => void (f.schema.fields[2].type = "string"),
  "fields that are dates": (f) => void (f.schema.fields[2].type = "time"),
};

for (const [name, footer] of Object.entries(FOOTERS)) {
  Deno.test(`PsBase tells of a footer with ${name}`, () => {
    const disk = forged(TABLE, forgeTable(SMALL.image, { footer }));
    assert(bounded(disk, () => checked(disk)).length > 0, "check() finds it");
    assert(bounded(disk, () => useAll(disk)) > 0, "a verb tells of it");
  });
}

/** Changes the directory of the second group, of which a column is told by the number of its field. */
type Change = (columns: Anything, group: ForgedExtent, directory: Anything) => void;

const [NAME, TEAM, N, SIZE, BIG, BORN, MET, RAW, TAGS, BOSS] = Array.from({ length: 10 }).keys();

/** The view of the words that a part of a group is made of. */
function words({ bytes }: ForgedExtent, at: number): DataView {
  return new DataView(bytes.buffer, at);
}

/** Makes all numbers one more. */
function shift(numbers: Anything): void {
  numbers.base++;
  delete numbers.min;
  delete numbers.max;
}

const GROUPS: Record<string, Change> = {
  "no columns": (_, __, directory) => delete directory.columns,
  "columns that are no object": (_, __, directory) => directory.columns = 5,
  "2^31 rows": (_, __, directory) => directory.rows = 2 ** 31,
  "other rows": (_, __, directory) => directory.rows = 11,
  "ids of no number": (_, __, directory) => directory.ids = "x",
  "ids that are floats": (_, __, directory) => directory.ids = { width: 8, base: 0, at: 0 },
  "versions that are infinite": (columns, group, directory) => {
    directory.versions = { ...columns[SIZE!].numbers, width: 8 };
    words(group, columns[SIZE!].numbers.at).setFloat64(0, Infinity, true);
  },
  "a column that is null": (columns) => columns[N!] = null,
  "a column that is a number": (columns) => columns[N!] = 7,
  "a column of no kind": (columns) => columns[N!] = { kind: "constructor" },
  "a column of another kind": (columns) => columns[N!] = columns[NAME!],
  "numbers of no width": (columns) => columns[N!].numbers.width = 3,
  "numbers of a width that is a name": (columns) => columns[N!].numbers.width = "__proto__",
  "numbers without a base": (columns) => delete columns[N!].numbers.base,
  "numbers of an infinite base": (columns) => columns[N!].numbers.base = "raw:1e999",
  "numbers of half a base": (columns) => columns[N!].numbers.base = 0.5,
  "numbers with a step of half": (columns) => columns[N!].numbers.step = 0.5,
  "numbers with a step back": (columns) => columns[N!].numbers.step = -1,
  "numbers with a step beyond all": (columns) => columns[N!].numbers.step = 2 ** 52,
  "floats with a step": (columns) => columns[SIZE!].numbers.step = 1,
  "codes with a step": (columns) => columns[TEAM!].codes.step = 1,
  "numbers at -8": (columns) => columns[N!].numbers.at = -8,
  "numbers at a text": (columns) => columns[N!].numbers.at = "0",
  "numbers at 2^40": (columns) => columns[N!].numbers.at = 2 ** 40,
  "numbers at 0.5": (columns) => columns[N!].numbers.at = 0.5,
  "numbers with reversed bounds": (columns) =>
    Object.assign(columns[N!].numbers, { min: 9, max: -1e9 }),
  "numbers with bounds that are texts": (columns) =>
    Object.assign(columns[N!].numbers, { min: "a", max: "b" }),
  "dates with a bound that is none": (columns) => columns[BORN!].numbers.max = 2 ** 40,
  "integers that are floats": (columns, group) => {
    columns[N!].numbers = columns[SIZE!].numbers;
    words(group, columns[SIZE!].numbers.at).setFloat64(8, 0.5, true);
  },
  "dates of the end of time": (columns) =>
    columns[BORN!].numbers = { width: 0, base: 2 ** 50, at: 0 },
  "dates that are floats": (columns) => columns[BORN!].numbers = columns[SIZE!].numbers,
  "datetimes of no day": (columns) => columns[MET!].days = { width: 0, base: 2 ** 50, at: 0 },
  "datetimes of 30 hours": (columns) => columns[MET!].nanos = { width: 0, base: 1e14, at: 0 },
  "datetimes before midnight": (columns) => columns[MET!].nanos = { width: 0, base: -1, at: 0 },
  "links that descend": (columns) =>
    columns[BOSS!].numbers = { width: 0, base: 0, step: -1, at: 0 },
  "links to -1": (columns) => columns[BOSS!].numbers = { width: 0, base: -1, at: 0 },
  "bigints beyond the group": (columns) => columns[BIG!].at = 1e6,
  "bounds of another type": (columns) => columns[BIG!].bounds = ["x", null],
  "bounds that are missing": (columns) => columns[BIG!].bounds = [],
  "bounds that are a number": (columns) => columns[BIG!].bounds = 5,
  "nulls beyond the group": (columns) => columns[NAME!].nulls = 1e6,
  "nulls at half a byte": (columns) => columns[NAME!].nulls = 0.5,
  "a dictionary of 2^31 texts": (columns) => columns[TEAM!].blobs.count = 2 ** 31,
  "a dictionary of -1 texts": (columns) => columns[TEAM!].blobs.count = -1,
  "a dictionary of few texts": (columns) => columns[TEAM!].blobs.count = 1,
  "codes that are floats": (columns) => columns[TEAM!].codes = columns[SIZE!].numbers,
  "codes that are moved": (columns) => columns[TEAM!].codes = { width: 0, base: 1, at: 0 },
  "a dictionary of 2^31 empty texts": (columns) => {
    const zeros = { width: 0, base: 0, at: 0 };
    Object.assign(columns[TEAM!].blobs, {
      count: 2 ** 31,
      lengths: zeros,
      starts: zeros,
      length: 0,
    });
  },
  "codes below 0": (columns) => columns[TEAM!].codes.base = -1,
  "texts beyond the group": (columns) => columns[NAME!].blobs.length = 2 ** 31,
  "texts at a text": (columns) => columns[NAME!].blobs.heap = "0",
  "lengths that are too long": (columns) => shift(columns[RAW!].blobs.lengths),
  "lengths below 0": (columns) => columns[NAME!].blobs.lengths = { width: 0, base: -1, at: 0 },
  "lengths that are floats": (columns) => columns[NAME!].blobs.lengths = columns[SIZE!].numbers,
  "lengths that are missing": (columns) => delete columns[RAW!].blobs.lengths,
  "texts that begin elsewhere": (columns) => shift(columns[RAW!].blobs.starts),
  "texts that begin behind their end": (columns) =>
    columns[NAME!].blobs.starts = { width: 0, base: 2 ** 31, at: 0 },
  "texts that end too early": (columns) => columns[RAW!].blobs.length -= 1,
  "text that is no UTF-8": (columns, group) => group.bytes[columns[NAME!].blobs.heap] = 255,
  "json that is none": (columns, group) => group.bytes[columns[TAGS!].blobs.heap] = 120,
  "json nested deep": (columns, group) => {
    const deep = "[".repeat(50_000) + "]".repeat(50_000);
    const bytes = new Uint8Array(group.bytes.length + deep.length + 4 * columns[TAGS!].blobs.count);
    bytes.set(group.bytes);
    bytes.set(encodeText(deep), group.bytes.length);
    const { blobs } = columns[TAGS!];
    // The first one is as long as that, and all others are empty.
    const at = group.bytes.length + deep.length;
    new DataView(bytes.buffer).setUint32(at, deep.length, true);
    blobs.lengths = { width: 4, base: 0, at };
    Object.assign(blobs, { heap: group.bytes.length, length: deep.length });
    group.bytes = bytes;
  },
};

/** The table of the small table, with another second group. */
function tableWith(change: Change): Uint8Array {
  return forgeTable(SMALL.image, {
    extents(groups) {
      const group = groups[1]!;
      const directory = JSON.parse(group.directory);
      change(directory.columns, group, directory);
      group.directory = jsonOf(directory);
    },
  });
}

for (const [name, change] of Object.entries(GROUPS)) {
  Deno.test(`PsBase tells of a group with ${name}`, () => {
    const disk = forged(TABLE, tableWith(change));
    assert(bounded(disk, () => checked(disk)).length > 0, "check() finds it");
    assert(bounded(disk, () => useAll(disk)) > 0, "a verb tells of it");
  });
}

Deno.test("PsBase.check() finds bounds that leave out a value", () => {
  const changes: Change[] = [
    (columns) => columns[BIG!].bounds = [5, 6],
    (columns) => columns[NAME!].bounds = ["y", "z"],
    (columns) => columns[N!].numbers.max = columns[N!].numbers.min,
    (columns) => Object.assign(columns[N!].numbers, { min: 9, max: 9 }),
  ];
  for (const change of changes) {
    const [problem] = checked(forged(TABLE, tableWith(change)));
    assert(problem?.reason.includes("out of its bounds"), String(change));
  }
});

const INDEXES: Record<string, (index: ForgedExtent) => void> = {
  "twice the same row": ({ bytes }) => bytes.copyWithin(4, 0, 4),
  "rows that are not there": ({ bytes }) => bytes.fill(255, 8, 12),
  "rows in another order": ({ bytes }) => bytes.subarray(0, 120).reverse(),
  "a directory that is no JSON": (index) => index.directory = "{",
  "a directory that is null": (index) => index.directory = "null",
  "fences of another type": (index) => index.directory = '{"kind":"bigint","at":0}',
  "no values": (index) => index.directory = '{"kind":"null"}',
};

for (const [name, change] of Object.entries(INDEXES)) {
  Deno.test(`PsBase tells of an index with ${name}`, () => {
    const extents = (_: unknown, indexes: ForgedExtent[]) => indexes.forEach(change);
    const disk = forged(TABLE, forgeTable(SMALL.image, { extents }));
    assert(bounded(disk, () => checked(disk)).length > 0, "check() finds it");
    assert(bounded(disk, () => useAll(disk)) > 0, "a verb tells of it");
  });
}

Deno.test("PsBase.cleanup() takes over no index that leaves out a row", () => {
  const extents = (_: unknown, indexes: ForgedExtent[]) =>
    indexes.forEach(INDEXES["twice the same row"]!);
  const disk = forged(TABLE, forgeTable(SMALL.image, { extents }));
  using base = open(disk);
  assertThrows(() => base.cleanupSync(), CorruptionError, "leaves out a row");
});

// --------------------------------------------------------------- logs

/** A payload. */
function payload(write: (out: ByteWriter) => void): Uint8Array {
  const out = new ByteWriter();
  write(out);
  return out.bytes.slice();
}

/** The payloads of the small table: an insert, an update, deletes, a batch, a schema. */
const PAYLOADS: Uint8Array[] = [];
forgeLog(SMALL.image, (frames) => PAYLOADS.push(...frames.map(({ payload }) => payload)));
const [INSERT, , , BATCH, ALTER] = PAYLOADS as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

/** A row of which all is null but the number `n`, written as `bytes`. */
function rowOfN(id: number, bytes: (out: ByteWriter) => void): Uint8Array {
  return payload((out) => {
    out.byte(1);
    out.uint(id);
    out.uint(0);
    out.raw(Uint8Array.of(0xff ^ (1 << N!), 0xff));
    bytes(out);
  });
}

/** The batch with another first id, another directory, other bytes. */
function batch(change: (directory: Anything) => unknown, first = 31, cut = 0): Uint8Array {
  const from = new ByteReader(BATCH.subarray(1));
  from.uint();
  const directory = JSON.parse(from.text());
  const bytes = from.blob();
  return payload((out) => {
    out.byte(3);
    out.uint(first);
    out.text(jsonOf(change(directory) ?? directory));
    out.blob(bytes.subarray(0, bytes.length - cut));
  });
}

/** The change of the schema, with another schema. */
function alter(change: (schema: Anything) => unknown): Uint8Array {
  const from = new ByteReader(ALTER.subarray(1));
  const schema = JSON.parse(from.text());
  return payload((out) => {
    out.byte(4);
    out.text(jsonOf(change(schema) ?? schema));
  });
}

const WRONG: Record<string, readonly Uint8Array[]> = {
  "a change of no kind": [Uint8Array.of(9)],
  "a row that is cut": [INSERT.slice(0, 20)],
  "a text longer than the commit": [payload((out) => {
    out.raw(Uint8Array.of(1, 30, 0, 0, 0));
    out.uint(2 ** 40);
  })],
  "an id that is too large": [payload((out) => {
    out.byte(2);
    out.raw(new Uint8Array(9).fill(255));
  })],
  "a row of the last id there is": [rowOfN(Number.MAX_SAFE_INTEGER, (out) => out.int(5))],
  "an integer that is too large": [
    rowOfN(30, (out) => out.raw(Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 7))),
  ],
  "rows with ids of others": [batch(() => {}, 5)],
  "a group with ids": [batch((d) => void (d.ids = d.columns[N!].numbers))],
  "a group with versions": [batch((d) => void (d.versions = { width: 0, base: 3, at: 0 }))],
  "a group of 2^31 rows": [batch((d) => void (d.rows = 2 ** 31))],
  "a group of no rows": [batch((d) => void (d.rows = 0))],
  "a group that is cut": [batch(() => {}, 31, 300)],
  "a directory that is null": [batch(() => "raw:null")],
  "a directory nested deep": [batch(() => `raw:${"[".repeat(50_000)}${"]".repeat(50_000)}`)],
  "a schema that is null": [alter(() => "raw:null")],
  "a schema with a field named __proto__": [alter((s) => void (s.fields[0].name = "__proto__"))],
  "a schema nested deep": [alter(() => `raw:${'[{"a":'.repeat(9000)}1${"}]".repeat(9000)}`)],
  "a schema that gives a number to another type": [alter((s) => void (s.fields[0].type = "date"))],
  "a schema that gives a number out again": [
    alter((s) => void s.fields.splice(1, 1)),
    alter((s) => void (s.fields[1].name = "again")),
  ],
  "a default of another type": [alter((s) => void (s.fields[0].default = 5))],
};

for (const [name, payloads] of Object.entries(WRONG)) {
  Deno.test(`PsBase tells of a log with ${name}`, () => {
    const disk = forged(LOG, logOf(SMALL.image, ...payloads));
    const [problem] = bounded(disk, () => checked(disk));
    assert(problem !== undefined && problem.file === LOG, "check() finds it");
    assert(bounded(disk, () => useAll(disk)) > 0, "a verb tells of it");
  });
}

/** What makes no sense, but is no damage that could be told: it must do no harm. */
const ODD: Record<string, readonly Uint8Array[]> = {
  "rows deleted that are not there": [payload((out) => {
    for (const id of [3, 3, 5, 1000, 5]) {
      out.byte(2);
      out.uint(id);
    }
  })],
  "a row put where one was deleted": [
    payload((out) => out.raw(Uint8Array.of(2, 7))),
    rowOfN(7, (out) => out.int(-3)),
  ],
  "the same schema a thousand times": Array.from({ length: 1000 }, () => alter(() => {})),
};

for (const [name, payloads] of Object.entries(ODD)) {
  Deno.test(`PsBase comes to no harm by a log with ${name}`, () => {
    const disk = forged(LOG, logOf(SMALL.image, ...payloads));
    bounded(disk, () => useAll(disk));
  });
}

for (const [name, payloads] of Object.entries({ ...WRONG, ...ODD })) {
  Deno.test(`salvage() comes to no harm by a log with ${name}`, () => {
    // Behind a commit that makes no sense, the others are looked at without knowing the fields.
    for (const before of [[], [Uint8Array.of(9)]]) {
      const disk = forged(LOG, logOf(SMALL.image, ...before, ...payloads));
      const salvage = () => PsBase.salvageSync("/small", "/copy");
      const told = bounded(disk, () => tells(disk, () => withFiles(disk.process(), salvage)));
      if (told) continue;
      const check = () => PsBase.checkSync("/copy");
      assertEquals(withFiles(disk.process(), check).problems, []);
    }
  });
}

Deno.test("PsBase believes no claim, sequence or kind of a frame that leads nowhere", () => {
  const changes: Record<string, (frames: ForgedFrame[]) => void> = {
    "a claim beyond the file": (frames) => frames[2]!.syncedTo = 2 ** 50,
    "a sequence that leaps": (frames) => frames[2]!.sequence += 5,
    "a kind of none": (frames) => frames[2]!.kind = 4,
    "a seal to nothing": (frames) => frames[8] = { ...frames[8]!, kind: FRAME.seal, sequence: 8 },
  };
  for (const [name, change] of Object.entries(changes)) {
    const disk = forged(LOG, forgeLog(SMALL.image, change));
    assert(checked(disk).length > 0, name);
    assert(bounded(disk, () => useAll(disk)) > 0, name);
  }
});

// --------------------------------------------------------------- other ways in

Deno.test("PsBase takes no room for rows that a small file claims to have, until they are asked for", () => {
  const table = forgeTable(SMALL.image, {
    extents(groups, indexes) {
      indexes.length = 0;
      const bytes = new Uint8Array();
      const directory = JSON.stringify({ rows: GROUP_ROWS, columns: {} });
      groups.splice(0, groups.length);
      for (let number = 0; number < 3000; number++) groups.push({ number, bytes, directory });
    },
    footer(footer) {
      const sizes = footer.groups[0].slice(4);
      footer.nextId = 3000 * GROUP_ROWS;
      footer.nextGroup = 3000;
      footer.indexes = [];
      // All of them are as long as the first.
      footer.groups = Array.from({ length: 3000 }, (_, i) => {
        const first = i * GROUP_ROWS;
        const at = sizes[0] + i * (Math.ceil(sizes[2] / 8) * 8 + 8);
        return [i, first, first + GROUP_ROWS - 1, GROUP_ROWS, at, 0, sizes[2]];
      });
    },
  });
  const disk = forged(TABLE, table);
  put(disk, LOG, logOf(SMALL.image));
  bounded(disk, () => {
    using base = open(disk, { readOnly: true });
    assertEquals([base.size, base.count()], [3000 * GROUP_ROWS, 3000 * GROUP_ROWS]);
    assertEquals(base.get(9_999_999)?.__id__, 9_999_999);
    assertEquals(base.at(-1)?.__id__, 3000 * GROUP_ROWS - 1);
    assertEquals(base.select(undefined, { limit: 3, offset: 7_000_000 }).length, 3);
    assertEquals(base.count({ name: "x" }), 0);
  });
});

Deno.test("psbase tells of forged files, and gives no stack", async () => {
  await using temp = tempBase();
  temp.damaged = true;
  for (const name of ["json that is none", "dates of the end of time", "a column that is null"]) {
    const disk = forged(TABLE, tableWith(GROUPS[name]!));
    writeOut(filesOf(disk), temp.path);
    for (const command of ["check", "select", "export", "info"]) {
      const { code, err } = await psbase([command, temp.path]);
      assertEquals(code, command === "info" ? 0 : 1, `${name}: ${command}: ${err}`);
      assert(!err.includes("fault of psbase"), err);
    }
    Deno.removeSync(temp.path, { recursive: true });
  }
});

Deno.test("PsBase says where a forged link leads that leads to no table", async () => {
  const targets = [
    "",
    "..",
    "../../../../../../etc",
    "/etc/passwd",
    "a\0b",
    "\x1b[2J",
    "x".repeat(1e5),
  ];
  for (const target of targets) {
    await using temp = tempBase();
    temp.damaged = true;
    const footer = (footer: Anything) => void (footer.schema.fields[BOSS!].target = target);
    const disk = forged(TABLE, forgeTable(SMALL.image, { footer }));
    put(disk, LOG, logOf(SMALL.image));
    writeOut(filesOf(disk), temp.path);
    using base = PsBase.openSync(temp.path, { readOnly: true });
    const row = base.get(12) as Anything;
    // An empty way leads to the table itself.
    if (target === "") assertEquals(row.boss.n, 0);
    else assertThrows(() => row.boss, BaseError, "Cannot ");
  }
});

// --------------------------------------------------------------- at random

/** Forges something; what it is follows from the seed. */
function forgery(random: Random): Disk {
  const ofJson = (text: string) => jsonOf(mutateJson(random, JSON.parse(text)));
  const extent = (one: ForgedExtent) => {
    if (random.chance(0.5)) one.directory = ofJson(one.directory);
    else mutateBytes(random, one.bytes);
  };
  switch (random.below(5)) {
    case 0:
      return forged(
        TABLE,
        forgeTable(SMALL.image, { footer: (footer) => mutateJson(random, footer) }),
      );
    case 1: {
      const extents = (groups: ForgedExtent[], indexes: ForgedExtent[]) =>
        extent(random.pick([...groups, ...indexes]));
      return forged(TABLE, forgeTable(SMALL.image, { extents }));
    }
    case 2: {
      const change = (directory: unknown) => mutateJson(random, directory);
      return forged(LOG, logOf(SMALL.image, INSERT, PAYLOADS[1]!, PAYLOADS[2]!, batch(change)));
    }
    case 3: {
      const change = (schema: unknown) => mutateJson(random, schema);
      return forged(LOG, logOf(SMALL.image, ...PAYLOADS.slice(0, 4), alter(change)));
    }
    default:
      return forged(
        LOG,
        forgeLog(SMALL.image, (frames) => {
          for (let n = random.below(3); n >= 0; n--) {
            mutateBytes(random, random.pick(frames).payload);
          }
        }),
      );
  }
}

Deno.test("PsBase comes to no harm by random forgeries", () => {
  const first = newSeed();
  const runs = LONG ? 20_000 : 100;
  let told = 0;
  for (let run = 0; run < runs; run++) {
    const seed = (first + run) >>> 0;
    try {
      const disk = forgery(randomFrom(seed));
      const found = checked(disk).length > 0;
      if (bounded(disk, () => useAll(disk)) > 0 || found) told++;
    } catch (error) {
      throw new Error(`PSBASE_SEED=${seed}`, { cause: error });
    }
  }
  // deno-lint-ignore no-console
  console.log(`${runs} forgeries from seed ${first}: ${told} told of`);
});
