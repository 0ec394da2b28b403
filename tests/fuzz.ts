/**
 * Runs the random tests again and again, each time with another seed.
 *
 * ```sh
 * deno task fuzz --seconds 60
 * ```
 *
 * A random test is one whose file takes its seed from `PSBASE_SEED`. A seed that fails is added to
 * `tests/testdata/fuzz.json`, and `fuzz_test.ts` runs it from then on. Once the fault is mended and
 * has a test of its own, remove the seed: it means something else when the test changes.
 *
 * @module
 */
// deno-lint-ignore-file no-console

import { parseArgs } from "@std/cli/parse-args";

/** A seed that a random test failed with. */
export interface Find {
  /** The test's file, from the root of the project. */
  readonly file: string;
  /** What `PSBASE_SEED` was. */
  readonly seed: number;
}

const ROOT = new URL("../", import.meta.url);
/** Where the finds are kept. */
const FINDS = new URL("testdata/fuzz.json", import.meta.url);

/** The seeds that are kept. */
export function readFinds(): Find[] {
  return JSON.parse(Deno.readTextFileSync(FINDS));
}

/** Runs a test file with a seed; what it prints, if it fails. */
export async function runWithSeed({ file, seed }: Find): Promise<string | undefined> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", "--quiet", file],
    cwd: ROOT,
    env: { PSBASE_SEED: String(seed), NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  return success ? undefined : text.decode(stdout) + text.decode(stderr);
}

/** The files of the random tests. */
function randomTests(dir = "tests"): string[] {
  return [...Deno.readDirSync(new URL(`${dir}/`, ROOT))].flatMap(({ name, isDirectory }) => {
    const path = `${dir}/${name}`;
    if (isDirectory) return randomTests(path);
    if (!name.endsWith("_test.ts")) return [];
    return Deno.readTextFileSync(new URL(path, ROOT)).includes("newSeed()") ? [path] : [];
  }).sort();
}

async function main(): Promise<void> {
  const { seconds } = parseArgs(Deno.args, { string: ["seconds"], default: { seconds: "60" } });
  if (!/^\d+$/.test(seconds)) {
    console.error(`--seconds is "${seconds}", expected a number of seconds`);
    Deno.exit(2);
  }
  const end = performance.now() + Number(seconds) * 1000;
  const files = randomTests();
  const finds = readFinds();
  let runs = 0;
  let failed = 0;
  while (performance.now() < end) {
    const [seed] = crypto.getRandomValues(new Uint32Array(1));
    const find = { file: files[runs++ % files.length]!, seed: seed! };
    console.log(`PSBASE_SEED=${find.seed} deno test -A ${find.file}`);
    const output = await runWithSeed(find);
    if (output === undefined) continue;
    failed++;
    console.log(output);
    finds.push(find);
    Deno.writeTextFileSync(FINDS, JSON.stringify(finds, null, 2) + "\n");
  }
  console.log(`${runs} runs of ${files.length} random tests, ${failed} failed`);
  Deno.exitCode = failed > 0 ? 1 : 0;
}

if (import.meta.main) await main();
