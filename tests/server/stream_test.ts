/** Streams of changes: in order, none twice, none missing. */

import { assert, assertEquals } from "@std/assert";
import { PsBase } from "../../mod.ts";
import { Served } from "../helpers/served.ts";

/** An event of a stream. */
interface Told {
  readonly id: string;
  readonly event: string;
  // deno-lint-ignore no-explicit-any
  readonly data: any;
}

/** The events of a stream, until its connection ends. */
async function* eventsOf(answer: Response): AsyncGenerator<Told, void> {
  let text = "";
  for await (const piece of answer.body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const events = text.split("\n\n");
    text = events.pop()!;
    for (const event of events) {
      const lines = event.split("\n").map((line) => /^(\w*): ?(.*)$/.exec(line)!.slice(1));
      const { id, event: name, data } = Object.fromEntries(lines);
      if (data !== undefined) yield { id: id!, event: name!, data: JSON.parse(data) };
    }
  }
}

Deno.test("300 commits over 17 broken connections come in order, none twice, none missing", async () => {
  await using table = await PsBase.open(await Deno.makeTempDir(), { n: "integer" });
  await table.keepChanges(1000);
  const start = table.sequence;
  await using served = new Served({ people: table });
  const writing = (async () => {
    for (let n = 0; n < 300; n++) await table.insert({ n });
  })();
  const seen: number[] = [];
  let last = String(start);
  let connections = 0;
  while (seen.length < 300) {
    connections++;
    const broken = new AbortController();
    const answer = await fetch(served.url(`people/~changes?since=${start}`), {
      headers: { "last-event-id": last, accept: "text/event-stream" },
      signal: broken.signal,
    });
    let left = connections <= 17 ? 16 : 300;
    try {
      for await (const { id, event, data } of eventsOf(answer)) {
        if (event !== "commit") continue;
        last = id;
        for (const { row } of data.changes) seen.push(row.n);
        if (--left === 0 || seen.length === 300) broken.abort();
      }
    } catch (error) {
      if (!broken.signal.aborted) throw error;
    }
  }
  await writing;
  assertEquals(seen, Array.from({ length: 300 }, (_, n) => n));
  assert(connections >= 17, `${connections} connections`);
});

Deno.test("a stream of several tables tells where each of them is", async () => {
  const dir = await Deno.makeTempDir();
  await using a = await PsBase.open(`${dir}/a`, { n: "integer" });
  await using b = await PsBase.open(`${dir}/b`, { n: "integer" });
  await a.insert({ n: 1 });
  await using served = new Served({ a, b });
  const answer = await served.ask("~changes?tables=a,b&since=a:0");
  const events = eventsOf(answer);
  const next = async () => (await events.next()).value as Told;
  assertEquals((await next()).data, { sequences: { a: 0, b: 0 } });
  const first = await next();
  assertEquals([first.id, first.data.table, first.data.changes[0].row.n], ["a:1,b:0", "a", 1]);
  await b.insert({ n: 2 });
  const second = await next();
  assertEquals([second.id, second.data.table, second.data.changes[0].row.n], ["a:1,b:1", "b", 2]);
  await events.return();
});

Deno.test("conditions: a stream tells only rows that match before or after", async () => {
  await using table = await PsBase.open(await Deno.makeTempDir(), { n: "integer" });
  await using served = new Served({ people: table });
  const events = eventsOf(await served.ask("people/~changes?n=gt.5"));
  assertEquals((await events.next()).value!.event, "open");
  await table.insertMany([{ n: 1 }, { n: 6 }]);
  await table.insert({ n: 2 });
  await table.update(1, { n: 0 });
  const told = [];
  for (let i = 0; i < 2; i++) {
    const { value } = await events.next();
    told.push([value!.data.sequence, value!.data.changes.map(({ id }: { id: number }) => id)]);
  }
  assertEquals(told, [[1, [1]], [3, [1]]]);
  await events.return();
});

Deno.test("changes that are not kept are gone, and one that reads slowly gets all", async () => {
  await using table = await PsBase.open(await Deno.makeTempDir(), { n: "integer" });
  for (let n = 0; n < 3; n++) await table.insert({ n });
  await table.cleanup();
  await using served = new Served({ people: table });
  const gone = await served.ask("people/~changes?since=0");
  assertEquals([gone.status, (await gone.json()).class], [410, "RangeError"]);
  const slow = eventsOf(await served.ask(`people/~changes?since=${table.sequence}`));
  const quick = eventsOf(await served.ask(`people/~changes?since=${table.sequence}`));
  assertEquals((await slow.next()).value!.event, "open");
  assertEquals((await quick.next()).value!.event, "open");
  // More than are kept for all streams.
  await table.keepChanges(5000);
  const from = table.sequence;
  for (let n = 0; n < 1500; n++) table.insertSync({ n });
  for (const stream of [quick, slow]) {
    let next = from;
    for await (const { data } of stream) {
      assertEquals(data.sequence, next++);
      if (data.sequence === table.sequence) break;
    }
    assertEquals(next, table.sequence + 1);
  }
});
