/** The filter box speaks the language of the command. */

import { assertEquals, assertThrows } from "@std/assert";
import type { Field } from "../../page/types.ts";
import { commandOf, conditionsOf, programOf, wordOf, wordsOf } from "../../page/filter.ts";
import { cellsOfTsv, jsonOf, tsvCell } from "../../page/values.ts";
import { addressOf, orderAfter, viewOf } from "../../page/view.ts";

function field(name: string, type: string, required = false): Field {
  return { name, type, required, index: false, unique: false, default: null };
}

const FIELDS = [
  field("name", "string"),
  field("age", "integer"),
  field("limit", "integer"),
  field("born", "date"),
];

Deno.test("words become conditions of the API, and words again", () => {
  for (
    const [word, ...conditions] of [
      ["age=30", "age=eq.30"],
      ["age=null", "age=is.null"],
      ["age!=null", "age=not.is.null"],
      ["age!=3", "age=neq.3"],
      ["age>=3", "age=gte.3"],
      ["name=a,b", "name=in.(a,b)"],
      ['name="a,b"', "name=eq.a,b"],
      ['name="a,b",c', 'name=in.("a,b",c)'],
      ['name="say ""hi"""', 'name=eq.say "hi"'],
      ['name=""', "name=eq."],
      ["name~^ho", "name=match.^ho"],
      ["limit=5", '"limit"=eq.5'],
      ["__id__>5", "__id__=gt.5"],
    ] as const
  ) {
    const found = conditionsOf(word, FIELDS);
    assertEquals(found.map(({ name, value }) => `${name}=${value}`), conditions, word);
    const again = found.map(wordOf);
    assertEquals(conditionsOf(again[0]!, FIELDS), found, `${word} became ${again}`);
  }
  const range = conditionsOf("age=30..40", FIELDS);
  assertEquals(range.map(({ value }) => value), ["gte.30", "lte.40"]);
  assertEquals(conditionsOf("name=a,null", FIELDS), [
    { name: "or", value: "(name.in.(a),name.is.null)" },
  ]);
  assertEquals(wordsOf(`name="a b" age>3 'x y'`), ['name="a b"', "age>3", "x y"]);
  for (const word of ["nam=1", "age", "age=..", "age>null", "age>1,2", 'name="a']) {
    assertThrows(() => conditionsOf(word, FIELDS), Error);
  }
});

Deno.test("a view as a command and as TypeScript", () => {
  const conditions = ["age=30..40", "name~^h", "born=2000-01-02"].flatMap((word) =>
    conditionsOf(word, FIELDS)
  );
  assertEquals(
    commandOf("people", conditions, ["-age", "name"]),
    "psbase select people 'age>=30' 'age<=40' 'name~^h' born=2000-01-02 --sort -age,name",
  );
  assertEquals(
    programOf("people", conditions, ["-age"], FIELDS),
    "people.select({ _and: [{ age: { gte: 30 } }, { age: { lte: 40 } }, " +
      '{ name: new RegExp("^h", "u") }, { born: Temporal.PlainDate.from("2000-01-02") }] }, ' +
      '{ orderBy: "-age" })',
  );
  assertEquals(programOf("people", [], [], FIELDS), "people.select()");
  assertEquals(commandOf("people", [{ name: "or", value: "(age.eq.1)" }], []), undefined);
});

Deno.test("an address is the whole view", () => {
  const address = "/people?age=gte.18&or=(a.eq.1,b.eq.2)&order=-age,name#hide=born&facets=name,age";
  const view = viewOf(new URL(address, "http://localhost"));
  assertEquals(view, {
    table: "people",
    conditions: [{ name: "age", value: "gte.18" }, { name: "or", value: "(a.eq.1,b.eq.2)" }],
    order: ["-age", "name"],
    hidden: ["born"],
    facets: ["name", "age"],
  });
  assertEquals(addressOf(view), address);
  assertEquals(orderAfter([], "a", false), ["a"]);
  assertEquals(orderAfter(["a"], "a", false), ["-a"]);
  assertEquals(orderAfter(["-a"], "a", false), []);
  assertEquals(orderAfter(["a"], "b", true), ["a", "b"]);
});

Deno.test("what is typed becomes a value, or is refused with a reason", () => {
  for (
    const [type, text, value] of [
      ["string", "", ""],
      ["integer", " 5 ", 5],
      ["bigint", "1152921504606846977", "1152921504606846977"],
      ["float", "1e3", 1000],
      ["float", "NaN", "NaN"],
      ["boolean", "true", true],
      ["date", "2000-01-02", "2000-01-02"],
      ["json", '{"a":1}', { a: 1 }],
      ["bytes", "AQI=", "AQI="],
      ["link", "3", 3],
      ["integer", null, null],
    ] as const
  ) assertEquals(jsonOf(field("f", type), text), value, `${type} ${text}`);
  for (
    const [type, text] of [
      ["integer", "1.5"],
      ["integer", "9007199254740993"],
      ["boolean", "yes"],
      ["date", "1.2.2000"],
      ["json", "{a:1}"],
      ["bytes", "%"],
    ] as const
  ) assertThrows(() => jsonOf(field("f", type), text), Error, "f");
  assertThrows(() => jsonOf(field("f", "string", true), null), Error, "required");
  const table = [["a", 'b "c"\nd'], ["", "e"]];
  assertEquals(cellsOfTsv(table.map((row) => row.map(tsvCell).join("\t")).join("\n")), table);
  assertEquals(cellsOfTsv("a\tb\r\nc\td\r\n"), [["a", "b"], ["c", "d"]]);
});
