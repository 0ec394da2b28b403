/**
 * A small table that has a bit of everything: several groups of rows, columns of each kind,
 * indexes, a log with each kind of change, what a dead writer left behind it. And all ways to
 * look at it, with what each of them gives at each of its commit points.
 *
 * @module
 */

import { makeTable, preparePlace } from "../../engine/maintenance/create.ts";
import { allOf } from "../../engine/system/steps.ts";
import { GroupBuilder } from "../../engine/segment/group.ts";
import { TableSchema } from "../../engine/schema/schema.ts";
import type { Stored } from "../../engine/schema/values.ts";
import { json, link, PsBase, type Schema } from "../../mod.ts";
import { type CrashFiles, Disk } from "./crash_file.ts";
import { FRAME_HEADER, LOG_PAGE } from "../../engine/log/frame.ts";
import { FENCE_STEP } from "../../engine/segment/segment_index.ts";
import { sortRows } from "../../engine/maintenance/sort_rows.ts";
import { withFiles } from "../../engine/system/deno_file.ts";

/** Where the table is. */
export const DIR = "/small";
export const LOG = `${DIR}/000001.log`;
export const TABLE = `${DIR}/000001.table`;

/** Files by path. */
export type Image = ReadonlyMap<string, Uint8Array>;

/** The files of a table, without their directory. */
export function filesOf(disk: Disk): Image {
  const image = disk.image();
  image.delete(DIR);
  return image;
}

/** A disk with these files, all of them on disk. */
export function diskOf(image: Image): Disk {
  const disk = new Disk();
  for (const [path, bytes] of image) put(disk, path, bytes);
  return disk;
}

/** Makes a file, or puts another in its place; without bytes there is none. */
export function put(disk: Disk, path: string, bytes: Uint8Array | undefined): void {
  const files = disk.process();
  files.makeDir(path.slice(0, path.lastIndexOf("/")));
  files.remove(path);
  if (bytes === undefined) return;
  const file = files.open(path, "createNew");
  file.writeAt(bytes, 0);
  file.syncSync();
  file.close();
}

/** Writes the files of the table in {@linkcode DIR} to a directory of the real disk. */
export function writeOut(image: Image, dir: string): void {
  Deno.mkdirSync(dir);
  for (const [path, bytes] of image) Deno.writeFileSync(path.replace(DIR, dir), bytes);
}

/** The disk, with other bytes at a place of a file. */
export function patched(disk: Disk, path: string, at: number, bytes: Uint8Array): Disk {
  const copy = disk.killed();
  const file = copy.process().open(path, "write");
  file.writeAt(bytes, at);
  file.close();
  return copy;
}

const FIELDS = {
  name: { type: "string", index: true },
  team: "string",
  n: { type: "integer", index: true },
  size: "float",
  big: "bigint",
  born: "date",
  met: "datetime",
  raw: "bytes",
  tags: json(),
  boss: link("self"),
} as const satisfies Schema;

/** How many rows the table has; the log adds some. */
export const TABLE_ROWS = 30;
const GROUP = 12;

/** The values of a row, as users give them. */
function rowOf(i: number): Record<string, unknown> {
  if (i % 7 === 6) return { n: i };
  return {
    name: `name ${i % 3 === 0 ? i : i % 10}${i % 5 === 0 ? " größe 😀" : ""}`,
    team: ["a", "bb", "ccc"][i % 3],
    n: i % 11,
    size: i % 4 === 0 ? NaN : i / 8,
    big: BigInt(i) << 40n,
    born: new Temporal.PlainDate(2000, 1, 1 + i % 31),
    met: new Temporal.PlainDateTime(2000, 1, 1 + i % 31, 12),
    raw: new Uint8Array([i, 255 - i]),
    tags: { i, tags: ["x", null] },
    boss: i === 0 ? null : 0,
  };
}

/** Writes the rows as several groups, which a table of so few rows would not have. */
function fillTable(files: CrashFiles): void {
  const schema = TableSchema.from(FIELDS);
  const place = preparePlace(files, DIR)!;
  allOf(makeTable(files, DIR, place, function* (out) {
    const builder = new GroupBuilder(schema.fields);
    let rows = 0;
    for (let id = 0; id < TABLE_ROWS; id++) {
      builder.add(id, {
        version: id % 9 === 8 ? id * 100 : 0,
        values: schema.encodeInsert(rowOf(id)),
      });
      rows++;
      if (rows % GROUP > 0 && id < TABLE_ROWS - 1) continue;
      const { group, first, last } = builder.build();
      out.add(group, first, last);
    }
    const written = out.written();
    for (const field of schema.indexed) {
      const all = Uint32Array.from({ length: TABLE_ROWS }, (_, i) => i);
      const order = yield* sortRows(written, field, new Uint32Array(), [all]);
      const values = Array.from(order, (row) => written.value(field, row));
      const nulls = values.findIndex((value) => value !== null);
      const fences: (Stored | null)[] = values.filter((_, i) => i % FENCE_STEP === 0);
      yield* out.addIndex(field, nulls, order, fences);
    }
    out.finish({ schema, nextId: TABLE_ROWS, sequence: 0 });
    return 0;
  }));
  place.lock.detach();
}

/** One thing to ask a table for. */
type Question = (base: PsBase) => unknown;

/** What reads a few bytes here and there. */
const NEAR: Record<string, Question> = {
  get: (base) => [7, 20, 29, 31, 95].map((id) => base.get(id)),
  last: (base) => [base.at(-1), base.at(25), base.size, base.has(11)],
  link: (base) => (base.get(12) as { boss?: { n: unknown } } | undefined)?.boss?.n,
  "by text index": (base) => base.select({ name: "name 8" }, { fields: ["n", "name"] }),
  "by number index": (base) => base.select({ n: [3, 4] }, { fields: ["n", "big"] }),
  "null by index": (base) => base.count({ name: null }),
};

/** What goes over all rows. */
const FAR: Record<string, Question> = {
  rows: (base) => [...base],
  keys: (base) => [...base.keys()],
  text: (
    base,
  ) => [base.count({ name: { contains: "ö" } }), base.count({ team: { in: ["a", "b"] } })],
  numbers: (base) => [base.count({ size: { gt: 3 } }), base.count({ n: { ne: 5 } })],
  others: (base) => [
    base.count({ big: { gte: 9n << 40n } }),
    base.count({ met: { lt: Temporal.PlainDateTime.from("2000-01-02") } }),
    base.count({ raw: { gt: new Uint8Array([9]) } }),
    base.count({ tags: { eq: { i: 3, tags: ["x", null] } } }),
  ],
  function: (base) => base.count((row) => row.n !== null && (row.born ?? row.tags) === null),
  figures: (base) => [
    base.sum("n"),
    base.avg("size"),
    base.sum("big"),
    base.min("born"),
    base.max("name"),
    base.min("met"),
  ],
  groups: (base) => [
    base.distinct("team"),
    base.groupBy("n", { rows: "count", most: ["max", "big"], born: ["min", "born"] }),
  ],
  sorted: (base) => base.select({ n: { gt: 1 } }, { orderBy: ["-name", "size"], limit: 9 }),
};

/** All ways to look at a table; each list is asked of a handle of its own. */
export const QUESTIONS = [NEAR, FAR];

/** A value as text, of which no two that differ are the same. */
export function show(value: unknown): string {
  return JSON.stringify(value, (_, one) => {
    if (typeof one === "bigint") return `${one}n`;
    if (typeof one === "number" && !Number.isFinite(one)) return String(one);
    return one instanceof Uint8Array ? one.toHex() : one;
  });
}

/** Opens the table as a process of its own. */
export function open(disk: Disk, options = {}): PsBase {
  return withFiles(disk.process(), () => PsBase.openSync(DIR, options));
}

/** What each question gives. */
export type Answers = ReadonlyMap<string, string>;

/** What a table answers that is whole. */
export function answersOf(disk: Disk): Answers {
  using base = open(disk, { readOnly: true });
  return new Map(
    QUESTIONS.flatMap((list) =>
      Object.entries(list).map(([name, ask]) => [name, show(ask(base))] as const)
    ),
  );
}

/** A commit of the small table. */
export interface Commit {
  /** Where its frame begins, and ends. */
  readonly from: number;
  readonly to: number;
  /** How far the log was known to be on disk by then. */
  readonly syncedTo: number;
  /** What is answered from here on. */
  readonly answers: Answers;
}

/** The small table, and what it held at each commit point. */
export interface SmallBase {
  readonly image: Image;
  /** The same on a disk, to be copied. */
  readonly disk: Disk;
  /** The first is the table alone. */
  readonly commits: readonly Commit[];
}

/** Makes it; no two of them have the same UUID. */
export function smallBase(): SmallBase {
  const disk = new Disk();
  fillTable(disk.process());
  const commits: Commit[] = [];
  const note = () => {
    const image = filesOf(disk);
    const { logBytes } = statsOf(disk);
    const from = commits.at(-1)?.to ?? LOG_PAGE;
    const log = image.get(LOG)!;
    const syncedTo = new DataView(log.buffer).getUint32(from + FRAME_HEADER - 16, true);
    commits.push({ from, to: logBytes, syncedTo, answers: answersOf(disk) });
  };
  note();
  const base = open(disk);
  const row = (i: number) => rowOf(i) as never;
  const verbs: (() => unknown)[] = [
    () => base.insertSync(row(205)),
    () => base.updateSync(16, { name: "changed", raw: new Uint8Array(3), big: -1n } as never),
    () => base.deleteSync([3, 27]),
    () =>
      base.insertManySync(
        Array.from({ length: 64 }, (_, i) => i % 16 > 0 ? { n: i } as never : row(300 + i)),
      ),
    () =>
      base.addFieldSync("extra", { type: "date", default: Temporal.PlainDate.from("2020-02-02") }),
    () => base.updateSync([31, 40], { n: 4, name: "in a batch" } as never),
    () => base.setDefaultSync("team", "new" as never),
    () => base.insertSync(row(6)),
    () => base.deleteSync([30, 60]),
  ];
  for (const verb of verbs) {
    verb();
    note();
  }
  base[Symbol.dispose]();
  const image = filesOf(disk);
  return { image, disk: diskOf(image), commits };
}

function statsOf(disk: Disk) {
  using base = open(disk, { readOnly: true });
  return base.stats();
}
