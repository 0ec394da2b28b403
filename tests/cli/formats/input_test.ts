import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Fault } from "../../../cli/process/errors.ts";
import type { Io } from "../../../cli/process/io.ts";
import { Input } from "../../../cli/formats/input.ts";

/** Bytes as a file, or as stdin that comes in pieces of this length. */
async function open(dir: string, bytes: Uint8Array<ArrayBuffer>, piece?: number): Promise<Input> {
  if (piece === undefined) {
    Deno.writeFileSync(`${dir}/file`, bytes);
    return await Input.open(`${dir}/file`, {} as Io, dir);
  }
  const pieces: Uint8Array[] = [];
  for (let i = 0; i < bytes.length; i += piece) pieces.push(bytes.subarray(i, i + piece));
  return await Input.open("-", { stdin: ReadableStream.from(pieces) } as unknown as Io, dir);
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

Deno.test("Input.text() gives all text, twice, from a file or a stream, and leaves no file", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "psbase_" });
  try {
    // Characters of one to four bytes, so that pieces end within some.
    const long = Array.from({ length: 150_000 }, (_, i) => ["a", "é", "日", "😀"][(i * 7) % 4]);
    for (const text of ["", "x", "\ufeff", "😀", long.join("")]) {
      for (const piece of [1000, 65_536, undefined]) {
        using input = await open(dir, bytesOf(`\ufeff${text}`), piece);
        assertEquals(input.size, bytesOf(text).length + 3);
        for (let i = 0; i < 2; i++) {
          assertEquals([...input.text()].join(""), text);
          assertEquals(input.at, input.size);
        }
        assertEquals([...Deno.readDirSync(dir)].length, piece === undefined ? 1 : 0);
      }
      Deno.removeSync(`${dir}/file`);
    }
    using plain = await open(dir, bytesOf("no mark"));
    assertEquals([...plain.text()], ["no mark"]);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("Input.text() names the line that is not UTF-8, and how to convert it", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "psbase_" });
  try {
    const line = "ä".repeat(100) + "\n";
    const cases: [line: number, bytes: number[] | string][] = [
      [1, [0xff]],
      [2, [97, 10, 0xe9, 10]],
      [1, [97, 0xe2, 0x82]],
      [3, [10, 10, 0xed, 0xa0, 0x80, 10]],
      [5001, line.repeat(5000)],
      [5001, `x${line.repeat(5000)}`],
    ];
    for (const [line, given] of cases) {
      const bytes = typeof given === "string"
        ? new Uint8Array([...bytesOf(given), 0xfc, 10, 97])
        : new Uint8Array(given);
      using input = await open(dir, bytes);
      const told = `line ${line}: it is not UTF-8, convert it, for instance from Latin 1: iconv`;
      assertThrows(() => [...input.text()], Fault, told);
    }
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("Input.text() refuses UTF-16 with the command that converts it", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "psbase_" });
  try {
    const wide = (text: string, little: boolean) => {
      const view = new DataView(new ArrayBuffer(text.length * 2));
      for (let i = 0; i < text.length; i++) view.setUint16(i * 2, text.charCodeAt(i), little);
      return new Uint8Array(view.buffer);
    };
    const cases: [form: string, bytes: Uint8Array<ArrayBuffer>][] = [
      ["UTF-16", wide("\ufeffa,b\n", true)],
      ["UTF-16", wide("\ufeffa,b\n", false)],
      ["UTF-16", wide("\ufeff日本\n", true)],
      ["UTF-16LE", wide("name,age\nhomer,39\n", true)],
      ["UTF-16BE", wide("name,age\nhomer,39\n", false)],
    ];
    for (const [form, bytes] of cases) {
      using input = await open(dir, bytes);
      const told = `it is UTF-16, convert it: iconv -f ${form} -t UTF-8`;
      assertThrows(() => [...input.text()], Fault, told);
    }
    // Zeros are text, too.
    using zeros = await open(dir, bytesOf("a\0b\0c\n\0"));
    assertEquals([...zeros.text()], ["a\0b\0c\n\0"]);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("Input.open() refuses a directory and a missing file", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "psbase_" });
  try {
    await assertRejects(() => Input.open(dir, {} as Io, dir), Fault, "it is a directory");
    await assertRejects(() => Input.open(`${dir}/x`, {} as Io, dir), Deno.errors.NotFound);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
