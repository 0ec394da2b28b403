import { assertEquals, assertThrows } from "@std/assert";
import type { Cell } from "../../../cli/call/cells.ts";
import { formatCsv, parseCsv } from "../../../cli/formats/csv.ts";
import { Fault } from "../../../cli/process/errors.ts";

/** The cells of all records; whether pieces end anywhere or not. */
function cells(text: string, separator = ","): (readonly Cell[])[] {
  const read = (pieces: Iterable<string>) =>
    Array.from(parseCsv(pieces, separator), (record) => {
      if (record.fault !== undefined) throw record.fault;
      return record.cells();
    });
  const whole = read([text]);
  assertEquals(read(text), whole, "character by character");
  return whole;
}

Deno.test("parseCsv() reads RFC 4180: an empty cell is null, two quotes are empty text", () => {
  assertEquals(cells('a,b\r\n1,"x, ""y"""\r\n'), [["a", "b"], ["1", 'x, "y"']]);
  assertEquals(cells(',"",'), [[null, "", null]]);
  assertEquals(cells('"a\r\nb",c\nd,e'), [["a\r\nb", "c"], ["d", "e"]]);
  assertEquals(cells("a\n\nb\n"), [["a"], [null], ["b"]]);
  assertEquals(cells('""\n'), [[""]]);
  assertEquals(cells(""), []);
  assertEquals(cells('5" pipe, x \n'), [['5" pipe', " x "]]);
  assertEquals(cells("a\rb,\0\n"), [["a\rb", "\0"]]);
});

Deno.test("parseCsv() knows the line of a record after cells of many lines", () => {
  const lines = Array.from(parseCsv('a\n"x\n\ny"\n"\n",\nz'), ({ line }) => line);
  assertEquals(lines, [1, 2, 5, 7]);
});

Deno.test("parseCsv() reads TSV, in which a comma is text", () => {
  assertEquals(cells('a\tb,c\n"x\ty"\t""\t\n', "\t"), [["a", "b,c"], ["x\ty", "", null]]);
  assertEquals(formatCsv(["a,b", "x\ty", "", null], "\t"), 'a,b\t"x\ty"\t""\t');
});

Deno.test("parseCsv() gives the text of each record, and goes on after a wrong one", () => {
  const text = 'a,"b\r\nc"\r\n1,"2"3\n"x"\n"y\nz"w,\nend';
  const found = (pieces: Iterable<string>) =>
    Array.from(parseCsv(pieces), ({ line, text, fault }) => [line, text, fault !== undefined]);
  const expected = [
    [1, 'a,"b\r\nc"', false],
    [3, '1,"2"3', true],
    [4, '"x"', false],
    [5, '"y\nz"w,', true],
    [7, "end", false],
  ];
  assertEquals(found([text]), expected);
  assertEquals(found(text), expected);
});

Deno.test("parseCsv() refuses quotes that do not match, with the line", () => {
  assertThrows(() => cells('a\n"b\nc'), Fault, "line 2: a quote is not closed");
  assertThrows(() => cells('a\n"b"c,d'), Fault, "text after a closing quote");
});

Deno.test("parseCsv() gives back what formatCsv() wrote, whatever it is", () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  let state = seed;
  const random = (n: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * n);
  };
  const separator = [",", "\t", ";"][random(3)]!;
  const pieces = ['"', separator, "\n", "\r", "\r\n", "a", " ", "é", "😀", "\0", "..", "\ufeff"];
  const cell = (): Cell =>
    random(5) === 0 ? null : Array.from({ length: random(5) }, () => pieces[random(12)]).join("");
  for (let i = 0; i < 500; i++) {
    const width = 2 + random(3);
    const records = Array.from({ length: random(4) }, () => Array.from({ length: width }, cell));
    const text = records.map((record) => formatCsv(record, separator) + "\n").join("");
    assertEquals(cells(text, separator), records, `seed ${seed}: ${JSON.stringify(text)}`);
  }
});
