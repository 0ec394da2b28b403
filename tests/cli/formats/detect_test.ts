import { assertEquals } from "@std/assert";
import { textKind } from "../../../cli/formats/detect.ts";
import { VALUE_TYPES } from "../../../engine/schema/values.ts";

type Temporal = "date" | "time" | "datetime" | "timestamp";

/** The kind of a text that the type writes as it is, or does not read. */
function kindBy(type: Temporal, text: string): Temporal | "text" | undefined {
  try {
    const { parse, format } = VALUE_TYPES[type];
    return format(parse(text)) === text ? type : undefined;
  } catch {
    return "text";
  }
}

const two = (n: number) => String(n).padStart(2, "0");
const upTo = (last: number) => Array.from({ length: last + 1 }, (_, n) => two(n));
const DATES = ["0000", "1900", "2000", "2023", "2024", "9999"].flatMap((year) =>
  upTo(13).flatMap((month) => upTo(32).map((day) => `${year}-${month}-${day}`))
);
const TIMES = upTo(25).flatMap((hour) =>
  ["00", "59", "60"].flatMap((minute) =>
    ["00", "59", "60", "09.5", "09.123", "09.000", "09.000000001", "09.0000000001"]
      .map((second) => `${hour}:${minute}:${second}`)
  )
);

Deno.test("textKind() knows dates and times as their types read and write them", () => {
  const cases: [type: Temporal, texts: string[]][] = [
    ["date", DATES],
    ["time", TIMES],
    ["datetime", [
      ...DATES.map((date) => `${date}T23:59:59`),
      ...TIMES.map((time) => `2024-02-29T${time}`),
    ]],
    ["timestamp", [
      ...DATES.map((date) => `${date}T23:59:59.000Z`),
      ...TIMES.map((time) => `2024-02-29T${time}Z`),
    ]],
  ];
  for (const [type, texts] of cases) {
    for (const text of texts) {
      const kind = kindBy(type, text);
      if (kind === undefined) continue; // another spelling
      assertEquals(textKind(text), kind, text);
    }
  }
});
