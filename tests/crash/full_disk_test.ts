/**
 * A disk that is really full, and one that is really read-only.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { Base, BaseError, PsBase, ReadOnlyError, WriteError } from "../../mod.ts";
import { psbase } from "../helpers/cli.ts";
import { type Mount, mountReadOnly, mountSmall, whyNoMounts } from "../helpers/mounts.ts";
import { tempBase } from "../helpers/temp_base.ts";

const SCHEMA = {
  key: { type: "string", unique: true },
  n: "integer",
  old: "integer",
  unused: "integer",
} as const;
type Numbers = PsBase<typeof SCHEMA>;

const why = whyNoMounts();

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `${name}${why && `: ${why}`}`, ignore: why !== "", fn });
}

/** A directory on a disk of half a megabyte, and a way to leave no byte of it free. */
class SmallDisk implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "psbase_full_" });
  readonly #mount: Mount = mountSmall(this.path, 512 * 1024);
  readonly #ballast = `${this.path}/ballast`;

  fill(): void {
    using file = Deno.openSync(this.#ballast, { write: true, create: true, append: true });
    for (let bytes = new Uint8Array(64 * 1024); bytes.length > 0;) {
      try {
        file.writeSync(bytes);
      } catch {
        bytes = bytes.subarray(0, bytes.length / 2);
      }
    }
  }

  /** What else is on it. */
  names(): string[] {
    return [...Deno.readDirSync(this.path)].map(({ name }) => name)
      .filter((name) => name !== "ballast");
  }

  clear(): void {
    Deno.removeSync(this.#ballast);
  }

  [Symbol.dispose](): void {
    this.#mount[Symbol.dispose]();
    Deno.removeSync(this.path);
  }
}

/** All that can be seen of a table. */
function text(base: Numbers): string {
  return JSON.stringify([base.schema, base.defaults, [...base]]);
}

/** What somebody finds who opens it now. */
async function anew(path: string): Promise<string> {
  await using db = await PsBase.open(path);
  return text(db as unknown as Numbers);
}

/** Everything that changes a table of SCHEMA. */
const WRITES: Record<string, (db: Numbers) => Promise<unknown>> = {
  insert: (db) => db.insert({ key: "one" }),
  insertMany: (db) => db.insertMany([{ key: "two" }, { key: "three" }]),
  insertAsStrings: (db) => db.insertAsStrings({ key: "four" }),
  update: (db) => db.update(0, { n: 1 }),
  updateWhere: (db) => db.updateWhere({}, { n: 2 }),
  upsert: (db) => db.upsert({ key: "0" }, { n: 3 }),
  delete: (db) => db.delete(1),
  deleteWhere: (db) => db.deleteWhere({ key: "4" }),
  transaction: (db) => db.transaction((tx) => tx.update(0, { n: 5 })),
  addField: (db) => db.addField("more", "string"),
  setDefault: (db) => db.setDefault("n", 6),
  setIndex: (db) => db.setIndex("n", { index: true }),
  setType: (db) => db.setType("n", "float"),
  renameField: (db) => db.renameField("old", "new"),
  dropField: (db) => db.dropField("unused"),
};

/** Fills a disk until the table on it is refused the next row; how many it was acknowledged. */
function insertUntilFull(db: Numbers): number {
  for (let n = 0;; n++) {
    try {
      assertEquals(db.insertSync({ key: `${n}`, n }), n);
    } catch (error) {
      assert(error instanceof WriteError, `${error}`);
      assertMatch(
        error.message,
        /^Cannot write ".*\.log": No space left on device \(os error 28\)/,
      );
      assertEquals(error.outcome, "none");
      return n;
    }
  }
}

test("PsBase leaves all or nothing of any verb on a full disk, and works on with space back", async () => {
  using disk = new SmallDisk();
  const path = `${disk.path}/people`;
  await using db = await PsBase.create(path, SCHEMA);
  disk.fill();
  const rows = insertUntilFull(db);
  assertEquals([...db.keys()], [...Array(rows).keys()]);

  const refused: string[] = [];
  for (const [verb, write] of Object.entries(WRITES)) {
    const before = text(db);
    const error = await write(db).then(() => undefined, (error) => error);
    if (error !== undefined) {
      assert(error instanceof WriteError && error.outcome === "none", `${verb}: ${error}`);
      refused.push(verb);
    }
    // A small one may fit into the space that was reserved.
    assertEquals(text(db) === before, error !== undefined, verb);
    assertEquals(await anew(path), text(db), verb);
  }
  assert(refused.length > 10, `${refused} were refused`);

  const before = text(db);
  for (
    const attempt of [
      () => db.cleanup(),
      () => db.backup(`${disk.path}/copy`),
      () => PsBase.create(`${disk.path}/other`, SCHEMA),
      () => PsBase.create(path, SCHEMA, { mode: "override" }),
    ]
  ) {
    const error = await assertRejects(attempt, WriteError, "No space left on device");
    assertEquals(error.outcome, "none");
    assertMatch(error.message, /^Cannot (?:clean up|back up|create) "/);
    assertEquals([text(db), await anew(path)], [before, before]);
  }
  assertEquals(disk.names(), ["people"]);
  const left = [...Deno.readDirSync(path)].map(({ name }) => name.replace(/^\d+/, ""));
  assertEquals(left.sort(), [".log", ".table", "base", "cleanup", "owner"]);
  await db.commit();
  assertEquals((await db.check()).problems, []);
  assertEquals(db.count(), db.size);

  disk.clear();
  for (const verb of refused) {
    const before = text(db);
    await WRITES[verb]!(db);
    assert(text(db) !== before, verb);
  }
  await db.cleanup();
  await db.backup(`${disk.path}/copy`);
  assertEquals((await db.check()).problems, []);
  assertEquals(await anew(path), text(db));

  disk.fill();
  await db.destroy();
  assertEquals(disk.names(), ["copy"]);
});

test("psbase says in a line that the disk is full, and leaves nothing", async () => {
  using disk = new SmallDisk();
  await using elsewhere = tempBase();
  const csv = `${elsewhere.parent}/rows.csv`;
  await Deno.writeTextFile(csv, "key,n\n" + "some text to be there,1\n".repeat(1000));
  assertEquals((await psbase(["import", elsewhere.path, csv])).code, 0);
  disk.fill();
  for (
    const words of [
      ["import", `${disk.path}/people`, csv],
      ["create", `${disk.path}/people`, "name:string"],
      ["backup", elsewhere.path, `${disk.path}/people`],
    ]
  ) {
    const { code, out, err } = await psbase(words);
    assertEquals([code, out], [1, ""], words[0]);
    assertMatch(err, /^(?:types .*\n)?psbase \w+: .*No space left on device.*\n$/, words[0]);
    assertEquals(disk.names(), [], words[0]);
  }
  const { code, err } = await psbase(["export", elsewhere.path, `${disk.path}/people.csv`]);
  assertEquals(code, 1);
  assertMatch(err, /^psbase export: Cannot write ".*\/people\.csv": No space left on device.*\n$/);
  assertEquals(disk.names(), []);
});

test("PsBase.open() on a read-only disk says to read it, and reading it writes no byte", async () => {
  await using temp = tempBase();
  {
    await using db = await PsBase.create(temp.path, SCHEMA);
    await db.insert({ key: "0" });
    await db.cleanup();
    await db.insert({ key: "1" });
  }
  const files = temp.files();
  const seen = `${temp.parent}/seen`;
  Deno.mkdirSync(seen);
  {
    using _ = mountReadOnly(temp.path, seen);
    for (const Class of [Base, PsBase]) {
      const told = "Read-only file system";
      const error = await assertRejects(() => Class.open(seen), ReadOnlyError, told);
      assertMatch(error.message, /open it with readOnly to read it$/);
      assertThrows(() => Class.openSync(seen), ReadOnlyError, told);
      using db = Class.openSync(seen, { readOnly: true });
      assertEquals(db.size, 2);
    }
    await using db = await PsBase.open(seen, { schema: SCHEMA, readOnly: true });
    assertEquals(Array.from(db, (row) => row.key), ["0", "1"]);
    assertEquals(db.get(1)?.key, "1");
    assertEquals((await db.check()).problems, []);
    await assertRejects(() => db.insert({ key: "2" }), ReadOnlyError);
    await assertRejects(() => db.cleanup(), ReadOnlyError);
    await assertRejects(() => PsBase.create(`${seen}/new`, SCHEMA), BaseError);
    assertEquals((await psbase(["count", seen])).out, "2\n");
    const refused = await psbase(["insert", seen, "key=2"]);
    assertEquals(refused.code, 1);
    assertMatch(refused.err, /for writing: .*Read-only file system/);
    // What others write, on a way where it may be written, is seen.
    await using writer = await PsBase.open(temp.path, { schema: SCHEMA });
    await writer.insert({ key: "2" });
    assertEquals(db.size, 3);
    await writer.delete(2);
  }
  Deno.removeSync(seen);
  assertEquals(Object.keys(temp.files()), Object.keys(files));
});
