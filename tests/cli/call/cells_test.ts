import { assertEquals } from "@std/assert";
import { parseCell, parseCells } from "../../../cli/call/cells.ts";

Deno.test("parseCell() takes a word as it is, unless it begins with a quote", () => {
  assertEquals(parseCell(""), null);
  assertEquals(parseCell('""'), "");
  assertEquals(parseCell("a, b..c"), "a, b..c");
  assertEquals(parseCell('"a ""b"""'), 'a "b"');
  assertEquals(parseCell('5"'), '5"');
  assertEquals([parseCell("null"), parseCell('"null"'), parseCell("NULL")], [null, "null", "NULL"]);
  assertEquals(parseCell('"a'), undefined);
  assertEquals(parseCell('"a"b'), undefined);
});

Deno.test("parseCells() splits at commas and dots outside of quotes", () => {
  assertEquals(parseCells('a,"b,c..d",'), { cells: ["a", "b,c..d", null], separators: [",", ","] });
  assertEquals(parseCells("1..2"), { cells: ["1", "2"], separators: [".."] });
  assertEquals(parseCells('null,"null"'), { cells: [null, "null"], separators: [","] });
  assertEquals(parseCells("..2.5"), { cells: [null, "2.5"], separators: [".."] });
  assertEquals(parseCells('""'), { cells: [""], separators: [] });
  assertEquals(parseCells('"a""'), undefined);
  assertEquals(parseCells('a,"b"c'), undefined);
});
