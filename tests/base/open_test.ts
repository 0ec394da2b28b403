import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Base,
  BaseExistsError,
  BaseNotFoundError,
  CorruptionError,
  FormatVersionError,
  json,
  link,
  PsBase,
  ReadOnlyError,
  SchemaError,
} from "../../mod.ts";
import { tempBase } from "../helpers/temp_base.ts";
import { watchFiles } from "../helpers/watched_files.ts";
import { Checksum, SUM } from "../../engine/bytes/checksum.ts";
import { denoFiles, withFiles } from "../../engine/system/deno_file.ts";

const PEOPLE = { name: "string", age: "integer" } as const;

/** What is in a directory, bytes included. */
function contents(dir: string): Record<string, Uint8Array> {
  const names = [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
  return Object.fromEntries(names.map((name) => [name, Deno.readFileSync(`${dir}/${name}`)]));
}

for (const Class of [Base, PsBase]) {
  const { name } = Class;

  Deno.test(`${name}.create() makes the directory and opens an empty table`, async () => {
    await using temp = tempBase();
    {
      await using db = await Class.create(temp.path, PEOPLE);
      assert(db instanceof Class);
      assertEquals([db.size, db.path, db.recovered], [0, temp.path, null]);
      assertEquals(db.schema, { name: { type: "string" }, age: { type: "integer" } });
    }
    using db = Class.openSync(temp.path, { schema: PEOPLE });
    assertEquals(db.size, 0);
  });

  Deno.test(`${name}.createSync() takes a URL and an empty directory`, async () => {
    await using temp = tempBase();
    Deno.mkdirSync(temp.path);
    using db = Class.createSync(new URL(`file://${temp.path}/`), PEOPLE);
    assertEquals(db.path, temp.path);
    assertEquals(db.insertSync({ name: "homer" }), 0);
  });

  Deno.test(`${name}.create() by default refuses a table that is there, and leaves it`, async () => {
    await using temp = tempBase();
    (await Class.create(temp.path, PEOPLE))[Symbol.dispose]();
    const before = contents(temp.path);
    await assertRejects(() => Class.create(temp.path, PEOPLE), BaseExistsError);
    assertThrows(
      () => Class.createSync(temp.path, { other: "date" }),
      BaseExistsError,
      `Cannot create "${temp.path}": `,
    );
    assertEquals(contents(temp.path), before);
  });

  Deno.test(`${name}.create() with mode "open" opens a base of that schema only`, async () => {
    await using temp = tempBase();
    {
      await using db = await Class.create(temp.path, PEOPLE, { mode: "open" });
      await db.insert({ name: "homer" });
    }
    {
      await using db = await Class.create(temp.path, PEOPLE, { mode: "open" });
      assertEquals(db.get(0)?.name, "homer");
    }
    await assertRejects(
      () => Class.create(temp.path, { name: "string" }, { mode: "open" }),
      SchemaError,
      "age",
    );
    using db = Class.openSync(temp.path);
    assertEquals(db.size, 1);
  });

  Deno.test(`${name}.create() with mode "override" begins anew, also over a new place`, async () => {
    await using temp = tempBase();
    for (const _ of [1, 2, 3]) {
      await using db = await Class.create(temp.path, PEOPLE, { mode: "override" });
      assertEquals([...db.keys()], []);
      assertEquals(await db.insert({ name: "homer" }), 0);
      await db.cleanup();
    }
    using db = Class.createSync(temp.path, { nick: "string" }, { mode: "override" });
    assertEquals(Object.keys(db.schema), ["nick"]);
    assertEquals(db.size, 0);
  });
}

Deno.test("PsBase.create() with a wrong schema or option makes nothing", async () => {
  await using temp = tempBase();
  for (
    const schema of [{}, { age: "int" }, { _x: "date" }, { age: { type: "date", requird: true } }]
  ) {
    await assertRejects(
      () => PsBase.create(temp.path, schema as never),
      SchemaError,
      `Cannot create "${temp.path}": `,
    );
  }
  await assertRejects(() => PsBase.create(temp.path, null as never), TypeError);
  await assertRejects(() => PsBase.create(temp.path, PEOPLE, { mode: "w" as never }), TypeError);
  await assertRejects(() => PsBase.create(temp.path, PEOPLE, { timeoutMs: -1 }), RangeError);
  await assertRejects(
    () => PsBase.create(temp.path, PEOPLE, { cacheBytes: -1 }),
    RangeError,
    "cacheBytes is -1, expected a number of bytes, 0 or more",
  );
  await assertRejects(
    () => PsBase.create(temp.path, PEOPLE, { durability: "none" as never }),
    TypeError,
    "durability",
  );
  await assertRejects(() => PsBase.create("", PEOPLE), TypeError);
  assertEquals([...Deno.readDirSync(temp.parent)], []);
});

for (const mode of ["new", "open", "override"] as const) {
  Deno.test(`PsBase.create() with mode "${mode}" leaves what is no base alone`, async () => {
    await using temp = tempBase();
    const cases: Record<string, string>[] = [
      { "notes.txt": "mine" },
      { "notes.txt": "mine", "000001.log": "mine too" },
      { base: "a file of somebody else", "notes.txt": "mine" },
      { base: "a file of somebody else" },
      { base: "", "notes.txt": "mine" },
    ];
    for (const files of cases) {
      Deno.mkdirSync(temp.path);
      for (const name in files) Deno.writeTextFileSync(`${temp.path}/${name}`, files[name]!);
      const before = contents(temp.path);
      await assertRejects(
        () => PsBase.create(temp.path, PEOPLE, { mode }),
        BaseExistsError,
        `Cannot create "${temp.path}": `,
      );
      assertThrows(() => PsBase.createSync(temp.path, PEOPLE, { mode }), BaseExistsError);
      assertEquals(contents(temp.path), before);
      Deno.removeSync(temp.path, { recursive: true });
    }
  });

  Deno.test(`PsBase.create() with mode "${mode}" refuses a file and a missing parent`, async () => {
    await using temp = tempBase();
    await assertRejects(
      () => PsBase.create(`${temp.parent}/a/b`, PEOPLE, { mode }),
      BaseNotFoundError,
      `there is no directory "${temp.parent}/a"`,
    );
    Deno.writeTextFileSync(temp.path, "a file");
    await assertRejects(() => PsBase.create(temp.path, PEOPLE, { mode }), BaseExistsError);
    await assertRejects(() => PsBase.create(`${temp.path}/b`, PEOPLE, { mode }), BaseNotFoundError);
    assertEquals(Deno.readTextFileSync(temp.path), "a file");
    temp.damaged = true;
  });

  Deno.test(`PsBase.create() with mode "${mode}" does an interrupted create again`, async () => {
    await using temp = tempBase();
    const leftovers: Record<string, string>[] = [
      { base: "" },
      { base: "\0".repeat(40), "000001.table": "" },
      { base: "", "000001.table": "half", "000001.log": "", owner: "" },
    ];
    for (const files of leftovers) {
      Deno.mkdirSync(temp.path);
      for (const name in files) Deno.writeTextFileSync(`${temp.path}/${name}`, files[name]!);
      await assertRejects(() => PsBase.open(temp.path), BaseNotFoundError, "create it");
      const db = await PsBase.create(temp.path, PEOPLE, { mode });
      assertEquals(await db.insert({ name: "homer" }), 0);
      await db.destroy();
    }
  });
}

Deno.test("PsBase.create() and open() take a lost identity beside rows for damage", async () => {
  const damages = [
    ["emptied", new Uint8Array()],
    ["of a program", new TextEncoder().encode("something else")],
  ] as const;
  for (const kind of ["inserted", "cleaned", "backup"]) {
    for (const [what, bytes] of damages) {
      await using temp = tempBase();
      await using db = await PsBase.create(`${temp.parent}/first`, PEOPLE);
      await db.insert({ name: "homer" });
      if (kind === "cleaned") await db.cleanup();
      // Of a backup all rows are in the table of the first generation.
      if (kind === "backup") await db.backup(temp.path);
      else Deno.renameSync(db.path, temp.path);
      db[Symbol.dispose]();
      Deno.writeFileSync(`${temp.path}/base`, bytes);
      temp.damaged = true;
      const before = contents(temp.path);
      const told = `${kind}, ${what}`;
      await assertRejects(() => PsBase.open(temp.path), CorruptionError, "is lost", told);
      for (const mode of ["new", "open", "override"] as const) {
        const refusal = bytes.length === 0 ? CorruptionError : BaseExistsError;
        await assertRejects(() => PsBase.create(temp.path, PEOPLE, { mode }), refusal, "", told);
      }
      assertEquals(contents(temp.path), before);
    }
  }
});

Deno.test("PsBase.create() by many at once makes one table", async () => {
  await using temp = tempBase();
  const made = await Promise.allSettled(
    Array.from({ length: 20 }, () => PsBase.create(temp.path, PEOPLE)),
  );
  const open = made.filter((result) => result.status === "fulfilled");
  assertEquals(open.length, 1);
  for (const result of made) {
    if (result.status === "rejected") assert(result.reason instanceof BaseExistsError);
    else await result.value.close();
  }
  const opened = await Promise.all(
    Array.from({ length: 20 }, () => PsBase.create(temp.path, PEOPLE, { mode: "open" })),
  );
  for (const db of opened) db[Symbol.dispose]();
});

Deno.test("PsBase.open() says where there is no table, and makes nothing", async () => {
  await using temp = tempBase();
  const refused = (path: string) =>
    assertRejects(() => PsBase.open(path), BaseNotFoundError, `Cannot open "${path}": `);
  await refused(temp.path);
  await refused(`${temp.path}/deeper`);
  assertEquals([...Deno.readDirSync(temp.parent)], []);
  Deno.mkdirSync(temp.path);
  await refused(temp.path);
  await assertRejects(() => PsBase.open(temp.path, { readOnly: true }), BaseNotFoundError);
  await assertRejects(() => PsBase.check(temp.path), BaseNotFoundError);
  assertEquals([...Deno.readDirSync(temp.path)], []);
  Deno.writeTextFileSync(`${temp.path}/base`, "a file of somebody else");
  await refused(temp.path);
  await refused(`${temp.path}/base`);
  temp.damaged = true;
});

for (const Class of [Base, PsBase]) {
  const { name } = Class;

  Deno.test(`${name}.open() with a schema creates the table, and opens it from then on`, async () => {
    await using temp = tempBase();
    for (const runs of [1, 2, 3]) {
      await using db = await Class.open(temp.path, PEOPLE);
      assert(db instanceof Class);
      await db.insert({ name: "homer", age: runs });
      assertEquals(db.size, runs);
    }
    using db = Class.openSync(temp.path, PEOPLE, { durability: "relaxed" });
    assertEquals([db.size, db.insertSync({ name: "marge" })], [3, 3]);
  });

  Deno.test(`${name}.openSync() with a schema creates the table, and takes a URL`, async () => {
    await using temp = tempBase();
    using db = Class.openSync(new URL(`file://${temp.path}/`), PEOPLE);
    assertEquals([db.path, db.size], [temp.path, 0]);
  });

  Deno.test(`${name}.open() with another schema than the stored one is refused`, async () => {
    await using temp = tempBase();
    (await Class.open(temp.path, PEOPLE))[Symbol.dispose]();
    for (const options of [undefined, { timeoutMs: 5 }, { readOnly: true }]) {
      const message = `Cannot open "${temp.path}": `;
      const other = { name: "string" } as const;
      await assertRejects(() => Class.open(temp.path, other, options), SchemaError, message);
      assertThrows(() => Class.openSync(temp.path, other, options), SchemaError, message);
    }
  });

  Deno.test(`${name}.open() with a schema and readOnly creates nothing`, async () => {
    await using temp = tempBase();
    const open = () => Class.open(temp.path, PEOPLE, { readOnly: true });
    await assertRejects(open, BaseNotFoundError, `Cannot open "${temp.path}": `);
    assertThrows(() => Class.openSync(temp.path, PEOPLE, { readOnly: true }), BaseNotFoundError);
    assertEquals([...Deno.readDirSync(temp.parent)], []);
    (await Class.create(temp.path, PEOPLE))[Symbol.dispose]();
    using db = await open();
    assertEquals(db.size, 0);
    await assertRejects(() => db.insert({ name: "homer" }), ReadOnlyError);
  });
}

Deno.test("PsBase.open() with a schema by many at once opens one table", async () => {
  await using temp = tempBase();
  const opened = await Promise.all(
    Array.from({ length: 20 }, () => PsBase.open(temp.path, PEOPLE)),
  );
  const ids = await Promise.all(opened.map((db) => db.insert({ name: "homer" })));
  assertEquals(ids.toSorted((a, b) => a - b), Array.from(ids.keys()));
  for (const db of opened) db[Symbol.dispose]();
});

Deno.test("PsBase.open() with a schema leaves alone what is no table, and makes no parents", async () => {
  await using temp = tempBase();
  Deno.mkdirSync(temp.path);
  Deno.writeTextFileSync(`${temp.path}/notes`, "a file of somebody else");
  await assertRejects(() => PsBase.open(temp.path, PEOPLE), BaseExistsError, '"notes"');
  await assertRejects(() => PsBase.open(`${temp.path}/a/b`, PEOPLE), BaseNotFoundError);
  assertEquals(contents(temp.path), { notes: Deno.readFileSync(`${temp.path}/notes`) });
});

/** Fields with the names of options. */
const NAMESAKES = {
  schema: "string",
  readOnly: "boolean",
  timeoutMs: "integer",
  durability: { type: "string", default: "full" },
  cacheBytes: link("self"),
  mode: "string",
} as const;

Deno.test("PsBase.open() tells a schema whose fields have the names of options from options", async () => {
  await using temp = tempBase();
  for (const [option, field] of Object.entries(NAMESAKES)) {
    const path = `${temp.parent}/${option}`;
    using db = await PsBase.open(path, { [option]: field });
    assertEquals(Object.keys(db.schema), [option]);
  }
  using db = await PsBase.open(temp.path, NAMESAKES);
  assertEquals(Object.keys(db.schema), Object.keys(NAMESAKES));
  assertEquals(await db.insert({ schema: "full", readOnly: true, timeoutMs: 5 }), 0);
});

Deno.test("PsBase.open() takes an empty object, and one of options, for options", async () => {
  await using temp = tempBase();
  const all = { durability: "full", timeoutMs: 5, readOnly: false, cacheBytes: 0 } as const;
  for (const options of [{}, all, { schema: PEOPLE }, { ...all, schema: PEOPLE }]) {
    await assertRejects(() => PsBase.open(temp.path, options), BaseNotFoundError);
    assertThrows(() => PsBase.openSync(temp.path, options, undefined), BaseNotFoundError);
  }
  assertEquals([...Deno.readDirSync(temp.parent)], []);
});

Deno.test("PsBase.open() refuses what may be a schema or the option schema", async () => {
  await using temp = tempBase();
  const unclear = { schema: { type: "string", default: "date" } } as const;
  const message = `Cannot open "${temp.path}": "schema" may be a field or the option: pass {} `;
  await assertRejects(() => PsBase.open(temp.path, unclear), TypeError, message);
  assertThrows(() => PsBase.openSync(temp.path, unclear), TypeError, message);
  assertEquals([...Deno.readDirSync(temp.parent)], []);
  {
    using db = await PsBase.open(temp.path, unclear, {});
    assertEquals(Object.entries(db.schema), Object.entries(unclear));
  }
  const path = `${temp.parent}/other`;
  (await PsBase.create(path, unclear.schema))[Symbol.dispose]();
  using db = await PsBase.open(path, { ...unclear, readOnly: false });
  assertEquals(db.schema, { type: { type: "string" }, default: { type: "date" } });
  const both = { ...unclear, name: "string" } as const;
  using clear = await PsBase.open<typeof both>(`${temp.parent}/clear`, both);
  assertEquals(Object.keys(clear.schema), ["schema", "name"]);
});

Deno.test("PsBase.open() says what is wrong with a schema or an option, and makes nothing", async () => {
  await using temp = tempBase();
  // deno-lint-ignore no-explicit-any -- the compiler would refuse it all
  const { open, openSync } = PsBase as any;
  // deno-lint-ignore no-explicit-any
  const wrong: [any[], new (...args: any[]) => Error, string][] = [
    [[{ name: "string", age: "int" }], SchemaError, 'field "age": unknown type "int", the types'],
    [[{ name: "string", readOnly: true }], SchemaError, 'field "readOnly": no type (true is a'],
    [[{ _x: "string", y: "date" }], SchemaError, 'field "_x": names that begin with "_"'],
    [
      [{ name: "text" }],
      TypeError,
      'neither options (unknown option "name", the options are schema, durability, timeoutMs, ' +
      'readOnly, cacheBytes) nor a schema (field "name": unknown type "text", the types are ',
    ],
    [[{ timeout: 5 }], TypeError, 'unknown option "timeout", the options are schema, '],
    [[null], TypeError, "options: it is null, the options are schema, "],
    [[PEOPLE, null], TypeError, "options: it is null, the options are durability, "],
    [[PEOPLE, { mode: "open" }], TypeError, 'unknown option "mode", the options are durability, '],
    [[PEOPLE, { schema: PEOPLE }], TypeError, 'unknown option "schema", the options are '],
    [[PEOPLE, { timeoutMs: -1 }], RangeError, "timeoutMs"],
    [[PEOPLE, { readOnly: 1 }], TypeError, "readOnly is 1, it can be true, false"],
    [[{}, {}], SchemaError, "a table needs at least one field"],
    [[undefined, {}], TypeError, "schema: it is undefined, expected an object"],
    [[{ readOnly: true }, {}], SchemaError, 'field "readOnly": no type'],
  ];
  for (const [args, type, told] of wrong) {
    const call = () => openSync.call(PsBase, temp.path, ...args);
    const { message } = await assertRejects<Error>(
      () => open.call(PsBase, temp.path, ...args),
      type,
      told,
    );
    assertThrows(call, type, message);
    assert(!message.startsWith("Cannot create"), message);
  }
  assertEquals([...Deno.readDirSync(temp.parent)], []);
});

Deno.test("PsBase.open() compares the schema given, but for order and defaults", async () => {
  await using temp = tempBase();
  const stored = {
    name: { type: "string", required: true },
    size: { type: "integer", default: 300 },
    tags: json<string[]>(),
  } as const;
  (await PsBase.create(temp.path, stored))[Symbol.dispose]();
  const equal = [
    stored,
    { tags: "json", size: "integer", name: { type: "string", required: true } },
    { ...stored, size: { type: "integer", default: 7 } },
  ] as const;
  for (const schema of equal) {
    using db = await PsBase.open(temp.path, { schema });
    assertEquals(Object.keys(db.schema), ["name", "size", "tags"]);
    assertEquals(db.defaults.size, 300);
  }
  const different = [
    { name: stored.name },
    { ...stored, more: "date" },
    { ...stored, size: "float" },
    { ...stored, name: "string" },
    { ...stored, size: { type: "integer", required: true } },
    { ...stored, name: { type: "string", required: true, default: "x" } },
  ];
  for (const schema of different) {
    await assertRejects(
      () => PsBase.open(temp.path, { schema: schema as never }),
      SchemaError,
      `Cannot open "${temp.path}": field `,
    );
  }
});

Deno.test("PsBase.open() refuses a table of a newer format", async () => {
  await using temp = tempBase();
  (await PsBase.create(temp.path, PEOPLE))[Symbol.dispose]();
  const file = `${temp.path}/base`;
  const bytes = Deno.readFileSync(file);
  new DataView(bytes.buffer).setUint32(8, 2, true);
  new Checksum(bytes.slice(16, 32)).put(SUM.fileHeader, 0, 0, bytes, 0, 32);
  Deno.writeFileSync(file, bytes);
  temp.damaged = true;
  await assertRejects(() => PsBase.open(temp.path), FormatVersionError, "format 2");
  await assertRejects(() => PsBase.create(temp.path, PEOPLE, { mode: "open" }), FormatVersionError);
});

Deno.test("PsBase.open() tells a damaged identity", async () => {
  await using temp = tempBase();
  (await PsBase.create(temp.path, PEOPLE))[Symbol.dispose]();
  temp.damaged = true;
  const file = `${temp.path}/base`;
  const whole = Deno.readFileSync(file);
  const damages = [whole.map((byte, i) => i === 20 ? byte ^ 1 : byte), whole.subarray(0, 30)];
  for (const bytes of damages) {
    Deno.writeFileSync(file, bytes);
    const error = await assertRejects(() => PsBase.open(temp.path), CorruptionError);
    assertEquals(error.file, file);
    const found = await PsBase.check(temp.path);
    assertEquals([found.ok, found.problems[0]?.file], [false, file]);
  }
});

Deno.test("PsBase.destroy() leaves alone what another makes in its place meanwhile", async () => {
  await using temp = tempBase();
  let made: PsBase<typeof PEOPLE> | undefined;
  const files = {
    ...denoFiles,
    remove(path: string) {
      const removed = denoFiles.remove(path);
      const left = [...Deno.readDirSync(temp.path)].length;
      if (left === 0 && made === undefined) {
        made = PsBase.createSync(temp.path, PEOPLE);
        made.insertSync({ name: "lisa" });
      }
      return removed;
    },
  };
  const old = withFiles(files, () => PsBase.createSync(temp.path, PEOPLE));
  old.destroySync();
  using again = PsBase.openSync(temp.path, { schema: PEOPLE });
  assertEquals(again.select().map((row) => row.name), ["lisa"]);
  await made?.close();
});

Deno.test("PsBase.open() keeps cacheBytes of the table in memory, 64 MiB if nothing is said", async () => {
  await using temp = tempBase();
  {
    await using db = await PsBase.create(temp.path, { n: "integer" });
    // Three row groups, of 64 KiB and more.
    await db.insertMany(Array.from({ length: 40_000 }, (_, i) => ({ n: i * 7919 % 100_003 })));
    await db.cleanup();
  }
  const readsAgain = (cacheBytes: number | undefined) => {
    const files = watchFiles();
    using db = withFiles(files, () => PsBase.openSync(temp.path, { cacheBytes }));
    return db.snapshot((view) => {
      view.sum("n");
      const { reads } = files;
      view.sum("n");
      return files.reads - reads;
    });
  };
  assertEquals([undefined, 1e6, 1e5, 0].map(readsAgain), [0, 0, 6, 6]);
});
