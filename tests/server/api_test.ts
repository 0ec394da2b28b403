/** The routes of the server, asked as programs and people ask. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { json, link, PsBase } from "../../mod.ts";
import { Served } from "../helpers/served.ts";

const SCHEMA = {
  name: "string",
  age: "integer",
  email: { type: "string", unique: true },
  big: "bigint",
  score: "float",
  born: "date",
  face: "bytes",
  tags: json<string[]>(),
  limit: "integer",
} as const;

async function people(): Promise<PsBase<typeof SCHEMA>> {
  return await PsBase.open(await Deno.makeTempDir(), SCHEMA);
}

const ROWS = [
  { name: "homer", age: 39, email: "h@x", big: 2n ** 60n, score: NaN, limit: 5 },
  { name: "lisa", age: 8, born: Temporal.PlainDate.from("2000-01-02"), tags: ["sax", "a,b"] },
  { name: 'a,b(c) "d" \\e', age: null, face: new Uint8Array([1, 2]) },
];

/** The names of the rows that a query finds. */
async function namesAt(served: Served, query: string): Promise<unknown> {
  const answer = await served.ask(`people?${query}`);
  const body = await answer.json();
  assertEquals(answer.status, 200, JSON.stringify(body));
  return body.map(({ name }: { name: string }) => name);
}

Deno.test("every operator finds what its condition finds", async () => {
  await using table = await people();
  await table.insertMany(ROWS);
  await using served = new Served({ people: table });
  const all = ROWS.map(({ name }) => name);
  const [homer, lisa, odd] = all;
  for (
    const [query, names] of [
      ["", all],
      ["age=eq.39", [homer]],
      ["age=neq.39", [lisa, odd]],
      ["age=gt.8", [homer]],
      ["age=gte.8&age=lt.39", [lisa]],
      ["age=lte.8", [lisa]],
      ["age=is.null", [odd]],
      ["age=not.is.null", [homer, lisa]],
      ["age=in.(8,39,77)", [homer, lisa]],
      ["age=not.in.(8,39)", [odd]],
      ["age=in.()", []],
      ["name=like.h*", [homer]],
      ["name=like.*sa", [lisa]],
      ["name=like.*om*", [homer]],
      ["name=like.h*m*r", [homer]],
      ["name=like.lisa", [lisa]],
      ["name=match.^[hl]", [homer, lisa]],
      ["name=imatch.^H", [homer]],
      ["name=not.imatch.^H", [lisa, odd]],
      ["or=(age.eq.8,name.like.h*)", [homer, lisa]],
      ["and=(age.gt.1,or(age.eq.8,age.eq.9))", [lisa]],
      ["not.or=(age.eq.8,age.eq.39)", [odd]],
      ["or=(not.and(age.gt.1,age.lt.50),age.in.(8,9))", [lisa, odd]],
      ["or=(age.not.is.null)", [homer, lisa]],
      [`name=eq.${encodeURIComponent(odd!)}`, [odd]],
      [`or=(name.eq.${encodeURIComponent(JSON.stringify(odd))})`, [odd]],
      [`name=in.(${encodeURIComponent(JSON.stringify(odd))},lisa)`, [lisa, odd]],
      ["big=eq.1152921504606846976", [homer]],
      ["score=eq.NaN", [homer]],
      ["born=gte.2000-01-01", [lisa]],
      ["face=eq.AQI%3D", [odd]],
      [`tags=eq.${encodeURIComponent('["sax","a,b"]')}`, [lisa]],
      ["__id__=gte.1", [lisa, odd]],
      ['"limit"=eq.5', [homer]],
      ['or=("limit".eq.5)', [homer]],
      ["order=-name", [lisa, homer, odd]],
      ["order=name&limit=1&offset=1", [homer]],
      ["order=-age,name&select=name", [homer, lisa, odd]],
      ["offset=2", [odd]],
      ["offset=7", []],
      ["limit=0", []],
    ] as const
  ) {
    assertEquals(await namesAt(served, query), names, query);
  }
});

Deno.test("rows come as JSON, lines of JSON and CSV, by Accept and by suffix", async () => {
  await using table = await people();
  await table.insertMany(ROWS);
  await using served = new Served({ people: table });
  const get = async (path: string, accept?: string) => {
    const answer = await served.ask(path, accept === undefined ? {} : { headers: { accept } });
    return { answer, text: await answer.text() };
  };
  const array = await get("people");
  assertEquals(array.answer.headers.get("content-type"), "application/json");
  assertEquals(JSON.parse(array.text)[0], {
    __id__: 0,
    __version__: 0,
    name: "homer",
    age: 39,
    email: "h@x",
    big: "1152921504606846976",
    score: "NaN",
    born: null,
    face: null,
    tags: null,
    limit: 5,
  });
  const lines = await get("people", "application/x-ndjson");
  assertEquals(
    lines.text.trim().split("\n").map((line) => JSON.parse(line)),
    JSON.parse(array.text),
  );
  const csv = await get("people.csv?select=name,age");
  assertEquals(
    csv.text,
    '__id__,__version__,name,age\n0,0,homer,39\n1,0,lisa,8\n2,0,"a,b(c) ""d"" \\e",\n',
  );
  assertMatch(csv.answer.headers.get("content-disposition")!, /^attachment; .*people\.csv$/);
  assertEquals((await get("people.ndjson")).text, lines.text);
  assertEquals(
    (await get("people", "text/csv;q=0.5, application/x-ndjson;q=0.9")).text,
    lines.text,
  );
  assertEquals((await get("people", "image/png")).answer.status, 406);
  for (const path of ["people", "people.ndjson"]) {
    assertEquals((await get(`${path}?age=eq.1`)).answer.status, 200);
  }
  assertEquals((await get("people?age=eq.1")).text, "[]\n");
});

Deno.test("an answer tells its range, its commit and its tag", async () => {
  await using table = await people();
  await table.insertMany(ROWS);
  await using served = new Served({ people: table });
  const range = async (query: string, prefer = "count=exact") => {
    const answer = await served.ask(`people?${query}`, { headers: { prefer } });
    await answer.body?.cancel();
    return answer.headers.get("content-range");
  };
  assertEquals(await range("limit=2"), "0-1/3");
  assertEquals(await range("limit=2&offset=2"), "2-2/3");
  assertEquals(await range("offset=9"), "*/3");
  assertEquals(await range("age=gt.8"), "0-0/1");
  assertEquals(await range("limit=2", ""), "0-1/*");
  const first = await served.ask("people");
  const etag = first.headers.get("etag")!;
  await first.body?.cancel();
  assertEquals(first.headers.get("psbase-sequence"), "1");
  const again = async (headers: Record<string, string>) => {
    const answer = await served.ask("people", { headers });
    await answer.body?.cancel();
    return answer.status;
  };
  assertEquals(await again({ "if-none-match": etag }), 304);
  assertEquals(await again({ "if-none-match": `"other", ${etag}` }), 304);
  await table.delete(0);
  assertEquals(await again({ "if-none-match": etag }), 200);
  const row = await served.ask("people/1");
  assertEquals(row.headers.get("etag"), '"0"');
  await row.body?.cancel();
  const same = await served.ask("people/1", { headers: { "if-none-match": '"0"' } });
  assertEquals([same.status, await same.text()], [304, ""]);
  const head = await served.ask("people", { method: "HEAD" });
  assertEquals([head.status, await head.text()], [200, ""]);
});

Deno.test("figures of a table, of groups and of a field", async () => {
  await using table = await people();
  await table.insertMany([...ROWS, { name: "lisa", age: 10, big: 5n, score: 1.5 }]);
  await using served = new Served({ people: table });
  const get = async (path: string) => await (await served.ask(`people/${path}`)).json();
  assertEquals(await get("~count"), { count: 4 });
  assertEquals(await get("~count?name=eq.lisa"), { count: 2 });
  assertEquals(await get("~sum?of=age"), { sum: 57 });
  assertEquals(await get("~sum?of=big"), { sum: "1152921504606846981" });
  assertEquals(await get("~avg?of=age&age=lt.20"), { avg: 9 });
  assertEquals(await get("~min?of=born"), { min: "2000-01-02" });
  assertEquals(await get("~max?of=score"), { max: "NaN" });
  assertEquals(await get("~distinct?of=name&age=gt.1"), { values: ["homer", "lisa"] });
  assertEquals(
    await get("~group?by=name&figures=n:count,mean:avg.age,oldest:max.age&order=-n&limit=1"),
    { groups: [{ name: "lisa", n: 2, mean: 9, oldest: 10 }] },
  );
  assertEquals((await get("~explain?email=eq.h@x")).index, "email");
  const { fields, write } = await get("~schema");
  assertEquals([fields.length, fields[2].unique, write], [9, true, true]);
  assertEquals((await get("~stats")).rows, 4);
  assertEquals(await get("~check"), { ok: true, rows: 4, problems: [] });
  const figures = await get("~figures?of=age");
  assertEquals([figures.count, figures.nulls, figures.distinct, figures.min, figures.max], [
    4,
    1,
    3,
    8,
    39,
  ]);
  const counts = figures.histogram.map(({ count }: { count: number }) => count);
  assertEquals(counts.reduce((a: number, b: number) => a + b), 3);
  assertEquals((await get("~figures?of=name")).histogram, null);
  const tables = await (await served.ask("~tables")).json();
  assertEquals(tables.tables, [{ name: "people", rows: 4, write: true }]);
  const rest = await served.ask("people/~rows?after=1");
  assertEquals(rest.headers.get("psbase-sequence"), "1");
  const ids = (await rest.text()).trim().split("\n").map((line) => JSON.parse(line).__id__);
  assertEquals(ids, [2, 3]);
  const api = await (await served.ask("~openapi.json")).json();
  assertEquals(api.openapi, "3.1.0");
  assert(api.paths["/people/{id}"].patch !== undefined);
});

Deno.test("rows are inserted, changed and deleted", async () => {
  await using table = await people();
  await using served = new Served({ people: table });
  const one = await served.send("POST", "people", { name: "homer", age: 39, big: 3 });
  assertEquals([one.status, one.headers.get("location")], [201, "/people/0"]);
  assertEquals(await one.json(), { ids: [0], id: 0 });
  const many = await served.send("POST", "people", [{ name: "a" }, { name: "b", big: "9" }]);
  assertEquals(await many.json(), { ids: [1, 2] });
  // A number that JSON.parse would round.
  const long = await served.send("POST", "people", '{"big":1152921504606846977}');
  assertEquals(await long.json(), { ids: [3], id: 3 });
  assertEquals(table.get(3)?.big, 1152921504606846977n);
  const lines = await served.send("POST", "people", '{"name":"c"}\n\n{"name":"d"}', {
    "content-type": "application/x-ndjson",
  });
  assertEquals(await lines.json(), { ids: [4, 5] });
  const csv = await served.send("POST", "people", 'name,age\n"e,f",\n"",5\n', {
    "content-type": "text/csv; charset=utf-8",
  });
  assertEquals(await csv.json(), { ids: [6, 7] });
  assertEquals([table.get(6)?.name, table.get(7)?.name, table.get(6)?.age], ["e,f", "", null]);

  const changed = await served.send("PATCH", "people/0", { age: 40 }, { "if-match": '"0"' });
  assertEquals([changed.status, changed.headers.get("etag")], [200, '"1"']);
  assertEquals((await changed.json()).age, 40);
  const late = await served.send("PATCH", "people/0", { age: 41 }, { "if-match": '"0"' });
  const problem = await late.json();
  assertEquals([late.status, problem.class, problem.expected, problem.found, problem.row.age], [
    412,
    "ConflictError",
    0,
    1,
    40,
  ]);
  const put = await served.send("PUT", "people?email=eq.m@x", { name: "marge" });
  assertEquals([put.status, (await put.json()).__id__], [201, 8]);
  const again = await served.send("PUT", "people?email=eq.m@x", { name: "bouvier" });
  assertEquals([again.status, (await again.json()).name], [200, "bouvier"]);

  assertEquals(await (await served.send("PATCH", "people?name=in.(a,b)", { age: 1 })).json(), {
    updated: 2,
  });
  assertEquals(await (await served.ask("people?age=eq.1", { method: "DELETE" })).json(), {
    deleted: 2,
  });
  const early = await served.ask("people/0", { method: "DELETE", headers: { "if-match": '"0"' } });
  assertEquals([early.status, (await early.json()).found], [412, 1]);
  assertEquals((await served.ask("people/0", { method: "DELETE" })).status, 200);
  assertEquals((await served.ask("people/0", { method: "DELETE" })).status, 404);
  assertEquals((await served.ask("people", { method: "DELETE" })).status, 400);
  assertEquals(table.size, 6);
  assertEquals(await (await served.ask("people?all", { method: "DELETE" })).json(), { deleted: 6 });
});

Deno.test("a write with a key is made once, whatever it is", async () => {
  await using table = await people();
  await using served = new Served({ people: table });
  const headers = { "idempotency-key": "order 7" };
  const twice = async (
    send: (headers: Record<string, string>) => Promise<Response>,
    key: string,
  ) => {
    const answers = [];
    for (const _ of [1, 2]) {
      const answer = await send({ "idempotency-key": key });
      answers.push([answer.status < 300, await answer.json()]);
    }
    assertEquals(answers[0], answers[1], key);
    return answers[0]![1] as Record<string, unknown>;
  };
  assertEquals(
    await twice((h) => served.send("POST", "people", [{ age: 1 }, { age: 2 }], h), "a"),
    {
      ids: [0, 1],
    },
  );
  assertEquals((await twice((h) => served.send("PATCH", "people/0", { age: 5 }, h), "b")).age, 5);
  assertEquals(table.get(0)?.__version__, 1);
  assertEquals(await twice((h) => served.send("PATCH", "people?age=gt.1", { score: 1 }, h), "c"), {
    updated: 2,
  });
  await twice((h) => served.send("PUT", "people?email=eq.a@x", { name: "a" }, h), "d");
  const deletion = (h: Record<string, string>) =>
    served.ask("people?age=gt.1", { method: "DELETE", headers: h });
  assertEquals(await twice(deletion, "e"), { deleted: 2 });
  const lines = Array.from({ length: 2500 }, (_, n) => JSON.stringify({ age: n })).join("\n");
  const type = { "content-type": "application/x-ndjson" };
  const stream = await twice((h) => served.send("POST", "people", lines, { ...h, ...type }), "f");
  assertEquals(stream, { inserted: 2500 });
  assertEquals(table.size, 2501);
  // After a compaction, by another server.
  await table.cleanup();
  await using other = new Served({ people: table });
  const late = await other.send("POST", "people", [{ age: 1 }, { age: 2 }], {
    "idempotency-key": "a",
  });
  assertEquals([late.status, await late.json()], [201, { ids: [0, 1] }]);
  assertEquals(table.size, 2501);
  assertEquals(headers["idempotency-key"], "order 7");
});

Deno.test("bad input is named, with what is allowed, and changes nothing", async () => {
  await using table = await people();
  await table.insertMany(ROWS);
  const { sequence } = table;
  await using served = new Served({ people: table });
  const json = { "content-type": "application/json" };
  const cases: [
    method: string,
    path: string,
    status: number,
    field: unknown,
    init?: RequestInit,
  ][] = [
    ["GET", "people?age=39", 400, "age"],
    ["GET", "people?age=ge.39", 400, "age"],
    ["GET", "people?age=gt.x", 400, "age"],
    ["GET", "people?nam=eq.x", 400, "nam"],
    ["GET", "people?limit=-1", 400, "limit"],
    ["GET", "people?limit=1&limit=2", 400, "limit"],
    ["GET", "people?offset=1e3", 400, "offset"],
    ["GET", "people?order=nam", 400, "order"],
    ["GET", "people?order=tags", 400, "order"],
    ["GET", "people?select=nam", 400, "select"],
    ["GET", "people?name=match.(", 400, "name"],
    ["GET", "people?age=match.x", 400, "age"],
    ["GET", "people?or=age.eq.1", 400, "or"],
    ["GET", "people?or=(age.eq.1", 400, "or"],
    ["GET", "people?or=(age.eq.1)x", 400, "or"],
    ["GET", `people?or=${"(or".repeat(20_000)}`, 400, "or"],
    ["GET", "people?age=in.(1,x)", 400, "age"],
    ["GET", "people?age=in.1", 400, "age"],
    ["GET", "people?age=is.true", 400, "age"],
    ["GET", "people/~sum", 400, "of"],
    ["GET", "people/~sum?of=name", 400, "of"],
    ["GET", "people/~group?by=tags", 400, "by"],
    ["GET", "people/~group?by=name&figures=n:sum.name", 400, "figures"],
    ["GET", "people/~group?by=name&figures=n", 400, "figures"],
    ["GET", "people/~stats?x=1", 400, "x"],
    ["GET", "people/~nothing", 404, undefined],
    ["GET", "people/0/x", 404, undefined],
    ["GET", "people/99", 404, undefined],
    ["GET", "peple", 404, undefined],
    ["GET", "%ff", 400, undefined],
    ["GET", "people/~changes?since=-1", 400, "since"],
    ["GET", "people/~changes?since=99", 410, "since"],
    ["GET", "~changes?tables=x", 404, "tables"],
    ["GET", "~changes?since=x", 400, "since"],
    ["PUT", "people/0", 405, undefined],
    ["PATCH", "people.csv", 405, undefined],
    ["POST", "people/~stats", 405, undefined],
    ["GET", "people/~commit", 405, undefined],
    ["POST", "people", 415, "content-type", { body: "x" }],
    ["POST", "people", 400, undefined, { body: "{", headers: json }],
    ["POST", "people", 400, undefined, { body: new Uint8Array([34, 255, 34]), headers: json }],
    ["POST", "people", 422, "nam", { body: '{"nam":1}', headers: json }],
    ["POST", "people", 422, "age", { body: '{"age":"x"}', headers: json }],
    ["POST", "people", 422, "age", { body: '{"age":1.5}', headers: json }],
    ["POST", "people", 422, "born", { body: '{"born":"2000-13-01"}', headers: json }],
    ["POST", "people", 422, "__id__", { body: '{"__id__":7}', headers: json }],
    ["POST", "people", 409, "email", { body: '{"email":"h@x"}', headers: json }],
    ["POST", "people?x=1", 400, "x", { body: "{}", headers: json }],
    ["PATCH", "people/0", 400, undefined, { body: "[]", headers: json }],
    ["PATCH", "people/0", 400, "if-match", {
      body: "{}",
      headers: { ...json, "if-match": "three" },
    }],
    ["PATCH", "people", 400, "all", { body: "{}", headers: json }],
    ["PUT", "people", 400, undefined, { body: "{}", headers: json }],
    ["PUT", "people?name=eq.x", 400, "name", { body: "{}", headers: json }],
    ["PUT", "people?email=gt.x", 400, "email", { body: "{}", headers: json }],
    ["POST", "people/~commit", 400, "key", { body: '{"key":"x"}', headers: json }],
    ["POST", "people/~query", 400, "calls", { body: '{"calls":[["destroy"]]}', headers: json }],
    ["POST", "people/~query", 400, "calls", {
      body: '{"calls":[["get",{"$no":1}]]}',
      headers: json,
    }],
  ];
  for (const [method, path, status, field, init] of cases) {
    const told = `${method} ${path.slice(0, 60)} ${init?.body ?? ""}`;
    const answer = await served.ask(path, { method, ...init });
    const problem = await answer.json();
    assertEquals([answer.status, problem.field], [status, field], `${told} ${problem.detail}`);
    assertEquals(answer.headers.get("content-type"), "application/problem+json", told);
    assertStringIncludes(problem.detail, "Cannot ", told);
    assert(!problem.detail.includes(table.path), `${told} tells a path: ${problem.detail}`);
  }
  assertEquals([table.sequence, table.size, served.errors], [sequence, 3, []]);
});

Deno.test("a stream that is refused in the middle says what it inserted", async () => {
  await using table = await people();
  await using served = new Served({ people: table });
  const lines = Array.from({ length: 2500 }, (_, n) => JSON.stringify({ age: n }));
  lines[2100] = '{"age":"x"}';
  const answer = await served.send("POST", "people", lines.join("\n"), {
    "content-type": "application/x-ndjson",
  });
  const problem = await answer.json();
  assertEquals([answer.status, problem.line, problem.inserted], [422, 2101, 2000]);
  assertEquals(table.size, 2000);
});

Deno.test("links are ids, and their tables can be served beside", async () => {
  const dir = await Deno.makeTempDir();
  await using houses = await PsBase.open(`${dir}/houses`, { street: "string" });
  await using folk = await PsBase.open(`${dir}/folk`, { name: "string", home: link(houses) });
  await using served = new Served({ folk, houses });
  const home = await houses.insert({ street: "Evergreen" });
  assertEquals((await served.send("POST", "folk", { name: "homer", home })).status, 201);
  assertEquals((await (await served.ask("folk/0")).json()).home, home);
  assertEquals((await (await served.ask("folk?home=eq.0")).json()).length, 1);
  assertEquals((await served.send("POST", "folk", { home: 7 })).status, 422);
  const { fields } = await (await served.ask("folk/~schema")).json();
  assertEquals(fields[1].link, "houses");
  await using remote = await served.open("folk");
  assertEquals((await remote.get(0) as unknown as { home: { __id__: number } }).home.__id__, 0);
  const told: unknown[] = [];
  for await (const { row } of remote.watch({ since: 0 })) {
    told.push((row as unknown as { home: { __id__: number } }).home.__id__);
    break;
  }
  assertEquals(told, [0]);
});

Deno.test("a table that only reads, is altered, destroyed or replaced", async () => {
  const dir = await Deno.makeTempDir();
  await using table = await PsBase.open(`${dir}/people`, { name: "string" });
  await table.insert({ name: "homer" });
  {
    await using served = new Served({ people: table }, { write: false });
    const answer = await served.send("POST", "people", { name: "x" });
    assertEquals([answer.status, (await answer.json()).class], [403, "ReadOnlyError"]);
    assertEquals((await served.ask("people/0", { method: "DELETE" })).status, 403);
    const key = "0".repeat(32);
    const commit = await served.send("POST", "people/~commit", {
      key,
      changes: [["delete", 0]],
    });
    assertEquals(commit.status, 403);
  }
  await using served = new Served({ people: table });
  {
    await using other = await PsBase.open(`${dir}/people`);
    await other.addField("age", { type: "integer", default: 3 });
  }
  assertEquals(await (await served.ask("people/0")).json(), {
    __id__: 0,
    __version__: 0,
    name: "homer",
    age: 3,
  });
  {
    await using other = await PsBase.open(`${dir}/people`);
    await other.destroy();
  }
  const gone = await served.ask("people/0");
  assertEquals([gone.status, (await gone.json()).class], [404, "BaseNotFoundError"]);
  const tables = await (await served.ask("~tables")).json();
  assertEquals(tables.tables, [{ name: "people", rows: null, write: true }]);
});
