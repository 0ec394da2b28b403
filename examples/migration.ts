/**
 * A program whose table changes with its versions: each start makes the table, or brings it to the
 * fields of today. Every step is one commit and looks itself whether it is needed, so that a program
 * that is killed between two of them goes on at its next start.
 *
 * ```text
 * before: name, mail
 * after:  name, email, team
 * marge is in team a
 * new:    name, email, team
 * ```
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { BaseNotFoundError, PsBase, PsLock } from "@psbase/psbase";

/** The fields of today. */
const PEOPLE = {
  name: { type: "string", required: true },
  email: { type: "string", unique: true },
  team: { type: "string", required: true, default: "-" },
} as const;
type People = PsBase<typeof PEOPLE>;

async function open(path: string): Promise<People> {
  // Two programs that are started at once would otherwise both find a step to be needed.
  using lock = new PsLock(`${path}.migration`);
  await lock.run(() => migrate(path));
  // Makes the table if it is not there. Throws a SchemaError if the fields are others than these.
  return await PsBase.create(path, PEOPLE, { mode: "open" });
}

async function migrate(path: string): Promise<void> {
  try {
    await using people = await PsBase.open(path);
    const { schema } = people;
    if ("mail" in schema) await people.renameField("mail", "email");
    if (!schema.email?.unique) await people.setIndex("email", { unique: true });
    if (!("team" in schema)) await people.addField("team", PEOPLE.team);
    // At each start: the last one may have been killed before it came to this.
    await people.updateWhere({ team: "-", email: { endsWith: "@a.example" } }, { team: "a" });
  } catch (error) {
    if (!(error instanceof BaseNotFoundError)) throw error;
  }
}

const fields = (people: { schema: object }) => Object.keys(people.schema).join(", ");

const dir = await Deno.makeTempDir();
{
  await using old = await PsBase.create(`${dir}/people`, {
    name: { type: "string", required: true },
    mail: "string",
  });
  await old.insertMany([{ name: "homer" }, { name: "marge", mail: "marge@a.example" }]);
  console.log("before:", fields(old));

  // Two at once, while an old one has the table open.
  const opened = await Promise.all([open(`${dir}/people`), open(`${dir}/people`)]);
  await using people = opened[0];
  await using other = opened[1];
  console.log("after: ", fields(people));
  for (const { name, team } of other.select({ team: "a" })) {
    console.log(`${name} is in team ${team}`);
  }
}
{
  await using people = await open(`${dir}/new`);
  console.log("new:   ", fields(people));
}
await Deno.remove(dir, { recursive: true });
