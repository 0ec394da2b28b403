import { assert, assertEquals } from "@std/assert";
import { type PrintedColumn, tableLines } from "../../../engine/query/text_table.ts";
import { cellWidth, fit } from "../../../engine/query/text_width.ts";
import type { TypeName } from "../../../engine/schema/types.ts";
import { VALUE_TYPES } from "../../../engine/schema/values.ts";
import { printable } from "../../../engine/system/printable.ts";

const columns = (types: Record<string, TypeName>): PrintedColumn[] =>
  Object.entries(types).map(([name, type]) => ({ name, type: VALUE_TYPES[type] }));

const table = (types: Record<string, TypeName>, rows: Iterable<object>, room = 80) => [
  ...tableLines(columns(types), rows, room),
];

Deno.test("tableLines() aligns wide, combining and joined characters by what is shown", () => {
  const rows = ["日本", "e\u0301", "👩‍👩‍👧", "abc", "한", "\u05d0\u05d1"].map((text, n) => ({
    text,
    n,
  }));
  const lines = table({ text: "string", n: "integer" }, rows);
  assertEquals(lines, [
    "text  n",
    "────  ─",
    "日本  0",
    "e\u0301     1",
    "👩‍👩‍👧    2",
    "abc   3",
    "한    4",
    "\u05d0\u05d1    5",
  ]);
  for (const line of lines) assertEquals(cellWidth(line), 7);
});

Deno.test("tableLines() leaves null empty, and quotes empty text only", () => {
  const rows = [{ a: null, b: "" }, { a: "", b: null }, { a: '""', b: undefined }, {}];
  assertEquals(table({ a: "string", b: "string" }, rows), [
    "a   b",
    "──  ──",
    '    ""',
    '""',
    '""',
    "",
  ]);
});

Deno.test("tableLines() takes no value from what a row inherits", () => {
  const types = Object.fromEntries([["constructor", "string"]] as const);
  assertEquals(table(types, [{}])[2], "");
});

Deno.test("tableLines() writes values as their types do, numbers to the right", () => {
  const types = {
    integer: "integer",
    float: "float",
    bigint: "bigint",
    boolean: "boolean",
    date: "date",
    bytes: "bytes",
    json: "json",
  } as const;
  const row = {
    integer: -7,
    float: -0,
    bigint: -7n,
    boolean: false,
    date: Temporal.PlainDate.from("2026-07-31"),
    bytes: new Uint8Array([1, 2]),
    json: { a: ["\n"] },
  };
  assertEquals(table(types, [row], Infinity).slice(1), [
    "───────  ─────  ──────  ───────  ──────────  ─────  ────────────",
    '     -7     -0      -7  false    2026-07-31  AQI=   {"a":["\\n"]}',
  ]);
});

Deno.test("tableLines() writes out what a terminal would obey", () => {
  const evil = "\x1b[2J\x07\n\t\x9b31m\u200f\u202e\u2066\u061c\u2028";
  assertEquals(
    table({ text: "string" }, [{ text: evil }])[2],
    "\\x1b[2J\\x07\\n\\t\\x9b31m\\u200f\\u202e\\u2066\\u061c\\u2028",
  );
});

Deno.test("tableLines() fits the room, the widest columns give first", () => {
  const types = { short: "string", long: "string", longer: "string" } as const;
  const rows = [{ short: "abcdefg", long: "x".repeat(30), longer: "日".repeat(40) }];
  for (const room of [30, 31, 32, 47, 60, 100]) {
    const [header, rule, line] = table(types, rows, room);
    assertEquals(cellWidth(rule!), room);
    assertEquals(cellWidth(header!) <= room && cellWidth(line!) <= room, true);
    assertEquals(line!.startsWith("abcdefg  xxx"), true, line);
    assertEquals(line!.trimEnd().at(-1), "…");
  }
  const all = 7 + 30 + 80 + 4;
  assertEquals(table(types, rows, all)[2]!.includes("…"), false);
  assertEquals(table(types, rows, all - 1)[2]!.includes("…"), true);
});

Deno.test("tableLines() leaves out the last columns rather than make any narrower than a date", () => {
  const types = { a: "string", b: "date", c: "string", d: "integer" } as const;
  const row = {
    a: "x".repeat(20),
    b: Temporal.PlainDate.from("2026-07-31"),
    c: "日".repeat(9),
    d: 1,
  };
  assertEquals(table(types, [row], 37), [
    "a           b           c           d",
    "──────────  ──────────  ──────────  ─",
    "xxxxxxxxx…  2026-07-31  日日日日…   1",
  ]);
  assertEquals(table(types, [row], 36), [
    "a               b           … 2 more",
    "──────────────  ──────────  ────────",
    "xxxxxxxxxxxxx…  2026-07-31  …",
  ]);
  assertEquals(table(types, [row], 29), [
    "a                    … 3 more",
    "───────────────────  ────────",
    "xxxxxxxxxxxxxxxxxx…  …",
  ]);
  for (let room = 20; room < 70; room++) {
    const widths = table(types, [row], room).map(cellWidth);
    assertEquals(Math.max(...widths) <= room, true, `${widths} in ${room}`);
  }
  // The first column stays, however narrow the room.
  for (const room of [0, 1, 19]) {
    assertEquals(cellWidth(table(types, [row], room)[1]!), 20, `${room}`);
  }
});

Deno.test("tableLines() of no rows is a header", () => {
  assertEquals(table({ name: "string", n: "integer" }, []), ["name  n", "────  ─"]);
});

Deno.test("cellWidth() counts what a terminal shows", () => {
  const cases: [text: string, width: number][] = [
    ["abc", 3],
    ["é", 1],
    ["e\u0301", 1],
    ["日本", 4],
    ["한", 2],
    ["ｆ", 2],
    ["😀", 2],
    ["👩‍👩‍👧", 2],
    ["❤️", 2],
    ["\u200b", 0],
    ["─…", 2],
  ];
  for (const [text, width] of cases) assertEquals(cellWidth(text), width, JSON.stringify(text));
});

Deno.test("fit() fills up or cuts to a width, never through a character", () => {
  assertEquals(fit("ab", 4, "left"), "ab  ");
  assertEquals(fit("ab", 4, "right"), "  ab");
  assertEquals(fit("abcde", 4, "right"), "abc…");
  assertEquals(fit("日本語", 4, "left"), "日… ");
  assertEquals(fit("日本語", 5, "left"), "日本…");
  assertEquals(fit("👩‍👩‍👧abc", 3, "left"), "👩‍👩‍👧…");
  for (const width of [2, 3, 4, 5, 6, 7]) {
    assertEquals(cellWidth(fit("a日b本c", width, "left")), width);
  }
});

Deno.test("printable() leaves alone what is text", () => {
  const text = "añ日😀👩‍👩‍👧 \u00a0→";
  assertEquals(printable(text), text);
});

Deno.test("tableLines() shows of a long text what it shows of a shorter one", () => {
  const types = { title: "string", body: "string" } as const;
  for (const part of ["x", "é", "日", "e\u0301", "👨‍👩‍👧", "\u001b["]) {
    const [short, long] = [200, 1_000_000].map((length) =>
      table(types, [{ title: "t", body: part.repeat(length) }])
    );
    assertEquals(long, short, part);
  }
  // More marks than any character has: what is cut off is told.
  const [, , line] = table(types, [{ title: "t", body: "e" + "\u0301".repeat(1e6) }]);
  assert(line!.endsWith("…"));
});
