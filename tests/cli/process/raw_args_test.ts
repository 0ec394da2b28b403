/**
 * Words of the command line that are not UTF-8.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { PsBase } from "../../../mod.ts";
import { psbase } from "../../helpers/cli.ts";
import { workplace } from "../../helpers/shell.ts";
import { CLI } from "../../helpers/programs.ts";
import { tempBase } from "../../helpers/temp_base.ts";

const onUnix = { ignore: Deno.build.os === "windows" };
const onLinux = { ignore: Deno.build.os !== "linux" };

/** In Latin 1, cut off, a surrogate, too long, and one that is mixed with what is UTF-8. */
const BYTES = ["caf\\351", "\\342\\202", "\\355\\240\\200", "\\300\\200", "\\357\\277\\275\\377"];

Deno.test("words that are not UTF-8 are refused, wherever they stand", onUnix, async (t) => {
  using place = workplace();
  await place.sh("psbase create t a:string && psbase insert t a=x");
  const lines = [
    "create $X a:string",
    "create u $X:string",
    "insert t a=$X",
    "select t a=$X",
    "select t --fields $X",
    "update t a=x --set a=$X",
    "delete t a!=$X",
    "set-default t a $X",
    "import t $X --csv",
    "export t $X --csv",
    "backup t $X",
    "check t --salvage=$X",
    "lock $X -- true",
    "lock l -- touch $X",
    "help $X",
    "$X",
  ];
  const before = [...Deno.readDirSync(place.dir)].map(({ name }) => name);
  for (const [i, line] of lines.entries()) {
    await t.step(line, async () => {
      const set = `X=$(printf '${BYTES[i % BYTES.length]}')`;
      const { code, out, err } = await place.sh(`${set}; psbase ${line.replace("$X", '"$X"')}`);
      assertEquals([code, out], [2, ""], err);
      // Where the system does not show the bytes, U+FFFD could have been meant.
      assertStringIncludes(err, "not UTF-8");
    });
  }
  assertEquals([...Deno.readDirSync(place.dir)].map(({ name }) => name), before);
  using base = PsBase.openSync(`${place.dir}/t`);
  assertEquals(base.select().map((row) => row.a), ["x"]);
});

Deno.test("U+FFFD is an ordinary character where the system shows the bytes", onLinux, async () => {
  using place = workplace();
  const script = `psbase create t a:string; psbase insert t a="\ufeff\ufffd😀"; psbase count t a~.`;
  const { code, out, err } = await place.sh(script);
  assertEquals([code, out, err], [0, "0\n1\n", ""]);
  using base = PsBase.openSync(`${place.dir}/t`);
  assertEquals(base.get(0)?.a, "\ufeff\ufffd😀");
  // Deno shows the command line only with all permissions.
  const [read, write] = ["read", "write"].map((name) => `--allow-${name}=${place.dir}`);
  const refused = await place.run(Deno.execPath(), [
    "run",
    "--no-prompt",
    read!,
    write!,
    CLI,
    "insert",
    "t",
    "a=\ufffd",
  ]);
  assertEquals([refused.code, refused.out], [2, ""]);
  assertStringIncludes(refused.err, "if it is meant, import it from a file");
});

Deno.test("main() takes U+FFFD from its caller: there are no bytes to compare", async () => {
  await using base = tempBase();
  await psbase(["create", base.path, "a:string"]);
  assertEquals((await psbase(["insert", base.path, "a=\ufffd"])).code, 0);
});
