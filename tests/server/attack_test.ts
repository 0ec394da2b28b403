/** The server as an attacker meets it. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { PsBase } from "../../mod.ts";
import { serveTables } from "../../serve.ts";
import { Served } from "../helpers/served.ts";

const TOKEN = "0123456789abcdef0123";

async function people(): Promise<PsBase<{ name: "string"; age: "integer" }>> {
  return await PsBase.open(await Deno.makeTempDir(), { name: "string", age: "integer" });
}

/** The status of an answer. */
async function statusOf(answer: Promise<Response>): Promise<number> {
  const { status, body } = await answer;
  await body?.cancel();
  return status;
}

Deno.test("a name that is not the server's is refused before all else", async () => {
  await using table = await people();
  await using served = new Served({ people: table }, { hosts: ["db.example"] });
  const at = (host: string) => statusOf(served.handler(new Request(`http://${host}/people`)));
  for (const host of ["localhost", "LOCALHOST:7262", "127.0.0.1", "[::1]:80", "db.example"]) {
    assertEquals(await at(host), 200, host);
  }
  for (const host of ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example"]) {
    assertEquals(await at(host), 421, host);
  }
});

Deno.test("a page of another site can neither read nor write", async () => {
  await using table = await people();
  await using served = new Served({ people: table }, { cors: ["https://good.example"] });
  const from = async (headers: Record<string, string>, method = "GET") => {
    const body = method === "POST" ? '{"name":"x"}' : undefined;
    return await statusOf(served.ask("people", {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...(body !== undefined && { body }),
    }));
  };
  for (const method of ["GET", "POST"]) {
    assertEquals(await from({ "sec-fetch-site": "cross-site" }, method), 403);
    assertEquals(await from({ "sec-fetch-site": "same-site" }, method), 403);
    assertEquals(await from({ origin: "https://evil.example" }, method), 403);
    assertEquals(await from({ origin: "null" }, method), 403);
    assertEquals(await from({ origin: "http://localhost:1" }, method), 403);
  }
  // A link may lead here, a form may not.
  const navigation = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
  assertEquals(await from(navigation), 200);
  assertEquals(await from(navigation, "POST"), 403);
  assertEquals(table.size, 0);
  assertEquals(await from({ "sec-fetch-site": "same-origin", origin: "http://localhost" }), 200);
  assertEquals(await from({ origin: "https://good.example", "sec-fetch-site": "cross-site" }), 200);
  const answer = await served.ask("people", { headers: { origin: "https://good.example" } });
  await answer.body?.cancel();
  assertEquals(answer.headers.get("access-control-allow-origin"), "https://good.example");
  assertEquals(answer.headers.get("access-control-allow-credentials"), null);
  const preflight = await served.ask("people", {
    method: "OPTIONS",
    headers: { origin: "https://good.example" },
  });
  assertEquals(preflight.status, 204);
  assert(preflight.headers.get("access-control-allow-headers")!.includes("authorization"));
});

Deno.test("without the token nothing is told, and an address carries none", async () => {
  await using table = await people();
  await table.insert({ name: "homer" });
  await using served = new Served({ people: table }, { tokens: [TOKEN, "another token 1234567"] });
  const routes = [
    "people",
    "people/0",
    "people.csv",
    "people/~schema",
    "people/~changes",
    "~tables",
    "~openapi.json",
    "~changes",
    "nothing",
  ];
  for (const route of routes) {
    assertEquals(await statusOf(served.ask(route)), 401, route);
    for (const query of [`?token=${TOKEN}`, `?t=${TOKEN}`, `?access_token=${TOKEN}`]) {
      assertEquals(await statusOf(served.ask(route + query)), 401, route + query);
    }
  }
  for (const given of ["", "Bearer", "Bearer x", `Basic ${TOKEN}`, `Bearer ${TOKEN}x`]) {
    const status = await statusOf(served.ask("people", { headers: { authorization: given } }));
    assertEquals(status, 401, given);
  }
  const authorization = `Bearer ${TOKEN}`;
  assertEquals(await statusOf(served.ask("people", { headers: { authorization } })), 200);

  assertEquals(await statusOf(served.send("POST", "~login", { token: "x" })), 401);
  assertEquals(await statusOf(served.send("POST", "~login", null)), 401);
  const login = await served.send("POST", "~login", { token: TOKEN });
  const cookie = login.headers.get("set-cookie")!;
  for (const part of ["HttpOnly", "SameSite=Strict", "Path=/"]) assert(cookie.includes(part), part);
  const headers = { cookie: `a=b; ${cookie.split(";")[0]}` };
  assertEquals(await statusOf(served.ask("people", { headers })), 200);
  assertEquals(
    await statusOf(served.ask("people", { headers: { cookie: `psbase_token_=${TOKEN}x` } })),
    401,
  );
  // The page opens without it, and shows nothing.
  const page = await served.ask("people", { headers: { accept: "text/html" } });
  assertEquals(page.status, 200);
  assert(!(await page.text()).includes("homer"));
});

Deno.test("the files of the page are compressed for who takes that, and not sent twice", async () => {
  await using table = await people();
  await using served = new Served({ people: table });
  const plain = await served.ask("~page/app.js");
  const text = await plain.text();
  assertEquals(plain.headers.get("content-encoding"), null);
  const answer = await served.ask("~page/app.js", { headers: { "accept-encoding": "br, gzip" } });
  assertEquals(answer.headers.get("content-encoding"), "gzip");
  const stream = answer.body!.pipeThrough(new DecompressionStream("gzip"));
  assertEquals(await new Response(stream).text(), text);
  const headers = { "if-none-match": answer.headers.get("etag")! };
  assertEquals(await statusOf(served.ask("~page/app.js", { headers })), 304);
  assertEquals(await statusOf(served.ask("~page/nothing.js")), 404);
});

Deno.test("the page may load nothing from elsewhere, and is in no frame", async () => {
  await using table = await people();
  await using served = new Served({ people: table });
  const page = await served.ask("", { headers: { accept: "text/html" } });
  await page.body?.cancel();
  const policy = page.headers.get("content-security-policy")!;
  for (
    const rule of [
      "default-src 'none'",
      "script-src 'self';",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "require-trusted-types-for 'script'",
    ]
  ) assert(policy.includes(rule), rule);
  assert(!policy.includes("unsafe"));
  for (const path of ["people", "people/0", "nothing", "~tables"]) {
    const answer = await served.ask(path);
    await answer.body?.cancel();
    assertEquals(answer.headers.get("x-content-type-options"), "nosniff", path);
    assertEquals(answer.headers.get("access-control-allow-origin"), null, path);
  }
});

Deno.test("no path leads out of the tables", async () => {
  await using table = await people();
  await using served = new Served({ people: table });
  for (
    const path of [
      "../people",
      "..%2f..%2fetc%2fpasswd",
      "%2e%2e/people/base",
      "people/..%2fbase",
      "people%00",
      "~page/..%2f..%2fdeno.json",
      "~page/__proto__",
      "~page/constructor",
      "__proto__",
      "constructor",
      "people/~constructor",
      "people/~__proto__",
      "people/~toString",
    ]
  ) {
    const status = await statusOf(served.ask(path));
    // The platform itself takes dots out of a path.
    assert(status === 404 || (path.startsWith("../") && status === 200), `${path}: ${status}`);
  }
  for (const name of ["", "~x", "a/b", "a?b", "a#b", "a%b", ".", "..", "a\nb", "a\\b"]) {
    assertThrows(() => serveTables({ [name]: table }), TypeError, "Cannot serve", name);
  }
  for (const name of ["people", "Leute & Häuser", "人", "a.b", "a b"]) {
    await using odd = new Served({ [name]: table });
    assertEquals(await statusOf(odd.ask(encodeURIComponent(name))), 200, name);
    assertEquals(await statusOf(odd.ask(`${encodeURIComponent(name)}.csv`)), 200, name);
  }
});

Deno.test("a body of a gigabyte is refused early, whether it tells its length or not", async () => {
  await using table = await people();
  await using served = new Served({ people: table });
  const piece = new Uint8Array(2 ** 20).fill(0x20);
  let pulled = 0;
  const body = () =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        if (++pulled > 1024) controller.close();
        else controller.enqueue(piece);
      },
    }, { highWaterMark: 0 });
  const json = { "content-type": "application/json" };
  assertEquals(
    await statusOf(served.ask("people", { method: "POST", headers: json, body: body() })),
    413,
  );
  assert(pulled < 40, `${pulled} MiB were read`);
  const long = { ...json, "content-length": String(2 ** 30) };
  pulled = 0;
  assertEquals(
    await statusOf(served.ask("people", { method: "POST", headers: long, body: body() })),
    413,
  );
  assertEquals(pulled, 0);
  // A line that never ends.
  const lines = { "content-type": "application/x-ndjson" };
  pulled = 0;
  assertEquals(
    await statusOf(served.ask("people", { method: "POST", headers: lines, body: body() })),
    413,
  );
  assert(pulled < 40, `${pulled} MiB were read`);
  assertEquals(table.size, 0);
});

Deno.test("ten thousand streams: those above the limit are told to come later", async () => {
  await using table = await people();
  await using served = new Served({ people: table }, { maxStreams: 100 });
  const headers = { accept: "text/event-stream" };
  const answers = await Promise.all(
    Array.from({ length: 10_000 }, () => served.ask("people/~changes", { headers })),
  );
  const open = answers.filter(({ status }) => status === 200);
  const refused = answers.filter(({ status }) => status === 503);
  assertEquals([open.length, refused.length], [100, 9900]);
  assertEquals(refused[0]!.headers.get("retry-after"), "10");
  await Promise.all(answers.map(({ body }) => body!.cancel()));
  // Nobody reads the streams that are gone: there is room again.
  assertEquals(await statusOf(served.ask("people/~changes", { headers })), 200);
});

Deno.test("values that a browser, a terminal or a spreadsheet would obey are harmless", async () => {
  await using table = await people();
  const hostile = [
    "<script>alert(1)</script>",
    "\x1b[31mred\x07",
    "\u202eevil\u2028\u0085",
    "=1+1",
    "+1",
    "-1",
    "@a",
    "\t=1",
  ];
  await table.insertMany(hostile.map((name) => ({ name })));
  await using served = new Served({ people: table });
  for (const path of ["people", "people.ndjson", "people/0", "people/1", "people/2"]) {
    const answer = await served.ask(path);
    const text = await answer.text();
    assert(!answer.headers.get("content-type")!.includes("html"), path);
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]/.test(text), path);
  }
  const rows = await (await served.ask("people")).json();
  assertEquals(rows.map(({ name }: { name: string }) => name), hostile);
  const csv = await (await served.ask("people.csv?select=name")).text();
  for (const start of ["'=1+1", "'+1", "'-1", "'@a"]) assert(csv.includes(start), start);
});

Deno.test("options that are wrong are refused", async () => {
  await using table = await people();
  const serve = (options: object) => serveTables({ people: table }, options);
  assertThrows(() => serve({ tokens: ["short"] }), TypeError, "16 characters");
  assertThrows(() => serve({ tokens: TOKEN }), TypeError, "tokens");
  assertThrows(() => serve({ token: TOKEN }), TypeError, 'unknown option "token"');
  assertThrows(() => serveTables({ people: {} as never }), TypeError);
});
