/**
 * Changes whose result cannot be printed: stdout is a full disk, or a pipe that nobody reads.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { main } from "../../../cli.ts";
import { COMMANDS } from "../../../cli/commands.ts";
import { PsBase } from "../../../mod.ts";
import { BuzhugWriter } from "../../helpers/buzhug_writer.ts";
import { workplace } from "../../helpers/shell.ts";
import { tempBase } from "../../helpers/temp_base.ts";

/** Runs a command whose stdout refuses all, if `refusal` says so. */
async function runInto(
  refusal: Error | undefined,
  args: readonly string[],
): Promise<{ code: number; err: string }> {
  let err = "";
  const stream = { isTerminal: false, columns: NaN, colors: false };
  const stdout = (text: string) => {
    if (text !== "" && refusal !== undefined) throw refusal;
  };
  const code = await main(args, {
    stdin: ReadableStream.from([]),
    stdout: { ...stream, write: stdout },
    stderr: { ...stream, write: (text) => void (err += text) },
  });
  return { code, err };
}

/** What the system says. */
const REFUSALS = [
  new Error("No space left on device (os error 28)"),
  new Deno.errors.BrokenPipe("Broken pipe (os error 32)"),
];

/** Command lines that change something, and what they say when they cannot print a result. */
const CHANGES: { readonly [name: string]: [args: string, told?: string][] } = {
  create: [["new a:string"]],
  insert: [["t a=z", "inserted row 2"]],
  update: [["t a=x --set b=1", "changed 1 row"], ["t --all --set b=1", "changed 2 rows"]],
  delete: [["t a=x", "deleted 1 row"]],
  "add-field": [["t c:string"]],
  "drop-field": [["t b"]],
  "rename-field": [["t b c"]],
  "set-default": [["t b 5"]],
  "set-type": [["t b string"]],
  "set-index": [["t b index"]],
  "keep-changes": [["t 5"]],
  import: [
    ["t rows.csv", "imported 2 rows"],
    ["t rows.csv --batch 1", "imported 2 rows"],
    ["new rows.csv", "imported 2 rows"],
    ["--from buzhug old new", "imported 0 rows"],
  ],
  export: [["t rows.tsv"]],
  backup: [["t new"]],
  check: [["t --salvage new", 'wrote ".*new"']],
  cleanup: [["t"]],
  destroy: [["t --yes"]],
};
/** Those that change nothing of their own, and print. */
const READERS = [
  "get",
  "select",
  "count",
  "info",
  "watch",
  "completions",
  "help",
  "lock",
  "shell",
  "serve",
];

/** The rows of both tables, `undefined` where there is none. */
function contents(dir: string) {
  return ["t", "new"].map((name) => {
    try {
      using base = PsBase.openSync(`${dir}/${name}`);
      return { schema: base.schema, rows: [...base.select()].map((row) => ({ ...row })) };
    } catch {
      return undefined;
    }
  });
}

Deno.test("a change whose result cannot be printed is reported, with its own exit code", async (t) => {
  assertEquals([...Object.keys(CHANGES), ...READERS].sort(), Object.keys(COMMANDS).sort());
  for (const [name, lines] of Object.entries(CHANGES)) {
    for (const [line, told] of lines) {
      for (const error of REFUSALS) {
        await t.step(`${name} ${line}: ${error.message}`, async () => {
          const results = [];
          for (const refusal of [undefined, error]) {
            await using base = tempBase();
            base.damaged = true;
            const dir = base.parent;
            {
              await using table = await PsBase.create(`${dir}/t`, { a: "string", b: "integer" });
              await table.insertMany([{ a: "x" }, { a: "y" }]);
            }
            // `--salvage` prints something only if rows were lost.
            if (name === "check") damage(`${dir}/t/000001.log`);
            Deno.writeTextFileSync(`${dir}/rows.csv`, "a\nx\ny\n");
            new BuzhugWriter(["a", "str"]).save(`${dir}/old`);
            const paths = /^(?:t|new|old|rows\..sv)$/;
            const words = line.split(" ").map((w) => paths.test(w) ? `${dir}/${w}` : w);
            const { code, err } = await runInto(refusal, [name, ...words]);
            if (refusal !== undefined && told !== undefined) {
              assertEquals(code, 3, err);
              const message = `${told}, but could not print that: ${RegExp.escape(error.message)}`;
              assertMatch(
                err,
                RegExp(`psbase ${name}: ${message}; do not run the command again\\n$`),
              );
            } else {
              // Its exit code tells that rows were lost.
              assertEquals(code, name === "check" ? 1 : 0, err);
            }
            results.push(contents(dir));
          }
          assertEquals(results[1], results[0], "the change was made, once");
        });
      }
    }
  }
});

/** Turns a byte of the last commit. */
function damage(log: string): void {
  const bytes = Deno.readFileSync(log);
  const at = bytes.findLastIndex((byte) => byte === "y".charCodeAt(0));
  bytes[at]! ^= 1;
  Deno.writeFileSync(log, bytes);
}

Deno.test({
  name: "psbase into a full disk and into a pipe that nobody reads",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using place = workplace();
    // A message that cannot be written changes nothing, nor does a result that is not needed.
    const made = await place.sh("psbase create t a:string >/dev/full 2>/dev/full");
    assertEquals(made.code, 0);
    const full = await place.sh("psbase insert t a=x >/dev/full");
    assertEquals(full.code, 3);
    assertMatch(
      full.err,
      /^psbase insert: inserted row 0, but could not print that: No space left /,
    );
    assertEquals((await place.sh("psbase insert t a=x >/dev/full 2>&1")).code, 3);
    const pipe = await place.sh("(psbase insert t a=x; echo $? >&2) | true");
    assertMatch(
      pipe.err,
      /^psbase insert: inserted row 2, but could not print that: Broken pipe .*\n3\n$/,
    );
    await place.sh("printf 'a\ny\n' > x.csv");
    const words = await place.sh("psbase import u x.csv 2>/dev/full");
    assertEquals([words.code, words.out], [0, "1\n"]);
    const read = await place.sh("psbase select t >/dev/full");
    assertEquals(read.code, 1);
    assertMatch(read.err, /^psbase select: No space left on device .*\n$/);
    assertEquals((await place.sh("psbase count t; psbase count u")).out, "3\n1\n");
  },
});
