/**
 * A program whose table changes with its versions: each start brings the table to the fields of
 * today. Every step is one commit, looks itself whether it is needed, and is safe while older
 * programs have the table open.
 *
 * ```text
 * before: name, mail
 * after:  name, email, team
 * marge is in team a
 * ```
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { PsBase, PsLock } from "@psbase/psbase";

/** The fields of today. */
const PEOPLE = {
  name: { type: "string", required: true },
  email: { type: "string", unique: true },
  team: { type: "string", required: true, default: "-" },
} as const;

async function open(path: string): Promise<PsBase<typeof PEOPLE>> {
  // Two programs that are started at once would otherwise both find a step to be needed.
  using lock = new PsLock(`${path}.migration`);
  await lock.run(async () => {
    await using people = await PsBase.open(path);
    const { schema } = people;
    if ("mail" in schema) await people.renameField("mail", "email");
    if (!schema.email?.unique) await people.setIndex("email", { unique: true });
    if (!("team" in schema)) {
      await people.addField("team", { type: "string", required: true, default: "-" });
      await people.updateWhere({ email: { endsWith: "@a.example" } }, { team: "a" });
    }
  });
  // Throws a SchemaError if the fields are others than these.
  return await PsBase.open(path, { schema: PEOPLE });
}

const dir = await Deno.makeTempDir();
const path = `${dir}/people`;
{
  await using old = await PsBase.create(path, {
    name: { type: "string", required: true },
    mail: "string",
  });
  await old.insertMany([{ name: "homer" }, { name: "marge", mail: "marge@a.example" }]);
  console.log("before:", Object.keys(old.schema).join(", "));
}
await using people = await open(path);
console.log("after: ", Object.keys(people.schema).join(", "));
for (const { name, team } of people.select({ team: "a" })) {
  console.log(`${name} is in team ${team}`);
}
await people.close();
await Deno.remove(dir, { recursive: true });
