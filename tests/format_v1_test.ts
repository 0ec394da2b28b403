/**
 * Bases of format 1, written by `testdata/make_format_v1.ts` and never again: whatever becomes of
 * psbase, it reads them.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { ChangeWriter } from "../engine/log/changes.ts";
import { TableSchema } from "../engine/schema/schema.ts";
import { PsBase } from "../mod.ts";
import { GOLDEN, golden } from "./helpers/golden.ts";
import { Checksum } from "../engine/bytes/checksum.ts";
import { encodeFrame, FRAME, LOG_PAGE } from "../engine/log/frame.ts";

const NAMES = ["example", "types", "table", "log", "links", "sealed", "torn"];

/** All files in a directory and below, with their bytes. */
function bytesIn(dir: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const { name, isDirectory } of Deno.readDirSync(dir)) {
    const path = `${dir}/${name}`;
    if (isDirectory) { for (const [file, bytes] of bytesIn(path)) found.set(file, bytes); }
    else found.set(path, Deno.readFileSync(path).toBase64());
  }
  return found;
}

/** A copy of them all, that may be written to: links lead from one to the other. */
function copyAll(): { dir: string } & Disposable {
  const dir = Deno.makeTempDirSync({ prefix: "psbase_golden_" });
  for (const name of NAMES) {
    Deno.mkdirSync(`${dir}/${name}`);
    for (const file of Deno.readDirSync(`${GOLDEN}${name}`)) {
      Deno.copyFileSync(`${GOLDEN}${name}/${file.name}`, `${dir}/${name}/${file.name}`);
    }
  }
  return { dir, [Symbol.dispose]: () => Deno.removeSync(dir, { recursive: true }) };
}

function expected(name: string): string {
  return Deno.readTextFileSync(`${GOLDEN}${name}.json`);
}

for (const name of NAMES) {
  Deno.test(`PsBase reads format 1: ${name}, and changes no byte of it`, async () => {
    const before = bytesIn(GOLDEN);
    assertEquals(golden(`${GOLDEN}${name}`), expected(name));
    assertEquals((await PsBase.check(`${GOLDEN}${name}`)).problems, []);
    assertEquals(bytesIn(GOLDEN), before);
  });

  Deno.test(`PsBase writes to format 1: ${name}`, async () => {
    using copy = copyAll();
    const path = `${copy.dir}/${name}`;
    const { rows, torn } = JSON.parse(expected(name));
    {
      await using base = await PsBase.open(path);
      assertEquals(base.recovered?.bytes ?? 0, torn);
      await base.insert({});
    }
    const inserted = JSON.parse(golden(path));
    assertEquals(inserted.rows.slice(0, -1), rows);
    {
      await using base = await PsBase.open(path);
      await base.cleanup();
      await base.backup(`${path}_copy`);
    }
    for (const place of [path, `${path}_copy`]) {
      assertEquals(JSON.parse(golden(place)).rows, inserted.rows);
      assert((await PsBase.check(place)).ok);
    }
  });
}

/** The bytes that a text shows: hex, then, behind two spaces, what it means. */
function bytesShown(text: string): Uint8Array {
  const lines = text.split("\n").map((line) => line.replace(/ {2,}.*/, "").replaceAll(" ", ""));
  return Uint8Array.fromHex(lines.join(""));
}

Deno.test("docs/internals/log_format.md shows a frame of a golden file, which is written the same today", () => {
  const text = Deno.readTextFileSync(new URL("../docs/internals/log_format.md", import.meta.url));
  const shown = bytesShown(/^## Worked example$[^]*?```text\n([^]*?)\n```/m.exec(text)![1]!);
  const log = Deno.readFileSync(`${GOLDEN}example/000001.log`);
  assertEquals(shown.toHex(), log.subarray(LOG_PAGE, LOG_PAGE + 80).toHex());
  const changes = new ChangeWriter(TableSchema.from({ name: "string", age: "integer" }));
  changes.put(0, { version: 0, values: ["homer", 39] });
  const header = {
    kind: FRAME.commit,
    sequence: 1,
    prev: 0n,
    nonce: new DataView(shown.buffer).getBigUint64(24, true),
    syncedTo: LOG_PAGE,
  };
  const sums = new Checksum(log.slice(16, 32));
  const { bytes } = encodeFrame(sums, 1, LOG_PAGE, header, changes.payload);
  assertEquals(bytes.toHex(), shown.toHex());
});
