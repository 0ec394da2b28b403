/** A server whose table is damaged or replaced, or whose disk is full: it says so, and stays up. */

import { assert, assertEquals } from "@std/assert";
import { withFiles } from "../../engine/system/deno_file.ts";
import { PsBase } from "../../mod.ts";
import { handlerOf } from "../../server/serve_handler.ts";
import { ServedTable } from "../../server/table.ts";
import { Disk, ioError, noSpace } from "../helpers/crash_file.ts";
import { Served } from "../helpers/served.ts";

Deno.test("a full disk is a 507, a broken one a 500, and reads go on", async () => {
  const disk = new Disk();
  const files = disk.process();
  const schema = { name: "string" } as const;
  await using people = withFiles(files, () => PsBase.createSync("/people", schema));
  await people.insert({ name: "homer" });
  await using served = new Served({ people });
  for (const [error, status] of [[noSpace(), 507], [ioError(), 500]] as const) {
    let left = 1;
    disk.before = ({ name }) => name === "writeAt" && left-- > 0 ? { error } : undefined;
    const answer = await served.send("POST", "people", { name: "x".repeat(70_000) });
    const problem = await answer.json();
    assertEquals([answer.status, problem.class, problem.outcome], [status, "WriteError", "none"]);
    assertEquals((await (await served.ask("people")).json()).length, 1);
    assert(served.errors.length > 0);
    disk.before = () => undefined;
    const done = await served.send("POST", "people", { name: "later" });
    assertEquals(done.status, 201);
    assertEquals(
      (await served.ask(`people/${(await done.json()).ids[0]}`, { method: "DELETE" })).status,
      200,
    );
  }
});

Deno.test("after a failed sync the table is opened again, where the server knows how", async () => {
  const disk = new Disk();
  const files = disk.process();
  const open = () => Promise.resolve(withFiles(files, () => PsBase.openSync("/people")));
  withFiles(files, () => PsBase.createSync("/people", { name: "string" }))[Symbol.dispose]();
  const table = new ServedTable("people", await open(), true, open);
  await using handler = handlerOf([table], { onError() {} });
  const post = () =>
    handler(
      new Request("http://localhost/people", {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": "one" },
        body: '{"name":"homer"}',
      }),
    );
  disk.before = ({ name }) => /^sync/.test(name) ? { error: ioError() } : undefined;
  const failed = await post();
  assertEquals([failed.status, (await failed.json()).outcome], [500, "unknown"]);
  disk.before = () => undefined;
  // With its key it can be sent again, whatever became of it.
  assertEquals((await post()).status, 201);
  assertEquals(table.base.size, 1);
  await table.base.close();
});

Deno.test("damage is a 500 that names it, and the other table is served", async () => {
  const dir = await Deno.makeTempDir();
  await using good = await PsBase.open(`${dir}/good`, { name: "string" });
  {
    await using bad = await PsBase.open(`${dir}/bad`, { name: "string" });
    await bad.insertMany(Array.from({ length: 100 }, (_, n) => ({ name: `name ${n}` })));
    await bad.cleanup();
  }
  using segment = await Deno.open(`${dir}/bad/000002.table`, { write: true });
  await segment.seek(48, Deno.SeekMode.Start);
  await segment.write(new Uint8Array(64));
  await using bad = await PsBase.open(`${dir}/bad`);
  await using served = new Served({ good, bad });
  for (const path of ["bad", "bad/3", "bad?order=-name", "bad.csv"]) {
    const answer = await served.ask(path);
    const problem = await answer.json();
    assertEquals([answer.status, problem.class], [500, "CorruptionError"], path);
    assert(!problem.detail.includes(dir), problem.detail);
  }
  const check = await (await served.ask("bad/~check")).json();
  assertEquals([check.ok, check.problems.length > 0], [false, true]);
  assertEquals((await served.send("POST", "good", { name: "x" })).status, 201);
  assertEquals((await (await served.ask("good")).json()).length, 1);
});

Deno.test("a table that another one replaced is opened again, where the server knows how", async () => {
  const dir = await Deno.makeTempDir();
  const open = async () => await PsBase.open(`${dir}/people`);
  {
    await using first = await PsBase.open(`${dir}/people`, { name: "string" });
    await first.insert({ name: "homer" });
  }
  const table = new ServedTable("people", await open(), true, open);
  await using handler = handlerOf([table], { onError() {} });
  const ask = (path: string, init: RequestInit = {}) =>
    handler(new Request(`http://localhost/${path}`, init));
  assertEquals((await (await ask("people")).json()).length, 1);
  await using other = await PsBase.create(`${dir}/people`, { n: "integer" }, { mode: "override" });
  await other.insertMany([{ n: 1 }, { n: 2 }]);
  assertEquals((await (await ask("people")).json()).map(({ n }: { n: number }) => n), [1, 2]);
  const { fields } = await (await ask("people/~schema")).json();
  assertEquals(fields[0].name, "n");
  const posted = await ask("people", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"n":3}',
  });
  assertEquals(posted.status, 201);
  await other.destroy();
  const gone = await ask("people");
  assertEquals([gone.status, (await gone.json()).class], [404, "BaseNotFoundError"]);
  await table.base.close();
});
