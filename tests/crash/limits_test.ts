/**
 * Processes that may do less than they try: open so many files, write so long ones, or not
 * write in a directory at all.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { PsBase } from "../../base.ts";
import type { Outcome } from "../fixtures/run_out_of_files.ts";
import { fixture } from "../helpers/programs.ts";
import { openRemote } from "../helpers/remote_base.ts";
import { spawnFixture, underShell } from "../helpers/spawn.ts";
import { tempBase } from "../helpers/temp_base.ts";

const SCHEMA = { n: "integer" } as const;
const NO_SHELL = Deno.build.os === "windows";

Deno.test({
  name: "PsBase that may open no more files says so, and works on when it may",
  ignore: NO_SHELL,
  async fn() {
    await using temp = tempBase();
    PsBase.createSync(temp.path, SCHEMA)[Symbol.dispose]();
    await using child = spawnFixture("run_out_of_files", [temp.path], underShell("ulimit -n 64"));
    const outcomes: Outcome[] = [];
    for await (const line of child.lines) outcomes.push(JSON.parse(line));
    assertEquals((await child.status).code, 0);
    const tried = outcomes.splice(0, Math.ceil(outcomes.length / 2));

    // The error of the system, and a file; what writes says that nothing was written.
    const told = (start: string) => new RegExp(`^${start}.*Too many open files.* '${temp.path}`);
    const expected: Record<string, RegExp | unknown> = {
      "open": told("Cannot open "),
      "open to read": told("Cannot open "),
      "first write": told("Cannot write "),
      "next write": 1,
      "read": [1, 3],
      "cleanup": told("Cannot clean up "),
      "backup": told("Cannot back up "),
      "create": told("Cannot create "),
      "made": [],
      "open with one file": told("Cannot open "),
    };
    for (const { attempt, value, error } of tried) {
      const wanted = expected[attempt];
      if (!(wanted instanceof RegExp)) assertEquals(value, wanted, attempt);
      else {
        assertMatch(`${error?.message}`, wanted, attempt);
        assertEquals(error?.outcome, attempt.startsWith("open") ? undefined : "none", attempt);
      }
    }
    assertEquals(tried.map(({ attempt }) => attempt), Object.keys(expected));

    assertEquals(outcomes.flatMap(({ error }) => error ?? []), []);
    using db = PsBase.openSync(temp.path, { schema: SCHEMA });
    assertEquals(Array.from(db, ({ n }) => n), [1, 3, 2, 3]);
    for (const made of ["copy", "new"]) {
      assertEquals(PsBase.checkSync(`${temp.path}.${made}`).ok, true);
    }
  },
});

for (const ignoring of [true, false]) {
  const fate = ignoring ? "is refused more" : "is killed";
  Deno.test({
    name:
      `PsBase that writes beyond the longest file allowed ${fate}, and keeps what was acknowledged`,
    ignore: NO_SHELL,
    async fn() {
      await using temp = tempBase();
      PsBase.createSync(temp.path, SCHEMA)[Symbol.dispose]();
      // Without a directory Deno writes no cache of its own, that would be too long, too.
      const signal = ignoring ? "trap '' XFSZ" : "ulimit -c 0";
      const under = underShell(`export DENO_DIR=/dev/null; ${signal}; ulimit -f 200`);
      await using remote = await openRemote(temp.path, "PsBase", { under });
      let answer: unknown;
      let acknowledged = 0;
      for (let n = 0; Number.isInteger(answer = await remote.call("insert", { n })); n++) {
        acknowledged++;
      }
      if (ignoring) {
        const { error, message } = answer as { error: string; message: string };
        assertEquals(error, "WriteError");
        assertMatch(message, /^Cannot write ".*\.log": File too large .*, nothing was written$/);
        assertEquals(await remote.call("size"), acknowledged);
        // The next log is short.
        assertEquals(await remote.call("cleanup"), null);
        assertEquals(await remote.call("insert", { n: acknowledged }), acknowledged++);
      } else {
        assertEquals((await remote.status).signal, "SIGXFSZ");
      }
      using db = PsBase.openSync(temp.path, { schema: SCHEMA });
      assertEquals(Array.from(db, ({ n }) => n), [...Array(acknowledged).keys()]);
      assert(acknowledged > 100, `${acknowledged} were acknowledged`);
      assertEquals(db.insertSync({ n: -1 }), acknowledged);
    },
  });
}

/** To be put before a command: it is run as nobody. */
const AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/** Why these programs cannot be run as nobody, empty if they can. */
function whyNotAsNobody(): string {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return "only root may be somebody else";
  const [program, ...words] = [
    ...AS_NOBODY,
    "test",
    "-x",
    Deno.execPath(),
    "-a",
    "-r",
    fixture("use_base"),
  ];
  try {
    const { success } = new Deno.Command(program!, { args: words }).outputSync();
    return success ? "" : "nobody but their owner may read the programs";
  } catch {
    return "setpriv is not installed";
  }
}

const why = whyNotAsNobody();

Deno.test({
  name: `PsBase of somebody who may not write says what can be done${why && `: ${why}`}`,
  ignore: why !== "",
  async fn() {
    await using temp = tempBase();
    PsBase.createSync(temp.path, SCHEMA)[Symbol.dispose]();
    const under = [...AS_NOBODY, "env", "DENO_DIR=/dev/null"];
    const open = (options = {}) => openRemote(temp.path, "PsBase", { under, ...options });
    const refusal = async () => {
      await using child = spawnFixture("use_base", [temp.path, "PsBase"], under);
      const { error, message } = JSON.parse((await child.readLine())!);
      return `${error}: ${message}`;
    };
    Deno.chmodSync(temp.parent, 0o755);
    const files = temp.files();
    const modes = (mode: number) => {
      for (const name of Object.keys(files)) Deno.chmodSync(`${temp.path}/${name}`, mode);
    };

    // The directory, and what is in it, of root, for all to read.
    modes(0o644);
    assertMatch(await refusal(), /^ReadOnlyError: .*Permission denied.* open it with readOnly/);
    {
      await using reader = await open({ readOnly: true });
      assertEquals(await reader.call("size"), 0);
      assertMatch(JSON.stringify(await reader.call("insert", { n: 1 })), /ReadOnlyError/);
    }
    assertEquals(temp.files(), files);

    // Its files for all to write, but not the directory.
    modes(0o666);
    {
      await using writer = await open();
      assertEquals(await writer.call("insert", { n: 1 }), 0);
      const { error, message } = await writer.call("cleanup") as Record<string, string>;
      assertEquals(error, "WriteError");
      assertMatch(message!, /^Cannot clean up .*Permission denied.*, the rows are as they were$/);
      assertEquals(await writer.call("insert", { n: 2 }), 1);
    }
    assertEquals(Object.keys(temp.files()), Object.keys(files));

    // Its files for nobody else.
    modes(0o600);
    assertMatch(await refusal(), /^BaseError: .*Permission denied.*, ask its owner for access$/);
  },
});
