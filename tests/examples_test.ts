import { assertEquals } from "@std/assert";

/** `tests/docs_test.ts` checks their types. */
const EXAMPLES = new URL("../examples/", import.meta.url);
/** `tests/storm_test.ts` runs it. */
const ELSEWHERE = "storm.ts";

async function deno(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  return decoder.decode(stdout);
}

const paths = [...Deno.readDirSync(EXAMPLES)].map(({ name }) => name)
  .filter((name) => name.endsWith(".ts") && name !== ELSEWHERE).sort()
  .map((name) => new URL(name, EXAMPLES).pathname);

for (const path of paths) {
  const [name] = /examples\/.*/.exec(path)!;
  Deno.test(`${name} prints what its documentation says`, async () => {
    const [, documented] = /^ \* ```text\n([^]*?)^ \* ```$/m.exec(await Deno.readTextFile(path))!;
    assertEquals(await deno("run", "-A", path), documented!.replaceAll(/^ \* ?/gm, ""));
  });
}
