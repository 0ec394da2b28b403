import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { StringFormats } from "../../../engine/schema/strings.ts";
import type { TypeName } from "../../../engine/schema/types.ts";
import { VALUE_TYPES } from "../../../engine/schema/values.ts";
import { newSeed, type Random, randomFrom } from "../../helpers/random.ts";

type PatternType = "date" | "time" | "datetime" | "timestamp";

/** The value of a text by a pattern. */
function parsed(type: PatternType, pattern: string, text: string): unknown {
  const formats = new StringFormats();
  formats.set(type, pattern);
  return formats.parse(VALUE_TYPES[type], text);
}

/** The same as ISO text. */
function iso(type: PatternType, pattern: string, text: string): string {
  return VALUE_TYPES[type].format(parsed(type, pattern, text));
}

/** Asserts that the pattern does not take the texts, and says so. */
function assertRefused(type: PatternType, pattern: string, ...texts: string[]): void {
  for (const text of texts) {
    const finest = type === "timestamp" ? "milliseconds" : "nanoseconds";
    const message = `${JSON.stringify(text)} is not a ${type} of the form "${pattern}"` +
      (pattern.includes("%f") ? `, %f to ${finest}` : "");
    const error = assertThrows(() => parsed(type, pattern, text), SyntaxError);
    assertStrictEquals(error.message, message);
  }
}

/** Asserts that the pattern cannot be set, with this very message. */
function assertNotSet(type: string, pattern: string, message: string): void {
  const error = assertThrows(() => new StringFormats().set(type, pattern), RangeError);
  assertStrictEquals(error.message, message);
}

// --------------------------------------------------------------- directives

Deno.test("parse by a pattern gives values of the type", () => {
  assertEquals(parsed("date", "%d-%m-%y", "07-10-95"), new Temporal.PlainDate(1995, 10, 7));
  assertEquals(parsed("time", "%Hh%M", "23h59"), new Temporal.PlainTime(23, 59));
  assertEquals(
    parsed("datetime", "%d.%m.%Y, %H:%M:%S", "31.07.2026, 23:59:30"),
    new Temporal.PlainDateTime(2026, 7, 31, 23, 59, 30),
  );
  assertEquals(
    parsed("timestamp", "%m/%d/%Y %H:%M", "07/31/2026 23:59"),
    new Date(Date.UTC(2026, 6, 31, 23, 59)),
  );
});

Deno.test("parse without a pattern takes ISO, and the text of all other types", () => {
  const texts: Record<TypeName, string> = {
    string: " bart ",
    integer: "-39",
    float: "1e3",
    boolean: "true",
    bigint: "9007199254740993",
    date: "1995-10-07",
    time: "23:59",
    datetime: "1995-10-07T23:59",
    timestamp: "1995-10-07T23:59+02:00",
    bytes: "AP8=",
    json: "[1]",
  };
  const formats = new StringFormats();
  for (const [name, text] of Object.entries(texts)) {
    const type = VALUE_TYPES[name as TypeName];
    assertEquals(formats.parse(type, text), type.parse(text), name);
  }
  assertThrows(
    () => formats.parse(VALUE_TYPES.date, "07-10-95"),
    SyntaxError,
    '"07-10-95" is not a date such as "2026-07-31"',
  );
});

Deno.test("a pattern is that of its type alone, and of its StringFormats alone", () => {
  const formats = new StringFormats();
  formats.set("date", "%d.%m.%Y");
  assertEquals(VALUE_TYPES.date.format(formats.parse(VALUE_TYPES.date, "7.10.1995")), "1995-10-07");
  assertThrows(() => formats.parse(VALUE_TYPES.date, "1995-10-07"), SyntaxError);
  const datetime = "1995-10-07T00:00:00";
  const value = formats.parse(VALUE_TYPES.datetime, datetime);
  assertStrictEquals(VALUE_TYPES.datetime.format(value), datetime);
  assertStrictEquals(
    VALUE_TYPES.date.format(new StringFormats().parse(VALUE_TYPES.date, "1995-10-07")),
    "1995-10-07",
  );
});

Deno.test("set replaces the pattern, and leaves it if the new one is wrong", () => {
  const formats = new StringFormats();
  const text = (given: string) => VALUE_TYPES.date.format(formats.parse(VALUE_TYPES.date, given));
  formats.set("date", "%d/%m/%Y");
  formats.set("date", "%m/%d/%Y");
  assertStrictEquals(text("07/10/1995"), "1995-07-10");
  assertThrows(() => formats.set("date", "%d/%m"), RangeError);
  assertStrictEquals(text("07/10/1995"), "1995-07-10");
});

Deno.test("%y is a year from 1969 to 2068, as in POSIX", () => {
  for (let year = 1969; year <= 2068; year++) {
    const two = String(year).slice(2);
    assertStrictEquals(iso("date", "%y-%m-%d", `${two}-02-28`), `${year}-02-28`);
  }
  assertStrictEquals(iso("date", "%y-%m-%d", "5-1-1"), "2005-01-01");
});

Deno.test("%Y is a year of four digits, or of a sign and six, as in ISO", () => {
  assertStrictEquals(iso("date", "%Y-%m-%d", "0000-01-01"), "0000-01-01");
  assertStrictEquals(iso("date", "%Y-%m-%d", "9999-12-31"), "9999-12-31");
  assertStrictEquals(iso("date", "%d-%m-%Y", "13-09-+275760"), "+275760-09-13");
  assertStrictEquals(iso("date", "%d%m%Y", "1904-271821"), "-271821-04-19");
  assertStrictEquals(iso("date", "%Y-%m-%d", "+002026-07-31"), "2026-07-31");
  assertRefused(
    "date",
    "%d.%m.%Y",
    "1.1.26",
    "1.1.202",
    "1.1.02026",
    "1.1.+2026",
    "1.1.-000000",
    "13.9.+275761",
    "14.9.+275760",
    "18.4.-271821",
  );
});

Deno.test("one digit will do for two", () => {
  assertStrictEquals(iso("date", "%d-%m-%y", "7-1-5"), "2005-01-07");
  assertStrictEquals(iso("time", "%H:%M:%S", "1:2:3"), "01:02:03");
  assertStrictEquals(iso("time", "%M past %H", "5 past 0"), "00:05:00");
});

Deno.test("%f is a fraction of 1 to 9 digits", () => {
  const pattern = "%H:%M:%S,%f";
  assertStrictEquals(iso("time", pattern, "0:0:0,5"), "00:00:00.5");
  assertStrictEquals(iso("time", pattern, "0:0:0,05"), "00:00:00.05");
  assertStrictEquals(iso("time", pattern, "0:0:0,0"), "00:00:00");
  assertStrictEquals(iso("time", pattern, "23:59:59,000000001"), "23:59:59.000000001");
  assertStrictEquals(iso("time", pattern, "23:59:59,999999999"), "23:59:59.999999999");
  assertRefused("time", pattern, "0:0:0,", "0:0:0", "0:0:0,0123456789", "0:0:0,-1");
});

Deno.test("a timestamp is in UTC, its fraction to milliseconds", () => {
  const pattern = "%Y/%m/%d %H:%M:%S.%f";
  const time = (text: string) => (parsed("timestamp", pattern, text) as Date).getTime();
  assertStrictEquals(time("1970/01/01 00:00:00.001000000"), 1);
  assertStrictEquals(time("1969/12/31 23:59:59.9980"), -2);
  assertStrictEquals(time("2026/07/31 12:00:00.5"), Date.UTC(2026, 6, 31, 12, 0, 0, 500));
  assertStrictEquals(time("-271821/04/20 00:00:00.0"), -8.64e15);
  assertRefused("timestamp", pattern, "-271821/04/19 23:59:59.999", "2026/07/31 12:00:00.5Z");
  assertRefused("timestamp", pattern, "1970/01/01 00:00:00.0019", "1970/01/01 00:00:00.000000001");
});

Deno.test("without %S the second is 0, without %f its fraction", () => {
  assertStrictEquals(iso("time", "%H.%M", "12.34"), "12:34:00");
  assertStrictEquals(iso("time", "%H.%M.%S", "12.34.56"), "12:34:56");
  assertStrictEquals(iso("timestamp", "%d%m%y%H%M", "0710952359"), "1995-10-07T23:59:00.000Z");
});

Deno.test("all else in a pattern is itself", () => {
  assertStrictEquals(iso("time", "%%%H%%%M%%", "%1%2%"), "01:02:00");
  assertStrictEquals(iso("time", "%%H %H, %%M %M", "%H 1, %M 2"), "01:02:00");
  const odd = "^$.*+?()[]{}|\\/ d\n\t\0é😀\ud83d";
  assertStrictEquals(iso("time", `${odd}%H${odd}%M${odd}`, `${odd}1${odd}2${odd}`), "01:02:00");
  assertRefused("time", "%H.%M", "1:2", "1 .2");
  assertRefused("time", "%H %M", "1  2", "1\t2", "12");
  assertRefused("time", "%Hh%Mm", "1H2M");
  assertRefused("time", "%%%H:%M", "1:2");
  assertRefused("time", "%%%%%H:%M", "%1:2");
});

Deno.test("where digits meet, no zero may be left out", () => {
  assertStrictEquals(iso("date", "%d%m%y", "071095"), "1995-10-07");
  assertStrictEquals(iso("date", "%Y%m%d", "20260731"), "2026-07-31");
  assertStrictEquals(iso("date", "%Y%m-%d", "202607-1"), "2026-07-01");
  assertStrictEquals(iso("time", "%H%M%S%f", "235959123"), "23:59:59.123");
  assertStrictEquals(iso("time", "%f%S%M%H", "123595823"), "23:58:59.123");
  assertStrictEquals(iso("time", "0%H0%M0%S", "010020030"), "10:20:30");
  assertStrictEquals(iso("time", "%H:%M%%%S", "1:2%3"), "01:02:03");
  assertRefused("date", "%d%m%y", "71095", "11105", "7101995");
  assertRefused("date", "%Y%m%d", "2026111", "202611", "2026 1 1");
  assertRefused("date", "%Y%m-%d", "20267-1");
  assertRefused("date", "%m-%d%Y", "07-12026");
  assertRefused("time", "%H%M", "123", "1:23");
  assertRefused("time", "%H0%M", "1002", "2001", "102");
  assertRefused("time", "0%H:%M", "01:2");
  assertStrictEquals(iso("time", "%H1h%M", "121h5"), "12:05:00");
  assertRefused("time", "%H1h%M", "51h5");
});

// --------------------------------------------------------------- texts

Deno.test("parse refuses what is no date or time", () => {
  assertRefused(
    "date",
    "%d-%m-%y",
    "31-02-95",
    "29-02-95",
    "00-01-95",
    "01-00-95",
    "32-01-95",
    "01-13-95",
    "31-04-95",
  );
  assertStrictEquals(iso("date", "%d-%m-%y", "29-02-96"), "1996-02-29");
  assertRefused("time", "%H:%M:%S", "25:00:00", "24:00:00", "00:60:00", "00:00:60", "99:99:99");
  assertRefused("datetime", "%d-%m-%y %H:%M", "31-02-95 12:00", "07-10-95 24:00");
  assertRefused("timestamp", "%d-%m-%y %H:%M", "31-02-95 12:00", "07-10-95 24:00");
});

Deno.test("parse refuses missing and additional text", () => {
  assertRefused(
    "date",
    "%d-%m-%y",
    "",
    "-",
    "--",
    "07",
    "07-10",
    "07-10-",
    "-10-95",
    "07--95",
    "07-10-95 ",
    " 07-10-95",
    "07-10-95\n",
    "x07-10-95",
    "07-10-95x",
    "07-10-195",
    "007-10-95",
    "07 10 95",
    "+7-10-95",
    " 7-10-95",
    "٠٧-10-95",
    "1995-10-07",
  );
  assertRefused("time", "at %H:%M o'clock", "12:34", "at 12:34", "12:34 o'clock");
  assertRefused("datetime", "%d-%m-%y %H:%M", "07-10-95", "07-10-95 12", "07-10-95T12:00");
});

Deno.test("parse names the beginning of a long text", () => {
  const text = "1".repeat(10_000_000);
  const shown = `${"1".repeat(40)}…`;
  const pattern = "%f0%S1%M%H%Y%m%d";
  assertThrows(
    () => parsed("datetime", pattern, text),
    SyntaxError,
    `"${shown}" is not a datetime of the form "${pattern}"`,
  );
});

// --------------------------------------------------------------- patterns

Deno.test("set takes date, time, datetime and timestamp", () => {
  const formats = new StringFormats();
  for (const type of ["integer", "string", "json", "Date", "toString", ""]) {
    const error = assertThrows(() => formats.set(type, "%d-%m-%y"), TypeError);
    assertStrictEquals(
      error.message,
      `"${type}" has no pattern, the types that have one are date, time, datetime and timestamp`,
    );
  }
  assertThrows(
    () => formats.set(undefined as unknown as string, "%d-%m-%y"),
    TypeError,
    "it is undefined, expected one of date, time, datetime and timestamp",
  );
  assertThrows(
    () => formats.set("date", /%d-%m-%y/ as unknown as string),
    TypeError,
    "it is a RegExp, expected a pattern",
  );
});

Deno.test("set refuses a pattern that lacks something", () => {
  assertNotSet("date", "%m-%y", '"%m-%y" lacks %d, which a date needs');
  assertNotSet("date", "%d-%y", '"%d-%y" lacks %m, which a date needs');
  assertNotSet("date", "%d-%m", '"%d-%m" lacks %y or %Y, which a date needs');
  assertNotSet("date", "", '"" lacks %d, which a date needs');
  assertNotSet("date", "%%d-%m-%y", '"%%d-%m-%y" lacks %d, which a date needs');
  assertNotSet("time", "%M", '"%M" lacks %H, which a time needs');
  assertNotSet("time", "%H:%S", '"%H:%S" lacks %M, which a time needs');
  assertNotSet("time", "%H:%M.%f", '"%H:%M.%f" has %f without %S');
  for (const type of ["datetime", "timestamp"]) {
    assertNotSet(type, "%d-%m-%y", `"%d-%m-%y" lacks %H, which a ${type} needs`);
    assertNotSet(type, "%H:%M", `"%H:%M" lacks %d, which a ${type} needs`);
    assertNotSet(type, "%d-%m-%y %H", `"%d-%m-%y %H" lacks %M, which a ${type} needs`);
  }
});

Deno.test("set refuses a pattern that has what the type has not", () => {
  for (const directive of ["%H", "%M", "%S", "%f"]) {
    const pattern = `%d-%m-%y ${directive}`;
    assertNotSet("date", pattern, `"${pattern}" has ${directive}, which a date does not have`);
  }
  for (const directive of ["%d", "%m", "%y", "%Y"]) {
    const pattern = `%H:%M ${directive}`;
    assertNotSet("time", pattern, `"${pattern}" has ${directive}, which a time does not have`);
  }
});

Deno.test("set refuses a directive that is there twice", () => {
  const pattern = "%d %m %Y %H %M %S %f";
  for (const directive of pattern.split(" ")) {
    const twice = `${pattern} ${directive}`;
    assertNotSet("datetime", twice, `"${twice}" has ${directive} twice`);
  }
  assertNotSet("date", "%d %m %y %y", '"%d %m %y %y" has %y twice');
  assertNotSet("date", "%d %m %y %Y", '"%d %m %y %Y" has both %y and %Y');
});

Deno.test("set refuses unknown directives", () => {
  for (const directive of ["%b", "%D", "%h", "%s", "%-d", "%1", "% ", "%😀", "%\ud83d", "%"]) {
    const pattern = `%d.%m.%y ${directive}`;
    const unknown = directive === "%-d" ? "%-" : directive;
    assertNotSet(
      "date",
      pattern,
      `${JSON.stringify(pattern)} has the unknown directive ${JSON.stringify(unknown)}, ` +
        "the directives are %d %m %y %Y %H %M %S %f %%",
    );
  }
  assertNotSet(
    "date",
    "%\n",
    '"%\\n" has the unknown directive "%\\n", the directives are %d %m %y %Y %H %M %S %f %%',
  );
});

// --------------------------------------------------------------- round trips

const DIRECTIVES: Record<PatternType, string[][]> = {
  date: [["%d", "%m", "%y"], ["%d", "%m", "%Y"]],
  time: [["%H", "%M"], ["%H", "%M", "%S"], ["%H", "%M", "%S", "%f"]],
  datetime: [],
  timestamp: [],
};
for (const date of DIRECTIVES.date) {
  for (const time of DIRECTIVES.time) DIRECTIVES.datetime.push([...date, ...time]);
}
DIRECTIVES.timestamp = DIRECTIVES.datetime;

function shuffled<T>(random: Random, values: readonly T[]): T[] {
  const rest = [...values];
  return values.map(() => rest.splice(random.below(rest.length), 1)[0]!);
}

/** The text of a date and time, the reverse of `parse`; one digit where `short` and it will do. */
function formatted(value: Temporal.PlainDateTime, pattern: string, short: boolean): string {
  const two = (n: number) => String(n).padStart(short ? 1 : 2, "0");
  const nanoseconds = value.millisecond * 1e6 + value.microsecond * 1e3 + value.nanosecond;
  const fraction = String(nanoseconds).padStart(9, "0");
  const parts: Record<string, string> = {
    "%d": two(value.day),
    "%m": two(value.month),
    "%y": two(value.year % 100),
    "%Y": value.year >= 0 && value.year <= 9999
      ? String(value.year).padStart(4, "0")
      : (value.year < 0 ? "-" : "+") + String(Math.abs(value.year)).padStart(6, "0"),
    "%H": two(value.hour),
    "%M": two(value.minute),
    "%S": two(value.second),
    "%f": short ? fraction.replace(/(?!^)0+$/, "") : fraction,
    "%%": "%",
  };
  return pattern.replace(/%./g, (directive) => parts[directive]!);
}

/** A date and time with what the directives hold, all else 1970-01-01 and midnight. */
function randomValue(
  random: Random,
  type: PatternType,
  directives: readonly string[],
): Temporal.PlainDateTime {
  const has = (directive: string) => directives.includes(directive);
  let value = new Temporal.PlainDateTime(1970, 1, 1);
  if (has("%d")) {
    const year = has("%y")
      ? 1969 + random.below(100)
      : random.chance(0.5)
      ? random.below(10_000)
      : random.below(500_000) - 250_000;
    value = value.with({ year, month: 1 + random.below(12) });
    value = value.with({ day: 1 + random.below(value.daysInMonth) });
  }
  if (has("%H")) value = value.with({ hour: random.below(24), minute: random.below(60) });
  if (has("%S")) value = value.with({ second: random.below(60) });
  if (has("%f")) {
    const finer = () => type === "timestamp" ? 0 : random.pick([0, random.below(1000)]);
    value = value.with({
      millisecond: random.below(1000),
      microsecond: finer(),
      nanosecond: finer(),
    });
  }
  return value;
}

/** What a field of a type keeps of a date and time. */
function asType(type: PatternType, value: Temporal.PlainDateTime): unknown {
  switch (type) {
    case "date":
      return value.toPlainDate();
    case "time":
      return value.toPlainTime();
    case "datetime":
      return value;
    case "timestamp":
      return new Date(value.toZonedDateTime("UTC").epochMilliseconds);
  }
}

for (const type of ["date", "time", "datetime", "timestamp"] as const) {
  Deno.test(`parse is the reverse of a formatter, ${type}`, () => {
    const seed = newSeed();
    const random = randomFrom(seed);
    for (let i = 0; i < 2000; i++) {
      const directives = random.pick(DIRECTIVES[type]);
      const compact = random.chance(0.3);
      const separators = compact ? [""] : ["-", "/", ".", ":", " ", ", ", "T", "%%", "^.*", "é"];
      const pattern = shuffled(random, directives)
        .map((directive) => directive + random.pick(separators)).join("");
      const value = randomValue(random, type, directives);
      const text = formatted(value, pattern, !compact && random.chance(0.5));
      assertEquals(
        parsed(type, pattern, text),
        asType(type, value),
        `PSBASE_SEED=${seed}: "${text}" by "${pattern}"`,
      );
    }
  });
}
