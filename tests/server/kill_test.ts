/**
 * A server that is killed while clients and other processes write: every acknowledged write is
 * there once, and no other.
 *
 * With `PSBASE_LONG` set, twenty clients, twenty processes and ten kills.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { PsBase } from "../../mod.ts";
import { RemoteBase } from "../../remote.ts";
import { LONG } from "../helpers/crash_run.ts";
import { CLI } from "../helpers/programs.ts";
import { type Fixture, spawn, spawnFixture } from "../helpers/spawn.ts";

const CLIENTS = LONG ? 20 : 4;
const WRITERS = LONG ? 20 : 2;
const KILLS = LONG ? 10 : 3;

const SCHEMA = { who: "string", n: "integer" } as const;
const TOKEN = "token of this test 1";

/** Starts a server, and waits until it answers. */
async function serve(path: string, port: number, tokenFile: string): Promise<[Fixture, number]> {
  const server = spawn(Deno.execPath(), [
    ...["run", "-A", "--quiet", CLI, "serve", path, "--write"],
    ...["--port", String(port), "--token-file", tokenFile],
  ]);
  const address = await server.readLine();
  return [server, Number(/:(\d+)\//.exec(address!)![1])];
}

Deno.test("a server is killed and started again: acknowledged writes are there once", async () => {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/rows`;
  const tokenFile = `${dir}/token`;
  await Deno.writeTextFile(tokenFile, `${TOKEN.replaceAll(" ", "-")}\n`);
  await using table = await PsBase.open(path, SCHEMA);
  await table.keepChanges(1_000_000);
  await table.insert({ who: "counter", n: 0 });

  let [server, port] = await serve(path, 0, tokenFile);
  const url = `http://127.0.0.1:${port}/rows`;
  const token = TOKEN.replaceAll(" ", "-");
  const start = table.sequence;
  let isOver = false;

  /** What each client was told, by name. */
  const told = new Map<string, number[]>();
  let counted = 0;
  const clients = Array.from({ length: CLIENTS }, async (_, i) => {
    await using remote = await RemoteBase.open(url, SCHEMA, { token });
    const ids: number[] = [];
    told.set(`client ${i}`, ids);
    for (let n = 0; !isOver; n++) {
      ids.push(await remote.insert({ who: `client ${i}`, n }));
      if (n % 4 === 0) {
        await remote.update(0, (row) => ({ n: row.n! + 1 }));
        counted++;
      }
    }
  });
  const watched: number[] = [];
  const watching = (async () => {
    await using remote = await RemoteBase.open(url, SCHEMA, { token });
    for await (const change of remote.watch({ since: start })) {
      if (change.last) watched.push(change.sequence);
      if (change.row?.who === "end") return;
    }
  })();
  const writers = Array.from(
    { length: WRITERS },
    (_, i) => spawnFixture("insert_marked", [path, `writer ${i}`]),
  );
  for (let kill = 0; kill < KILLS; kill++) {
    // Until some more writes came through.
    const wanted = [...told.values()].flat().length + 5 + 11 * (kill % 4);
    for await (const _ of table.watch()) if ([...told.values()].flat().length >= wanted) break;
    server.kill();
    await server.status;
    await server[Symbol.asyncDispose]();
    [server] = await serve(path, port, tokenFile);
  }
  isOver = true;
  await Promise.all(clients);
  for (const [i, writer] of writers.entries()) {
    await writer.end();
    const count = Number(await writer.readLine());
    const rows = table.select({ who: `writer ${i}` }, { fields: ["n"] });
    assertEquals(rows.map(({ n }) => n), Array.from({ length: count }, (_, n) => n));
    await writer.status;
    await writer[Symbol.asyncDispose]();
  }
  for (const [who, ids] of told) {
    const rows = table.select({ who });
    assertEquals(rows.map((row) => row.__id__), ids, who);
    assertEquals(rows.map((row) => row.n), ids.map((_, n) => n), who);
  }
  // No update of a client was lost or made twice, though its function ran again.
  assertEquals(table.get(0)?.n, counted);
  await table.insert({ who: "end", n: 0 });
  await watching;
  const expected = Array.from({ length: table.sequence - start }, (_, i) => start + 1 + i);
  assertEquals(watched, expected);
  assertEquals((await table.check()).problems, []);

  // It answers what it has begun, ends its streams, and then ends.
  server.kill("SIGTERM");
  assertEquals((await server.status).code, 0);
  await server[Symbol.asyncDispose]();
  assert([...told.values()].every((ids) => ids.length > 0));
});
