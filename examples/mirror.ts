/**
 * A copy of a table that follows it: first the rows, then what becomes of them. It stops, and
 * later goes on after the change where it was, though the table was cleaned up meanwhile.
 *
 * ```text
 * copied: homer, marge
 * insert: homer, marge, bart
 * delete: homer, bart
 * update: homer jay, bart
 * insert: homer jay, bart, lisa
 * ```
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { PsBase } from "@psbase/psbase";

const people = await PsBase.create(`${await Deno.makeTempDir()}/people`, {
  name: { type: "string", required: true },
});
// Who comes back later finds the last thousand commits.
await people.keepChanges(1000);
await people.insertMany([{ name: "homer" }, { name: "marge" }]);

// Both are of one moment: what is committed after it, `watch` tells.
const [rows, sequence] = people.snapshot((view) => [view.select(), view.sequence]);
const copy = {
  since: sequence as number | { sequence: number; index: number },
  names: new Map(rows.map((row) => [row.__id__, row.name])),
};
const tell = (what: string) => console.log(`${what}: ${[...copy.names.values()].join(", ")}`);
tell("copied");

/** Takes over so many changes; a program that only follows would go on for ever. */
async function follow(changes: number): Promise<void> {
  for await (const change of people.watch({ since: copy.since })) {
    const { sequence, index, last, kind, id, row } = change;
    // Changes of the fields have no row.
    if (kind === "schema") continue;
    if (kind === "delete") copy.names.delete(id);
    else copy.names.set(id, row.name);
    // After the last change of a commit, nothing of it need be kept.
    copy.since = last ? sequence : { sequence, index };
    tell(kind);
    if (--changes === 0) return;
  }
}

const following = follow(2);
await people.insert({ name: "bart" });
await people.delete(1);
await following;

await people.update(0, { name: "homer jay" });
await people.cleanup();
await people.insert({ name: "lisa" });
await follow(2);
await people.destroy();
