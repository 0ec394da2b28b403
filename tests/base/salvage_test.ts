/**
 * Salvage of tables that were damaged on purpose, beside the history of what they held: what is
 * kept was once there, what no damage touched is as it was last, and all else is told.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import {
  BaseError,
  BaseExistsError,
  BaseNotFoundError,
  CorruptionError,
  FormatVersionError,
  link,
  type Loss,
  PsBase,
  type SalvageResult,
  WriteError,
} from "@psbase/psbase";
import type { Files } from "../../engine/system/file.ts";
import { newSeed, type Random, randomFrom } from "../helpers/random.ts";
import { type TempBase, tempBase } from "../helpers/temp_base.ts";
import { watchFiles } from "../helpers/watched_files.ts";
import { Checksum, SUM } from "../../engine/bytes/checksum.ts";
import { denoFiles, withFiles } from "../../engine/system/deno_file.ts";

const LONG = Deno.env.get("PSBASE_LONG") !== undefined;

// deno-lint-ignore no-explicit-any -- fields come and go
type AnyBase = PsBase<any>;

/** What rows of a field that was added later hold. */
const FILL = "x";

// --------------------------------------------------------------- a table and its history

/** A commit: where its frame stands in the log, and the rows that it changed. */
interface Commit {
  readonly from: number;
  readonly to: number;
  readonly ids: ReadonlySet<number>;
}

/** All that a table ever held. */
class History {
  /** The rows by id and version, without what every row has. */
  readonly versions = new Map<string, Record<string, unknown>>();
  /** The version of each row that is there. */
  last = new Map<number, number>();
  /** The commits that the log holds. */
  commits: Commit[] = [];
  nextId = 0;
  #end = 0;

  /** Looks at what a commit, or none, left. */
  look(db: AnyBase): void {
    const { logBytes } = db.stats();
    const now = new Map<number, number>();
    for (const { __id__: id, __version__: version, ...values } of db) {
      now.set(id, version);
      this.versions.set(`${id}/${version}`, plain(values));
      this.nextId = Math.max(this.nextId, id + 1);
    }
    const changed = [...new Set([...now.keys(), ...this.last.keys()])]
      .filter((id) => now.get(id) !== this.last.get(id));
    if (logBytes < this.#end) this.commits = [];
    else if (logBytes > this.#end && this.#end > 0) {
      this.commits.push({ from: this.#end, to: logBytes, ids: new Set(changed) });
    }
    this.last = now;
    this.#end = logBytes;
  }
}

function plain(values: Record<string, unknown>): Record<string, unknown> {
  return JSON.parse(JSON.stringify(values));
}

const SCHEMA = {
  n: { type: "integer", index: true },
  email: { type: "string", unique: true },
  note: "string",
} as const;

/** A small table: a group in its table, and in the log rows, a large insert, and other fields. */
function smallBase(path: string): History {
  const history = new History();
  using db: AnyBase = PsBase.createSync(path, SCHEMA);
  const step = (fn: () => void) => {
    fn();
    history.look(db);
  };
  let next = 0;
  const row = () => ({ n: next % 5, email: `${next++}@x`, note: "a".repeat(next % 9) });
  step(() => db.insertManySync(Array.from({ length: 70 }, row)));
  step(() => db.deleteSync([7, 8, 30]));
  step(() => db.updateSync([3, 4], { note: "changed" }));
  step(() => db.cleanupSync());
  step(() => db.insertSync(row()));
  step(() => db.updateSync(2, { note: "later" }));
  step(() => db.deleteSync([11, 12]));
  step(() => db.insertManySync(Array.from({ length: 80 }, row)));
  step(() => db.updateSync([0, 75], { n: 9 }));
  step(() => db.addFieldSync("later", { type: "string", default: FILL }));
  step(() => db.insertSync({ ...row(), later: "y" }));
  step(() => db.deleteSync(20));
  step(() => db.updateSync([2, 80, 40], { later: "z" }));
  step(() => db.insertManySync(Array.from({ length: 3 }, row)));
  return history;
}

// --------------------------------------------------------------- damage

/** The bytes of all files in a directory. */
function contentOf(dir: string): Map<string, Uint8Array<ArrayBuffer>> {
  const names = [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
  return new Map(names.map((name) => [name, Deno.readFileSync(`${dir}/${name}`)]));
}

/** The file of the one generation that there is. */
function nameOf(files: ReadonlyMap<string, unknown>, kind: "table" | "log"): string {
  return [...files.keys()].find((name) => name.endsWith(`.${kind}`))!;
}

/** A table in `dir` of these files, some of them damaged. */
function write(dir: string, files: ReadonlyMap<string, Uint8Array>): void {
  Deno.mkdirSync(dir);
  for (const [name, bytes] of files) Deno.writeFileSync(`${dir}/${name}`, bytes);
}

/** The files, of which `name` got other bytes at `at`. */
function damaged(
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  name: string,
  at: number,
  change: Uint8Array | ((byte: number) => number) = (byte) => byte ^ 0x41,
): Map<string, Uint8Array<ArrayBuffer>> {
  const bytes = files.get(name)!.slice();
  if (typeof change === "function") bytes[at] = change(bytes[at]!);
  else bytes.set(change, at);
  return new Map(files).set(name, bytes);
}

/** Nothing of these tests needs to survive a power cut. */
const unsynced: Files = {
  ...denoFiles,
  syncDir() {},
  open(path, mode) {
    const file = denoFiles.open(path, mode);
    return Object.assign(file, { sync: () => Promise.resolve(), syncSync() {} });
  },
};

/** Salvages a damaged table, and lets `fn` look at what came of it; `undefined`: nothing did. */
function salvaged(
  { parent }: TempBase,
  files: ReadonlyMap<string, Uint8Array>,
  fn: (result: SalvageResult | undefined, db: AnyBase) => void,
): void {
  const [from, to] = [`${parent}/damaged`, `${parent}/salvaged`];
  write(from, files);
  try {
    let result: SalvageResult | undefined;
    try {
      result = withFiles(unsynced, () => PsBase.salvageSync(from, to));
    } catch (error) {
      assert(error instanceof CorruptionError, `${(error as Error).stack}`);
      assertMatch(error.message, /nothing can be salvaged/);
      assertThrows(() => Deno.statSync(to), Deno.errors.NotFound);
      return fn(undefined, undefined as unknown as AnyBase);
    } finally {
      const after = contentOf(from);
      assert([...files].every(([name, bytes]) => bytes.every((b, i) => b === after.get(name)![i])));
    }
    assertEquals(PsBase.checkSync(to), { ok: true, rows: result.rows, problems: [] });
    using db: AnyBase = PsBase.openSync(to);
    fn(result, db);
  } finally {
    removeAll(from);
    removeAll(to);
  }
}

function removeAll(dir: string): void {
  try {
    Deno.removeSync(dir, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

// --------------------------------------------------------------- what must hold

function isIn(id: number, { ids }: Loss): boolean {
  return ids?.some(([first, last]) => first <= id && id <= last) ?? false;
}

/** Whatever was damaged: all that is kept was there once, and all that is not is told. */
function checkKept({ versions, last }: History, { lost }: SalvageResult, db: AnyBase): void {
  const kept = new Map<number, number>();
  const fields = Object.keys(db.schema);
  for (const { __id__: id, __version__: version, ...values } of db) {
    kept.set(id, version);
    const row = versions.get(`${id}/${version}`);
    assert(row !== undefined, `row ${id} never had version ${version}`);
    const was = Object.fromEntries(fields.map((name) => [name, name in row ? row[name] : FILL]));
    assertEquals(plain(values), was, `row ${id}`);
    assert(!lost.some((loss) => isIn(id, loss)), `row ${id} is told to be lost`);
  }
  const commits = lost.some(({ ids }) => ids === null);
  for (const [id, version] of last) {
    if (kept.get(id) === version || commits) continue;
    assert(kept.get(id) === undefined, `row ${id} is older than it was, and nothing tells of it`);
    assert(lost.some((loss) => isIn(id, loss)), `row ${id} is gone, and nothing tells of it`);
  }
  if (!commits) assert([...kept.keys()].every((id) => last.has(id)), "a deleted row is back");
  const emails = db.select({ email: { not: null } }).map(({ email }) => email);
  assertEquals(new Set(emails).size, emails.length, "a unique value is there twice");
}

/** Rows that were changed last by a commit which was not damaged are as they were then. */
function checkUntouched(
  history: History,
  { lost }: SalvageResult,
  db: AnyBase,
  isLost: (commit: Commit, i: number) => boolean,
): void {
  const unsure = new Set<number>();
  history.commits.forEach((commit, i) => {
    for (const id of commit.ids) isLost(commit, i) ? unsure.add(id) : unsure.delete(id);
  });
  for (let id = 0; id < history.nextId; id++) {
    if (unsure.has(id) || lost.some((loss) => isIn(id, loss))) continue;
    assertEquals(db.get(id)?.__version__, history.last.get(id), `row ${id}`);
  }
}

/** Whether a commit cannot be there, after damage in these places of the log. */
function lostBy(history: History, places: readonly number[], { lost }: SalvageResult) {
  const hit = history.commits.map(({ from, to }) => places.some((at) => from <= at && at < to));
  const blind = lost.some(({ reason }) => reason.includes("cannot be read"));
  const first = hit.indexOf(true);
  return (_: Commit, i: number) => hit[i]! || (blind && first >= 0 && i > first);
}

Deno.test("salvage() of a table with a flipped byte, wherever it is, keeps all that the byte is not of", async () => {
  await using temp = tempBase();
  const history = smallBase(temp.path);
  const files = contentOf(temp.path);
  const [log, table] = ["000002.log", "000002.table"];
  const end = history.commits.at(-1)!.to;
  const random = randomFrom(newSeed());
  const outcomes = new Map<string, number>();
  for (const name of ["base", table, log]) {
    // Behind the end of the log there are zeros, like anywhere else in them.
    const size = name === log ? end + 200 : files.get(name)!.length;
    for (let at = 0; at < size; at += LONG ? 1 : 1 + random.below(name === "base" ? 8 : 150)) {
      const context = `${name} at ${at}, seed ${random.seed}`;
      salvaged(temp, damaged(files, name, at), (result, db) => {
        try {
          const outcome = checkFlip(history, { name, at, end }, result, db);
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        } catch (error) {
          throw new Error(`${context}: ${(error as Error).message}`, { cause: error });
        }
      });
    }
  }
  // Each kind of place was met.
  assertEquals([...outcomes.keys()].sort(), ["commit", "nothing", "rows", "table"]);
});

/** What a flipped byte cost. */
function checkFlip(
  history: History,
  { name, at, end }: { name: string; at: number; end: number },
  result: SalvageResult | undefined,
  db: AnyBase,
): "nothing" | "rows" | "commit" | "table" {
  assert(result !== undefined, "the log tells the fields");
  checkKept(history, result, db);
  const { lost } = result;
  const isLog = name.endsWith(".log");
  const isLost = lostBy(history, isLog ? [at] : [], result);
  if (lost.some(({ reason }) => reason.startsWith("the footer") || reason.startsWith("the tail"))) {
    assert(name.endsWith(".table"));
    assert(db.size > 0 && db.get(0) === undefined);
    return "table";
  }
  checkUntouched(history, result, db, isLost);
  const inCommit = isLog && at >= 4096 && at < end;
  assertEquals(lost.some(({ ids }) => ids === null), inCommit);
  const id = db.insertSync({});
  assert(id >= history.nextId, `${id} was given out before`);
  if (inCommit) return "commit";
  if (lost.length === 0) assertEquals(db.size - 1, history.last.size);
  return lost.length === 0 ? "nothing" : "rows";
}

Deno.test("salvage() after damage in several places keeps no wrong row, and tells all that is gone", async () => {
  await using temp = tempBase();
  const history = smallBase(temp.path);
  const files = contentOf(temp.path);
  const seed = newSeed();
  for (let round = 0; round < (LONG ? 3000 : 60); round++) {
    const random = randomFrom(seed + round);
    const { places, files: wreck } = anyDamage(random, files, history.commits.at(-1)!.to);
    salvaged(temp, wreck, (result, db) => {
      if (result === undefined) return;
      try {
        checkKept(history, result, db);
        const { lost } = result;
        if (lost.some(({ reason }) => /footer|tail of|missing/.test(reason))) return;
        checkUntouched(history, result, db, lostBy(history, places, result));
      } catch (error) {
        const told = `PSBASE_SEED=${seed + round}: ${(error as Error).message}`;
        throw new Error(told, { cause: error });
      }
    });
  }
});

/** Flips bytes, zeros or garbles blocks, cuts off or removes files; and where that was in the log. */
function anyDamage(
  random: Random,
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  end: number,
): { places: number[]; files: Map<string, Uint8Array<ArrayBuffer>> } {
  let wreck = new Map(files);
  const places: number[] = [];
  for (let n = 1 + random.below(4); n > 0; n--) {
    const name = random.pick(["base", "000002.log", "000002.log", "000002.log", "000002.table"]);
    const size = wreck.get(name)?.length ?? 0;
    if (size === 0) continue;
    const at = random.below(name.endsWith(".log") ? Math.min(end, size) : size);
    const length = random.chance(0.5) ? 1 : random.below(Math.min(size - at, 600));
    const block = Uint8Array.from({ length }, () => random.below(256));
    const choice = random.below(20);
    if (choice === 0 && wreck.size === files.size) wreck.delete(name);
    else if (choice === 1) wreck.set(name, wreck.get(name)!.slice(0, at));
    else {
      // Marks that are zeros look like marks that were never written.
      const isMarks = name.endsWith(".log") && at < 2048;
      wreck = damaged(wreck, name, at, choice < 8 && !isMarks ? block.fill(0) : block);
    }
    if (!name.endsWith(".log")) continue;
    const to = choice < 2 ? end : at + length;
    for (let place = choice === 0 ? 0 : at; place < to; place++) places.push(place);
  }
  return { places, files: wreck };
}

/** The files of a table with 40,000 rows in three groups, some of which the log changed. */
function largeBase(path: string): Map<string, Uint8Array<ArrayBuffer>> {
  using db: AnyBase = PsBase.createSync(path, { n: "integer", name: "string", kind: "string" });
  const row = (_: unknown, i: number) => ({ n: i * i, name: `name ${i}`, kind: `kind ${i % 500}` });
  db.insertManySync(Array.from({ length: 40_000 }, row));
  db.cleanupSync();
  db.updateSync([2000, 20_000], { kind: "changed" });
  db.deleteSync(2001);
  return contentOf(path);
}

Deno.test("salvage() loses of a row group the rows of the pages that are damaged, and no others", async () => {
  await using temp = tempBase();
  const files = largeBase(temp.path);
  using db: AnyBase = PsBase.openSync(temp.path);
  // A page of integers of four bytes each, in the first of the groups.
  const wreck = damaged(
    files,
    nameOf(files, "table"),
    40 + 4096 + 100,
    Uint8Array.of(1, 2, 3, 4, 5),
  );
  salvaged(temp, wreck, (result, copy) => {
    const { rows, lost } = result!;
    // What the log wrote or deleted since is not lost.
    assertEquals(lost.map(({ offset, reason, ids }) => ({ offset, reason, ids })), [{
      offset: 40 + 4096,
      reason: "a page does not verify",
      ids: [[1024, 1999], [2002, 2047]],
    }]);
    assertEquals(rows, db.size - 1022);
    const kept = [...db].filter(({ __id__: id }) => id < 1024 || id > 2047 || id === 2000);
    assertEquals(JSON.stringify([...copy]), JSON.stringify(kept));
  });
  // Of a text that many rows have, all of them are lost.
  const text = new TextEncoder().encode("kind 77kind 78");
  const at = indexOf(files.get(nameOf(files, "table"))!, text);
  salvaged(temp, damaged(files, nameOf(files, "table"), at), (result, copy) => {
    const { lost: [loss], rows } = result!;
    const gone = [...db].filter((row) => copy.get(row.__id__) === undefined);
    assertEquals([result!.lost.length, rows], [1, db.size - gone.length]);
    assert(gone.length > 32 && gone.length < 16_384, `${gone.length} rows are gone`);
    assert(gone.every(({ __id__: id }) => isIn(id, loss!)));
    assert([...copy].every(({ __id__: id }) => !isIn(id, loss!)));
  });
});

Deno.test("salvage() of groups with damaged pages keeps just the rows that are told not to be lost", async () => {
  await using temp = tempBase();
  using db: AnyBase = PsBase.createSync(temp.path, {
    n: "integer",
    big: "bigint",
    at: "datetime",
    kind: "string",
    name: "string",
    data: "bytes",
  });
  const start = Temporal.PlainDateTime.from("2020-01-01T00:00");
  const row = (_: unknown, i: number) => ({
    n: i % 3 === 0 ? null : i * i,
    big: BigInt(i) ** 3n,
    at: start.add({ minutes: i * 77 }),
    kind: i % 4 === 0 ? null : `kind ${i % 50}`,
    name: `name ${i}`,
    data: new Uint8Array(i % 5),
  });
  db.insertManySync(Array.from({ length: 18_000 }, row));
  // Ids with gaps and versions stand in columns, too.
  db.deleteWhereSync((row) => row.__id__ % 10 === 3);
  db.updateWhereSync((row) => row.__id__ % 100 === 5, { kind: "changed" });
  db.cleanupSync();
  const rows = new Map([...db].map((row) => [row.__id__, JSON.stringify(plainest(row))]));
  const files = contentOf(temp.path);
  const table = files.get(nameOf(files, "table"))!;
  const told = /"rows":(\d+),"ids":{"width":2,"base":0,"at":(\d+)/.exec(decodeText(table))!;
  assertEquals(Number(told[1]), rows.size, "all rows are in one group");
  const ids = 40 + Number(told[2]);
  const seed = newSeed();
  let kept = 0;
  for (let round = 0; round < (LONG ? 40 : 2); round++) {
    const random = randomFrom(seed + round);
    // Not the footer, which is at the end; and at first, of the ids some in the middle and the last.
    const places = round === 0
      ? [ids + 5000, ids + 2 * rows.size - 2]
      : Array.from({ length: 1 + random.below(6) }, () => 40 + random.below(table.length - 4096));
    let wreck = files;
    for (const at of places) wreck = damaged(wreck, nameOf(files, "table"), at);
    salvaged(temp, wreck, (result, copy) => {
      const told = `PSBASE_SEED=${seed + round}`;
      const { lost } = result!;
      kept += copy.size;
      for (const [id, row] of rows) {
        const found = copy.get(id);
        const isLost = lost.some((loss) => isIn(id, loss));
        const text = found === undefined ? undefined : JSON.stringify(plainest(found));
        assertEquals(text, isLost ? undefined : row, told);
      }
      assert([...copy.keys()].every((id) => rows.has(id)), told);
    });
  }
  assert(kept > 0);
});

/** A row as JSON can hold it, bigints and all. */
function plainest(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, `${value}`]));
}

function decodeText(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  return bytes.findIndex((_, at) => part.every((byte, i) => byte === bytes[at + i]));
}

Deno.test("salvage() loses of a row group all rows if what tells where they stand is damaged", async () => {
  await using temp = tempBase();
  const files = largeBase(temp.path);
  const table = files.get(nameOf(files, "table"))!;
  const at = indexOf(table, new TextEncoder().encode(`{"rows":16384`));
  salvaged(temp, damaged(files, nameOf(files, "table"), at), (result, copy) => {
    const ids: Loss["ids"] = [[0, 1999], [2002, 16_383]];
    const { rows, lost } = result!;
    assertEquals(lost.map(({ reason, ids }) => ({ reason, ids })), [
      { reason: "the directory of a row group does not verify", ids },
    ]);
    assertEquals([rows, copy.get(2000)?.kind], [40_000 - 16_383, "changed"]);
  });
});

/** A system that removes no file, nor renames one that is there for good. */
const stuck: Files = {
  ...denoFiles,
  rename(from, to) {
    if (/\.[0-9a-f]{16}$/.test(to)) throw new Error("busy");
    denoFiles.rename(from, to);
  },
  remove() {
    throw new Error("busy");
  },
};

/** What a row is told of in the tests below. */
function notes(db: AnyBase): string[] {
  return [...db].map(({ note }) => note.trim());
}

Deno.test("salvage() reads on behind lost commits where the fields must have stayed as they were", async () => {
  await using temp = tempBase();
  const history = new History();
  {
    using db: AnyBase = PsBase.createSync(temp.path, { note: "string", n: "integer" });
    for (let i = 0; i < 60; i++) {
      db.insertSync({ note: `${i}`.padEnd(30) });
      history.look(db);
      if (i === 40) db.addFieldSync("later", { type: "string", default: FILL });
      history.look(db);
    }
  }
  const files = contentOf(temp.path);
  // The commit of row `i`; that of the new field is behind that of row 40.
  const at = (i: number) => history.commits[i > 40 ? i : i - 1]!.from;
  const file = (name: string) => `${temp.parent}/damaged/${name}`;
  salvaged(temp, damaged(files, "000001.log", at(10) + 60), (result, db) => {
    const log = file("000001.log");
    const reason = "1 commit does not verify";
    assertEquals(result!.lost, [{ file: log, offset: at(10), reason, ids: null }]);
    assertEquals([db.size, db.get(10), db.at(-1)?.later], [59, undefined, FILL]);
  });
  // Also where the marks are damaged: later commits tell that it was on disk.
  const unmarked = damaged(files, "000001.log", 1024, new Uint8Array(1024).fill(7));
  salvaged(temp, damaged(unmarked, "000001.log", at(10) + 60), (result, db) => {
    assertEquals(result!.lost.map(({ reason }) => reason), ["1 commit does not verify"]);
    assertEquals([db.size, db.get(10), db.at(-1)?.later], [59, undefined, FILL]);
  });
  const block = new Uint8Array(at(20) - at(10)).fill(7);
  salvaged(temp, damaged(files, "000001.log", at(10), block), (result, db) => {
    assertEquals(result!.lost.map(({ offset, reason }) => [offset, reason]), [[
      at(10),
      "10 commits do not verify, and 21 commits after it cannot be read, as the fields may have changed",
    ]]);
    // From the commit on that tells the fields.
    assertEquals(notes(db), [...Array(10).keys(), ...Array(60).keys().drop(41)].map(String));
  });
  salvaged(temp, damaged(files, "000001.log", at(50), block), (result, db) => {
    assertEquals(result!.lost.map(({ reason }) => reason), ["the last commits do not verify"]);
    assertEquals(notes(db), [...Array(50).keys()].map(String));
    assert(db.insertSync({}) >= 60, "an id was given out again");
  });
});

Deno.test("salvage() drops what a lost commit must have changed, where it contradicts newer rows", async () => {
  await using temp = tempBase();
  const history = new History();
  {
    using db: AnyBase = PsBase.createSync(temp.path, {
      note: "string",
      email: { type: "string", unique: true },
    });
    const step = (fn: () => void) => {
      fn();
      history.look(db);
    };
    step(() => db.insertManySync([{ note: "a", email: "a@x" }, { note: "b", email: "b@x" }]));
    step(() => db.updateSync(0, { email: "other@x" }));
    step(() => db.insertSync({ note: "c", email: "a@x" }));
  }
  const wreck = damaged(contentOf(temp.path), "000001.log", history.commits[0]!.from + 50);
  salvaged(temp, wreck, (result, db) => {
    assertEquals(result!.lost.map(({ ids }) => ids), [null, [[0, 0]]]);
    assertEquals(notes(db), ["b", "c"]);
  });
});

Deno.test("salvage() drops rows that lack what is required since a lost commit deleted them", async () => {
  await using temp = tempBase();
  let from = 0;
  {
    using db: AnyBase = PsBase.createSync(temp.path, { note: "string" });
    db.insertManySync([{ note: "a" }, { note: "b" }]);
    from = db.stats().logBytes;
    db.deleteSync([0, 1]);
    db.addFieldSync("age", { type: "integer", required: true });
    db.insertSync({ note: "c", age: 3 });
  }
  const wreck = damaged(contentOf(temp.path), "000001.log", from + 50);
  salvaged(temp, wreck, (result, db) => {
    assertEquals(result!.lost.map(({ ids }) => ids), [null, [[0, 1]]]);
    assertEquals(notes(db), ["c"]);
  });
});

Deno.test("salvage() of a table that replaced another one takes nothing of that", async () => {
  await using temp = tempBase();
  const create = (note: string) => {
    const mode = "override";
    using db = withFiles(stuck, () => PsBase.createSync(temp.path, { note: "string" }, { mode }));
    db.insertSync({ note });
  };
  create("old");
  create("new");
  const files = contentOf(temp.path);
  assert(files.has("000001.log") && files.has("000002.log"));
  // Also where the mark of the new one is damaged, or only that tells which table it is.
  const gone = new Map(files);
  gone.delete("base");
  for (const wreck of [files, gone, damaged(files, "000002.log", 512)]) {
    salvaged(temp, wreck, (result, db) => {
      assertEquals(result?.lost, []);
      assertEquals(notes(db), ["new"]);
    });
  }
});

Deno.test("salvage() without the footer of the table has the rows since the fields changed, or is refused", async () => {
  await using temp = tempBase();
  {
    using db: AnyBase = PsBase.createSync(temp.path, { note: "string" });
    db.insertManySync([{ note: "a" }, { note: "b" }, { note: "c" }]);
    db.cleanupSync();
    db.insertSync({ note: "d" });
  }
  const footerOf = (files: Map<string, Uint8Array<ArrayBuffer>>) =>
    damaged(files, "000002.table", files.get("000002.table")!.length - 100);
  salvaged(temp, footerOf(contentOf(temp.path)), (result) => assertEquals(result, undefined));
  {
    using db: AnyBase = PsBase.openSync(temp.path);
    db.addFieldSync("later", { type: "string", default: FILL });
    db.updateSync(1, { note: "B" });
    db.deleteSync(2);
    db.insertSync({ note: "e" });
  }
  salvaged(temp, footerOf(contentOf(temp.path)), (result, db) => {
    assertEquals(result!.lost.map(({ reason, ids }) => [reason, ids]), [[
      "the footer of the table does not verify, and 1 commit after it cannot be read, as the fields may have changed",
      null,
    ]]);
    assertEquals([...db], [
      { __id__: 1, __version__: 1, note: "B", later: FILL },
      { __id__: 4, __version__: 0, note: "e", later: FILL },
    ]);
    assert(db.insertSync({}) >= 5, "an id was given out again");
  });
});

Deno.test("salvage() takes an older table and all commits since, where the newest is unusable", async () => {
  await using temp = tempBase();
  {
    using db: AnyBase = withFiles(stuck, () => PsBase.createSync(temp.path, { note: "string" }));
    db.insertManySync([{ note: "a" }, { note: "b" }, { note: "c" }]);
    db.updateSync(1, { note: "B" });
    db.cleanupSync();
    db.deleteSync(0);
    db.insertSync({ note: "d" });
  }
  const files = contentOf(temp.path);
  const older = new Map(files).set("000002.table", new Uint8Array(500));
  salvaged(temp, older, (result, db) => {
    assertEquals(result, { rows: 3, lost: [] });
    assertEquals(notes(db), ["B", "c", "d"]);
  });
  // The seal in its log leads to the newer one, whatever became of the mark of that.
  salvaged(temp, damaged(files, "000002.log", 512), (result, db) => {
    assertEquals(result, { rows: 3, lost: [] });
    assertEquals(notes(db), ["B", "c", "d"]);
  });
  // And that mark is enough, whatever became of the seal.
  salvaged(temp, damaged(files, "000001.log", 4096, new Uint8Array(4096)), (result, db) => {
    assertEquals(result, { rows: 3, lost: [] });
    assertEquals(notes(db), ["B", "c", "d"]);
  });
  // Whatever else lies about is of no use, and does no harm.
  const left = new Map(files);
  left.set("000003.table", new Uint8Array(500)).set(
    "000003.log.0123456789abcdef",
    new Uint8Array(),
  );
  left.set("000001.table", new Uint8Array()).delete("000001.log");
  salvaged(temp, left, (result, db) => {
    assertEquals(result, { rows: 3, lost: [] });
    assertEquals(notes(db), ["B", "c", "d"]);
  });
  const both = new Map(older);
  both.delete("000001.log");
  salvaged(temp, both, (result, db) => {
    const [missing, why] = result!.lost;
    assertEquals(notes(db), []);
    assertMatch(
      missing!.reason,
      /^2 commits before it are missing, and 2 commits after it cannot be read/,
    );
    assertMatch(why!.reason, /footer|tail.*an older segment was used/);
    assert(db.insertSync({}) >= 4, "an id was given out again");
  });
});

Deno.test("salvage() of a table whose identity is damaged, empty or gone goes by its other files", async () => {
  await using temp = tempBase();
  const history = smallBase(temp.path);
  const files = contentOf(temp.path);
  const gone = new Map(files);
  gone.delete("base");
  const empty = new Map(files).set("base", new Uint8Array());
  const replaced = new Map(files).set("base", new TextEncoder().encode("something else"));
  const version = damaged(files, "base", 8, () => 9);
  for (const wreck of [gone, empty, replaced, version]) {
    salvaged(temp, wreck, (result, db) => {
      assertEquals(result, { rows: history.last.size, lost: [] });
      checkKept(history, result!, db);
    });
    // One header is enough; with none, nothing tells which table it was.
    const log = damaged(wreck, "000002.log", 3);
    salvaged(temp, log, (result) => assertEquals(result?.lost, []));
    salvaged(temp, damaged(log, "000002.table", 3), (result) => assertEquals(result, undefined));
  }
});

Deno.test("salvage() of a whole table is a copy: ids, versions, fields, indexes, and where it goes on", async () => {
  await using temp = tempBase();
  const history = smallBase(temp.path);
  const to = `${temp.parent}/copy`;
  assertEquals(await PsBase.salvage(temp.path, to), { rows: history.last.size, lost: [] });
  assertEquals(await PsBase.check(to), { ok: true, rows: history.last.size, problems: [] });
  using db: AnyBase = PsBase.openSync(temp.path);
  using copy: AnyBase = PsBase.openSync(to);
  assertEquals([...copy], [...db]);
  assertEquals([copy.schema, copy.stats().sequence], [db.schema, db.stats().sequence]);
  assertEquals(copy.explain({ email: "5@x" }).index, "email");
  assertEquals(copy.insertSync({}), db.insertSync({}));
});

Deno.test("salvage() keeps links where they lead, also those to rows that are gone", async () => {
  await using temp = tempBase();
  using houses = PsBase.createSync(`${temp.parent}/houses`, { street: "string" });
  {
    using db = PsBase.createSync(temp.path, { home: link(houses), boss: link("self") });
    db.insertSync({ home: houses.insertSync({ street: "Elm" }) });
    db.insertSync({ boss: 0, home: 0 });
  }
  const files = damaged(contentOf(temp.path), "000001.log", 4096 + 50);
  salvaged(temp, files, (result, db) => {
    assertEquals([result!.lost.length, db.size], [1, 1]);
    assertEquals([db.at(0)?.home.street, db.at(0)?.boss], ["Elm", null]);
  });
  Deno.mkdirSync(`${temp.parent}/deep`);
  PsBase.salvageSync(temp.path, `${temp.parent}/deep/copy`);
  using copy: AnyBase = PsBase.openSync(`${temp.parent}/deep/copy`);
  assertEquals([copy.at(0)?.home.street, copy.at(1)?.boss.home.street], ["Elm", "Elm"]);
});

Deno.test("salvage() tells that commits are lost with a log that is missing or cut off", async () => {
  await using temp = tempBase();
  const history = smallBase(temp.path);
  const files = contentOf(temp.path);
  const gone = new Map(files);
  gone.delete("000002.log");
  salvaged(temp, gone, (result, db) => {
    assertEquals(result!.lost.map(({ reason, ids }) => [reason, ids]), [
      ["the log is missing", null],
    ]);
    checkKept(history, result!, db);
    assertEquals(db.get(2)?.note, history.versions.get("2/0")!.note);
  });
  // The page before the first frame is none of it.
  salvaged(temp, damaged(files, "000002.log", 4095), (result) => assertEquals(result?.lost, []));
  const { from } = history.commits.at(-2)!;
  const short = new Map(files).set("000002.log", files.get("000002.log")!.slice(0, from + 9));
  salvaged(temp, short, (result, db) => {
    assertEquals(result!.lost.map(({ offset, reason }) => [offset, reason]), [
      [from, "the last commits do not verify"],
    ]);
    checkUntouched(history, result!, db, (_, i) => i >= history.commits.length - 2);
  });
});

Deno.test("salvage() does not take a commit that was cut off once, though it verifies", async () => {
  await using temp = tempBase();
  const write = (note: string) => {
    using db: AnyBase = PsBase.openSync(temp.path);
    db.insertSync({ note });
    return db.stats().logBytes;
  };
  PsBase.createSync(temp.path, { note: "string" }).close();
  write("a");
  const before = contentOf(temp.path);
  const from = write("b");
  const to = write("stale");
  const stale = contentOf(temp.path).get("000001.log")!.slice(from, to);
  for (const [name, bytes] of before) Deno.writeFileSync(`${temp.path}/${name}`, bytes);
  write("B");
  const files = damaged(contentOf(temp.path), "000001.log", from, stale);
  salvaged(temp, files, (result, db) => {
    assertEquals(result!.lost, []);
    assertEquals(notes(db), ["a", "B"]);
  });
});

Deno.test("salvage() takes nothing of a torn tail, though a part of it verifies", async () => {
  await using temp = tempBase();
  const ends: number[] = [];
  {
    using db: AnyBase = PsBase.createSync(temp.path, { note: "string" }, { durability: "relaxed" });
    for (const note of ["a", "b", "c"]) {
      db.insertSync({ note });
      ends.push(db.stats().logBytes);
    }
  }
  // A power cut kept the end of the second commit, and the third, of which nobody was told.
  const torn = damaged(contentOf(temp.path), "000001.log", ends[0]! + 50);
  salvaged(temp, torn, (result, db) => {
    assertEquals(result!.lost, []);
    assertEquals(notes(db), ["a"]);
  });
});

Deno.test("salvage() goes on where the disk refuses to read, and never asks it to write", async () => {
  await using temp = tempBase();
  largeBase(temp.path);
  const bad = [{ name: ".table", at: 40 + 4096 + 100 }, { name: ".log", at: 4096 + 30 }];
  const files: Files = {
    ...denoFiles,
    open(path, mode) {
      const isDamaged = path.startsWith(`${temp.path}/`);
      assert(mode === "read" || !isDamaged, `${path} is opened to ${mode}`);
      const file = denoFiles.open(path, mode);
      const readAt = file.readAt.bind(file);
      return Object.assign(file, {
        readAt(into: Uint8Array, at: number) {
          const isBad = isDamaged &&
            bad.some((one) => path.endsWith(one.name) && one.at >= at && one.at < at + into.length);
          if (isBad) throw new Error("Input/output error (os error 5)");
          return readAt(into, at);
        },
      });
    },
  };
  const to = `${temp.parent}/to`;
  const { rows, lost } = withFiles(files, () => PsBase.salvageSync(temp.path, to));
  assertEquals(lost.map(({ ids }) => ids), [null, [[1024, 2047]]]);
  assertEquals(rows, 40_000 - 1024);
  assertEquals(PsBase.checkSync(to).problems, []);
});

Deno.test("salvage() lists nothing for a torn tail, of which nobody was told", async () => {
  await using temp = tempBase();
  const history = smallBase(temp.path);
  const tail = crypto.getRandomValues(new Uint8Array(100));
  const files = contentOf(temp.path);
  const torn = damaged(files, "000002.log", history.commits.at(-1)!.to, tail);
  salvaged(temp, torn, (result) => assertEquals(result?.lost, []));
  // Unless the marks that would tell are damaged.
  salvaged(temp, damaged(torn, "000002.log", 1024), (result, db) => {
    assertEquals(result!.lost.length, 1);
    assertMatch(result!.lost[0]!.reason, /^bytes that may have been a commit do not verify/);
    checkUntouched(history, result!, db, () => false);
  });
});

Deno.test("salvage() refuses a place that is taken, a table that is not there, and a newer format", async () => {
  await using temp = tempBase();
  smallBase(temp.path);
  const { path, parent } = temp;
  for (const to of [path, `${path}/`, parent]) {
    await assertRejects(() => PsBase.salvage(path, to), BaseExistsError);
    assertThrows(() => PsBase.salvageSync(path, to), BaseExistsError);
  }
  // Also where it does not look like a table any more: a copy has its rows in its first table.
  PsBase.salvageSync(path, `${parent}/first`);
  Deno.truncateSync(`${parent}/first/base`);
  const before = contentOf(`${parent}/first`);
  await assertRejects(() => PsBase.salvage(`${parent}/first`, `${parent}/first`), BaseExistsError);
  assertEquals(contentOf(`${parent}/first`), before);
  await assertRejects(() => PsBase.salvage(`${parent}/no`, `${parent}/to`), BaseNotFoundError);
  await assertRejects(() => PsBase.salvage(parent, `${parent}/to`), BaseNotFoundError);
  await assertRejects(() => PsBase.salvage(`${path}/base`, `${parent}/to`), BaseNotFoundError);
  await assertRejects(() => PsBase.salvage(path, `${parent}/no/to`), BaseNotFoundError);
  const newer = contentOf(path);
  const identity = newer.get("base")!;
  const sums = new Checksum(identity.slice(16, 32));
  identity[8] = 9;
  sums.put(SUM.fileHeader, 0, 0, identity, 0, 32);
  write(`${parent}/newer`, newer);
  await assertRejects(() => PsBase.salvage(`${parent}/newer`, `${parent}/to`), FormatVersionError);
  assertThrows(() => Deno.statSync(`${parent}/to`), Deno.errors.NotFound);
});

Deno.test("salvage() that the disk refuses leaves no new table, and holds no file open", async () => {
  await using temp = tempBase();
  smallBase(temp.path);
  const to = `${temp.parent}/to`;
  const files = watchFiles();
  let left = Infinity;
  files.beforeWrite = (path) => {
    assert(path.startsWith(to), `${path} is written`);
    if (left-- === 0) throw new Error("no space");
  };
  withFiles(files, () => {
    for (const fails of [0, 1, 2, 3, 4]) {
      left = fails;
      assertThrows(() => PsBase.salvageSync(temp.path, to), WriteError, "no space");
      assertThrows(() => Deno.statSync(to), Deno.errors.NotFound);
    }
    left = Infinity;
    PsBase.salvageSync(temp.path, to);
    assertEquals([...files.opened], []);
  });
});

Deno.test("salvage() that may not open a file says so, and holds none open", async () => {
  await using temp = tempBase();
  smallBase(temp.path);
  const files = watchFiles();
  const { open } = files;
  const places: string[] = [];
  let opens = Infinity;
  files.open = (path, mode) => {
    if (!path.startsWith(`${temp.path}/`)) return open(path, mode);
    places.push(path);
    if (places.length > opens) throw new Error("Too many open files");
    return open(path, mode);
  };
  const salvage = () => withFiles(files, () => PsBase.salvageSync(temp.path, `${temp.parent}/to`));
  salvage();
  Deno.removeSync(`${temp.parent}/to`, { recursive: true });
  for (opens = places.length - 1; opens >= 0; opens--) {
    places.length = 0;
    assertThrows(salvage, BaseError, "Too many open files");
    assertEquals([...files.opened], []);
  }
});

Deno.test({
  name: "salvage() of a private table that lost its identity makes a private one",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using temp = tempBase();
    temp.damaged = true;
    smallBase(temp.path);
    for (const { name } of Deno.readDirSync(temp.path)) {
      Deno.chmodSync(`${temp.path}/${name}`, 0o600);
    }
    Deno.removeSync(`${temp.path}/base`);
    PsBase.salvageSync(temp.path, `${temp.parent}/to`);
    for (const { name } of Deno.readDirSync(`${temp.parent}/to`)) {
      const { mode } = Deno.statSync(`${temp.parent}/to/${name}`);
      assertEquals([name, mode! & 0o777], [name, 0o600]);
    }
  },
});
