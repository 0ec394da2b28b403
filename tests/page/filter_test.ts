/** The filter box of the page means what the command means. */

import { assertEquals, assertThrows } from "@std/assert";
import { whereOf } from "../../cli/call/conditions.ts";
import { PsBase } from "../../mod.ts";
import { chipsOf, commandOf, parseLine, programOf, wordsOf } from "../../page/filter.ts";
import type { Schema } from "../../page/types.ts";
import { parseValue, visible } from "../../page/values.ts";
import { addressOf, query, readView, viewOf } from "../../page/view_state.ts";
import { Served } from "../helpers/served.ts";

const SCHEMA = {
  name: "string",
  age: "integer",
  big: "bigint",
  born: "date",
  limit: "integer",
} as const;

const ROWS = [
  { name: "homer", age: 39, big: 2n ** 60n, born: Temporal.PlainDate.from("1956-05-12") },
  { name: "lisa", age: 8, limit: 5 },
  { name: "Simpson, Bart", age: 10 },
  { name: 'a "b" (c) \\d', age: 35 },
  { name: "", age: 0 },
  { name: "null" },
  { name: null, age: 31 },
  { name: "x..y" },
  { name: "it's" },
];

async function schemaOf(served: Served): Promise<Schema> {
  return await (await served.ask("people/~schema")).json();
}

Deno.test("a line finds the rows that the command finds, and comes back as it was", async () => {
  await using people = await PsBase.create(`${await Deno.makeTempDir()}/people`, SCHEMA);
  await people.insertMany(ROWS);
  await using served = new Served({ people });
  const schema = await schemaOf(served);
  for (
    const line of [
      "age=30..40",
      "age=..10",
      "age=10..",
      "age>18",
      "age>=8 age<39",
      "age!=39",
      "age=null",
      "age!=null",
      "age=8,39",
      "age=8,null",
      "name~^ho",
      "name~(?i:LISA)",
      'name="Simpson, Bart"',
      'name="Simpson, Bart",lisa',
      'name=""',
      'name="null"',
      "name=null",
      'name="x..y"',
      'name="it\'s"',
      'name="a ""b"" (c) \\d",homer',
      "big=1152921504606846976",
      "born<1990-01-01",
      "limit=5",
      "__id__>2",
      "age>1 age!=8 age!=10",
    ]
  ) {
    const where = parseLine(line, schema);
    const answer = await served.ask(`people${query(where)}`);
    const rows = await answer.json();
    assertEquals(answer.status, 200, JSON.stringify(rows));
    const wanted = [...people.select(whereOf(people.schema, wordsOf(line)) as never)];
    assertEquals(
      rows.map((row: { __id__: number }) => row.__id__),
      wanted.map((row) => row.__id__),
      line,
    );
    const words = chipsOf(where).map(({ word }) => word).join(" ");
    assertEquals(parseLine(words, schema), where, words);
    const view = viewOf("people", where);
    assertEquals(readView(new URL(addressOf(view), "http://localhost")), view);
  }
});

Deno.test("what is no condition is refused with a reason", async () => {
  await using people = await PsBase.create(`${await Deno.makeTempDir()}/people`, SCHEMA);
  await using served = new Served({ people });
  const schema = await schemaOf(served);
  for (
    const [line, reason] of [
      ["homer", "is not a condition"],
      ["nme=x", "there is no field"],
      ["age=x", 'field "age"'],
      ["age~3", "a pattern is for text"],
      ["name~(", "Invalid regular expression"],
      ["age=1..2..3", "a range has two ends"],
      ["age=..", "a range needs at least one end"],
      ["age>1,2", "one value is expected"],
      ["age>null", "null is neither more nor less"],
      ["born=2026-02-30", 'field "born"'],
    ] as const
  ) {
    assertThrows(() => parseLine(line, schema), SyntaxError, reason, line);
  }
});

Deno.test("a view as a command and as TypeScript", async () => {
  await using people = await PsBase.create(`${await Deno.makeTempDir()}/people`, SCHEMA);
  await using served = new Served({ people });
  const schema = await schemaOf(served);
  const where = parseLine('age=30..40 name="Simpson, Bart" big=5 born!=2026-01-02', schema);
  const view = { ...viewOf("people", where), order: ["-age"], select: ["name"] };
  assertEquals(
    commandOf(view),
    `psbase select people age=30..40 'name="Simpson, Bart"' big=5 'born!=2026-01-02' ` +
      `--sort -age --fields name`,
  );
  assertEquals(
    programOf(view, schema),
    'people.select({ age: { gte: 30, lte: 40 }, name: "Simpson, Bart", big: 5n, ' +
      'born: { ne: Temporal.PlainDate.from("2026-01-02") } }, ' +
      '{ orderBy: ["-age"], fields: ["name"] });',
  );
  assertEquals(programOf(viewOf("people"), schema), "people.select();");
});

Deno.test("text becomes a value of its type, or is refused", () => {
  const field = (type: string) => ({
    ...{ name: "f", type, required: false, index: false, unique: false, default: null },
  });
  for (
    const [type, text, value] of [
      ["integer", "5", 5],
      ["bigint", "9223372036854775807", "9223372036854775807"],
      ["bigint", "+5", 5],
      ["float", "-0", "-0"],
      ["float", "NaN", "NaN"],
      ["float", "1e3", 1000],
      ["boolean", "true", true],
      ["date", "2024-02-29", "2024-02-29"],
      ["date", "-000004-02-29", "-000004-02-29"],
      ["time", "23:59:59.123456789", "23:59:59.123456789"],
      ["timestamp", "2026-07-31T23:59:30Z", "2026-07-31T23:59:30Z"],
      ["json", '{"a":[1]}', { a: [1] }],
      ["bytes", "AQ ID", "AQID"],
      ["string", " a ", " a "],
    ] as const
  ) {
    assertEquals(parseValue(field(type), text), value as never, `${type} ${text}`);
  }
  for (
    const [type, text] of [
      ["integer", "9007199254740993"],
      ["integer", "1.5"],
      ["bigint", "9223372036854775808"],
      ["float", "1e999"],
      ["boolean", "yes"],
      ["date", "2023-02-29"],
      ["date", "2023-13-01"],
      ["time", "24:00"],
      ["datetime", "2026-07-31"],
      ["timestamp", "2026-07-31T23:59:30"],
      ["bytes", "A"],
      ["json", "{"],
      ["link", "-1"],
    ] as const
  ) {
    assertThrows(() => parseValue(field(type), text), SyntaxError, undefined, `${type} ${text}`);
  }
  assertEquals(visible("a\0\n\u202e"), "a\\x00↵\\u202e");
});
