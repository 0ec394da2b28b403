/**
 * Creating, replacing, destroying and opening at one path, by several at once: it ends in a table
 * or in none, and no row that was acknowledged in it is lost.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  BaseError,
  BaseExistsError,
  BaseNotFoundError,
  CorruptionError,
  LockTimeoutError,
} from "../../engine/system/errors.ts";
import { link, PsBase, PsLock } from "../../mod.ts";
import { testInOwnProcess } from "../helpers/own_process.ts";
import { Disk, OLDEST, type Operation } from "../helpers/crash_file.ts";
import { BASE, create, diskAfter, look, newDisk, NONE, open, VERBS } from "../helpers/crash_run.ts";
import { fixture } from "../helpers/programs.ts";
import { newSeed } from "../helpers/random.ts";
import { spawn } from "../helpers/spawn.ts";
import { tempBase } from "../helpers/temp_base.ts";
import { Checksum } from "../../engine/bytes/checksum.ts";
import { encodeDestroyed } from "../../engine/bytes/header.ts";
import { denoFiles, withFiles } from "../../engine/system/deno_file.ts";

const SCHEMA = { name: "string" } as const;
const MODES = ["new", "open", "override"] as const;

function names(disk: Disk): (string | null)[] {
  return Array.from(open(disk.process()), (row) => row.name);
}

/** What another process does between two operations of the first; whether there is a row of it. */
const OTHERS: Record<string, (disk: Disk) => boolean> = {
  ...Object.fromEntries(MODES.map((mode) => [`create ${mode}`, (disk: Disk) => {
    try {
      using base = withFiles(disk.process(), () => {
        return PsBase.createSync(BASE, { name: "string", age: "integer" }, { mode, timeoutMs: 0 });
      });
      base.insertSync({ name: "other" });
      return true;
    } catch (error) {
      const isExpected = error instanceof LockTimeoutError ||
        mode === "new" && error instanceof BaseExistsError && /a table already/.test(error.message);
      if (!isExpected) throw error;
      return false;
    }
  }])),
  destroy: (disk) => {
    try {
      open(disk.process(), { timeoutMs: 0 }).destroySync();
    } catch (error) {
      if (!(error instanceof LockTimeoutError || error instanceof BaseNotFoundError)) throw error;
    }
    return false;
  },
  open: (disk) => {
    try {
      using base = open(disk.process(), { timeoutMs: 0 });
      base.insertSync({ name: "other" });
      return true;
    } catch (error) {
      if (!(error instanceof LockTimeoutError || error instanceof BaseNotFoundError)) throw error;
      return false;
    }
  },
};

for (const verb of ["create", "override", "destroy"] as const) {
  for (const [what, other] of Object.entries(OTHERS)) {
    Deno.test(`PsBase.${verb}() goes well with ${what} of others between any two operations`, () => {
      const setups = verb === "create" ? [() => new Disk()] : [
        newDisk,
        () => diskAfter("insert", "cleanup", "insert", "cleanup", "insert"),
      ];
      for (const setup of setups) {
        let reached = true;
        for (let stop = 0; reached; stop++) {
          const disk = setup();
          let n = 0;
          let added = false;
          disk.before = () => {
            if (n++ !== stop) return;
            disk.before = () => {};
            added = other(disk);
          };
          const at = `before operation ${stop}`;
          try {
            VERBS[verb](disk.process());
          } catch (error) {
            // What it was to destroy is gone.
            assert(verb === "destroy" && error instanceof BaseNotFoundError, `${at}: ${error}`);
          }
          disk.before = () => {};
          reached = n > stop;
          const found = look(disk);
          assertEquals(look(disk.cut(OLDEST)), found, at);
          if (added && what === "create open" && verb === "create") {
            assertEquals(names(disk), ["other"], at);
          }
          // Whatever it is, all verbs go on from it.
          for (const mode of MODES) {
            const again = disk.killed();
            if (found === NONE || mode !== "new") create(again.process(), mode)[Symbol.dispose]();
            VERBS.insert(again.process());
            VERBS.destroy(again.process());
            assertEquals(again.dir(BASE), undefined, at);
          }
        }
      }
    });
  }
}

Deno.test("PsBase.destroy() that others overtake removes nothing of the next table", () => {
  // It stops before its n-th operation, until another has made the table again, or cannot.
  const setup = diskAfter("insert", "cleanup", "insert");
  let made = 0;
  let reached = true;
  for (let stop = 0; reached; stop++) {
    const disk = setup.killed();
    let n = 0;
    let rows: (string | null)[] | undefined;
    const stopped = open(disk.process());
    disk.before = () => {
      if (n++ !== stop) return;
      disk.before = () => {};
      try {
        using base = withFiles(
          disk.process(),
          () =>
            PsBase.createSync(BASE, { name: "string", age: "integer" }, {
              mode: "override",
              timeoutMs: 0,
            }),
        );
        base.insertSync({ name: "lisa" });
        rows = ["lisa"];
        made++;
      } catch (error) {
        if (!(error instanceof LockTimeoutError)) throw error;
      }
    };
    try {
      stopped.destroySync();
    } catch (error) {
      assert(error instanceof BaseNotFoundError, `${error}`);
    }
    disk.before = () => {};
    stopped[Symbol.dispose]();
    reached = n > stop;
    if (rows !== undefined) assertEquals(names(disk.cut(OLDEST)), rows, `operation ${stop}`);
  }
  assert(made > 1, "others came before it and after it");
});

Deno.test("PsBase.create() removes what an override and a destroy left that were stopped anywhere", () => {
  // The first leaves files of a table beside those of another, which the second finds.
  for (const verb of ["override", "destroy"] as const) {
    const setup = diskAfter("insert", "cleanup", "insert");
    const stops: Disk[] = [];
    setup.after = ({ name }: Operation) => {
      stops.push(name === "remove" ? setup.cut(OLDEST) : setup.killed(), setup.killed());
    };
    VERBS[verb](setup.process());
    for (const [i, first] of stops.entries()) {
      const at = `${verb}, stopped at ${i}`;
      if (look(first.killed()) !== NONE) {
        const disk = first.killed();
        const then: Disk[] = [];
        disk.after = () => then.push(disk.killed(), disk.cut(OLDEST));
        VERBS.destroy(disk.process());
        for (const second of then) create(second.process(), "open").insertSync({ name: "a" });
      }
      create(first.process(), "open").insertSync({ name: "a" });
      assertEquals(names(first.cut(OLDEST)).at(-1), "a", at);
    }
  }
});

Deno.test('PsBase.create() with mode "open" makes what was destroyed before it could be opened', async () => {
  await using temp = tempBase();
  PsBase.createSync(temp.path, SCHEMA)[Symbol.dispose]();
  let opened = 0;
  const files = {
    ...denoFiles,
    open(...args: Parameters<typeof denoFiles.open>) {
      // Once it knows that a table is there.
      if (args[0].endsWith("/base") && ++opened === 2) PsBase.openSync(temp.path).destroySync();
      return denoFiles.open(...args);
    },
  };
  using made = withFiles(files, () => PsBase.createSync(temp.path, SCHEMA, { mode: "open" }));
  assertEquals(made.insertSync({ name: "lisa" }), 0);
  assert(opened > 2);
});

Deno.test("PsBase.create() believes no listing that others changed while it was read", async () => {
  await using temp = tempBase();
  for (const isDestroyed of [false, true]) {
    PsBase.createSync(temp.path, SCHEMA)[Symbol.dispose]();
    let listed = 0;
    const files = {
      ...denoFiles,
      list(dir: string) {
        const names = denoFiles.list(dir);
        if (listed++ > 0) return names;
        if (isDestroyed) PsBase.openSync(dir).destroySync();
        return names?.filter((name) => name !== "base");
      },
    };
    using base = withFiles(files, () => PsBase.createSync(temp.path, SCHEMA, { mode: "open" }));
    assertEquals(base.insertSync({ name: "lisa" }), 0);
    assert(listed > 1);
    base.destroySync();
  }
});

Deno.test("PsBase.open() of what another table replaces meanwhile opens that", async () => {
  await using temp = tempBase();
  for (const readOnly of [false, true]) {
    PsBase.createSync(temp.path, { old: "integer" })[Symbol.dispose]();
    let replaced = false;
    const files = {
      ...denoFiles,
      open(...args: Parameters<typeof denoFiles.open>) {
        if (args[0].endsWith("000001.table") && !replaced) {
          replaced = true;
          PsBase.openSync(temp.path).destroySync();
          PsBase.createSync(temp.path, SCHEMA)[Symbol.dispose]();
        }
        return denoFiles.open(...args);
      },
    };
    using base = withFiles(files, () => PsBase.openSync(temp.path, { readOnly }));
    assertEquals(Object.keys(base.schema), ["name"]);
    base[Symbol.dispose]();
    assert(replaced);
    PsBase.openSync(temp.path).destroySync();
  }
});

/** What a destroy leaves that is killed when it has written its tombstone. */
function buried(path: string): Uint8Array {
  using base = PsBase.createSync(path, SCHEMA);
  base.insertSync({ name: "homer" });
  base.cleanupSync();
  const bytes = Deno.readFileSync(`${path}/base`);
  Deno.writeFileSync(`${path}/base`, encodeDestroyed(new Checksum(bytes.slice(16, 32))));
  return bytes;
}

Deno.test("PsBase takes what an interrupted destroy left for no table, and makes the next one there", async () => {
  await using temp = tempBase();
  for (const mode of MODES) {
    buried(temp.path);
    await assertRejects(
      () => PsBase.open(temp.path),
      BaseNotFoundError,
      "it was destroyed, create",
    );
    await assertRejects(() => PsBase.check(temp.path), BaseNotFoundError, "it was destroyed");
    const to = `${temp.parent}/salvaged`;
    await assertRejects(() => PsBase.salvage(temp.path, to), BaseNotFoundError, "it was destroyed");
    await using base = await PsBase.create(temp.path, { age: "integer" }, { mode });
    assertEquals(await base.insert({ age: 1 }), 0);
    assertEquals([...Deno.readDirSync(temp.path)].length, 5);
    await base.destroy();
    assertEquals([...Deno.readDirSync(temp.parent)], []);
  }
});

Deno.test("PsBase.backup() makes a copy where a destroy was interrupted", async () => {
  await using temp = tempBase();
  buried(temp.path);
  using base = PsBase.createSync(`${temp.parent}/other`, SCHEMA);
  base.insertSync({ name: "lisa" });
  await base.backup(temp.path);
  using copy = PsBase.openSync(temp.path);
  assertEquals(copy.size, 1);
});

Deno.test("PsBase.create() leaves files beside a tombstone that are of another table", async () => {
  await using temp = tempBase();
  temp.damaged = true;
  const other = PsBase.createSync(`${temp.parent}/other`, SCHEMA);
  other.insertSync({ name: "lisa" });
  other[Symbol.dispose]();
  buried(temp.path);
  for (const name of ["000001.log", "000001.table"]) {
    Deno.copyFileSync(`${temp.parent}/other/${name}`, `${temp.path}/${name}`);
  }
  const before = temp.files();
  for (const mode of MODES) {
    assertThrows(() => PsBase.createSync(temp.path, SCHEMA, { mode }), CorruptionError, "is lost");
  }
  assertEquals(
    Object.entries(temp.files()).map(([name, { size }]) => [name, size]),
    Object.entries(before).map(([name, { size }]) => [name, size]),
  );
});

Deno.test("PsBase.backup() makes nothing where another made a table after it looked", async () => {
  await using temp = tempBase();
  using base = PsBase.createSync(`${temp.parent}/other`, SCHEMA);
  Deno.mkdirSync(temp.path);
  Deno.writeTextFileSync(`${temp.path}/base`, "");
  let opened = 0;
  const files = {
    ...denoFiles,
    open(...args: Parameters<typeof denoFiles.open>) {
      const file = denoFiles.open(...args);
      // The second time, to lock it.
      if (args[0] === `${temp.path}/base` && ++opened === 2) {
        // The file that was opened goes, as of a create that fails.
        Deno.removeSync(temp.path, { recursive: true });
        using other = PsBase.createSync(temp.path, SCHEMA);
        other.insertSync({ name: "lisa" });
      }
      return file;
    },
  };
  using source = withFiles(files, () => PsBase.openSync(base.path));
  assertThrows(() => source.backupSync(temp.path), BaseExistsError, "a table already");
  using found = PsBase.openSync(temp.path);
  assertEquals(found.size, 1);
});

// ------------------------------------------------------------- links and directories

Deno.test("PsBase makes and destroys a table in a directory that a symbolic link leads to", async () => {
  await using temp = tempBase();
  const path = `${temp.parent}/link`;
  Deno.mkdirSync(temp.path);
  Deno.symlinkSync(temp.path, path);
  for (const mode of MODES) {
    const base = await PsBase.create(path, SCHEMA, { mode });
    assertEquals(await base.insert({ name: "lisa" }), 0);
    await base.destroy();
    // Both are whose who made them.
    assert(Deno.lstatSync(path).isSymlink);
    assertEquals([...Deno.readDirSync(temp.path)], []);
  }
});

Deno.test("What leads nowhere, in a circle or to a file is told, and nothing waits for it", async () => {
  await using temp = tempBase();
  const { parent } = temp;
  using base = PsBase.createSync(temp.path, SCHEMA);
  Deno.writeTextFileSync(`${parent}/file`, "");
  for (
    const [name, to] of [["nowhere", "no"], ["loop", "pool"], ["pool", "loop"], ["text", "file"]]
  ) {
    Deno.symlinkSync(to!, `${parent}/${name}`);
  }
  const before = [...Deno.readDirSync(parent)].length;
  for (const name of ["nowhere", "loop", "text"]) {
    const path = `${parent}/${name}`;
    const told = name === "text"
      ? "it is no directory"
      : "it is a symbolic link that leads nowhere";
    for (const mode of MODES) {
      assertThrows(() => PsBase.createSync(path, SCHEMA, { mode }), BaseExistsError, told);
      await assertRejects(() => PsBase.create(path, SCHEMA, { mode }), BaseExistsError, told);
    }
    assertThrows(() => PsBase.openSync(path), BaseError, `Cannot open "${path}": `);
    await assertRejects(() => PsBase.open(path, { readOnly: true }), BaseError, "Cannot open");
    assertThrows(() => base.backupSync(path), BaseExistsError, told);
    await assertRejects(() => base.backup(path), BaseExistsError, told);
    assertThrows(() => PsBase.salvageSync(temp.path, path), BaseExistsError, told);
    await assertRejects(() => PsBase.create(`${path}/base`, SCHEMA), Error, "Cannot create");
  }
  using lock = new PsLock(`${parent}/loop`);
  await assertRejects(() => lock.acquire(), Error, `Cannot lock "${parent}/loop": `);
  assertThrows(() => lock.acquireSync(), Error, "Cannot lock");
  assertEquals([...Deno.readDirSync(parent)].length, before);
});

// ------------------------------------------------------------- the current directory

testInOwnProcess(import.meta.filename!, {
  name: "A relative path leads where it led when it was given, wherever the program goes",
  async fn() {
    await using temp = tempBase();
    const { parent } = temp;
    const cwd = Deno.cwd();
    Deno.mkdirSync(`${parent}/a`);
    Deno.mkdirSync(`${parent}/b`);
    try {
      Deno.chdir(`${parent}/a`);
      using houses = await PsBase.create("./houses", { street: "string" });
      using people = await PsBase.create("../people", { name: "string", home: link(houses) });
      using lock = new PsLock("lock");
      const made = PsBase.create("late/", SCHEMA);
      assertEquals([houses.path, people.path], [`${parent}/a/houses`, temp.path]);
      Deno.chdir(`${parent}/b`);
      await (await made).close();
      await houses.insert({ street: "Evergreen" });
      await people.insert({ name: "homer", home: 0 });
      assertEquals(people.get(0)?.home?.street, "Evergreen");
      await people.cleanup();
      await people.addField("age", "integer");
      {
        using _guard = await lock.acquire();
        assert(Deno.statSync(`${parent}/a/lock`).isFile);
      }
      await people.backup("copy");
      const salvaging = PsBase.salvage("../people", "salvaged");
      const checking = PsBase.check("copy");
      Deno.chdir(parent);
      assertEquals((await salvaging).rows, 1);
      assertEquals((await checking).ok, true);
      using copy = await PsBase.open(new URL(`file://${parent}/b/copy`));
      assertEquals(copy.path, `${parent}/b/copy`);
      assertEquals(copy.get(0)?.name, "homer");
      await houses.destroy();
      const left = (dir: string) => [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
      assertEquals([left("a"), left("b"), left(".")], [
        ["late", "lock"],
        ["copy", "salvaged"],
        ["a", "b", "people"],
      ]);
    } finally {
      Deno.chdir(cwd);
    }
    temp.damaged = true; // Its link leads to what was destroyed.
  },
});

testInOwnProcess(import.meta.filename!, {
  name: "A program whose directory is gone is told so of relative paths, and uses absolute ones",
  async fn() {
    await using temp = tempBase();
    const cwd = Deno.cwd();
    try {
      Deno.mkdirSync(`${temp.parent}/gone`);
      Deno.chdir(`${temp.parent}/gone`);
      Deno.removeSync(`${temp.parent}/gone`);
      assertThrows(() => PsBase.createSync("people", SCHEMA), BaseError, `Cannot create "people"`);
      using base = PsBase.createSync(temp.path, SCHEMA);
      assertEquals(base.path, temp.path);
    } finally {
      Deno.chdir(cwd);
    }
  },
});

// ------------------------------------------------------------- real processes

Deno.test("PsBase at one path is made, replaced, destroyed and used by many processes at once", async () => {
  await using temp = tempBase();
  const seed = newSeed();
  const rounds = Deno.env.get("PSBASE_LONG") === "1" ? 1000 : 15;
  const outcomes = await Promise.all(Array.from({ length: 5 }, async (_, i) => {
    await using child = spawn(Deno.execPath(), [
      ...[
        "run",
        "-A",
        "--quiet",
        fixture("make_and_destroy"),
        temp.path,
        `${seed + i}`,
        `${rounds}`,
      ],
    ]);
    return JSON.parse((await child.readLine())!) as { done: number; faults: string[] };
  }));
  const told = `PSBASE_SEED=${seed}`;
  assertEquals(outcomes.flatMap(({ faults }) => faults), [], told);
  assert(outcomes.every(({ done }) => done > 0), told);
  using base = PsBase.createSync(temp.path, { who: "string" }, { mode: "override" });
  base.insertSync({ who: "me" });
});
