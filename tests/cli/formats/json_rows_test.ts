import { assertEquals, assertThrows } from "@std/assert";
import { Fault } from "../../../cli/process/errors.ts";
import { type JsonRecord, parseJsonArray, parseNdjson } from "../../../cli/formats/json_rows.ts";

/** What is read; whether pieces end anywhere or not. */
function read(
  parse: (pieces: Iterable<string>) => Iterable<JsonRecord>,
  text: string,
): [line: number, object: unknown][] {
  const all = (pieces: Iterable<string>) =>
    Array.from(parse(pieces), ({ line, object, text: part }): [number, unknown] => {
      assertEquals(text.includes(part), true, part);
      return [line, object instanceof Fault ? object.message : object];
    });
  const whole = all([text]);
  assertEquals(all(text), whole, "character by character");
  return whole;
}

Deno.test("parseJsonArray() gives the objects in order, whatever their texts hold", () => {
  const array = (text: string) => read(parseJsonArray, text);
  assertEquals(array("[]"), []);
  assertEquals(array(" [ \r\n ] \n"), []);
  assertEquals(array('[{"a":1},{"b":[{},"]"]}]'), [[1, { a: 1 }], [1, { b: [{}, "]"] }]]);
  assertEquals(array('[\n{"a":"}\\"\\\\"}\n,\n\n{\n"b":{\n}}]\n'), [
    [2, { a: '}"\\' }],
    [5, { b: {} }],
  ]);
  assertEquals(array(JSON.stringify([{ "{[": 1 }, { s: "\n\\u{" }], null, 2)), [
    [2, { "{[": 1 }],
    [5, { s: "\n\\u{" }],
  ]);
});

Deno.test("parseJsonArray() reports what is not an object, and goes on after it", () => {
  const expected = "a JSON object is expected";
  const text = '[1, "]", null,\n[{}], true ,{"a":[9007199254740993]}, {"b" 1}, {"c":2}]';
  const found = read(parseJsonArray, text);
  assertEquals(found.slice(0, 5), [1, 1, 1, 2, 2].map((line) => [line, expected]));
  assertEquals(found.length, 8);
  assertEquals(found[5], [
    2,
    '9007199254740993 would be rounded, write it as text: "9007199254740993"',
  ]);
  assertEquals(found[7], [2, { c: 2 }]);
});

Deno.test("parseJsonArray() refuses what is not an array, with the line", () => {
  const cases: [text: string, told: string][] = [
    ["", "line 1: an array of objects is expected"],
    [
      '\n{"a":1}',
      "line 2: an array of objects is expected; if there is an object per line, say --nd",
    ],
    ['[{"a":1}\n', 'line 2: "," or "]" is expected after an object'],
    ['[{"a":1}\n{"a":2}]', 'line 2: "," or "]" is expected after an object'],
    ['[\n{"a":', "line 2: the array ends within a value"],
    ['[{"a":1},\n]', 'line 2: an object is expected after ","'],
    ["[]\n[]", "line 2: the text goes on after the array"],
  ];
  for (const [text, told] of cases) {
    assertThrows(() => [...parseJsonArray([text])], Fault, told);
    assertThrows(() => [...parseJsonArray(text)], Fault, told);
  }
});

Deno.test("parseNdjson() gives an object per line, skips blank lines, and reports other lines", () => {
  assertEquals(read(parseNdjson, '{"a":1}\r\n\n  \n{"b":{"c":"\\n"}}'), [
    [1, { a: 1 }],
    [4, { b: { c: "\n" } }],
  ]);
  const [[line, told]] = read(parseNdjson, '{"a":\n{"a":1}\n') as [[number, string]];
  assertEquals([line, told.includes("JSON")], [1, true]);
});
