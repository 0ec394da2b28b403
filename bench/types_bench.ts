/**
 * What the inference of row types costs: `deno check` of a program with twenty
 * tables of fifty fields, and of an empty one. The wish: at most twice the empty
 * one and five seconds, on a small machine.
 *
 * @module
 */

const TABLES = 20;
const FIELDS = 50;
const TYPES = [
  `"string"`,
  `"integer"`,
  `"date"`,
  `{ type: "string", required: true }`,
  `{ type: "integer", required: true, default: 3 }`,
  `{ type: "timestamp", default: new Date(0) }`,
  `json<{ a: string; b: number[] }>()`,
];

/** A program that uses every verb whose types depend on the schema. */
function program(): string {
  const lines = [`import { json, PsBase } from "@psbase/psbase";`];
  for (let t = 0; t < TABLES; t++) {
    const fields = Array.from({ length: FIELDS }, (_, i) => `f${i}: ${TYPES[i % TYPES.length]}`);
    const needed = Array.from({ length: FIELDS }, (_, i) => i).filter((i) => i % TYPES.length === 3)
      .map((i) => `f${i}: "x"`).join(", ");
    lines.push(
      `const t${t} = await PsBase.create("t${t}", { ${fields.join(", ")} });`,
      `await t${t}.insert({ f1: 1, ${needed} });`,
      `t${t}.select({ f0: "x", f1: [1, 2] }, { fields: ["f1", "f2"], orderBy: ["f0", "-f1"] });`,
      `t${t}.select((row) => row.f1 !== null && row.f1 > 20);`,
      `await t${t}.update(0, (row) => ({ f1: (row.f1 ?? 0) + 1 }));`,
      `const more${t} = await t${t}.addField("more", "integer", { after: "f3" });`,
      `await more${t}.setDefault("more", more${t}.get(0)?.f1 ?? null);`,
    );
  }
  return lines.join("\n");
}

/** `deno check`, of a file that no cache knows. */
async function check(source: string): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/main.ts`, `${source}\nexport const x = "${dir}";\n`);
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--no-lock", "--config", "deno.json", `${dir}/main.ts`],
      cwd: new URL("..", import.meta.url),
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const options = { group: "deno check", n: 3, warmup: 0 };

Deno.bench({
  ...options,
  name: "an empty file",
  baseline: true,
  async fn() {
    await check("");
  },
});

Deno.bench({
  ...options,
  name: `${TABLES} tables of ${FIELDS} fields`,
  async fn() {
    await check(program());
  },
});
