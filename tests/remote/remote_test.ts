/** A client whose connection is bad, whose server is gone, or that is no Deno at all. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { PsBase } from "../../mod.ts";
import {
  BaseNotFoundError,
  ClosedError,
  PrimaryError,
  RemoteBase,
  SchemaError,
} from "../../remote.ts";
import { bundle } from "../../tools/build.ts";
import { Served } from "../helpers/served.ts";

const SCHEMA = { name: { type: "string", unique: true }, n: "integer" } as const;

async function people(): Promise<PsBase<typeof SCHEMA>> {
  return await PsBase.open(await Deno.makeTempDir(), SCHEMA);
}

/** A connection that does what it is told to each request: loses the request, or its answer. */
function badConnection(fate: (n: number) => "lost" | "unanswered" | "busy" | "well"): typeof fetch {
  let n = 0;
  return async (...args) => {
    const what = fate(n++);
    if (what === "lost") throw new TypeError("the connection broke");
    if (what === "busy") return new Response("try later", { status: 503 });
    const answer = await fetch(...args);
    if (what === "well") return answer;
    await answer.body?.cancel();
    throw new TypeError("the connection broke");
  };
}

for (const fault of ["lost", "unanswered", "busy"] as const) {
  Deno.test(`each write is made once though the first two attempts are ${fault}`, async () => {
    await using table = await people();
    await using served = new Served({ people: table });
    await using remote = await served.open("people", SCHEMA, {
      fetch: badConnection((n) => n % 3 === 2 ? "well" : fault),
    });
    assertEquals(await remote.insert({ name: "a", n: 1 }), 0);
    assertEquals(await remote.insertMany([{ name: "b" }, { name: "c" }]), [1, 2]);
    assertEquals((await remote.update(0, { n: 2 })).n, 2);
    assertEquals((await remote.update([0, 1], { n: 3 })).map((row) => row.__version__), [2, 1]);
    assertEquals((await remote.update(0, (row) => ({ n: row.n! + 1 }))).n, 4);
    assertEquals(await remote.updateWhere({ n: { gte: 3 } }, { n: 5 }), 2);
    assertEquals((await remote.upsert({ name: "a" }, { n: 6 })).__version__, 5);
    assertEquals(await remote.insertAsStrings({ name: "d" }), 3);
    assertEquals(await remote.delete(3), 1);
    assertEquals(await remote.deleteWhere({ name: "c" }), 1);
    const id = await remote.transaction(async (tx) => {
      const id = await tx.insert({ name: "e", n: await tx.sum("n") });
      await tx.update(id, (row) => ({ n: row.n! + 1 }));
      return id;
    });
    assertEquals(await remote.select(), [...table]);
    assertEquals([table.get(id)?.n, table.sequence, table.size], [12, 11, 3]);
  });
}

Deno.test("a server that is gone: reads and writes say so in time, and what became of them", async () => {
  await using table = await people();
  const served = new Served({ people: table });
  const remote = await served.open("people", SCHEMA, { timeoutMs: 100 });
  const { port } = served;
  await served[Symbol.asyncDispose]();
  const read = await assertRejects(() => remote.count(), PrimaryError, "Cannot reach");
  assertEquals(read.outcome, "none");
  const write = await assertRejects(() => remote.insert({ name: "a" }), PrimaryError);
  assertEquals(write.outcome, "unknown");
  await assertRejects(
    () => RemoteBase.open(`http://127.0.0.1:${port}/people`, SCHEMA, { timeoutMs: 50 }),
    PrimaryError,
  );
  // It comes back on the same port, and the same handle goes on.
  await using again = new Served({ people: table }, {}, port);
  assertEquals(await remote.insert({ name: "b" }), 0);
  assertEquals(again.port, port);
  await remote.close();
  await assertRejects(() => remote.count(), ClosedError);
});

Deno.test("what cannot be sent is refused where it is called", async () => {
  await using table = await people();
  await using served = new Served({ people: table });
  await using remote = await served.open("people", SCHEMA);
  const told = "a function cannot be sent to a server";
  await assertRejects(() => remote.count((row) => row.n === 1), TypeError, told);
  await assertRejects(() => remote.deleteWhere(() => true), TypeError, told);
  await assertRejects(() => remote.insert({ name: Symbol("x") } as never), TypeError, "insert");
  await assertRejects(
    () => RemoteBase.open(served.url("people"), { nam: "string" }),
    SchemaError,
    'no field "nam"',
  );
  await assertRejects(
    () => RemoteBase.open(served.url("people"), { n: "string" }),
    SchemaError,
    'field "n" is integer, not string',
  );
  await assertRejects(() => RemoteBase.open(served.url("nobody")), Error, "nobody");
  await using other = Deno.serve({ port: 0, onListen() {} }, () => new Response("<html>"));
  const url = `http://127.0.0.1:${other.addr.port}/people`;
  await assertRejects(() => RemoteBase.open(url, undefined, { timeoutMs: 200 }), PrimaryError);
});

Deno.test("a transaction that others keep overtaking gives up in time, and changes nothing", async () => {
  await using table = await people();
  await table.insert({ name: "a", n: 0 });
  await using served = new Served({ people: table });
  await using remote = await served.open("people", SCHEMA);
  let runs = 0;
  const error = await assertRejects(
    () =>
      remote.transaction(async (tx) => {
        runs++;
        await tx.update(0, { n: 100 });
        await table.update(0, (row) => ({ n: row.n! + 1 }));
      }, { timeoutMs: 60 }),
    DOMException,
    "came first",
  );
  assertEquals(error.name, "TimeoutError");
  assert(runs >= 2);
  assertEquals(table.get(0)?.n, runs);
  // Once they stop, it gets through.
  let left = 2;
  await remote.transaction(async (tx) => {
    const n = await tx.sum("n");
    if (left-- > 0) await table.update(0, (row) => ({ n: row.n! + 1 }));
    await tx.update(0, { n: n * 2 });
  });
  assertEquals(table.get(0)?.n, (runs + 2) * 2);
  const ended = await remote.transaction((tx) => Promise.resolve(tx));
  await assertRejects(async () => await ended.count(), ClosedError);
});

Deno.test("a watch goes on where it was, over a server that is started again", async () => {
  await using table = await people();
  const first = new Served({ people: table });
  const remote = await first.open("people", SCHEMA);
  const seen: (number | null)[] = [];
  const watching = (async () => {
    for await (const { row } of remote.watch({ since: 0 })) {
      seen.push(row!.n);
      if (row!.n === 9) return;
    }
  })();
  for (let n = 0; n < 5; n++) await table.insert({ name: `${n}`, n });
  const { port } = first;
  await first[Symbol.asyncDispose]();
  for (let n = 5; n < 9; n++) await table.insert({ name: `${n}`, n });
  await using _second = new Served({ people: table }, {}, port);
  await table.insert({ name: "9", n: 9 });
  await watching;
  assertEquals(seen, Array.from({ length: 10 }, (_, n) => n));
  // The table is gone: that is no broken connection.
  const ended = assertRejects(async () => {
    for await (const _ of remote.watch());
  }, BaseNotFoundError);
  await table.insert({ name: "10", n: 10 });
  await using other = await PsBase.open(table.path);
  await other.destroy();
  await ended;
  await remote.close();
});

Deno.test({
  name: "RemoteBase runs in Node, and touches nothing of Deno",
  // esbuild is a process that goes on.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using table = await people();
    await using served = new Served({ people: table });
    const dir = await Deno.makeTempDir();
    await bundle(new URL("../../", import.meta.url), ["remote.ts"], new URL(`file://${dir}/`));
    const program = `
      const { RemoteBase, UniqueError } = await import("${dir}/remote.js");
      await using people = await RemoteBase.open("${served.url("people")}");
      await people.insert({ name: "homer", n: 1 });
      const error = await people.insert({ name: "homer" }).catch((error) => error);
      for await (const { row } of people.watch({ since: 0 })) {
        console.log(row.name, await people.count(), error instanceof UniqueError);
        break;
      }
      process.exit();`;
    await Deno.writeTextFile(`${dir}/run.mjs`, program.replace("await using", "const"));
    const { stdout, stderr } = await new Deno.Command("node", { args: [`${dir}/run.mjs`] })
      .output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    assertEquals([text(stdout), text(stderr)], ["homer 1 true\n", ""]);
  },
});
