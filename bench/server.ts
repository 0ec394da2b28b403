/**
 * The server beside a handler that does nothing: `deno task bench:server`. It needs `wrk` (a Debian
 * package) and Node for json-server.
 *
 * Everything runs in turns, each with the same load; figures are medians of the turns. A ratio is
 * requests per second of psbase divided by those of the handler, or of the inserts in one process.
 *
 * @module
 */
// deno-lint-ignore-file no-console -- it is a command

import { PsBase } from "../mod.ts";
import { RemoteBase } from "../remote.ts";

const ROWS = 100_000;
const TURNS = 5;
const SECONDS = 2;
const TOKEN = "token-of-this-benchmark";
const ROOT = new URL("../", import.meta.url).pathname;

const dir = await Deno.makeTempDir({ prefix: "psbase_bench_" });
const { people, json } = await makeTables();

async function makeTables(): Promise<{ people: string; json: string }> {
  const path = `${dir}/people`;
  await using table = await PsBase.open(path, {
    name: "string",
    age: "integer",
    team: "string",
  });
  const rows = Array.from({ length: ROWS }, (_, n) => ({
    name: `name ${n}`,
    age: n % 97,
    team: `team ${n % 2000}`,
  }));
  await table.insertMany(rows);
  await table.cleanup();
  Deno.writeTextFileSync(`${dir}/token`, TOKEN);
  const all = rows.map((row, id) => ({ id: String(id), ...row }));
  Deno.writeTextFileSync(`${dir}/db.json`, JSON.stringify({ people: all }));
  return { people: path, json: `${dir}/db.json` };
}

/** Starts a program that serves, and waits until it answers. */
async function start(program: string, args: string[], port: number): Promise<Deno.ChildProcess> {
  const child = new Deno.Command(program, { args, stdout: "null", stderr: "null" }).spawn();
  for (;;) {
    try {
      await (await fetch(`http://127.0.0.1:${port}/people/17`)).body?.cancel();
      return child;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

const servers: Deno.ChildProcess[] = [];
servers.push(
  await start(Deno.execPath(), [
    ...["run", "-A", "--quiet", `${ROOT}cli.ts`, "serve", people, "--write"],
    ...["--port", "7363", "--token-file", `${dir}/token`],
  ], 7363),
);
const EMPTY = 'Deno.serve({ port: 7364, onListen() {} }, () => new Response("{}\\n"))';
servers.push(await start(Deno.execPath(), ["eval", EMPTY], 7364));
let peer = true;
try {
  servers.push(
    await Promise.race([
      start("npx", ["-y", "json-server@0.17.4", "--quiet", "--port", "7365", json], 7365),
      new Promise<never>((_, no) => setTimeout(() => no(new Error("too late")), 60_000)),
    ]),
  );
} catch {
  peer = false;
}

interface Load {
  readonly requests: number;
  readonly p99: string;
}

/** Asks one address for a while, by 16 connections. */
async function wrk(url: string, script?: string): Promise<Load> {
  const args = ["-t2", `-c${script === undefined ? 16 : 32}`, `-d${SECONDS}s`, "--latency"];
  args.push("-H", `Authorization: Bearer ${TOKEN}`);
  if (script !== undefined) args.push("-s", script);
  const { stdout } = await new Deno.Command("wrk", { args: [...args, url] }).output();
  const text = new TextDecoder().decode(stdout);
  const failed = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1];
  if (failed !== undefined) throw new Error(`${url}: ${failed} answers are no success`);
  return {
    requests: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)![1]),
    p99: /99%\s+(\S+)/.exec(text)![1]!,
  };
}

/** Inserts by 32 loops in one process for a while; gives inserts per second. */
async function insertHere(): Promise<Load> {
  await using table = await PsBase.open(people);
  const end = performance.now() + SECONDS * 1000;
  const times: number[] = [];
  await Promise.all(Array.from({ length: 32 }, async () => {
    while (performance.now() < end) {
      const begin = performance.now();
      await table.insert({ name: "new", age: 1, team: "new" });
      times.push(performance.now() - begin);
    }
  }));
  times.sort((a, b) => a - b);
  return {
    requests: times.length / SECONDS,
    p99: `${times[Math.floor(times.length * 0.99)]!.toFixed(2)}ms`,
  };
}

const POST = `${dir}/post.lua`;
Deno.writeTextFileSync(
  POST,
  `wrk.method = "POST"
wrk.body = '{"name":"new","age":1,"team":"new"}'
wrk.headers["Content-Type"] = "application/json"
`,
);
const at = (port: number, path: string) => `http://127.0.0.1:${port}/${path}`;
const works: Record<string, () => Promise<Load>> = {
  "empty handler": () => wrk(at(7364, "people/17")),
  "GET /people/17": () => wrk(at(7363, "people/17")),
  ...(peer && { "json-server: GET /people/17": () => wrk(at(7365, "people/17")) }),
  "GET /people?team=eq…&limit=50": () => wrk(at(7363, "people?team=eq.team%2017&limit=50")),
  "GET /people?age=gte.90&limit=50": () => wrk(at(7363, "people?age=gte.90&limit=50")),
  "POST /people": () => wrk(at(7363, "people"), POST),
  "32 loops of await insert": insertHere,
};
const found: Record<string, Load[]> = {};
for (let turn = 0; turn < TURNS; turn++) {
  for (const [name, work] of Object.entries(works)) (found[name] ??= []).push(await work());
}
const median = (loads: Load[]) => loads.toSorted((a, b) => a.requests - b.requests)[TURNS >> 1]!;
const per = (name: string) => median(found[name]!).requests;
console.log("| | requests a second | p99 | ratio |");
console.log("| --- | --: | --: | --: |");
for (const name of Object.keys(works)) {
  const base = name === "POST /people" ? "32 loops of await insert" : "empty handler";
  const { requests, p99 } = median(found[name]!);
  console.log(
    `| ${name} | ${requests.toFixed(0)} | ${p99} | ${(per(name) / per(base)).toFixed(2)} |`,
  );
}

/** The resident memory of a process, in MiB. */
function memory({ pid }: Deno.ChildProcess): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(text)![1]) / 1024;
}

// A thousand streams, and how late each is told of a change.
const [server] = servers;
await using writer = await PsBase.open(people);
const headers = { authorization: `Bearer ${TOKEN}` };
const before = memory(server!);
const delays: number[] = [];
const end = new AbortController();
const STREAMS = 1000;
const sent = new Map<number, number>();
const readers = await Promise.all(Array.from({ length: STREAMS }, async () => {
  const url = at(7363, "people/~changes");
  return (await fetch(url, { headers, signal: end.signal })).body!.getReader();
}));
const decoder = new TextDecoder();
for (const reader of readers) {
  void (async () => {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const now = performance.now();
      for (const [, id] of decoder.decode(value).matchAll(/^id: (\d+)\nevent: commit/gm)) {
        const begin = sent.get(Number(id));
        if (begin !== undefined) delays.push(now - begin);
      }
    }
  })().catch(() => {});
}
const grown = memory(server!) - before;
for (let i = 0; i < 30; i++) {
  sent.set(writer.sequence + 1, performance.now());
  await writer.insert({ name: "live", age: i });
  await new Promise((resolve) => setTimeout(resolve, 100));
}
end.abort();
delays.sort((a, b) => a - b);
console.log(
  `\n${STREAMS} streams: ${
    grown.toFixed(0)
  } MiB more; of ${delays.length} events the median came ` +
    `after ${delays[delays.length >> 1]!.toFixed(0)} ms, the last after ${
      delays.at(-1)!.toFixed(0)
    } ms`,
);

// A million rows in and out.
const big = `${dir}/big`;
await (await PsBase.open(big, { n: "integer", text: "string" })).close();
const importer = await start(Deno.execPath(), [
  ...["run", "-A", "--quiet", `${ROOT}cli.ts`, "serve", big, "--write"],
  ...["--port", "7366", "--token-file", `${dir}/token`],
], 7366);
const remote = await RemoteBase.open(at(7366, "big"), undefined, { token: TOKEN });
await remote.count();
const low = memory(importer);
let peak = low;
const timer = setInterval(() => peak = Math.max(peak, memory(importer)), 20);
let begin = performance.now();
let n = 0;
const encoder = new TextEncoder();
const body = new ReadableStream<Uint8Array>({
  pull(controller) {
    let text = "";
    for (let i = 0; i < 1000; i++, n++) text += `{"n":${n},"text":"row ${n}"}\n`;
    controller.enqueue(encoder.encode(text));
    if (n === 1_000_000) controller.close();
  },
});
const posted = await fetch(at(7366, "big"), {
  method: "POST",
  headers: { ...headers, "content-type": "application/x-ndjson" },
  body,
});
await posted.body!.cancel();
const importMs = performance.now() - begin;
const importPeak = peak - low;
begin = performance.now();
peak = memory(importer);
const start2 = peak;
let bytes = 0;
for await (const piece of (await fetch(at(7366, "big.ndjson"), { headers })).body!) {
  bytes += piece.length;
}
clearInterval(timer);
console.log(
  `1,000,000 rows: imported in ${importMs.toFixed(0)} ms, ${
    importPeak.toFixed(0)
  } MiB more at the ` +
    `most; exported (${(bytes / 1e6).toFixed(0)} MB) in ${
      (performance.now() - begin).toFixed(0)
    } ms, ${(peak - start2).toFixed(0)} MiB more at the most`,
);
await remote.close();
for (const one of [...servers, importer]) {
  try {
    one.kill();
  } catch {
    // npx ends before what it started.
  }
}
await Deno.remove(dir, { recursive: true });
Deno.exit();
