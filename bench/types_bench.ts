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
  `{ type: "string", unique: true }`,
];

/** A program that uses every verb whose types depend on the schema. */
function program(): string {
  const lines = [`import { field, json, link, PsBase } from "@psbase/psbase";`];
  for (let t = 0; t < TABLES; t++) {
    const types = Array.from({ length: FIELDS }, (_, i) => TYPES[i % TYPES.length]);
    // A chain of tables: the schema of the last one has all others in it.
    types[FIELDS - 1] = t === 0 ? `link("self")` : `link(t${t - 1})`;
    const fields = types.map((type, i) => `f${i}: ${type}`);
    const last = `f${FIELDS - 1}`;
    const needed = Array.from({ length: FIELDS }, (_, i) => i).filter((i) => i % TYPES.length === 3)
      .map((i) => `f${i}: "x"`).join(", ");
    lines.push(
      `const t${t} = await PsBase.create("t${t}", { ${fields.join(", ")} });`,
      `await t${t}.insert({ f1: 1, ${needed}, ${last}: t${Math.max(t - 1, 0)}.at(-1) ?? null });`,
      `t${t}.select({ f0: "x", f1: [1, 2] }, { fields: ["f1", "f2"], orderBy: ["f0", "-f1"] })`,
      `  .sortBy("-f1", "f2");`,
      `t${t}.select({ _or: [{ f1: { not: 3 } }, { _not: { f0: /x/ } }], ${last}: 3 });`,
      `t${t}.select({ f1: { gt: field("f4"), or: [1, { lt: 3 }] } }, { orderBy: "-f5" });`,
      `t${t}.select((row) => row.f1 !== null && row.f1 > 20 && row.${last}?.f1 === 3).sortBy("f1");`,
      `t${t}.snapshot((view) => view.count({ f1: 3 }) + view.sum("f1") + (view.avg("f4") ?? 0));`,
      `t${t}.groupBy("f3", { n: "count", first: ["min", "f2"], sum: ["sum", "f4"] })[0]?.first?.day;`,
      `t${t}.distinct("f2", { f7: { startsWith: "x" } })[0]?.day;`,
      `await t${t}.update(0, (row) => ({ f1: (row.f1 ?? 0) + 1, ${last}: row.${last} }));`,
      `await t${t}.updateWhere({ f1: { or: [1, 2] } }, { f1: 3 });`,
      `await t${t}.deleteWhere({ f1: { between: [1, 2] } });`,
      `await t${t}.upsert({ f7: "x" }, { f1: 1, ${needed} });`,
      `const more${t} = await t${t}.addField("more", "integer", { after: "f3" });`,
      `await more${t}.setDefault("more", more${t}.get(0)?.f1 ?? null);`,
      `const renamed${t} = await more${t}.renameField("more", "less");`,
      `const indexed${t} = await renamed${t}.setIndex("less", { unique: true });`,
      `await indexed${t}.upsert({ less: 3 }, { f1: 1, ${needed} });`,
      `indexed${t}.select({ less: 3 })[0]?.less?.toFixed();`,
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
