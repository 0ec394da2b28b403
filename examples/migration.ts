/**
 * A program whose table changes with its versions. Each start creates the table or brings its
 * fields up to date. Every step is one commit and checks whether it is needed. So a program that is
 * killed between two steps continues at its next start.
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

/** The current fields. */
const PEOPLE = {
  name: { type: "string", required: true },
  email: { type: "string", unique: true },
  team: { type: "string", required: true, default: "-" },
} as const;
type People = PsBase<typeof PEOPLE>;

async function open(path: string): Promise<People> {
  // Without the lock, two programs that start at once could both take the same step.
  using lock = new PsLock(`${path}.migration`);
  await lock.run(() => migrate(path));
  // Creates the table if it does not exist. Throws a SchemaError if it has other fields.
  return await PsBase.open(path, PEOPLE);
}

async function migrate(path: string): Promise<void> {
  try {
    await using people = await PsBase.open(path);
    const { schema } = people;
    if ("mail" in schema) await people.renameField("mail", "email");
    if (!schema.email?.unique) await people.setIndex("email", { unique: true });
    if (!("team" in schema)) await people.addField("team", PEOPLE.team);
    // At each start: the last one may have been killed before this step.
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

  // Two new programs start at once, while an old one has the table open.
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
